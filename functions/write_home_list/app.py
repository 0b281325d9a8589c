"""WriteHomeList: the homes of a swept cluster as a table, JSON and CSV, in the storage bucket. Repeatable.

Event: ``cluster_name``, ``run``. Result: ``json_key``, ``csv_key``, ``counts`` by state, ``homes``, ``usd_per_month``, ``notes``.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.domain.homes.listing import COLUMNS, HomeRow, count_states, homes_of, row_to_csv, row_to_json
from hubplane.domain.report.pricing import prices_of
from hubplane.domain.storage.policy import policy_from_json
from hubplane.domain.storage.view import view_of
from hubplane.entrypoint import task
from hubplane.memory import not_collecting
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    storage_bucket_name: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    cluster_name, run, now = event["cluster_name"], event["run"], datetime.now(UTC)
    prices = prices_of(event["execution_arn"].split(":")[3])
    bucket = StorageBucket(client("s3"), SETTINGS.storage_bucket_name)
    with not_collecting():
        view = view_of(bucket.inventory(run["prefix"]), policy_from_json(run["policy"]), now)
        rows = homes_of(view, prices)
    counts, usd = count_states(rows), round(sum(row.usd_volumes + row.usd_copies for row in rows), 2)
    name = f"reports/{cluster_name}/homes/{run['run_id'].replace('/', '-')}"
    document = {
        "cluster_name": cluster_name,
        "listed_at": now.isoformat(),
        "prices": {"region": prices.priced_as, "as_of": prices.as_of, "url": prices.url},
        "counts": counts,
        "usd_per_month": usd,
        "homes": [row_to_json(row) for row in rows],
    }
    bucket.put_json(f"{name}.json", document)
    bucket.put_text(f"{name}.csv", as_csv(rows))
    told = ", ".join(f"{count} {state}" for state, count in counts.items())
    homes = f"{len(rows)} home{'s' * (len(rows) != 1)}"
    return {
        "json_key": f"{name}.json",
        "csv_key": f"{name}.csv",
        "homes": len(rows),
        "counts": counts,
        "usd_per_month": usd,
        "changes": [],
        "notes": [] if view.inventory.claims is not None else ["the cluster could not be asked which homes have a claim"],
        "reason": f"{homes} of {cluster_name}{': ' * bool(told)}{told}; at most {usd:,.2f} USD a month",
    }


def as_csv(rows: tuple[HomeRow, ...]) -> str:
    """The table for a spreadsheet, one line a home."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(map(row_to_csv, rows))
    return text.getvalue()
