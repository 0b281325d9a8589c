"""A restore and a move from function to function: killed before and after every call that changes something, and run again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto import mock_aws

from hubplane.adapters.ebs import Ebs
from hubplane.adapters.home_volumes import HomeVolumes
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.adapters.users_table import RecordChange
from hubplane.domain.errors import HomeChangeRefused, HomeHeld, HomeNotProved
from hubplane.domain.registration.records import Status, UserRecord
from tests.adapters.fake_ebs import ACCOUNT, FakeEbs
from tests.adapters.kubernetes_api import bind, running_api
from tests.adapters.test_claims import NAMESPACE, csi, put_claim, put_pod, put_volume
from tests.functions.release_clients import connect, load
from tests.functions.spawning import CLAIM, CLAIM_PATH, OWNER, POOL_URL, TAGS, ZONE, Spawn

FUNCTIONS = ("plan_home_change", "hold_home", "copy_home", "make_home_volume", "switch_home", "bind_copy", "release_home")
ASIDE = "hubplane:set-aside"
LONGEST = 60


class Crash(BaseException):
    """The process is gone: no handler of the code sees it."""


class Cut:
    """Cuts off before or after the n-th call that changes EC2 or the cluster (``2 * n``, ``2 * n + 1``)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls, self.at = 0, -1
        for kind, names in (
            (FakeEbs, ("create_snapshot", "create_volume", "create_tags")),
            (Kubernetes, ("create", "apply", "delete_exactly")),
        ):
            for name in names:
                monkeypatch.setattr(kind, name, self._cutting(getattr(kind, name)))

    def _cutting(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            number, self.calls = self.calls, self.calls + 1
            if self.at == 2 * number:
                raise Crash
            answer = method(*given, **named)
            if self.at == 2 * number + 1:
                raise Crash
            return answer

        return call


class Changing(Spawn):
    """The hub's world, and the functions that change a home in it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, api: Any, zone: str = ZONE) -> None:
        super().__init__(monkeypatch, api)
        names = {"CLUSTERS_TABLE_NAME": "clusters", "USERS_TABLE_NAME": "users", "LEDGER_TABLE_NAME": "ledger"}
        variables = {**names, "ACCOUNT_ID": ACCOUNT, "USER_POOL_DOMAIN_URL": POOL_URL, "HOLD_SECONDS": "1800"}
        for name in FUNCTIONS:
            self.apps[name] = app = load(name, monkeypatch, **variables)
            for attribute, made in (("ebs", lambda: Ebs(self.ec2, self.ec2)), ("volumes", lambda: HomeVolumes(self.ec2))):
                if hasattr(app, attribute):
                    monkeypatch.setattr(app, attribute, made)
            if hasattr(app, "cluster_connection"):
                connect(app, api.connection, monkeypatch)
        self.release()
        self.person()
        put_claim(api, CLAIM, "pv-1")
        put_volume(
            api,
            "pv-1",
            **csi("vol-1"),
            claimRef={"namespace": "jupyter", "name": CLAIM, "uid": "uid-1"},
            persistentVolumeReclaimPolicy="Delete",
        )
        api.objects["/api/v1/persistentvolumes/pv-1"]["metadata"]["uid"] = "uid-pv-1"
        self.ebs.volume("vol-1", {**TAGS, OWNER: "sub-ada", "KubernetesCluster": "opensarlab"}, AvailabilityZone=zone)
        self.ebs.snapshot("snap-0000000a", "vol-1", {**TAGS, OWNER: "sub-ada"}, StartTime=datetime(2026, 11, 20, 10, tzinfo=UTC))
        self.ebs.snapshot("snap-0000000b", "vol-1", {**TAGS, OWNER: "sub-ada"}, StartTime=datetime(2026, 11, 22, 10, tzinfo=UTC))
        self.executions = 0

    def step(self, name: str, **event: Any) -> dict[str, Any]:
        self.settle()
        result: dict[str, Any] = self.apps[name].handler({"cluster_name": "opensarlab", **event}, None)
        self.settle()
        return result

    def settle(self) -> None:
        """What EC2 and Kubernetes do by themselves: snapshots complete, volumes come, claims are bound, volumes go with them."""
        self.ebs.now = datetime.now(UTC)
        for item in (*self.ebs.snapshots.values(), *self.ebs.volumes.values()):
            item["State"] = {"pending": "completed", "creating": "available"}.get(item["State"], item["State"])
        for path, item in list(self.api.objects.items()):
            if item.get("kind") == "PersistentVolumeClaim" and item["status"]["phase"] == "Pending":
                # A claim that is made again is another one, as its uid says.
                item["metadata"]["uid"] = f"{item['metadata']['uid']}@{self.api.version}"
                bind(self.api, path)
            reference = item.get("spec", {}).get("claimRef") or {}
            gone = reference.get("uid") and f"{NAMESPACE}/persistentvolumeclaims/{reference['name']}" not in self.api.objects
            if item.get("kind") == "PersistentVolume" and gone and item["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
                del self.api.objects[path]
                self.ebs.volumes.pop(item["spec"]["csi"]["volumeHandle"], None)

    def until_done(self, name: str, **event: Any) -> dict[str, Any]:
        for _ in range(LONGEST):
            result = self.step(name, **event)
            event |= {key: result[key] for key in ("volume_id",) if key in result}
            if result["done"]:
                return result
        raise AssertionError(f"{name} does not end: {result['reason']}")

    def run(self, machine: str = "restore_home", **given: Any) -> dict[str, Any]:
        """The machine's states in their order; the server is not running."""
        self.executions += 1
        arn = f"arn:aws:states:us-east-1:{ACCOUNT}:execution:hubplane-{machine}:run-{self.executions}"
        asked = {"cluster_name": "opensarlab", "username": "ada_lovelace", "mode": "enforce", **given}
        if machine == "restore_home":
            asked = {"day": "2026-11-20", "placement": "instead", **asked}
        planned = self.step("plan_home_change", machine=machine, input=asked, execution_arn=arn)
        shared = {"change": planned["change"], "execution_arn": arn}
        if not planned["change"]["needed"]:
            return planned
        if planned["change"]["kind"] == "beside":
            made = self.until_done("make_home_volume", **shared, copy_id=None, volume_id=None)
            return {**made, **self.until_done("bind_copy", **shared, volume_id=made["volume_id"])}
        self.step("hold_home", **shared)
        copied = self.until_done("copy_home", **shared)
        made = self.until_done("make_home_volume", **shared, copy_id=copied["copy_id"], volume_id=None)
        ids = {"copy_id": copied["copy_id"], "volume_id": made["volume_id"]}
        self.until_done("switch_home", **shared, **ids)
        self.step("release_home", claim_name=CLAIM, execution_arn=arn)
        return ids

    def forget_holds(self) -> None:
        """Leases that have passed."""
        self.dynamodb.delete_item(TableName="ledger", Key={"cluster": {"S": "opensarlab"}, "entry": {"S": f"hold#{CLAIM}"}})

    def picture(self) -> dict[str, Any]:
        """What there is, without the ids and times that another run makes otherwise."""
        claim = self.api.objects[CLAIM_PATH]
        home = self.api.objects[f"/api/v1/persistentvolumes/{claim['spec']['volumeName']}"]["spec"]["csi"]["volumeHandle"]
        names = {"home": home}

        def told(item: dict[str, Any]) -> tuple[Any, ...]:
            tags = {tag["Key"]: tag["Value"] for tag in item["Tags"]}
            kept = (
                "kubernetes.io/created-for/pvc/name",
                "kubernetes.io/cluster/opensarlab",
                ASIDE,
                "hubplane:replaces",
                "do-not-delete",
            )
            return (
                item.get("SnapshotId") if "Size" in item else item["VolumeId"],
                *((key, key in tags and tags[key]) for key in kept[:4]),
                kept[4] in tags,
            )

        return {
            "home is new": names["home"] != "vol-1",
            "volumes": sorted(map(str, map(told, self.ebs.volumes.values()))),
            "snapshots": sorted(map(str, map(told, self.ebs.snapshots.values()))),
            "objects": len([key for key in self.api.objects if "persistentvolume" in key]),
        }


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Changing]]:
    """Makes worlds, each empty and apart from those before."""
    mock = mock_aws()
    with ExitStack() as opened, mock:

        def new(zone: str = ZONE) -> Changing:
            mock.reset()
            return Changing(monkeypatch, opened.enter_context(running_api()), zone)

        yield new


def tags_of(item: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in item["Tags"]}


def test_instead_and_what_is_left_of_it(make: Callable[..., Changing]) -> None:
    world = make()
    ids = world.run()
    assert world.ebs.volumes[ids["volume_id"]]["SnapshotId"] == "snap-0000000a"
    assert tags_of(world.ebs.volumes["vol-1"])[ASIDE] == CLAIM
    assert "do-not-delete" in tags_of(world.ebs.snapshots[ids["copy_id"]])
    assert world.ask()["volume_id"] == ids["volume_id"]
    undone = world.run(day=None, snapshot_id=ids["copy_id"])
    assert world.ebs.volumes[undone["volume_id"]]["SnapshotId"] == ids["copy_id"]
    assert world.ask()["volume_id"] == undone["volume_id"]


@pytest.mark.parametrize("machine", ["restore_home", "move_home"])
def test_killed_before_and_after_every_change_it_ends_the_same(
    make: Callable[..., Changing], monkeypatch: pytest.MonkeyPatch, machine: str
) -> None:
    zone = ZONE if machine == "restore_home" else "us-east-1a"
    cut = Cut(monkeypatch)
    whole = make(zone)
    whole.run(machine)
    wanted, changes = whole.picture(), cut.calls
    assert changes > 6
    for at in range(2 * changes):
        world = make(zone)
        cut.calls, cut.at = 0, at
        with pytest.raises(Crash):
            world.run(machine)
        cut.at = -1
        world.forget_holds()
        world.settle()
        answer = world.ask()
        for item in world.ebs.volumes.values():  # the server that was asked for never started
            item["Tags"] = [tag for tag in item["Tags"] if tag["Key"] != "server-start-time"]
        refused = answer["action"] == "refuse"
        assert answer["action"] != "create", f"cut at {at}: an empty home"
        assert machine == "move_home" or not refused or "2 volumes" in answer["sentence"], f"cut at {at}: {answer['sentence']}"
        if answer["action"] in ("wait", "adopt", "restore"):
            world.forget_holds()
            continue  # a spawn goes on with what is there, which is another play: tests/simulation
        world.run(machine)
        assert world.picture() == wanted, f"cut at {at}"


def test_beside_leaves_the_home_alone_and_twice_is_once(make: Callable[..., Changing]) -> None:
    world = make()
    before = dict(world.ebs.volumes["vol-1"])
    first, again = world.run(placement="beside"), world.run(placement="beside")
    assert first["claim_name"] == again["claim_name"] == f"restored-20261120-{CLAIM}"
    assert first["volume_id"] == again["volume_id"]
    assert world.ebs.volumes["vol-1"] == before
    assert len(world.ebs.snapshots) == 2
    assert not any(key.startswith("kubernetes.io/cluster/") for key in tags_of(world.ebs.volumes[first["volume_id"]]))


def test_somebody_of_another_provider_gets_their_own_home_back(make: Callable[..., Changing]) -> None:
    world = make()
    world.release(oauth={"domain_url": "https://login.uni.example.org/oauth"})
    with pytest.raises(HomeChangeRefused, match="nobody called ada_lovelace is on record"):
        world.run()
    key = "external#login.uni.example.org#ada_lovelace"
    record = UserRecord(key, "login.uni.example.org|1234", "", Status.APPROVED, ("opensarlab",))
    assert world.users.write(RecordChange(record, None))
    with pytest.raises(HomeChangeRefused, match="is another account's"):
        world.run()
    for item in (*world.ebs.volumes.values(), *world.ebs.snapshots.values()):
        item["Tags"] = [tag if tag["Key"] != OWNER else {"Key": OWNER, "Value": record.sub} for tag in item["Tags"]]
    assert tags_of(world.ebs.volumes[world.run()["volume_id"]])[OWNER] == record.sub


def test_a_spawn_waits_while_a_home_is_held_and_another_execution_does_not_get_it(make: Callable[..., Changing]) -> None:
    world = make()
    planned = world.step(
        "plan_home_change",
        machine="restore_home",
        input={"cluster_name": "opensarlab", "username": "ada_lovelace", "day": "2026-11-20", "placement": "instead"},
        execution_arn="a:b:c:d:e:f:one",
    )
    world.step("hold_home", change=planned["change"], execution_arn="one")
    answer = world.ask()
    assert (answer["allowed"], answer["action"]) == (False, "wait")
    with pytest.raises(HomeHeld):
        world.step("hold_home", change=planned["change"], execution_arn="two")
    world.step("release_home", claim_name=CLAIM, execution_arn="two")
    assert not world.ask()["allowed"], "another's hold stays"
    world.step("release_home", claim_name=CLAIM, execution_arn="one")
    assert world.ask()["allowed"]


def test_a_pod_that_still_names_the_claim_is_waited_for(make: Callable[..., Changing]) -> None:
    world = make()
    put_pod(world.api, "jupyter-ada", CLAIM)
    with pytest.raises(AssertionError, match="a pod still names"):
        world.run()
    assert CLAIM_PATH in world.api.objects
    assert tags_of(world.ebs.volumes["vol-1"])["kubernetes.io/created-for/pvc/name"] == CLAIM


def test_a_home_that_was_used_since_its_copy_is_not_put_aside(make: Callable[..., Changing]) -> None:
    world = make()
    planned = world.step(
        "plan_home_change",
        machine="restore_home",
        input={"cluster_name": "opensarlab", "username": "ada_lovelace", "day": "2026-11-20", "placement": "instead"},
        execution_arn="a:b:c:d:e:f:one",
    )
    shared = {"change": planned["change"], "execution_arn": "one"}
    copied = world.until_done("copy_home", **shared)
    made = world.until_done("make_home_volume", **shared, copy_id=copied["copy_id"], volume_id=None)
    later = str(world.ebs.now + timedelta(minutes=1))
    world.ebs.volumes["vol-1"]["Tags"].append({"Key": "server-start-time", "Value": later})
    with pytest.raises(HomeChangeRefused, match="was used after"):
        world.until_done("switch_home", **shared, copy_id=copied["copy_id"], volume_id=made["volume_id"])


def test_snapshots_that_keep_failing_leave_the_home_as_it_is(
    make: Callable[..., Changing], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make()
    monkeypatch.setattr(
        world,
        "settle",
        lambda: [item.update(State="error") for item in world.ebs.snapshots.values() if item["State"] == "pending"],
    )
    with pytest.raises(HomeNotProved, match="3 snapshots"):
        world.run()
    assert world.api.objects[CLAIM_PATH]["spec"]["volumeName"] == "pv-1"
