"""Homes from copies on the deployed control plane: beside, instead, undone, moved, killed and run again; a night looks on."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from local.guide import fleet
from local.guide.follow import Outcome
from tests.e2e.conftest import Hubplane
from tests.e2e.control import post
from tests.e2e.storage import CLUSTER, day, ebs, mails, plan_of, table
from tests.e2e.test_mail import wait_for

pytestmark = pytest.mark.e2e

TODAY = f"{datetime.now(UTC):%Y-%m-%d}"
BEFORE, NOW_WRITTEN = "chapter one", "chapter one and two"


class HomeOf:
    """One planted home with a copy of what was written first, and what was written since."""

    def __init__(self, hubplane: Hubplane, person: str, zone: str = fleet.ZONE) -> None:
        self.hubplane, self.person, self.zone = hubplane, person, zone
        self.home = fleet.Home({"person": person, "size_gib": 10, "used_days_ago": 1}, CLUSTER)
        self.claim_name, self.volume_id = self.home.claim_name, self.home.volume_id
        self.snapshot_id = ""

    def plant(self) -> None:
        now = datetime.now(UTC).replace(microsecond=0)
        volumes = [{**volume, "zone": self.zone} for volume in self.home.volumes(now)]
        fleet.seed(self.hubplane.cloud, volumes, [])
        manifests = [json.loads(json.dumps(item).replace(fleet.ZONE, self.zone)) for item in self.home.manifests()]
        fleet.apply(self.hubplane.cloud, self.hubplane.folder / f"kubeconfig-{CLUSTER}", manifests)
        people = fleet.UsersTable(self.hubplane.client("dynamodb"), self.hubplane.control_plane.outputs["UsersTableName"])
        assert people.write(fleet.RecordChange(self.home.record()))
        self.write(BEFORE)
        self.snapshot_id = self.snapshot()
        self.write(NOW_WRITTEN)

    def write(self, content: str, volume_id: str | None = None) -> None:
        post(
            f"{self.hubplane.cloud.endpoint_url}/_hubplane/ebs/write",
            {"volume_id": volume_id or self.volume_id, "content": content},
        )

    def snapshot(self) -> str:
        """A copy as a night takes it."""
        tags = [{"Key": key, "Value": value} for key, value in ebs(self.hubplane)["volumes"][self.volume_id]["tags"].items()]
        made = self.hubplane.client("ec2").create_snapshot(
            VolumeId=self.volume_id, TagSpecifications=[{"ResourceType": "snapshot", "Tags": tags}]
        )
        snapshot_id: str = made["SnapshotId"]
        wait_for(lambda: ebs(self.hubplane)["snapshots"][snapshot_id]["state"] == "completed", "the copy")
        return snapshot_id

    def bound_to(self, claim_name: str | None = None) -> str | None:
        """The EBS volume of a claim, None where it is not bound."""
        found = self.get("pvc", claim_name or self.claim_name)
        if found is None or found["status"].get("phase") != "Bound":
            return None
        handle: str = (self.get("pv", found["spec"]["volumeName"]) or {})["spec"]["csi"]["volumeHandle"]
        return handle

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        text = self.hubplane.run(CLUSTER, "kubectl", "-n", "jupyter", "get", kind, name, "--ignore-not-found", "-o", "json")
        found: dict[str, Any] | None = json.loads(text) if text.strip() else None
        return found

    def may_start(self) -> dict[str, Any]:
        """What the hub is told before a spawn."""
        asked = {"cluster_name": CLUSTER, "username": self.person, "server_name": "", "claim_name": self.claim_name}
        resources = self.hubplane.client("cloudformation").describe_stack_resources(StackName="hubplane")["StackResources"]
        (name,) = (item["PhysicalResourceId"] for item in resources if item["LogicalResourceId"] == "EnsureHomeFunction")
        answer = self.hubplane.client("lambda").invoke(FunctionName=name, Payload=json.dumps(asked))
        found: dict[str, Any] = json.loads(answer["Payload"].read())
        return found

    def start(self, machine: str = "RestoreHome", **more: Any) -> str:
        fields = {"day": TODAY, "placement": "instead"} if machine == "RestoreHome" else {}
        return self.hubplane.start_machine(
            machine, {"cluster_name": CLUSTER, "username": self.person, **fields, "mode": "enforce", **more}
        )

    def change(self, machine: str = "RestoreHome", **more: Any) -> Outcome:
        outcome = self.hubplane.follow(self.start(machine, **more))
        assert outcome.status == "SUCCEEDED", f"{outcome.error}: {outcome.cause}"
        return outcome


@pytest.fixture(scope="module")
def new_home(hubplane: Hubplane, built_2019: tuple[dict[str, Any], Outcome]) -> Iterator[Callable[..., HomeOf]]:
    hubplane.run(CLUSTER, "kubectl", "get", "nodes")  # writes the kubeconfig

    def make(person: str, zone: str = fleet.ZONE) -> HomeOf:
        home = HomeOf(hubplane, person, zone)
        home.plant()
        wait_for(lambda: home.bound_to() == home.volume_id, "the planted claim")
        return home

    yield make


def content(hubplane: Hubplane, thing_id: str) -> str:
    found = ebs(hubplane)
    kind = "volumes" if thing_id.startswith("vol-") else "snapshots"
    text: str = found[kind][thing_id].get("content", "")
    return text


def test_a_plan_says_what_it_would_do_and_changes_nothing(hubplane: Hubplane, new_home: Callable[..., HomeOf]) -> None:
    home = new_home("planner")
    before = ebs(hubplane)
    outcome = home.change(mode="plan")
    assert outcome.result["status"] == "planned"
    assert home.snapshot_id in " ".join(outcome.result["plan"])
    assert ebs(hubplane) == before
    assert home.bound_to() == home.volume_id


def test_beside_is_a_second_volume_and_the_storage_day_leaves_it_alone(
    hubplane: Hubplane, new_home: Callable[..., HomeOf]
) -> None:
    home = new_home("besides")
    outcome = home.change(placement="beside")
    volume_id, claim_name = outcome.result["volume_id"], outcome.result["change"]["kept_as"]
    assert claim_name == f"restored-{TODAY.replace('-', '')}-claim-besides"
    assert home.bound_to(claim_name) == volume_id
    assert content(hubplane, volume_id) == BEFORE
    assert (home.bound_to(), content(hubplane, home.volume_id)) == (home.volume_id, NOW_WRITTEN)
    again = home.change(placement="beside")
    assert again.result["volume_id"] == volume_id, "the same day beside is the same volume"
    night = day(hubplane, "plan")
    for step in ("snapshot_volumes", "prune_volumes"):
        plan = plan_of(hubplane, night, step)
        assert home.volume_id in plan
        assert volume_id not in plan, "no snapshots of it, which would count as the newest of the home"
    assert home.may_start()["volume_id"] == home.volume_id
    wait_for(lambda: any(mail["To"] == ["besides@example.org"] for mail in mails(hubplane)), "the mail to whose home it is")
    hubplane.run(CLUSTER, "kubectl", "-n", "jupyter", "delete", "pvc", claim_name)
    wait_for(lambda: volume_id not in ebs(hubplane)["volumes"], "the copy to go with its claim")


def test_instead_keeps_what_was_there_and_can_be_undone(hubplane: Hubplane, new_home: Callable[..., HomeOf]) -> None:
    home = new_home("insteads")
    outcome = home.change()
    new, copy_id = outcome.result["volume_id"], outcome.result["copy_id"]
    assert (home.bound_to(), content(hubplane, new)) == (new, BEFORE)
    found = ebs(hubplane)
    assert "do-not-delete" in found["snapshots"][copy_id]["tags"]
    assert content(hubplane, copy_id) == NOW_WRITTEN
    aside = found["volumes"][home.volume_id]
    assert aside["tags"]["hubplane:set-aside"] == home.claim_name
    assert content(hubplane, home.volume_id) == NOW_WRITTEN
    assert home.get("pv", home.volume_id) is None
    answer = home.may_start()
    assert (answer["allowed"], answer["volume_id"]) == (True, new)
    night = day(hubplane, "plan")
    plan = plan_of(hubplane, night, "prune_volumes")
    assert plan[home.volume_id]["action"] in ("keep", "create_snapshot")
    assert "another volume" not in plan[new]["reason"]
    ledger = [item for key, item in table(hubplane, "LedgerTableName").items() if f"home-change#{home.claim_name}" in key]
    assert all("begun_at" in item and "finished_at" in item for item in ledger)
    assert len(ledger) == 1

    undone = hubplane.follow(hubplane.start_machine("RestoreHome", outcome.result["undo"]))
    assert undone.status == "SUCCEEDED", undone.cause
    assert (home.bound_to(), content(hubplane, undone.result["volume_id"])) == (undone.result["volume_id"], NOW_WRITTEN)


@pytest.mark.parametrize("killed_in", ["CopyHome", "MakeHomeVolume", "SwitchHome", "TellHomeChange", "ReleaseHome"])
def test_killed_anywhere_and_run_again_it_ends_the_same(
    hubplane: Hubplane, new_home: Callable[..., HomeOf], killed_in: str
) -> None:
    home = new_home(f"killed{killed_in.lower()}")
    states, arn = hubplane.client("stepfunctions"), home.start()
    wait_for(lambda: killed_in in entered(hubplane, arn), f"{killed_in} to begin")
    with contextlib.suppress(states.exceptions.ClientError):
        states.stop_execution(executionArn=arn, error="Killed", cause="by a test")
    wait_for(lambda: states.describe_execution(executionArn=arn)["status"] != "RUNNING", "the end")
    standing = home.may_start()
    assert standing["action"] in ("wait", "use", "adopt"), "held, or the one home or the other: never empty, never refused"
    if standing["volume_id"]:  # the server that was asked for never started
        hubplane.client("ec2").delete_tags(Resources=[standing["volume_id"]], Tags=[{"Key": "server-start-time"}])
    expire_hold(hubplane, home.claim_name)
    outcome = home.change()
    new = outcome.result["volume_id"]
    assert (home.bound_to(), content(hubplane, new)) == (new, BEFORE)
    found = ebs(hubplane)
    homes = [
        key for key, item in found["volumes"].items() if item["tags"].get("kubernetes.io/created-for/pvc/name") == home.claim_name
    ]
    assert homes == [new]
    assert found["volumes"][home.volume_id]["tags"]["hubplane:set-aside"] == home.claim_name
    copies = [item for item in found["snapshots"].values() if item["volume_id"] == home.volume_id]
    assert {item["content"] for item in copies} == {BEFORE, NOW_WRITTEN}
    made = [key for key, item in found["volumes"].items() if item["tags"].get("hubplane:copy-of-claim") == home.claim_name]
    assert made == [new], "what the killed run made was gone on with"
    answer = home.may_start()
    assert (answer["allowed"], answer["volume_id"]) == (True, new)


def entered(hubplane: Hubplane, execution_arn: str) -> set[str]:
    """The states that an execution has entered. One that was too fast to be killed there is run again all the same."""
    states = hubplane.client("stepfunctions")
    found = states.describe_execution(executionArn=execution_arn)
    assert found["status"] in ("RUNNING", "SUCCEEDED"), found.get("cause")
    history = states.get_execution_history(executionArn=execution_arn, maxResults=1000)["events"]
    return {item["stateEnteredEventDetails"]["name"] for item in history if "stateEnteredEventDetails" in item}


def expire_hold(hubplane: Hubplane, claim_name: str) -> None:
    """The lease of a killed run, half an hour later."""
    hubplane.client("dynamodb").delete_item(
        TableName=hubplane.control_plane.outputs["LedgerTableName"],
        Key={"cluster": {"S": CLUSTER}, "entry": {"S": f"hold#{claim_name}"}},
    )


def test_fault_23_a_home_in_the_wrong_zone_is_moved(hubplane: Hubplane, new_home: Callable[..., HomeOf]) -> None:
    home = new_home("movers", "us-east-1a")
    assert home.may_start()["action"] == "refuse"
    outcome = home.change("MoveHome")
    new = outcome.result["volume_id"]
    assert (home.bound_to(), content(hubplane, new)) == (new, NOW_WRITTEN)
    assert ebs(hubplane)["volumes"][new]["zone"] == fleet.ZONE
    assert home.may_start()["volume_id"] == new
    again = home.change("MoveHome")
    assert again.result["changes"] == []


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"day": "2019-01-01"}, "HomeChangeRefused", "no copy of 2019-01-01"),
        ({"day": "soon", "placement": "over"}, "HomeInputInvalid", "2 faults"),
        ({"username": "nobody_here"}, "HomeChangeRefused", "on record"),
        ({"cluster_name": "never-built"}, "ClusterUnknown", "never built"),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_to_do(
    hubplane: Hubplane, new_home: Callable[..., HomeOf], given: dict[str, Any], error: str, words: str
) -> None:
    person = "refused" + "".join(character for character in words if character.isalpha())
    new_home(person)
    document = {"cluster_name": CLUSTER, "username": person, "day": TODAY, "placement": "beside", "mode": "enforce", **given}
    outcome = hubplane.follow(hubplane.start_machine("RestoreHome", document))
    assert (outcome.status, outcome.error) == ("FAILED", error)
    assert words in str(outcome.cause)
