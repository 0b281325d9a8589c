"""PlanHomeGrowth, GrowHome, TellHomeGrowth: a home grows once, whoever is killed where, and its person hears of it once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from hubplane.adapters.home_holds import HomeHolder, HomeHolds
from hubplane.domain.errors import ClusterUnknown, HomeChangeRefused, HomeHeld, HomeInputInvalid
from hubplane.domain.registration.records import Status
from tests.adapters.fake_aws import Refusal, fake_client
from tests.adapters.kubernetes_api import Api, running_api
from tests.functions.people_world import Crash, People

ARN = "arn:aws:states:us-east-1:123456789012:execution:hubplane-expand-home:"
CLAIM = "/api/v1/namespaces/jupyter/persistentvolumeclaims/claim-ada"
VOLUME = "/api/v1/persistentvolumes/pv-1"
CLASS = "/apis/storage.k8s.io/v1/storageclasses/gp3"
ASKED = {"cluster_name": "sar", "username": "ada", "size_gib": 20, "mode": "enforce"}
FUNCTIONS = ("plan_home_growth", "grow_home", "tell_home_growth", "release_home")


class Ec2:
    """One volume that may be modified."""

    def __init__(self) -> None:
        self.size, self.tags, self.modification = 10, {"kubernetes.io/created-for/pvc/name": "claim-ada"}, ""

    def describe_volumes(self, **_asked: Any) -> dict[str, Any]:
        tags = [{"Key": key, "Value": value} for key, value in self.tags.items()]
        created = datetime(2026, 1, 1, tzinfo=UTC)
        whole = {"State": "available", "VolumeType": "gp3", "AvailabilityZone": "us-east-1d", "Attachments": []}
        return {"Volumes": [{**whole, "VolumeId": "vol-1", "Size": self.size, "CreateTime": created, "Tags": tags}]}

    def describe_volumes_modifications(self, **_asked: Any) -> dict[str, Any]:
        if not self.modification:
            raise Refusal("InvalidVolumeModification.NotFound")
        now = datetime.now(UTC)
        return {"VolumesModifications": [{"ModificationState": self.modification, "TargetSize": 20, "StartTime": now}]}


class World:
    """The functions on tables, a cluster's API and EC2; ``drive`` is what the CSI driver does meanwhile."""

    def __init__(self, people: People, api: Api, patch: pytest.MonkeyPatch) -> None:
        self.people, self.api, self.ec2 = people, api, Ec2()
        patch.setenv("HOLD_SECONDS", "1800")
        self.people.clients["eks"] = None
        for name in ("plan_home_growth", "grow_home"):
            module = people.module(name)
            patch.setattr(module, "cluster_connection", lambda *_: api.connection)
            patch.setattr(module, "looking", lambda: self.people.line.through(fake_client("ec2", self.ec2)))
            patch.setattr(module, "changing_client", lambda: None)
        self.sub = people.sign_up(status=Status.APPROVED)
        requests = {"resources": {"requests": {"storage": "10Gi"}}}
        api.put(
            CLAIM,
            {
                "metadata": {"name": "claim-ada", "namespace": "jupyter", "uid": "uid-1"},
                "spec": {**requests, "volumeName": "pv-1", "storageClassName": "gp3"},
                "status": {"phase": "Bound"},
            },
        )
        csi = {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-1"}
        api.put(VOLUME, {"metadata": {"name": "pv-1"}, "spec": {"csi": csi, "capacity": {"storage": "10Gi"}}})
        api.put(CLASS, {"metadata": {"name": "gp3"}, "allowVolumeExpansion": True})

    @property
    def asks(self) -> str:
        text: str = self.api.objects[CLAIM]["spec"]["resources"]["requests"]["storage"]
        return text

    def drive(self) -> None:
        if self.asks == "20Gi":
            self.ec2.size, self.ec2.modification = 20, "optimizing"
            self.api.objects[VOLUME]["spec"]["capacity"]["storage"] = "20Gi"

    def plan(self, **more: Any) -> dict[str, Any]:
        return self.people.run("plan_home_growth", {"input": {**ASKED, **more}, "execution_arn": f"{ARN}one"})

    def expand(self, name: str = "one") -> None:
        """As the machine does it."""
        planned, arn = self.plan(), ARN + name
        event = {"cluster_name": "sar", "growth": planned["growth"], "execution_arn": arn}
        changes: list[str] = []
        if planned["growth"]["needed"]:
            assert self.people.run("grow_home", {**event, "stopped": False})["deed"] == "hold"
            done = False
            while not done:
                answer = self.people.run("grow_home", {**event, "stopped": True})
                done, changes = answer["done"], [*changes, *answer["changes"]]
                self.drive()
            self.people.run("release_home", {**event, "claim_name": "claim-ada"})
        self.people.run("tell_home_growth", {**event, "all_changes": changes})

    def told(self) -> list[str]:
        return sorted(message.name for message in self.people.mails().values())

    def held(self) -> bool:
        return HomeHolds(self.people.dynamodb, "ledger").read("sar", "claim-ada") is not None


@pytest.fixture
def new(new_world: Callable[..., People], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], World]]:
    with running_api() as api:
        yield lambda: World(new_world("sar"), api, monkeypatch)


def test_a_home_grows_and_its_person_and_the_operators_hear_of_it(new: Callable[[], World]) -> None:
    world = new()
    world.expand()
    assert (world.asks, world.ec2.size, world.told()) == ("20Gi", 20, ["home_change_finished", "home_expanded"])
    assert not world.held()
    person = next(message for message in world.people.mails().values() if message.name == "home_expanded")
    assert (person.to, person.context["size_gib"]) == ("ada@uni.example.org", 20)
    with pytest.raises(HomeChangeRefused, match="that is what it has"):
        world.plan()


def test_a_plan_reads_only(new: Callable[[], World]) -> None:
    world = new()
    before, requests = world.people.everything(), len(world.api.requests)
    planned = world.plan(mode="plan")
    assert (planned["mode"], planned["growth"]["from_gib"], planned["growth"]["to_gib"]) == ("plan", 10, 20)
    assert world.people.everything() == before
    assert {method for method, _, _ in world.api.requests[requests:]} == {"GET"}


def test_killed_after_any_call_and_run_again_it_ends_the_same(new: Callable[[], World]) -> None:
    calm = new()
    calm.people.line.calls = 0
    calm.expand()
    cuts = 2 * calm.people.line.calls
    assert cuts > 40
    for cut in range(cuts):
        world = new()
        world.people.line.calls, world.people.line.cut_at = 0, cut
        with contextlib.suppress(Crash):  # a call that is refused ends before it can be cut off behind
            world.expand()
        world.people.line.cut_at = None
        world.drive()
        first = HomeHolder(world.people.dynamodb, "ledger", "clusters")
        first.release("sar", "claim-ada", f"{ARN}one")  # its lease has passed
        try:
            world.expand("two")
        except HomeChangeRefused as refusal:
            assert "that is what it has" in str(refusal), f"only a whole growth is refused: {cut}"
        assert (world.asks, world.ec2.size) == ("20Gi", 20), cut
        assert world.told() == ["home_change_finished", "home_expanded"], cut
        assert not world.held(), cut


def test_another_machine_s_hold_is_respected(new: Callable[[], World]) -> None:
    world = new()
    growth = world.plan()["growth"]
    until = datetime(2100, 1, 1, tzinfo=UTC)
    HomeHolder(world.people.dynamodb, "ledger", "clusters").hold("sar", "claim-ada", "another", "moving", until)
    with pytest.raises(HomeHeld):
        world.people.run("grow_home", {"growth": growth, "stopped": True, "execution_arn": f"{ARN}one"})
    assert world.asks == "10Gi"


def test_nothing_is_asked_for_while_a_pod_mounts_it(new: Callable[[], World]) -> None:
    world = new()
    growth = world.plan()["growth"]
    pod = "/api/v1/namespaces/jupyter/pods/jupyter-ada"
    volumes = [{"name": "home", "persistentVolumeClaim": {"claimName": "claim-ada"}}]
    world.api.put(pod, {"metadata": {"name": "jupyter-ada"}, "spec": {"volumes": volumes}})
    answer = world.people.run("grow_home", {"growth": growth, "stopped": True, "execution_arn": f"{ARN}one"})
    assert (answer["done"], answer["deed"], world.asks) == (False, "wait", "10Gi")
    del world.api.objects[pod]


REFUSED: dict[str, tuple[dict[str, Any], type[Exception]]] = {
    "smaller": ({"size_gib": 9}, HomeChangeRefused),
    "no number": ({"size_gib": "20"}, HomeInputInvalid),
    "nobody": ({"username": "eve"}, HomeChangeRefused),
    "a claim that is not there": ({"claim_name": "claim-eve"}, HomeChangeRefused),
    "no cluster": ({"cluster_name": "ice"}, ClusterUnknown),
}


@pytest.mark.parametrize(("given", "error"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_before_anything_is_done(
    new: Callable[[], World], given: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        new().plan(**given)


def test_a_class_that_does_not_expand_is_said(new: Callable[[], World]) -> None:
    world = new()
    world.api.put(CLASS, {"metadata": {"name": "gp3"}})
    with pytest.raises(HomeChangeRefused, match="allowVolumeExpansion"):
        world.plan()
