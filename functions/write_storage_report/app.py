"""WriteStorageReport: the night as one page, one JSON and one short mail; above all when a step failed. Repeatable.

Event: ``run`` of the storage day, ``steps`` as they ended. Result: ``html_key``, ``json_key``, ``summary``, ``sections``,
``problems``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.mail_queue import queue_mail
from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.domain.mail.messages import MailMessage
from hubplane.domain.report.digest import sections_of
from hubplane.domain.report.document import report_to_json
from hubplane.domain.report.drill import drill_from_json, drill_key
from hubplane.domain.report.gathering import night_of, report_of
from hubplane.domain.report.history import Day, HistoryCorrupt, history_to_json, read_history
from hubplane.domain.report.names import report_keys, set_aside_key
from hubplane.domain.report.night import read_night
from hubplane.domain.report.page import render_page
from hubplane.domain.report.pricing import prices_of
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    storage_bucket_name: str
    mail_queue_url: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    cluster_name, run, now = event["cluster_name"], event["run"], datetime.now(UTC)
    bucket = StorageBucket(client("s3"), SETTINGS.storage_bucket_name)
    prices = prices_of(event["execution_arn"].split(":")[3])
    keys = report_keys(cluster_name, night_of(run), run["mode"])
    history, problems = former_nights(bucket, keys.history, cluster_name, now)
    night = read_night(bucket, cluster_name, run, event["steps"], prices)
    drill = drill_from_json(bucket.json(drill_key(cluster_name)))
    report = report_of(
        cluster_name, run, night.steps, night.fleet, night.warnings, prices, history, [*night.problems, *problems], now, drill
    )
    bucket.put_text(keys.json, report_to_json(report))
    bucket.put_text(keys.html, render_page(report, keys.json_name))
    bucket.put_text(keys.history, history_to_json(report.history))
    where = [f"s3://{SETTINGS.storage_bucket_name}/{key}" for key in (keys.html, keys.json)]
    sections = sections_of(report, where)
    context = {"cluster": cluster_name, "day": report.night.isoformat(), "summary": report.summary, "sections": sections}
    message = MailMessage(f"daily_report#{cluster_name}#{run['run_id']}", "daily_report", cluster_name, context=context)
    queue_mail(client("sqs"), SETTINGS.mail_queue_url, message)
    return {
        "html_key": keys.html,
        "json_key": keys.json,
        "summary": report.summary,
        "sections": [{"title": title, "lines": len(lines)} for title, lines in sections],
        "problems": list(report.problems),
        "changes": [],
        "reason": f"the report of {report.night} is written and its mail queued",
    }


def former_nights(bucket: StorageBucket, key: str, cluster_name: str, now: datetime) -> tuple[tuple[Day, ...], list[str]]:
    """The history, and what is wrong with it. One that cannot be read is kept aside and begun anew: it never costs a report."""
    text = bucket.text(key)
    try:
        return read_history(text), []
    except HistoryCorrupt as error:
        aside = set_aside_key(cluster_name, now)
        bucket.put_text(aside, text or "")
        return (), [f"The history of former nights could not be read ({error}): it is kept as {aside} and begun anew."]
