"""One storage day over the seeded fleet: first as a plan, then for real, with what each said and where the report is."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from rich.console import Console

from local.guide.deploy import ControlPlane, client
from local.guide.follow import Outcome, follow
from local.guide.processes import EmbeddedCloud
from local.guide.progress import Progress


def run(console: Console, cloud: EmbeddedCloud, control_plane: ControlPlane, cluster_name: str, mode: str) -> Outcome:
    """Start ``run_storage_day`` and follow it to its end."""
    console.print()
    console.print(f"run_storage_day: {cluster_name}, mode {mode}", style="bold")
    states = client(cloud, "stepfunctions")
    started = states.start_execution(
        stateMachineArn=control_plane.outputs["RunStorageDayStateMachineArn"],
        name=f"local-{mode}-{uuid.uuid4().hex[:12]}",
        input=json.dumps({"cluster_name": cluster_name, "mode": mode}),
    )
    progress = Progress(console)
    with progress.shown():
        return follow(states, started["executionArn"], progress.tell)


def show(console: Console, outcome: Outcome) -> None:
    """What each step of the day said, and what the report sums up."""
    for step in outcome.result["steps"]:
        console.print(f"  {step['step']:<17} {step['reason']}", highlight=False, soft_wrap=True)
        for note in step["notes"]:
            console.print(f"  {'':<17} {note}", highlight=False, soft_wrap=True)
    console.print(f"  {outcome.result['report']['summary']}", highlight=False, soft_wrap=True)


def fetch_report(cloud: EmbeddedCloud, control_plane: ControlPlane, outcome: Outcome, folder: Path) -> Path:
    """The day's page and JSON, copied from the bucket into ``folder``; the page's path."""
    s3, bucket = client(cloud, "s3"), control_plane.outputs["StorageBucketName"]
    folder.mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = outcome.result["report"]
    for key in (report["json_key"], report["html_key"]):
        path = folder / key.rpartition("/")[2]
        path.write_bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    return path
