"""EventBridge Scheduler: expressions are checked, time zones kept, failures told to the dead-letter queue."""

from __future__ import annotations

import json
import logging
import threading
from datetime import UTC, datetime
from typing import Any

from ministack.core.responses import new_uuid, set_request_account_id, set_request_region
from ministack.services import eventbridge, scheduler, sqs, stepfunctions

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend
from local.cloud.options import ACCOUNT_ID, REGION
from local.cloud.schedules import fault_of, next_at

TICK_SECONDS = 1
log = logging.getLogger("hubplane.cloud")
# By schedule: the modification that it was planned for, and when it is due.
_due: dict[Any, tuple[float, datetime | None]] = {}
_ticking = threading.Lock()


@mend
def schedules_are_checked(cloud: Cloud, gateway: Gateway) -> None:
    """Any text is a schedule expression and a time zone, and one with a value out of range stops all schedules for ever."""
    create, update = scheduler._create_schedule, scheduler._update_schedule

    def create_checked(name: str, body: dict[str, Any]) -> Any:
        return _refused(body) or create(name, body)

    def update_checked(name: str, body: dict[str, Any]) -> Any:
        return _refused(body) or update(name, body)

    scheduler._create_schedule = create_checked
    scheduler._update_schedule = update_checked


@mend
def schedules_are_punctual(cloud: Cloud, gateway: Gateway) -> None:
    """Time zones are ignored, a changed or re-made ``at`` never fires again, and a target that cannot be started is forgotten.

    With this they are kept, every version of a schedule has its own times, context attributes in ``Input`` are filled in, and
    what could not be started lies in the schedule's dead-letter queue, with Scheduler's message attributes.
    """
    scheduler._tick_schedules = lambda: run_due(datetime.now(UTC))
    scheduler._SCHEDULE_TICK_INTERVAL = TICK_SECONDS


def run_due(now: datetime) -> list[str]:
    """Fire what is due at ``now``; answers the names."""
    fired = []
    with _ticking:
        for key, schedule in list(scheduler._schedules._data.items()):
            try:
                if _is_due(key, schedule, now):
                    fired.append(schedule["Name"])
                    _fire(key, schedule, now)
            except Exception:
                log.exception("schedule %s", schedule.get("Name"))
        for key in [key for key in _due if key not in scheduler._schedules._data]:
            del _due[key]
    return fired


def _is_due(key: Any, schedule: dict[str, Any], now: datetime) -> bool:
    changed = schedule["LastModificationDate"]
    planned_for, due = _due.get(key, (None, None))
    if planned_for != changed:
        due = next_at(schedule, datetime.fromtimestamp(changed, UTC))
        _due[key] = (changed, due)
    begins, ends = (scheduler._to_epoch(schedule.get(name)) for name in ("StartDate", "EndDate"))
    if schedule["State"] != "ENABLED" or due is None or now < due or (ends is not None and now.timestamp() > ends):
        return False
    _due[key] = (changed, next_at(schedule, now))
    return begins is None or now.timestamp() >= begins


def _fire(key: Any, schedule: dict[str, Any], now: datetime) -> None:
    account_id, region, _ = key
    set_request_account_id(account_id)
    set_request_region(region)
    target = schedule["Target"]
    attributes = {
        "schedule-arn": schedule["Arn"],
        "scheduled-time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "execution-id": new_uuid(),
        "attempt-number": "1",
    }
    payload = target.get("Input") or "{}"
    for name, value in attributes.items():
        payload = payload.replace(f"<aws.scheduler.{name}>", value)
    refused = _start(schedule, target, payload)
    if refused:
        _to_dead_letters(schedule, target, payload, refused)
    if _due[key][1] is None and schedule.get("ActionAfterCompletion") == "DELETE":
        scheduler._schedules._data.pop(key, None)


def _start(schedule: dict[str, Any], target: dict[str, Any], payload: str) -> tuple[str, str] | None:
    """Start the target; error code and message where it could not be."""
    if ":states:" not in target["Arn"]:
        event = {"Source": "aws.scheduler", "DetailType": "Scheduled Event", "Detail": "{}", "Time": 0, "EventId": new_uuid()}
        where = {"Resources": [schedule["Arn"]], "Account": ACCOUNT_ID, "Region": REGION}
        eventbridge._invoke_target({**target, "Input": payload}, {**event, **where}, schedule)
        return None
    status, _, body = stepfunctions._start_execution({"stateMachineArn": target["Arn"], "input": payload})
    if status < 400:
        return None
    answer = json.loads(body)
    return str(answer.get("__type", "")), str(answer.get("message", ""))


def _to_dead_letters(schedule: dict[str, Any], target: dict[str, Any], payload: str, refused: tuple[str, str]) -> None:
    queue_arn = (target.get("DeadLetterConfig") or {}).get("Arn")
    queue = sqs._queue_by_arn(queue_arn) if queue_arn else None
    if queue is None:
        log.warning("schedule %s: %s; nobody is told", schedule["Name"], ": ".join(refused))
        return
    said = {
        "ERROR_CODE": refused[0],
        "ERROR_MESSAGE": refused[1],
        "SCHEDULE_ARN": schedule["Arn"],
        "TARGET_ARN": target["Arn"],
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
    }
    attributes = {name: {"DataType": "String", "StringValue": value or "-"} for name, value in said.items()}
    sqs._act_send_message({"QueueUrl": queue["url"], "MessageBody": payload, "MessageAttributes": attributes}, queue["url"])


def _refused(body: dict[str, Any]) -> Any:
    fault = fault_of(body) if body.get("ScheduleExpression") else None
    return scheduler._error(400, "ValidationException", fault) if fault else None
