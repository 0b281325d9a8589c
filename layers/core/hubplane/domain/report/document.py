"""The report as JSON, for programs. Field names are those of ``model``; a name is added, never changed, without a new ``schema``.

Top level: ``schema``, ``cluster_name``, ``night`` (2026-11-25), ``run_id``, ``mode``, ``scheduled``, ``written_at``, ``summary``,
``steps``, ``recycle_bin``, ``warnings``, ``fleet``, ``prices``, ``history``, ``problems``, ``drill``.

- ``steps[]``: ``step``, ``status``, ``mode``, ``error``, ``reason``, ``notes``, ``plan_key``, ``stop``; the listings ``done``,
  ``fresh``, ``planned``, ``held``, ``deferred``, ``skipped``, ``failed``, ``open``, ``attention``; ``kept[]`` with ``reason``,
  ``count``, ``size_gib``, ``items``.
- a listing: ``count``, ``size_gib``, ``usd_per_month`` (null where not priced) and ``items[]`` with ``resource_id``,
  ``size_gib``, ``claim_name``, ``reason``. ``items`` holds the first 1,000 at most (20 for each reason to keep); ``plan_key`` has
  every line.
- ``recycle_bin``: ``state`` (``stands``, ``waived``, ``missing``, ``not_asked``), ``notes``.
- ``fleet``, null where no sweep was found: ``groups[]`` with ``key``, ``name``, ``count``, ``size_gib``, ``usd_per_month``,
  ``upper_bound``; ``orphans`` with the listings ``snapshots_without_volume`` (one item per volume that is gone),
  ``volumes_without_claim``, ``claims_without_volume``, ``duplicates``; ``largest_lines``; ``unpriced_types``; the sums
  ``volumes``, ``volumes_gib``, ``volumes_usd``, ``snapshots``, ``snapshots_gib``, ``snapshots_usd``.
- ``prices``: ``region``, ``priced_as``, ``as_of``, ``url``, ``per_gib`` by volume type, ``snapshot`` and ``snapshot_archive``.
- ``history[]``: ``night``, ``volumes``, ``volumes_gib``, ``snapshots``, ``snapshots_gib``, ``usd_per_month``, ``snapshotted``,
  ``volumes_deleted``, ``snapshots_deleted``; a night without an entry had no report.
- ``drill``, null before the first one: ``run_id``, ``finished_at``, ``homes``, ``summary``, and the sentences ``findings[]``,
  ``lines[]``, ``notes[]``.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, Final

from hubplane.domain.report.model import Report

__all__ = ["SCHEMA", "report_to_json"]

SCHEMA: Final = 1


def report_to_json(report: Report) -> str:
    """The document, one line. Equal reports give equal texts."""
    return json.dumps({"schema": SCHEMA, **asdict(report)}, default=_written, ensure_ascii=False, sort_keys=True)


def _written(value: Any) -> str:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no part of a report")
