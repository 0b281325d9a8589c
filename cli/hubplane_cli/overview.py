"""What there is, as tables: the clusters of a control plane, and its executions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click

from hubplane_cli.cloud import Cloud, asking, nearest
from hubplane_cli.errors import WrongUse
from hubplane_cli.machines import BY_COMMAND, MACHINES, Machine
from hubplane_cli.screen import clock, print_json, say, table

COLUMNS = ("cluster", "status", "stage", "hub", "zone", "waits_for")
NEWEST = 10
"""Executions of one command that are shown; all that run are."""


def show_clusters(cloud: Cloud, as_json: bool) -> int:
    """One row per cluster of the Clusters table; the exit code."""
    name = cloud.outputs["ClustersTableName"]
    with asking("read the Clusters table"):
        pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=name)
        items = [{key: value["S"] for key, value in item.items() if "S" in value} for page in pages for item in page["Items"]]
    rows = sorted((_row(item) for item in items), key=lambda row: str(row["cluster"]))
    if as_json:
        print_json(rows)
    elif rows:
        say("\n".join(table(rows, COLUMNS)))
    else:
        click.echo(f"The stack {cloud.place.stack} has built no cluster yet.", err=True)
    return 0


def _row(item: dict[str, str]) -> dict[str, Any]:
    release = json.loads(item.get("release", "{}"))
    waiting = sorted(name for name in item if name.endswith("approval"))
    return {
        "cluster": item["cluster_name"],
        "status": item.get("status"),
        "stage": item.get("stage"),
        "hub": release.get("hub_url"),
        "zone": item.get("availability_zone"),
        "waits_for": "an answer (hubplane approve)" if waiting else None,
    }


def show_executions(cloud: Cloud, command: str | None, as_json: bool) -> int:
    """One row per execution, the newest first: those that run now, or the newest of one command; the exit code."""
    asked = _machine(command) if command else None
    found = [row for machine in ([asked] if asked else MACHINES) for row in _executions(cloud, machine, only_running=not asked)]
    rows = sorted(found, key=lambda row: str(row["started_at"]), reverse=True)
    if as_json:
        print_json(rows)
    elif rows:
        say("\n".join(table(rows)))
    else:
        click.echo(f"Nothing of {command} is remembered." if command else "Nothing runs now.", err=True)
    return 0


def _machine(command: str) -> Machine:
    name = command.replace("_", "-")
    found = BY_COMMAND.get(name) or next((machine for machine in MACHINES if machine.name == name.replace("-", "_")), None)
    if found is None:
        raise WrongUse(
            f"no command {command} starts executions{nearest(name, list(BY_COMMAND))}: hubplane --help lists those that do"
        )
    return found


def _executions(cloud: Cloud, machine: Machine, only_running: bool) -> Iterator[dict[str, Any]]:
    if machine.output_key not in cloud.outputs:
        return  # of a program that is newer than what is deployed
    wanted: dict[str, Any] = {"statusFilter": "RUNNING"} if only_running else {"PaginationConfig": {"MaxItems": NEWEST}}
    pages = cloud.client("stepfunctions").get_paginator("list_executions")
    with asking("list the executions"):
        found = [
            item
            for page in pages.paginate(stateMachineArn=cloud.outputs[machine.output_key], **wanted)
            for item in page["executions"]
        ]
    for item in found:
        started, ended = item["startDate"], item.get("stopDate") or datetime.now(UTC)
        yield {
            "command": machine.command,
            "status": item["status"],
            "started_at": f"{started.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
            "took": clock((ended - started).total_seconds()),
            "execution_arn": item["executionArn"],
        }
