"""Before and after every storage machine: input, policy, lock, the net under deletes, and what CloudTrail tells."""

from __future__ import annotations

import importlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.domain.errors import ClusterBusy, ClusterUnknown, RecycleBinMissing, StorageInputInvalid
from tests.adapters.fake_aws import fake_client

EVENTS = Path(__file__).resolve().parents[2] / "events"
DAY = "arn:aws:states:us-east-1:553778890976:execution:hubplane-run-storage-day:one"
OTHER = "arn:aws:states:us-east-1:553778890976:execution:hubplane-prune-volumes:two"
RELEASE = {
    "spec": {"cluster_name": "opensarlab", "storage": {"class_name": "gp3", "policy": {"prune": True, "snapshot_hour": 0}}}
}


class Executions:
    """Step Functions, as far as it is asked who still runs."""

    def __init__(self, running: set[str]) -> None:
        self.running = running

    def describe_execution(self, **asked: str) -> dict[str, Any]:
        return {"status": "RUNNING" if asked["executionArn"] in self.running else "FAILED", **asked}


class Frame:
    """prepare_storage and finish_storage over one Clusters table."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.running: set[str] = set()
        self.dynamodb = boto3.client("dynamodb", "us-east-1")
        self.dynamodb.create_table(
            TableName="Clusters",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "cluster_name", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "cluster_name", "KeyType": "HASH"}],
        )
        monkeypatch.setenv("CLUSTERS_TABLE_NAME", "Clusters")
        monkeypatch.setenv("LEASE_SECONDS", "345600")
        self.modules = [
            importlib.reload(importlib.import_module(f"functions.{name}.app")) for name in ("prepare_storage", "finish_storage")
        ]
        clients = {"dynamodb": self.dynamodb, "stepfunctions": fake_client("stepfunctions", Executions(self.running))}
        for module in self.modules:
            monkeypatch.setattr(module, "client", clients.__getitem__)

    def built(self, release: dict[str, Any] = RELEASE) -> None:
        item = {"cluster_name": {"S": "opensarlab"}, "status": {"S": "ACTIVE"}, "release": {"S": json.dumps(release)}}
        self.dynamodb.put_item(TableName="Clusters", Item=item)

    def prepare(self, execution_arn: str = DAY, step: str = "run_storage_day", **given: Any) -> dict[str, Any]:
        document = {"cluster_name": "opensarlab", **given}
        event = {"cluster_name": "opensarlab", "execution_arn": execution_arn, "step": step, "input": document}
        result: dict[str, Any] = self.modules[0].handler(event, None)
        return result

    def finish(self, execution_arn: str = DAY) -> str:
        reason: str = self.modules[1].handler({"cluster_name": "opensarlab", "execution_arn": execution_arn}, None)["reason"]
        return reason

    def holder(self) -> str | None:
        lock = ClustersTable(self.dynamodb, "Clusters").read("opensarlab").storage_lock
        return lock.execution_arn if lock else None


@pytest.fixture
def frame(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield Frame(monkeypatch)


@pytest.mark.parametrize(
    ("step", "mode", "prune", "becomes"),
    [
        pytest.param("snapshot_volumes", "policy", False, "enforce", id="the schedule snapshots at once"),
        pytest.param("prune_volumes", "policy", False, "plan", id="the schedule deletes nothing until the policy says so"),
        pytest.param("prune_snapshots", "policy", True, "enforce", id="the policy says so"),
        pytest.param("prune_volumes", None, True, "plan", id="a person who says nothing gets a plan"),
        pytest.param("prune_volumes", "enforce", False, "enforce", id="a person's word counts"),
        pytest.param("run_storage_day", "policy", False, "policy", id="the day hands the mode on"),
    ],
)
def test_what_a_mode_means(frame: Frame, step: str, mode: str | None, prune: bool, becomes: str) -> None:
    frame.built({"spec": {"storage": {"policy": {"prune": prune}}}})
    run = frame.prepare(step=step, **({"mode": mode} if mode else {}))["run"]
    assert (run["mode"], run["scheduled"]) == (becomes, mode == "policy")


def test_the_run_names_night_account_and_place(frame: Frame) -> None:
    frame.built()
    before = datetime.now(UTC)
    run = frame.prepare(deadline_hours=3)["run"]
    night_at = datetime.fromisoformat(run["night_at"])
    assert (night_at.hour, night_at.minute) == (0, 0)
    assert night_at <= before < night_at + timedelta(days=1)
    assert run["prefix"] == f"runs/opensarlab/{night_at:%Y-%m-%d}/one/"
    assert (run["account_id"], run["holder_arn"]) == ("553778890976", DAY)
    assert timedelta(hours=2, minutes=59) < datetime.fromisoformat(run["deadline_at"]) - before < timedelta(hours=3, minutes=1)


def test_a_cluster_of_before_policies_gets_the_defaults_that_delete_nothing(frame: Frame) -> None:
    frame.built({"spec": {"storage": {"class_name": "gp3"}}})
    assert frame.prepare(step="prune_volumes", mode="policy")["run"]["mode"] == "plan"


def test_a_cluster_that_was_never_built_is_refused(frame: Frame) -> None:
    with pytest.raises(ClusterUnknown, match="opensarlab was never built here"):
        frame.prepare()
    assert frame.holder() is None


def test_one_storage_execution_at_a_time_and_its_steps_share_its_lock(frame: Frame) -> None:
    frame.built()
    frame.running.update({DAY, OTHER})
    frame.prepare()
    assert frame.prepare()["run"], "twice is once"
    frame.prepare(OTHER, "prune_volumes", holder_arn=DAY)
    assert frame.holder() == DAY
    with pytest.raises(ClusterBusy, match="has been working on this cluster"):
        frame.prepare(OTHER, "prune_volumes")
    assert frame.finish(OTHER) == "this execution held no storage lock"
    assert frame.holder() == DAY
    assert frame.finish() == "the storage lock is free"
    assert frame.finish() == "this execution held no storage lock"
    frame.prepare(OTHER, "prune_volumes")
    assert frame.holder() == OTHER


def test_the_lock_of_a_dead_execution_is_free_and_its_steps_are_not_let_in(frame: Frame) -> None:
    frame.built()
    frame.prepare()
    frame.prepare(OTHER, "prune_volumes")
    assert frame.holder() == OTHER
    with pytest.raises(ClusterBusy, match="does not hold the storage lock"):
        frame.prepare("arn:aws:states:us-east-1:553778890976:execution:x:late", "prune_snapshots", holder_arn=DAY)


def test_a_storage_lock_keeps_no_build_away(frame: Frame) -> None:
    frame.built()
    frame.prepare()
    clusters = ClustersTable(frame.dynamodb, "Clusters")
    record = clusters.read("opensarlab")
    assert record.lock is None
    assert clusters.take_lock("opensarlab", "build", None, datetime.now(UTC), timedelta(hours=1))
    assert frame.holder() == DAY


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param({"mode": "Enforce"}, 'mode = "Enforce": must be plan', id="mode in another case"),
        pytest.param({"mode": None}, "mode = (absent): must be plan", id="mode null"),
        pytest.param({"deadline_hours": 0}, "deadline_hours = 0: must be a whole number of hours from 1 to 48", id="no time"),
        pytest.param({"deadline_hours": True}, "deadline_hours = True", id="true is no number"),
        pytest.param({"deadline_hours": "12"}, 'deadline_hours = "12"', id="a text"),
        pytest.param({"cluster_name": "Open Sar"}, 'cluster_name = "Open Sar"', id="no name of a cluster"),
        pytest.param({"cluster_name": "a\n"}, "cluster_name", id="newline at the end"),
        pytest.param({"holder_arn": "me"}, 'holder_arn = "me": must be the ARN', id="no execution"),
        pytest.param({"dry_run": True}, '"dry_run" is no field of the input', id="unknown field"),
    ],
)
def test_bad_input_says_field_value_and_rule_and_takes_nothing(frame: Frame, given: dict[str, Any], said: str) -> None:
    frame.built()
    with pytest.raises(StorageInputInvalid) as refused:
        frame.prepare(**given)
    assert str(refused.value).startswith("the input has 1 fault:")
    assert said in str(refused.value)
    assert frame.holder() is None


def test_all_faults_are_told_at_once(frame: Frame) -> None:
    with pytest.raises(StorageInputInvalid, match="the input has 3 faults:"):
        frame.prepare(mode="yes", deadline_hours=99, force=True)


class Bin:
    """The Recycle Bin with these rules."""

    def __init__(self, rules: list[dict[str, Any]]) -> None:
        self.rules = {f"rule{number}": {"Identifier": f"rule{number}", **rule} for number, rule in enumerate(rules)}

    def list_rules(self, **asked: str) -> dict[str, Any]:
        kind = asked["ResourceType"]
        return {"Rules": [{"Identifier": key} for key, rule in self.rules.items() if rule["ResourceType"] == kind]}

    def get_rule(self, **asked: str) -> dict[str, Any]:
        return self.rules[asked["Identifier"]]


def rule(kind: str, **other: Any) -> dict[str, Any]:
    period = {"RetentionPeriodValue": 7, "RetentionPeriodUnit": "DAYS"}
    return {"ResourceType": kind, "Status": "available", "RetentionPeriod": period, **other}


BOTH = [rule("EBS_SNAPSHOT"), rule("EBS_VOLUME")]
MINE = [{"ResourceTagKey": "kubernetes.io/cluster/opensarlab", "ResourceTagValue": "owned"}]
OTHERS = [{"ResourceTagKey": "kubernetes.io/cluster/other", "ResourceTagValue": "owned"}]


@pytest.mark.parametrize(
    ("rules", "missing"),
    [
        pytest.param(BOTH, (), id="rules of the Region"),
        pytest.param(
            [rule("EBS_SNAPSHOT", ResourceTags=MINE), rule("EBS_VOLUME", ResourceTags=MINE)], (), id="the cluster's tag"
        ),
        pytest.param([rule("EBS_SNAPSHOT")], ("EBS_VOLUME",), id="none under volumes"),
        pytest.param([], ("EBS_SNAPSHOT", "EBS_VOLUME"), id="none at all"),
        pytest.param([rule("EBS_SNAPSHOT", ResourceTags=OTHERS), rule("EBS_VOLUME")], ("EBS_SNAPSHOT",), id="another tag"),
        pytest.param([rule("EBS_SNAPSHOT", Status="pending"), rule("EBS_VOLUME")], ("EBS_SNAPSHOT",), id="not available yet"),
        pytest.param([rule("EBS_SNAPSHOT", ExcludeResourceTags=MINE), rule("EBS_VOLUME")], ("EBS_SNAPSHOT",), id="excluded"),
    ],
)
def test_deletes_need_a_net_under_both_or_a_waiver(
    rules: list[dict[str, Any]], missing: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    event = json.loads((EVENTS / "check_recycle_bin.json").read_text())
    for waived in ("false", "true"):
        monkeypatch.setenv("RECYCLE_BIN_WAIVED", waived)
        app = importlib.reload(importlib.import_module("functions.check_recycle_bin.app"))
        monkeypatch.setattr(app, "client", lambda _: fake_client("rbin", Bin(rules)))
        if missing and waived == "false":
            with pytest.raises(RecycleBinMissing) as refused:
                app.handler(event, None)
            assert [kind for kind in ("EBS_SNAPSHOT", "EBS_VOLUME") if f"every {kind} of" in str(refused.value)] == list(missing)
        else:
            result = app.handler(event, None)
            assert len(result["notes"]) == len(missing)
            assert result["waived"] is bool(missing)


@pytest.fixture
def uses(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("LEDGER_TABLE_NAME", "Ledger")
    with mock_aws():
        dynamodb = boto3.client("dynamodb", "us-east-1")
        dynamodb.create_table(
            TableName="Ledger",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("cluster", "entry")],
            KeySchema=[{"AttributeName": "cluster", "KeyType": "HASH"}, {"AttributeName": "entry", "KeyType": "RANGE"}],
        )
        app = importlib.reload(importlib.import_module("functions.record_volume_use.app"))
        monkeypatch.setattr(app, "client", lambda _: dynamodb)
        yield app, dynamodb


def test_attachments_are_kept_by_volume_the_latest_of_each_kind(uses: Any) -> None:
    from hubplane.adapters.volume_use import read_uses

    app, dynamodb = uses
    event = json.loads((EVENTS / "record_volume_use.json").read_text())

    def tell(name: str, at: str, **detail: Any) -> str:
        told = {**event, "detail": {**event["detail"], "eventName": name, "eventTime": at, **detail}}
        reason: str = app.handler(told, None)["reason"]
        return reason

    assert "detach at 2026-11-25T08:10:31" in tell("DetachVolume", "2026-11-25T08:10:31Z")
    assert tell("DetachVolume", "2026-11-25T08:10:31Z").endswith("known already"), "the same event twice"
    assert tell("DetachVolume", "2026-11-24T23:00:00Z").endswith("known already"), "an older one that comes late"
    tell("AttachVolume", "2026-11-25T09:00:00Z")
    assert "no use" in tell("AttachVolume", "2026-11-25T11:00:00Z", errorCode="Client.UnauthorizedOperation")
    assert "no use" in tell("DetachVolume", "2026-11-25T12:00:00Z", requestParameters=None)
    assert "no use" in tell("CreateVolume", "2026-11-25T12:00:00Z")
    assert [(use.volume_id, use.kind, use.at.isoformat()) for use in read_uses(dynamodb, "Ledger")] == [
        ("vol-0f1e2d3c4b5a69788", "attach", "2026-11-25T09:00:00+00:00"),
        ("vol-0f1e2d3c4b5a69788", "detach", "2026-11-25T08:10:31+00:00"),
    ]
