"""QueueStorageMails: who is written to after a pruning night, with what, and when nobody is."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hubplane.adapters.ledger_table import accepted_warnings
from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.adapters.users_table import RecordChange, UsersTable
from hubplane.domain.errors import ClusterUnknown, ProviderError
from hubplane.domain.mail.messages import MailMessage, message_from_json
from hubplane.domain.names import claims_of
from hubplane.domain.registration.records import Status, UserRecord
from hubplane.domain.storage.actions import Action, PlannedWarning
from hubplane.domain.storage.documents import SweptCluster, warning_to_json
from hubplane.domain.storage.outcomes import Outcome, Result, outcome_to_json
from hubplane.domain.storage.records import AcceptedWarning, Inventory, Owner
from tests.functions.mail_world import REGION, MailWorld

EVENTS = Path(__file__).resolve().parents[2] / "events"
NOW = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)
USED_AT = datetime(2026, 8, 20, 9, 0, 0, 123456, tzinfo=UTC)
CLAIM = sorted(claims_of("ada").all)[0]


class Night:
    """The tables, the bucket and the queue of one pruning run of ``opensarlab``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.mails = MailWorld(monkeypatch, MAX_CONCURRENCY="2")
        self.dynamodb = self.mails.dynamodb
        for name, key in (("clusters", "cluster_name"), ("users", "username")):
            self.dynamodb.create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
                KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            )
        release = {"hub_url": "https://opensarlab.example.org", "spec": {}}
        item = {"cluster_name": {"S": "opensarlab"}, "release": {"S": json.dumps(release)}}
        self.dynamodb.put_item(TableName="clusters", Item=item)
        self.s3, self.sqs = boto3.client("s3", region_name=REGION), boto3.client("sqs", region_name=REGION)
        self.s3.create_bucket(Bucket="storage")
        self.queue_url = self.sqs.create_queue(QueueName="mails")["QueueUrl"]
        for name, value in {
            "CLUSTERS_TABLE_NAME": "clusters",
            "USERS_TABLE_NAME": "users",
            "STORAGE_BUCKET_NAME": "storage",
            "MAIL_QUEUE_URL": self.queue_url,
        }.items():
            monkeypatch.setenv(name, value)
        self.app = importlib.reload(importlib.import_module("functions.queue_storage_mails.app"))
        clients = {"dynamodb": self.dynamodb, "s3": self.s3, "sqs": self.sqs}
        monkeypatch.setattr(self.app, "client", clients.__getitem__)
        self.event = json.loads((EVENTS / "queue_storage_mails.json").read_text())
        self.bucket = StorageBucket(self.s3, "storage")
        self.prefix = self.event["run"]["prefix"]
        self.sweep()
        self.plan()
        self.person()

    def person(self, sub: str = "sub-of-ada", **changes: Any) -> None:
        record = UserRecord(
            **{"username": "ada", "sub": sub, "email": "ada@uni.example.org", "status": Status.APPROVED, **changes}
        )
        users = UsersTable(self.dynamodb, "users")
        assert users.write(RecordChange(record, users.read("ada")))

    def sweep(self, warnings: tuple[AcceptedWarning, ...] = ()) -> None:
        owners = tuple(Owner("sub-of-ada", "ada", claim) for claim in sorted(claims_of("ada").all))
        inventory = Inventory("opensarlab", "553778890976", owners=owners, warnings=warnings)
        self.bucket.put_cluster(self.prefix, SweptCluster(inventory, NOW, 0, 0))

    def plan(self, *warnings: PlannedWarning) -> None:
        self.bucket.put_lines(f"{self.prefix}prune_snapshots/warnings.jsonl.gz", map(warning_to_json, warnings))

    def outcomes(self, batch: str, *outcomes: Outcome) -> None:
        self.bucket.put_lines(f"{self.prefix}prune_snapshots/outcomes/{batch}.jsonl.gz", map(outcome_to_json, outcomes))

    def run(self, **changes: Any) -> dict[str, Any]:
        result: dict[str, Any] = self.app.handler({**self.event, "run": {**self.event["run"], **changes}}, None)
        return result

    def queued(self) -> list[MailMessage]:
        found: list[MailMessage] = []
        while received := self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages", []):
            found += [message_from_json(item["Body"]) for item in received]
        return found


@pytest.fixture
def night(monkeypatch: pytest.MonkeyPatch) -> Iterator[Night]:
    with mock_aws():
        yield Night(monkeypatch)


def due(**changes: Any) -> PlannedWarning:
    delete_at = datetime.now(UTC) + timedelta(days=4)
    values = ("snap-1", "sub-of-ada", CLAIM, USED_AT, 3, delete_at, "its owner is to be warned")
    return PlannedWarning(**{**dict(zip(PlannedWarning.__dataclass_fields__, values, strict=True)), **changes})


def deleted(action: Action = Action.DELETE_CLAIM, **changes: Any) -> Outcome:
    values = {
        "resource_id": "vol-1",
        "result": Result.DELETED,
        "reason": "unused",
        "claim_name": CLAIM,
        "owner_sub": "sub-of-ada",
    }
    return Outcome(**{"action": action, **values, **changes})


def test_a_due_warning_becomes_a_mail_that_counts_once_ses_took_it(night: Night) -> None:
    warning = due()
    night.plan(warning)
    assert night.run()["queued"] == 1
    (message,) = night.queued()
    assert message.mail_id == f"storage_warning#opensarlab#snap-1#{USED_AT.isoformat()}#3"
    assert (message.to, message.cluster_name) == ("ada@uni.example.org", "opensarlab")
    assert message.context["days_left"] == 4
    assert message.context["deleted_on"] == f"{warning.delete_at:%Y-%m-%d}"
    assert message.context["sign_in_url"] == "https://opensarlab.example.org"
    night.mails.ask(message)
    night.mails.deliver()
    (counted,) = accepted_warnings(night.dynamodb, "ledger", "opensarlab")
    assert (counted.snapshot_id, counted.owner_sub, counted.days_before) == ("snap-1", "sub-of-ada", 3)
    assert (counted.last_used_at, counted.announced_delete_at) == (USED_AT, warning.delete_at)


def test_a_night_that_runs_twice_asks_for_the_same_mails(night: Night) -> None:
    night.plan(due())
    night.outcomes("1", deleted())
    night.run()
    night.run()
    messages = night.queued()
    assert len(messages) == 4
    assert len({message.mail_id for message in messages}) == 2


@pytest.mark.parametrize("mode", ["plan", "policy"])
def test_nobody_is_written_to_outside_enforce(night: Night, mode: str) -> None:
    night.plan(due())
    night.outcomes("1", deleted())
    assert night.run(mode=mode)["queued"] == 0
    assert night.queued() == []


@pytest.mark.parametrize(
    "changes",
    [{"sub": "another-sub"}, {"email": ""}],
    ids=["the-name-is-another-persons-now", "no-address"],
)
def test_a_warning_that_reaches_nobody_never_counts(night: Night, changes: dict[str, Any]) -> None:
    night.person(**changes)
    night.plan(due())
    night.run()
    (message,) = night.queued()
    assert message.to is None
    night.mails.ask(message)
    assert night.mails.deliver() == 0
    assert accepted_warnings(night.dynamodb, "ledger", "opensarlab") == ()
    assert "no address" in night.mails.entry(message.mail_id, "opensarlab")["reason"]


def test_a_returned_person_is_warned_of_the_home_of_the_former_account(night: Night) -> None:
    night.person(sub="new-sub", former_subs=("sub-of-ada",))
    night.plan(due())
    night.run()
    assert [message.to for message in night.queued()] == ["ada@uni.example.org"]


@pytest.mark.parametrize(
    "outcome, name",
    [
        (deleted(), "volume_deleted"),
        (deleted(Action.DELETE_VOLUME, owner_sub=None), "volume_deleted"),
        (deleted(Action.DELETE_SNAPSHOT, resource_id="snap-1", last_copy=True), "snapshot_deleted"),
        (deleted(Action.DELETE_SNAPSHOT, resource_id="snap-1"), None),
        (deleted(result=Result.SKIPPED), None),
        (deleted(result=Result.GONE), None),
        (deleted(result=Result.FAILED), None),
        (deleted(owner_sub=None, claim_name="claim-nobody"), None),
        (deleted(Action.DELETE_SNAPSHOT, resource_id="snap-1", last_copy=True, result=Result.LEFT), None),
    ],
    ids=["claim", "volume-by-claim", "last-copy", "one-of-many", "skipped", "gone", "failed", "nobodys", "left"],
)
def test_a_person_hears_of_what_was_deleted_and_of_nothing_else(night: Night, outcome: Outcome, name: str | None) -> None:
    night.outcomes("prune_snapshots-00001", outcome)
    night.run()
    assert [message.name for message in night.queued()] == ([name] if name else [])


def test_a_last_copys_mail_names_the_use_that_its_warnings_named(night: Night) -> None:
    warning = AcceptedWarning("snap-1", "sub-of-ada", USED_AT, 1, NOW, NOW)
    night.sweep((warning,))
    night.outcomes("1", deleted(Action.DELETE_SNAPSHOT, resource_id="snap-1", last_copy=True))
    night.run()
    assert night.queued()[0].context["last_used_on"] == "2026-08-20"


@pytest.mark.parametrize("days, words", [(None, "as long as this cluster stands"), (90, "until 90 days after you last used it")])
def test_a_volumes_mail_says_how_long_the_copy_stays(night: Night, days: int | None, words: str) -> None:
    night.outcomes("1", deleted())
    night.run(policy={**night.event["run"]["policy"], "end_of_retention_days": days})
    assert night.queued()[0].context["copy_stays"].startswith(words)


def test_many_mails_go_in_tens_and_all_arrive(night: Night) -> None:
    night.outcomes("1", *[deleted(resource_id=f"vol-{number}") for number in range(23)])
    night.outcomes("2", *[deleted(resource_id=f"vol-b{number}") for number in range(4)])
    assert night.run()["queued"] == 27
    assert len({message.mail_id for message in night.queued()}) == 27


def test_a_plan_that_is_missing_or_a_cluster_that_was_never_built_is_an_error_in_words(night: Night) -> None:
    with pytest.raises(ProviderError, match="the sweep of this run did not end"):
        night.run(prefix="runs/opensarlab/other/")
    night.dynamodb.delete_item(TableName="clusters", Key={"cluster_name": {"S": "opensarlab"}})
    with pytest.raises(ClusterUnknown, match="build it first"):
        night.run()
