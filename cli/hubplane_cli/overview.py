"""The clusters of a control plane as a table."""

from __future__ import annotations

import json
from typing import Any

import click

from hubplane_cli.cloud import Cloud, asking
from hubplane_cli.screen import print_json, table

COLUMNS = ("cluster", "status", "stage", "hub", "zone", "waits_for")


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
        click.echo("\n".join(table(rows, COLUMNS)))
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
