"""The storage day on the deployed control plane: real handlers, real machines, a fleet of every kind, claims in a cluster."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.guide import fleet
from local.guide.follow import Outcome
from tests.e2e.conftest import Hubplane
from tests.e2e.control import post
from tests.e2e.storage import (
    CLUSTER,
    cluster_storage,
    day,
    ebs,
    everything,
    mails,
    old_snapshots,
    plan_of,
    table,
    with_action,
)
from tests.e2e.test_mail import wait_for

pytestmark = pytest.mark.e2e

Home = fleet.Home


def home(person: str) -> Home:
    return Home(next(entry for entry in fleet.entries() if entry["person"] == person), CLUSTER)


@pytest.fixture(scope="module")
def planted(hubplane: Hubplane, built_2019: tuple[dict[str, Any], Outcome]) -> Hubplane:
    """The 2019 cluster with its fleet. Other tests change the cluster, never its homes."""
    hubplane.run(CLUSTER, "kubectl", "get", "nodes")  # writes the kubeconfig
    assert fleet.plant(hubplane.cloud, hubplane.control_plane, CLUSTER, hubplane.folder / f"kubeconfig-{CLUSTER}")
    return hubplane


@pytest.fixture(scope="module")
def night(planted: Hubplane) -> dict[str, Any]:
    """A plan, and then the same night for real, with what stood before, between and after."""
    told: dict[str, Any] = {"before": everything(planted)}
    told["plan"] = day(planted, "plan")
    told["planned"] = everything(planted)
    told["enforce"] = day(planted, "enforce")
    wait_for(lambda: gone_volumes_are_gone(planted, told["enforce"]), "the CSI driver to remove what its claims gave free")
    told["after"] = everything(planted)
    return told


def gone_volumes_are_gone(hubplane: Hubplane, outcome: Outcome) -> bool:
    deleted = with_action(plan_of(hubplane, outcome, "prune_volumes"), "delete_claim", "delete_volume")
    return not deleted & set(ebs(hubplane)["volumes"])


def test_a_plan_changes_nothing(night: dict[str, Any]) -> None:
    assert len(night["before"]["ebs"]["volumes"]) > 30
    assert len(night["before"]["ebs"]["snapshots"]) > 150
    for what, before in night["before"].items():
        assert night["planned"][what] == before, what


def test_the_night_does_what_the_plan_said(planted: Hubplane, night: dict[str, Any]) -> None:
    before, after = night["before"]["ebs"], night["after"]["ebs"]
    snapshotted = with_action(plan_of(planted, night["plan"], "snapshot_volumes"), "create_snapshot")
    made = [item for key, item in after["snapshots"].items() if key not in before["snapshots"]]
    assert {item["volume_id"] for item in made} == snapshotted
    assert len(made) == len(snapshotted)

    volumes = plan_of(planted, night["plan"], "prune_volumes")
    gone = set(before["volumes"]) - set(after["volumes"])
    assert with_action(volumes, "delete_claim", "delete_volume") < gone
    assert gone == with_action(volumes, "delete_claim", "delete_volume", "create_snapshot"), "those with a fresh proof as well"

    pruned = set(before["snapshots"]) - set(after["snapshots"])
    assert with_action(plan_of(planted, night["plan"], "prune_snapshots"), "delete_snapshot") <= pruned
    assert pruned == with_action(plan_of(planted, night["enforce"], "prune_snapshots"), "delete_snapshot")


def test_every_volume_that_went_left_a_completed_snapshot_of_its_own(night: dict[str, Any]) -> None:
    before, after = night["before"]["ebs"], night["after"]["ebs"]
    gone = set(before["volumes"]) - set(after["volumes"])
    assert len(gone) == 8
    for volume_id in gone:
        mine = [item for item in after["snapshots"].values() if item["volume_id"] == volume_id and item["state"] == "completed"]
        assert max(item["size_gib"] for item in mine) >= before["volumes"][volume_id]["size_gib"]


def test_volumes_of_the_cluster_go_through_their_claims(night: dict[str, Any]) -> None:
    gone = set(night["before"]["cluster"]) - set(night["after"]["cluster"])
    people = ("tycho", "ursula", "vera", "wanda", "xenia", "yvonne", "zora")
    assert {name for name in gone if name.startswith("PersistentVolumeClaim")} == {
        f"PersistentVolumeClaim claim-{person}" for person in people
    }
    assert home("abel").volume_id not in night["after"]["ebs"]["volumes"], "no cluster knew it: through EC2"


@pytest.mark.parametrize("person", ["ada", "benoit", "carl", "david", "evariste", "maria", "rosalind"])
def test_who_works_is_protected_unclear_or_promised_longer_keeps_the_volume(night: dict[str, Any], person: str) -> None:
    assert home(person).volume_id in night["after"]["ebs"]["volumes"]
    assert f"PersistentVolumeClaim claim-{person}" in night["after"]["cluster"]


def test_last_copies_stay_but_for_the_one_whose_owner_was_warned_in_time(night: dict[str, Any]) -> None:
    after = {item["volume_id"] for item in night["after"]["ebs"]["snapshots"].values()}
    assert {home(person).volume_id for person in ("georg", "henri", "issac", "johann", "leonhard", "mary")} <= after
    assert home("karl").volume_id not in after


def test_owners_are_told_once(planted: Hubplane, night: dict[str, Any]) -> None:
    wait_for(lambda: len([mail for mail in mails(planted) if mail["To"] == ["karl@example.org"]]) == 1, "Karl's mail")
    told = {mail["To"][0].partition("@")[0]: mail["Subject"] for mail in mails(planted) if mail["To"][0].endswith("@example.org")}
    assert "in 6 days" in told["johann"], "five days before the end of retention, and a day of grace"
    people = {"tycho", "ursula", "vera", "wanda", "xenia", "yvonne", "zora", "abel", "johann", "karl"}
    assert people <= set(told)
    for person in people:
        assert sum(mail["To"] == [f"{person}@example.org"] for mail in mails(planted)) == 1


def test_the_ledger_holds_intent_proof_and_outcome_of_each_deed(planted: Hubplane, night: dict[str, Any]) -> None:
    runs = [step["prefix"].removeprefix(f"runs/{CLUSTER}/").rstrip("/") for step in night["enforce"].result["steps"]]
    ledger = table(planted, "LedgerTableName").items()
    entries = [item for key, item in ledger if '"storage#' in key and any(run in key for run in runs)]
    outcomes = [json.loads(item["outcomes"]["S"]) for item in entries]
    assert all(len(json.loads(item["intents"]["S"])) == len(told) for item, told in zip(entries, outcomes, strict=True))
    deleted = [told for batch in outcomes for told in batch if told["result"] == "deleted"]
    volumes = [told for told in deleted if told["resource_id"].startswith("vol-")]
    assert len(volumes) == 8
    assert all(told["proof_snapshot_id"].startswith("snap-") for told in volumes)


def test_the_report_lies_in_the_bucket(planted: Hubplane, night: dict[str, Any]) -> None:
    s3, bucket = planted.client("s3"), planted.control_plane.outputs["StorageBucketName"]
    report = night["enforce"].result["report"]
    page = s3.get_object(Bucket=bucket, Key=report["html_key"])["Body"].read().decode()
    document = json.loads(s3.get_object(Bucket=bucket, Key=report["json_key"])["Body"].read())
    assert "8 volumes deleted" in report["summary"]
    assert "claim-david" in page
    assert document["cluster_name"] == CLUSTER
    assert night["plan"].result["report"]["html_key"] != report["html_key"], "a plan hides no night"


def test_the_next_run_of_the_night_changes_nothing(planted: Hubplane, night: dict[str, Any]) -> None:
    before = everything(planted)
    again = day(planted, "enforce")
    after = everything(planted)
    assert after["ebs"] == before["ebs"]
    assert after["cluster"] == before["cluster"]
    assert after["mails"] == before["mails"]
    assert "0 volumes deleted" in again.result["report"]["summary"]


def test_the_schedule_takes_snapshots_and_prunes_only_as_the_policy_says(planted: Hubplane, night: dict[str, Any]) -> None:
    made = planted.client("scheduler").get_schedule(Name=f"{CLUSTER}-storage-day", GroupName="hubplane-storage-days")
    assert made["ScheduleExpression"] == "cron(0 10 * * ? *)"
    assert json.loads(made["Target"]["Input"]) == {"cluster_name": CLUSTER, "mode": "policy"}
    machine = planted.control_plane.outputs["RunStorageDayStateMachineArn"]
    assert made["Target"]["Arn"] == machine
    states = planted.client("stepfunctions")

    def runs() -> set[str]:
        return {item["executionArn"] for item in states.list_executions(stateMachineArn=machine)["executions"]}

    before = runs()
    ten = datetime.now(UTC).replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(days=1)
    post(f"{planted.cloud.endpoint_url}/_hubplane/schedules/run", {"at": ten.isoformat()})

    def mine() -> str | None:
        """The day of this cluster: the other clusters of the session have theirs at ten as well."""
        told = {arn: json.loads(states.describe_execution(executionArn=arn)["input"]) for arn in runs() - before}
        return next((arn for arn, given in told.items() if given["cluster_name"] == CLUSTER), None)

    outcome = planted.follow(wait_for(mine, "the scheduled day"))
    for arn in runs() - before:
        planted.follow(arn)
    assert outcome.status == "SUCCEEDED", outcome.cause
    assert [step["mode"] for step in outcome.result["steps"]] == ["enforce", "plan", "plan"]


def ask_about(hubplane: Hubplane) -> dict[str, Any]:
    """The question that waits for a person; it is in the cluster's record as well as in the operators' mail."""
    question: dict[str, Any] = json.loads(wait_for(lambda: hubplane.record(CLUSTER).get("storage_approval"), "the question")["S"])
    return question


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        pytest.param({"approved": False, "by": "Ana", "reason": "not before the workshop"}, "FAILED", id="no"),
        pytest.param({"approved": "yes"}, "FAILED", id="unclear"),
        pytest.param("yes", "FAILED", id="no object"),
        pytest.param({"approved": True, "by": "Ana"}, "SUCCEEDED", id="yes"),
    ],
)
def test_a_night_that_would_take_too_much_asks_first(planted: Hubplane, night: dict[str, Any], answer: Any, status: str) -> None:
    volume_id = home("ada").volume_id
    fleet.seed(planted.cloud, [], old_snapshots(volume_id, "claim-ada", 90))
    before = ebs(planted)["snapshots"]
    arn = planted.start_machine("PruneSnapshots", {"cluster_name": CLUSTER, "mode": "enforce"})
    question = ask_about(planted)
    assert before.items() <= ebs(planted)["snapshots"].items(), "nothing is begun before the answer"
    planted.client("stepfunctions").send_task_success(taskToken=question["task_token"], output=json.dumps(answer))
    outcome = planted.follow(arn)
    after = ebs(planted)["snapshots"]
    assert outcome.status == status, outcome.cause
    if status == "FAILED":
        assert outcome.error == "DeletionRefused"
        assert after == before
        assert "Ana" in outcome.cause or answer != {"approved": False, "by": "Ana", "reason": "not before the workshop"}
    else:
        assert "Approved by Ana." in outcome.result["reason"]
        assert len(before) - len(after) == outcome.result["counts"]["deleted"]
        assert 85 <= outcome.result["counts"]["deleted"] <= 90
    assert "storage_lock" not in planted.record(CLUSTER)


def test_without_the_recycle_bin_nothing_is_deleted(planted: Hubplane, night: dict[str, Any]) -> None:
    rbin = planted.client("rbin")
    rules = [rule["Identifier"] for rule in rbin.list_rules(ResourceType="EBS_VOLUME")["Rules"]]
    kept = [rbin.get_rule(Identifier=rule) for rule in rules]
    for rule in rules:
        rbin.delete_rule(Identifier=rule)
    try:
        for machine in ("PruneVolumes", "PruneSnapshots"):
            outcome = planted.follow(planted.start_machine(machine, {"cluster_name": CLUSTER, "mode": "enforce"}))
            assert outcome.error == "RecycleBinMissing", outcome
            assert "every EBS_VOLUME of cluster opensarlab" in outcome.cause
        plan = planted.follow(planted.start_machine("PruneVolumes", {"cluster_name": CLUSTER, "mode": "plan"}))
        assert plan.status == "SUCCEEDED", "a plan needs no net"
        whole = planted.follow(planted.start_machine("RunStorageDay", {"cluster_name": CLUSTER, "mode": "enforce"}))
        assert whole.error == "StorageDayIncomplete"
        assert "prune_volumes: RecycleBinMissing" in whole.cause
        assert "reports/opensarlab/" in whole.cause, "the report is written all the same"
    finally:
        for rule in kept:
            rbin.create_rule(ResourceType=rule["ResourceType"], RetentionPeriod=rule["RetentionPeriod"])


def test_one_storage_execution_at_a_time_and_a_stopped_one_holds_nothing(planted: Hubplane, night: dict[str, Any]) -> None:
    fleet.seed(planted.cloud, [], old_snapshots(home("ada").volume_id, "claim-ada", 90))
    waiting = planted.start_machine("PruneSnapshots", {"cluster_name": CLUSTER, "mode": "enforce"})
    ask_about(planted)
    outcome = planted.follow(planted.start_machine("SnapshotVolumes", {"cluster_name": CLUSTER, "mode": "plan"}))
    assert outcome.error == "ClusterBusy"
    assert waiting in outcome.cause
    planted.client("stepfunctions").stop_execution(executionArn=waiting)
    assert planted.follow(waiting).status == "ABORTED"
    outcome = planted.follow(planted.start_machine("SnapshotVolumes", {"cluster_name": CLUSTER, "mode": "plan"}))
    assert outcome.status == "SUCCEEDED", outcome.cause


@pytest.mark.parametrize(
    ("machine", "document", "error", "said"),
    [
        pytest.param("RunStorageDay", {"cluster_name": "nowhere"}, "ClusterUnknown", "nowhere was never built", id="unknown"),
        pytest.param("RunStorageDay", {}, "StorageInputInvalid", "cluster_name = (absent)", id="empty"),
        pytest.param("PruneVolumes", {"cluster_name": CLUSTER, "mode": "yes"}, "StorageInputInvalid", 'mode = "yes"', id="mode"),
        pytest.param("SnapshotVolumes", [], "StorageInputInvalid", "input: must be an object", id="no object"),
    ],
)
def test_a_bad_input_ends_with_words(hubplane: Hubplane, machine: str, document: Any, error: str, said: str) -> None:
    outcome = hubplane.follow(hubplane.start_machine(machine, document))
    assert (outcome.status, outcome.error) == ("FAILED", error)
    assert said in outcome.cause


def test_an_attachment_that_cloudtrail_tells_of_is_kept(planted: Hubplane, night: dict[str, Any]) -> None:
    ec2, volume_id = planted.client("ec2"), home("rosalind").volume_id
    zone = {"Name": "availability-zone", "Values": [fleet.ZONE]}
    (node, *_) = [item for found in ec2.describe_instances(Filters=[zone])["Reservations"] for item in found["Instances"]]
    ec2.attach_volume(VolumeId=volume_id, InstanceId=node["InstanceId"], Device="/dev/sdf")
    ec2.detach_volume(VolumeId=volume_id)
    key = json.dumps([{"S": "volume-use"}, {"S": volume_id}, None, None])
    told = wait_for(lambda: (table(planted, "LedgerTableName").get(key) or {}).get("detached_at"), "the recorded use")
    assert datetime.now(UTC) - datetime.fromisoformat(told["S"]) < timedelta(minutes=1)


def test_a_failing_snapshot_is_told_and_nothing_rests_on_it(planted: Hubplane, night: dict[str, Any]) -> None:
    volume_id = home("rosalind").volume_id
    made = max(ebs(planted)["snapshots"].values(), key=lambda item: item["started_at"] if item["volume_id"] == volume_id else "")
    planted.client("ec2").delete_snapshot(SnapshotId=made["snapshot_id"])
    post(f"{planted.cloud.endpoint_url}/_hubplane/ebs/faults", {"volume_id": volume_id})
    outcome = planted.follow(planted.start_machine("SnapshotVolumes", {"cluster_name": CLUSTER, "mode": "enforce"}))
    assert outcome.status == "SUCCEEDED", outcome.cause
    assert outcome.result["counts"]["failed"] == 1
    assert cluster_storage(planted)["PersistentVolumeClaim claim-rosalind"]
