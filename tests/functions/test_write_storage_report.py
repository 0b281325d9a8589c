"""WriteStorageReport on moto: a night's papers in the bucket, its page, JSON, history and one mail."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.domain.mail.messages import MailMessage, message_from_json
from hubplane.domain.mail.rendering import render
from hubplane.domain.storage.actions import Action, ClaimReference, PlannedAction, PlannedWarning
from hubplane.domain.storage.documents import SweptCluster, action_to_json, record_to_json, warning_to_json
from hubplane.domain.storage.jsonlines import LineWriter
from hubplane.domain.storage.outcomes import Outcome, Result, outcome_to_json
from hubplane.domain.storage.records import Claim, Inventory, Snapshot, Volume

EVENT = json.loads((Path(__file__).resolve().parents[2] / "events" / "write_storage_report.json").read_text())
REGION = "us-east-1"
BUCKET = "storage"
AT = datetime(2026, 11, 25, 10, 5, tzinfo=UTC)
RUNS = "runs/opensarlab/2026-11-25/2026-11-25-nightly"
HTML, JSON, HISTORY = (f"reports/opensarlab/{name}" for name in ("2026-11-25.html", "2026-11-25.json", "history.json"))
OURS = {"kubernetes.io/cluster/opensarlab": "owned", "kubernetes.io/created-for/pvc/name": "claim-ana"}
VOLUMES = [Volume(f"vol-{n:08x}", 100, "available", AT, OURS, volume_type="gp3") for n in (1, 2, 3)]
SNAPSHOTS = [Snapshot(f"snap-{n:08x}", "vol-00000001", "completed", AT, 100, "553778890976", OURS) for n in (1, 2)]


class World:
    """A bucket, a mail queue, and the handler wired to both."""

    def __init__(self) -> None:
        self.s3 = boto3.client("s3", region_name=REGION)
        self.s3.create_bucket(Bucket=BUCKET)
        self.bucket = StorageBucket(self.s3, BUCKET)
        self.sqs = boto3.client("sqs", region_name=REGION)
        self.queue_url = self.sqs.create_queue(QueueName="mails")["QueueUrl"]

    def run(self, **changes: Any) -> dict[str, Any]:
        module = importlib.reload(importlib.import_module("functions.write_storage_report.app"))
        result: dict[str, Any] = module.handler({**EVENT, **changes}, None)
        return result

    def mails(self) -> list[MailMessage]:
        messages = self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages", [])
        return [message_from_json(message["Body"]) for message in messages]

    def report(self, key: str = JSON) -> dict[str, Any]:
        found: dict[str, Any] = self.bucket.json(key)
        return found

    def seed(self) -> None:
        """What the three steps of the event leave behind; the second one failed and did not say where."""
        plan = [PlannedAction(item.volume_id, Action.CREATE_SNAPSHOT, "It has no completed snapshot.") for item in VOLUMES]
        started = [outcome_to_json(Outcome(item.resource_id, item.action, Result.STARTED, "so")) for item in plan[:2]]
        self.step("snapshot_volumes", "sv", plan, started)
        held = [
            PlannedAction(
                item.volume_id, Action.HOLD, "Held for approval: unused.", claim=ClaimReference("jupyter", "claim-ana", "u")
            )
            for item in VOLUMES[:2]
        ]
        self.step("prune_volumes", "pv", [*held, PlannedAction("vol-00000003", Action.KEEP, "Kept: it is in use.")])
        self.bucket.put_json(
            f"{RUNS}-pv/prune_volumes/stop-abc.json",
            {"reason": "2 of 3 volumes would be deleted", "resource_ids": ["vol-00000001", "vol-00000002"]},
        )
        pruned = [PlannedAction("snap-00000001", Action.DELETE_SNAPSHOT, "Deleted: snap-00000002 is newer.")]
        self.step("prune_snapshots", "ps", [*pruned, PlannedAction("snap-00000002", Action.KEEP, "Kept: the newest copy.")])
        warning = PlannedWarning("snap-00000002", "sub", "claim-ana", AT, 5, AT, "Unused since 2026-08-01.")
        self.bucket.put_lines(f"{RUNS}-ps/prune_snapshots/warnings.jsonl.gz", [warning_to_json(warning)])
        self.sweep(f"{RUNS}-ps/")

    def step(self, step: str, suffix: str, plan: list[PlannedAction], outcomes: list[dict[str, Any]] | None = None) -> None:
        home = f"{RUNS}-{suffix}/{step}/"
        lines = [action_to_json(action, size_gib=100, claim_name="claim-ana") for action in plan]
        self.bucket.put_lines(f"{home}plan.jsonl.gz", lines)
        if outcomes:
            self.bucket.put_lines(f"{home}outcomes/00001.jsonl.gz", outcomes)

    def sweep(self, prefix: str) -> None:
        for kind, records in (("volumes", VOLUMES), ("snapshots", SNAPSHOTS)):
            writer = LineWriter()
            for record in records:
                writer.add(record_to_json(record))
            self.bucket.put_page(prefix, kind, 1, writer)
        claims = tuple(Claim("jupyter", f"claim-{n}", "u", item.volume_id) for n, item in enumerate(VOLUMES))
        self.bucket.put_cluster(prefix, SweptCluster(Inventory("opensarlab", "553778890976", claims=claims), AT, 1, 1))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with mock_aws():
        found = World()
        variables = {"AWS_DEFAULT_REGION": REGION, "STORAGE_BUCKET_NAME": BUCKET, "MAIL_QUEUE_URL": found.queue_url}
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield found


def test_a_night_becomes_a_page_a_json_and_one_mail(world: World) -> None:
    world.seed()
    result = world.run()
    assert (result["html_key"], result["json_key"]) == (HTML, JSON)
    page = world.s3.get_object(Bucket=BUCKET, Key=HTML)
    assert page["ContentType"] == "text/html; charset=utf-8"
    assert result["summary"] in page["Body"].read().decode()
    written = world.report()
    snapshots, volumes, copies = written["steps"]
    assert (snapshots["done"]["count"], snapshots["open"]["count"]) == (2, 1)
    assert (volumes["held"]["count"], volumes["held"]["size_gib"]) == (2, 200)
    assert (volumes["error"], volumes["stop"]) == ("DeletionRefused", "2 of 3 volumes would be deleted")
    assert [group["reason"] for group in volumes["kept"]] == ["It is in use."]
    assert copies["planned"]["count"] == 1
    assert written["warnings"]["items"][0]["reason"] == "Unused since 2026-08-01."
    assert written["fleet"]["volumes_usd"] == 24.0
    assert written["fleet"]["orphans"]["duplicates"]["count"] == 1
    assert any("DeletionRefused: AskStorageApproval: refused by ana" in problem for problem in result["problems"])
    (mail,) = world.mails()
    assert (mail.mail_id, mail.to) == ("daily_report#opensarlab#2026-11-25/2026-11-25-nightly", None)
    rendered = render("daily_report", {**mail.context, "institution": "ASF", "contact": "help@example.org"})
    assert f"s3://{BUCKET}/{HTML}" in rendered.text


def test_what_plan_storage_writes_is_what_the_report_reads(world: World) -> None:
    """The three real plans of one inventory: everything in scope is in the report with its size, and none is left out."""
    plan = importlib.reload(importlib.import_module("functions.plan_storage.app")).handler
    steps = []
    for step, suffix in (("snapshot_volumes", "sv"), ("prune_volumes", "pv"), ("prune_snapshots", "ps")):
        prefix = f"{RUNS}-{suffix}/"
        world.sweep(prefix)
        run = {**EVENT["run"], "step": step, "mode": "plan", "prefix": prefix}
        planned = plan({**EVENT, "run": run, "approved_key": None}, None)
        steps.append({"step": step, "status": "SUCCEEDED", "mode": "plan", "prefix": prefix, **planned, "notes": []})
    result = world.run(steps=steps)
    assert [problem for problem in result["problems"] if "plan" in problem] == []
    written = world.report()
    for step, planned in zip(written["steps"], steps, strict=True):
        changes = sum(step[fate]["count"] for fate in ("planned", "fresh", "held", "deferred"))
        kept = sum(group["count"] for group in step["kept"])
        counts = planned["counts"]
        assert kept == counts["keep"]
        assert changes == sum(counts.values()) - counts["keep"] - counts["attention"]
        assert changes + kept == (2 if step["step"] == "prune_snapshots" else 3)
        assert sum(group["size_gib"] for group in step["kept"]) == 100 * kept


def test_the_result_is_small_enough_for_a_state(world: World) -> None:
    world.seed()
    assert len(json.dumps(world.run())) < 64 * 1024


def test_twice_is_the_same_report_one_history_entry_and_one_mail_id(world: World) -> None:
    world.seed()
    first = world.run()
    report = {**world.report(), "written_at": None}
    assert world.run() == first
    assert {**world.report(), "written_at": None} == report
    assert [night["night"] for night in world.report(HISTORY)["nights"]] == ["2026-11-25"]
    assert len({mail.mail_id for mail in world.mails()}) == 1


def test_what_was_deleted_after_the_sweep_is_not_counted_any_more(world: World) -> None:
    world.seed()
    gone = Outcome("snap-00000001", Action.DELETE_SNAPSHOT, Result.DELETED, "so")
    world.bucket.put_lines(f"{RUNS}-ps/prune_snapshots/outcomes/00001.jsonl.gz", [outcome_to_json(gone)])
    world.run()
    assert world.report()["fleet"]["snapshots"] == 1
    assert world.report()["steps"][2]["done"]["count"] == 1


def test_a_night_without_any_papers_is_still_told(world: World) -> None:
    failed = {"step": "snapshot_volumes", "status": "FAILED", "error": "Throttled", "reason": "slow down"}
    result = world.run(steps=[failed])
    assert any("Throttled: slow down" in problem for problem in result["problems"])
    assert world.report()["fleet"] is None
    assert world.report(HISTORY) == {"schema": 1, "nights": []}
    assert len(world.mails()) == 1


@pytest.mark.parametrize(
    "text", ["{cut", "[]", '{"schema": 1, "nights": [{"night": 7}]}'], ids=["cut off", "a list", "another kind"]
)
def test_a_history_that_cannot_be_read_is_kept_aside_and_told(world: World, text: str) -> None:
    world.seed()
    world.bucket.put_text(HISTORY, text)
    result = world.run()
    (aside,) = [key for key in world.bucket.keys("reports/opensarlab/") if "unreadable" in key]
    assert world.bucket.text(aside) == text
    assert any(aside in problem for problem in result["problems"])
    assert len(world.report(HISTORY)["nights"]) == 1


def test_a_plan_by_hand_does_not_take_the_place_of_what_was_done(world: World) -> None:
    world.seed()
    done = world.run()
    before = world.report(HISTORY)
    assert before["nights"][0]["snapshotted"] == 2
    steps = [{"step": "prune_snapshots", "status": "SUCCEEDED", "mode": "plan", "prefix": f"{RUNS}-ps/"}]
    plan = world.run(run={**EVENT["run"], "mode": "plan", "run_id": "2026-11-25/by-hand"}, steps=steps)
    assert world.report(plan["json_key"])["fleet"]["volumes"] == 3
    assert plan["html_key"] == "reports/opensarlab/2026-11-25-plan.html"
    assert world.report(HISTORY) == before
    assert world.report(done["json_key"])["run_id"] == "2026-11-25/2026-11-25-nightly"


def test_a_silent_cluster_is_told(world: World) -> None:
    world.seed()
    swept = SweptCluster(Inventory("opensarlab", "553778890976"), AT, 1, 1, "the API server did not answer")
    world.bucket.put_cluster(f"{RUNS}-ps/", swept)
    result = world.run()
    assert any("the API server did not answer" in problem for problem in result["problems"])
    assert world.report()["fleet"]["orphans"]["volumes_without_claim"] is None
