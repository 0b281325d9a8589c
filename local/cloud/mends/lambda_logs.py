"""What functions log: the stream it goes to, the runtime's own lines, and reading all of it back."""

from __future__ import annotations

import fnmatch
import heapq
import json
import re
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from ministack.services import cloudwatch_logs as logs
from ministack.services import lambda_svc

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend, replace_action

LARGEST_PAGE = 10_000  # CloudWatch Logs API reference, FilterLogEvents, limit
_CONDITION = re.compile(r'\$\.(?P<field>\w+) *(?P<comparison>!?=) *"(?P<text>[^"]*)"')

_streams: dict[str, str] = {}
"""Id of an invocation that runs -> the stream of the worker that runs it."""


def group_name(config: dict[str, Any]) -> str:
    """The log group of a function: the one that it names, or its own."""
    return (config.get("LoggingConfig") or {}).get("LogGroup") or _own_group(config)


def _own_group(config: dict[str, Any]) -> str:
    return f"/aws/lambda/{config['FunctionName']}"


def stream_name(config: dict[str, Any]) -> str:
    """A new stream of a function's group, one for each worker; in a group that others may share it names the function.

    AWS Lambda developer guide, "Configuring CloudWatch log groups".
    """
    function = "" if group_name(config) == _own_group(config) else config["FunctionName"]
    return f"{datetime.now(UTC):%Y/%m/%d}/{function}[{config.get('Version', '$LATEST')}]{uuid.uuid4().hex}"


def logs_to(request_id: str, stream: str) -> None:
    """What this invocation logs goes to ``stream``."""
    _streams[request_id] = stream


@mend
def lambda_log_streams(cloud: Cloud, gateway: Gateway) -> None:
    """Each invocation gets a stream of its own whose name has no function, so a shared group cannot say whose lines are whose.

    And what the runtime says itself is text where ``LogFormat`` is JSON. With this a stream is a worker's and named as Lambda
    names it, and start, end and errors are JSON where they should be.
    """
    lambda_svc._emit_lambda_logs = _emit


def _emit(
    func: dict[str, Any], request_id: str, log_text: str, error: bool, duration_ms: int, *, log_source: str | None = None
) -> None:
    config = func.get("config") or func
    group, stream = group_name(config), _streams.pop(request_id, None) or stream_name(config)
    logs._create_log_group({"logGroupName": group})
    logs._create_log_stream({"logGroupName": group, "logStreamName": stream})
    now = datetime.now(UTC)
    stamp = int(now.timestamp() * 1000)
    begin, end = _runtime_lines(config, request_id, duration_ms, error, now)
    events = [
        {"timestamp": stamp, "message": line, "ingestionTime": stamp} for line in [*begin, *(log_text or "").splitlines(), *end]
    ]
    logs._append_log_events(logs._log_groups[group]["streams"][stream], events)
    logs._fanout_to_subscription_filters(group, stream, events)


def _runtime_lines(
    config: dict[str, Any], request_id: str, duration_ms: int, error: bool, now: datetime
) -> tuple[list[str], list[str]]:
    """What Lambda itself says before and after: system logs, as its developer guide has them in both formats."""
    version, memory = config.get("Version", "$LATEST"), config.get("MemorySize", 128)
    if (config.get("LoggingConfig") or {}).get("LogFormat") != "JSON":
        report = f"REPORT RequestId: {request_id}\tDuration: {duration_ms} ms\tMemory Size: {memory} MB"
        return [f"START RequestId: {request_id} Version: {version}"], [f"END RequestId: {request_id}", report]

    def line(kind: str, **record: Any) -> str:
        time = f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03}Z"
        return json.dumps({"time": time, "type": f"platform.{kind}", "record": {"requestId": request_id, **record}})

    metrics = {"durationMs": duration_ms, "memorySizeMB": memory}
    return [line("start", version=version)], [line("report", status="error" if error else "success", metrics=metrics)]


@mend
def log_pages(cloud: Cloud, gateway: Gateway) -> None:
    """FilterLogEvents ends after 10,000 events without a ``nextToken``: who searches a large group misses the rest, untold."""
    original = logs._filter_log_events

    def filter_log_events(data: dict[str, Any]) -> Any:
        if data.get("logGroupName") not in logs._log_groups:
            return original(data)
        begin, size = logs._decode_token(data.get("nextToken")), min(data.get("limit", LARGEST_PAGE), LARGEST_PAGE)
        found = list(islice(_matching(data), begin, begin + size + 1))
        more = {"nextToken": logs._encode_token(begin + size)} if len(found) > size else {}
        return logs.json_response({"events": found[:size], "searchedLogStreams": [], **more})

    replace_action(logs, original, filter_log_events)


@mend
def json_filter_patterns(cloud: Cloud, gateway: Gateway) -> None:
    """A filter pattern for JSON (``{ $.cluster = "a" }``) matches every line, so a search for one run shows all of them.

    With this it compares fields with texts, ``*`` at their ends, joined by ``&&``; any other pattern for JSON matches nothing.
    """
    original = logs._compile_filter_pattern

    def compile_filter_pattern(raw: str) -> Callable[[str], bool]:
        return _json_pattern(raw.strip()) if raw.strip().startswith("{") else original(raw)

    logs._compile_filter_pattern = compile_filter_pattern


def _json_pattern(pattern: str) -> Callable[[str], bool]:
    conditions = [_CONDITION.fullmatch(part.strip()) for part in pattern.strip("{} ").split("&&")]

    def matches(message: str) -> bool:
        try:
            line = json.loads(message)
        except ValueError:
            return False
        return isinstance(line, dict) and all(
            found is not None
            and found["field"] in line
            and fnmatch.fnmatchcase(str(line[found["field"]]), _glob(found["text"])) is (found["comparison"] == "=")
            for found in conditions
        )

    return matches


def _glob(text: str) -> str:
    """``*`` is the only wildcard of a filter pattern."""
    return text.replace("[", "[[]").replace("?", "[?]")


def _matching(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The events that a request asks for, oldest first."""
    matches = logs._compile_filter_pattern(data.get("filterPattern", ""))
    since, until = data.get("startTime", 0), data.get("endTime", float("inf"))
    streams = logs._log_groups[data["logGroupName"]]["streams"]
    with logs._log_events_lock:
        asked = [
            [{**event, "logStreamName": name} for event in streams[name]["events"] if since <= event["timestamp"] <= until]
            for name in data.get("logStreamNames") or list(streams)
            if name in streams
        ]
    merged = heapq.merge(*asked, key=lambda event: event["timestamp"])
    return (event for event in merged if matches(event["message"]))
