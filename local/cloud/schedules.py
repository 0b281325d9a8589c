"""When a schedule of EventBridge Scheduler is due: expressions, time zones, their limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ministack.services import eventbridge

_RATE = re.compile(r"rate\(([1-9]\d*) (minute|minutes|hour|hours|day|days)\)\Z")
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)\Z")
_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}


def fault_of(given: Mapping[str, Any]) -> str | None:
    """Why Scheduler refuses the schedule, in its words, or None."""
    try:
        zone_of(given)
    except (ZoneInfoNotFoundError, ValueError):
        return f"Invalid Schedule Expression Timezone {given['ScheduleExpressionTimezone']}."
    expression = given.get("ScheduleExpression") or ""
    try:
        next_at({**given, "ScheduleExpression": expression}, datetime.now(UTC))
    except ValueError:
        return f"Invalid Schedule Expression {expression}."
    return None


def zone_of(schedule: Mapping[str, Any]) -> ZoneInfo:
    """The schedule's time zone; UTC where it names none."""
    return ZoneInfo(schedule.get("ScheduleExpressionTimezone") or "UTC")


def next_at(schedule: Mapping[str, Any], after: datetime) -> datetime | None:
    """The first time after ``after`` at which the schedule is due; None if never. ``ValueError`` for a bad expression.

    A rate counts from ``after``. Cron and at are read on the clock of the schedule's time zone.
    """
    expression, zone = schedule["ScheduleExpression"], zone_of(schedule)
    rate, once = _RATE.match(expression), _AT.match(expression)
    if rate:
        return after + int(rate[1]) * _UNITS[rate[2].rstrip("s")]
    if once:
        at = datetime.fromisoformat(once[1]).replace(tzinfo=zone)
        return at if at > after else None
    fields = eventbridge._parse_cron_fields(expression)
    if fields is None or not _in_range(fields):
        raise ValueError(expression)
    found: datetime | None = eventbridge._cron_next_fire(fields, after.astimezone(zone))
    return found


def _in_range(fields: Any) -> bool:
    minutes, hours, days, months, weekdays, *_ = fields
    ranges = ((minutes, 0, 59), (hours, 0, 23), (days["days"], 1, 31), (months, 1, 12), (weekdays["days"], 1, 7))
    return all(low <= value <= high for values, low, high in ranges for value in values)
