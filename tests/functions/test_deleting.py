"""Deleting a cluster, function by function over an account: what goes, what stays and is listed, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from moto import mock_aws

from hubplane.domain.errors import (
    ClusterBusy,
    ClusterUnknown,
    DeletionInputInvalid,
    HomeNotProved,
    LockLost,
    StackBusy,
    StackFailed,
)
from tests.functions.deletion_cluster import NAME
from tests.functions.deletion_state import AccountState
from tests.functions.deletion_world import CLUSTER_TAG, Account

OTHER = "arn:aws:states:us-east-1:553778890976:execution:hubplane-build-cluster:other"


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        yield Account(monkeypatch)


def kinds(account: Account) -> dict[str, set[str]]:
    """Ids that the listing has, by kind."""
    found: dict[str, set[str]] = {}
    for item in account.listing():
        found.setdefault(item["kind"], set()).add(item["thing_id"])
    return found


def prepare(account: Account, **given: Any) -> dict[str, Any]:
    document = {"cluster_name": NAME, "confirm": NAME, "mode": "enforce", **given}
    return account.run("prepare_deletion", account.new_execution(), input=document)


def test_everything_goes_but_snapshots_logs_and_what_is_not_the_cluster_s(account: Account) -> None:
    result = account.delete()
    listed = kinds(account)
    assert set(listed) == {"snapshot", "log group", "security group", "OAuth client"}
    assert listed["security group"] == {account.shared}
    assert len(listed["snapshot"]) == 5, "Ann's two, and one each of Bob, Cyd and the hub"
    assert len(listed["OAuth client"]) == 1, "the one that no secret of the cluster names"
    assert account.standing() == {thing for things in listed.values() for thing in things}
    assert result["status"] == "DELETED"
    assert result["unfinished"] == 0
    assert result["usd_per_month"] == pytest.approx(5 * 10 * 0.05)
    assert {"lock", "storage_lock"}.isdisjoint(account.record())


def test_a_client_that_somebody_gave_the_cluster_stays(account: Account) -> None:
    release = {"hub_url": "https://sar.example.org", "spec": {"oauth": {"client_id_secret_arn": "arn:aws:secretsmanager:x"}}}
    account.services["dynamodb"].update_item(
        TableName="clusters",
        Key={"cluster_name": {"S": NAME}},
        UpdateExpression="SET #release = :release",
        ExpressionAttributeNames={"#release": "release"},
        ExpressionAttributeValues={":release": {"S": json.dumps(release)}},
    )
    account.delete()
    assert kinds(account)["OAuth client"] == {"ours", "foreign"}


def test_volumes_stay_where_they_are_asked_to(account: Account) -> None:
    account.delete("keep-volumes")
    assert kinds(account)["volume"] == {"vol-ann", "vol-bob", "vol-cyd", "vol-hub"}


def test_after_proof_the_older_copies_go_and_a_last_copy_never(account: Account) -> None:
    account.delete("delete-after-proof")
    kept = account.ebs.snapshots
    assert "snap-ann-0" not in kept, "the newer one holds all of it"
    assert {item["VolumeId"] for item in kept.values()} == {"vol-ann", "vol-bob", "vol-cyd", "vol-hub"}
    assert len(kept) == 4


def test_a_classic_load_balancer_of_the_cluster_goes_and_another_s_stays(account: Account) -> None:
    account.delete()
    standing = account.services["elb"].describe_load_balancers()["LoadBalancerDescriptions"]
    assert [item["LoadBalancerName"] for item in standing] == [account.foreign_balancer]


@pytest.mark.parametrize("eks_status", ["ACTIVE", "UPDATING"])
def test_a_mounted_volume_without_tags_keeps_the_cluster_whole(account: Account, eks_status: str) -> None:
    account.cluster.eks_status = eks_status
    account.ebs.volume("vol-nobody-s", {})
    account.cluster.home("dan", "vol-nobody-s")
    with pytest.raises(HomeNotProved, match="vol-nobody-s"):
        account.delete()
    assert account.cluster.stack == "UPDATE_COMPLETE"
    assert "jupyterhub" in account.cluster.releases
    account.ebs.create_tags(Resources=["vol-nobody-s"], Tags=[{"Key": f"kubernetes.io/cluster/{NAME}", "Value": "owned"}])
    account.written["vol-nobody-s"] = account.written["vol-bob"]
    assert account.delete()["status"] == "DELETED"


def test_servers_of_a_cluster_that_eks_updates_are_stopped_and_its_volumes_told_to_stay(account: Account) -> None:
    account.cluster.eks_status = "UPDATING"
    account.delete("keep-volumes")
    assert kinds(account)["volume"] == {"vol-ann", "vol-bob", "vol-cyd", "vol-hub"}
    assert set(account.ebs.volumes) >= {"vol-ann", "vol-bob", "vol-cyd", "vol-hub"}


class Clock:
    """A Lambda that has time for ``asked`` servers more."""

    def __init__(self, asked: int) -> None:
        self.asked = asked + 1

    def get_remaining_time_in_millis(self) -> int:
        self.asked -= 1
        return 120_000 if self.asked else 1_000


def test_a_call_asks_for_as_many_servers_as_it_has_time_for_and_never_takes_the_rest_for_unknown(account: Account) -> None:
    for person in ("dan", "eve"):
        account.ebs.volume(f"vol-{person}", CLUSTER_TAG)
        account.cluster.home(person, f"vol-{person}", runs=True)
    arn = account.new_execution()
    account.run("prepare_deletion", arn, input={"cluster_name": NAME, "confirm": NAME, "mode": "enforce"})
    for asked in (0, 2):
        event = {"cluster_name": NAME, "execution_arn": arn}
        told = account.apps["stop_cluster_servers"].handler(event, Clock(asked))
        assert (told["done"], len(told["changes"])) == (False, asked)
        assert account.cluster.objects["Deployment", "hub"]["spec"]["replicas"] == 1, "the hub is needed for the others"
    ending = {name for (kind, name), item in account.cluster.objects.items() if "deletionTimestamp" in item["metadata"]}
    assert ending == {"pod-cyd", "pod-dan"}


def test_a_copy_beside_a_home_is_listed_and_stays(account: Account) -> None:
    account.ebs.volume("vol-copy", {"hubplane:cluster": NAME, "hubplane:copy-of-claim": "claim-ann"})
    account.cluster.home("restored-ann", "vol-copy")
    account.delete()
    (found,) = (item for item in account.listing() if item["thing_id"] == "vol-copy")
    assert "made beside a home" in found["reason"]
    assert found["usd_per_month"] == pytest.approx(0.8)
    assert "vol-copy" in account.ebs.volumes


def test_an_image_and_a_client_that_another_cluster_uses_stay(account: Account) -> None:
    named = [f"5537.dkr.ecr.us-east-1.amazonaws.com/hubplane/{NAME}/hub:1", f"secret:hubplane/{NAME}/oauth-client-a1"]
    item = {"cluster_name": {"S": "other"}, "status": {"S": "ACTIVE"}, "release": {"S": json.dumps({"spec": named})}}
    account.services["dynamodb"].put_item(TableName="clusters", Item=item)
    account.delete()
    listed = kinds(account)
    assert listed["image repository"] == {f"hubplane/{NAME}/hub"}
    assert listed["secret"] == {f"hubplane/{NAME}/oauth-client"}
    assert listed["OAuth client"] == {"ours", "foreign"}


def test_a_protected_volume_stays_and_says_why(account: Account) -> None:
    account.ebs.volumes["vol-bob"]["Tags"].append({"Key": "do-not-delete", "Value": ""})
    account.delete()
    (found,) = (item for item in account.listing() if item["thing_id"] == "vol-bob")
    assert "do-not-delete" in found["reason"]
    assert found["usd_per_month"] == pytest.approx(0.8)


def test_the_ledger_has_each_volume_with_its_proof(account: Account) -> None:
    account.delete()
    items = account.services["dynamodb"].scan(TableName="ledger")["Items"]
    outcomes = [outcome for item in items if "outcomes" in item for outcome in json.loads(item["outcomes"]["S"])]
    assert {outcome["resource_id"] for outcome in outcomes} == {"vol-ann", "vol-bob", "vol-cyd", "vol-hub"}
    assert all(outcome["proof_snapshot_id"].startswith("snap-") for outcome in outcomes)


def test_one_mail_tells_the_operators(account: Account) -> None:
    account.delete()
    (mail,) = account.mails()
    assert mail["name"] == "cluster_deleted"
    assert any("5 snapshots" in line or "snapshot" in line for line in mail["context"]["kept"])


def test_every_fault_comes_at_once(account: Account) -> None:
    with pytest.raises(DeletionInputInvalid) as caught:
        prepare(account, confirm="ras", homes="burn", mode="now", force=1)
    for told in ("4 faults", "confirm", "homes", "mode", "force"):
        assert told in str(caught.value)


def test_a_plan_changes_nothing(account: Account) -> None:
    before = AccountState(account).after("")
    plan = prepare(account, mode="plan")["plan"]
    assert len(plan) == 7
    assert "4 volumes (40 GiB)" in plan[1]
    assert AccountState(account).after("") == before


def hold(account: Account, name: str) -> None:
    now = datetime.now(UTC)
    lock = {"execution_arn": OTHER, "acquired_at": now.isoformat(), "lease_expires_at": (now + timedelta(hours=1)).isoformat()}
    account.services["dynamodb"].update_item(
        TableName="clusters",
        Key={"cluster_name": {"S": NAME}},
        UpdateExpression="SET #lock = :lock",
        ExpressionAttributeNames={"#lock": name},
        ExpressionAttributeValues={":lock": {"M": {key: {"S": value} for key, value in lock.items()}}},
    )
    account.cluster.running.add(OTHER)


@pytest.mark.parametrize("name", ["lock", "storage_lock"])
def test_a_busy_cluster_is_refused_and_left_alone(account: Account, name: str) -> None:
    hold(account, name)
    with pytest.raises(ClusterBusy, match="other"):
        prepare(account)
    assert account.record()["status"]["S"] == "ACTIVE"


def test_a_home_that_is_being_changed_is_waited_for(account: Account) -> None:
    until = (datetime.now(UTC) + timedelta(minutes=20)).isoformat(timespec="seconds")
    item = {"cluster": {"S": NAME}, "entry": {"S": "hold#claim-ann"}, "holder": {"S": "x"}, "why": {"S": "it is restored"}}
    account.services["dynamodb"].put_item(TableName="ledger", Item={**item, "until_at": {"S": until}})
    with pytest.raises(ClusterBusy, match="it is restored"):
        prepare(account)


def test_a_protected_stack_and_an_unknown_name_are_refused(account: Account) -> None:
    account.cluster.protected = True
    with pytest.raises(StackBusy, match="termination-protection"):
        prepare(account)
    account.cluster.stack = None
    with pytest.raises(ClusterUnknown):
        prepare(account, cluster_name="nowhere", confirm="nowhere")


def test_a_failed_stack_is_told_with_its_cause_and_tried_again_by_the_next(account: Account) -> None:
    account.cluster.refusal = "Nodegroup is in use"
    with pytest.raises(StackFailed, match="Nodegroup is in use"):
        account.delete()
    told = account.run(
        "record_deletion_failure", "arn:aws:states:us-east-1:553778890976:execution:hubplane-delete-cluster:1",
        stage="DeleteClusterStack", error="StackFailed", cause="Nodegroup is in use",
    )  # fmt: skip
    assert told["lock_released"]
    assert account.record()["status"]["S"] == "DELETION_FAILED"
    (mail,) = account.mails()
    assert mail["name"] == "deletion_failed"
    account.cluster.refusal = ""
    assert account.delete()["status"] == "DELETED"


def test_who_lost_the_locks_removes_nothing(account: Account) -> None:
    arn = account.new_execution()
    given = {"cluster_name": NAME, "confirm": NAME, "mode": "enforce"}
    account.run("prepare_deletion", arn, input=given)
    account.run("prepare_deletion", account.new_execution(), input=given)  # the first one is dead, as Step Functions says
    before = account.standing()
    calls: list[Callable[[], Any]] = [
        lambda: account.run("remove_releases", arn),
        lambda: account.run("delete_cluster_stack", arn),
        lambda: account.run("sweep_cluster", arn, homes="keep-snapshots"),
        lambda: account.run("prove_cluster_homes", arn),
        lambda: account.run("stop_cluster_servers", arn),
    ]
    for call in calls:
        with pytest.raises(LockLost):
            call()
    assert account.standing() == before


def test_a_volume_in_use_by_somebody_else_keeps_the_cluster(account: Account) -> None:
    account.ebs.volumes["vol-bob"] |= {"State": "in-use", "Attachments": [{"State": "attached", "InstanceId": "i-foreign"}]}
    with pytest.raises(AssertionError, match=r"prove_cluster_homes is not done.*vol-bob is still in-use"):
        account.delete()
    assert account.cluster.stack == "UPDATE_COMPLETE"
    assert "jupyterhub" in account.cluster.releases


def test_while_eks_still_has_the_cluster_no_volume_goes(account: Account) -> None:
    arn = account.new_execution()
    account.run("prepare_deletion", arn, input={"cluster_name": NAME, "confirm": NAME, "mode": "enforce"})
    for function in ("stop_cluster_servers", "stop_cluster_servers", "stop_cluster_servers", "prove_cluster_homes"):
        account.run(function, arn)
    account.run("prove_cluster_homes", arn)
    account.run("sweep_cluster", arn, homes="keep-snapshots")
    assert set(account.ebs.volumes) == {"vol-ann", "vol-bob", "vol-cyd", "vol-hub"}


def test_without_the_word_to_stay_the_stack_would_take_the_volumes(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account.apps["remove_releases"], "retain_volumes", lambda _: [])
    account.delete("keep-volumes")
    assert not account.ebs.volumes


def test_without_the_proof_a_home_would_be_lost(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    account.ebs.snapshot("snap-of-another", "vol-other", {})
    monkeypatch.setattr(account.apps["prove_cluster_homes"], "handler", lambda *_: {"done": True})
    held = SimpleNamespace(snapshot_id="snap-of-another")
    monkeypatch.setattr("hubplane.domain.deletion.planning.find_proof", lambda *_: (held, "it is believed"))
    with pytest.raises(AssertionError, match="vol-bob is gone, and nothing holds it"):
        account.delete()
