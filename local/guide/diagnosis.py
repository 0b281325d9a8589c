"""Why a build failed, for a reader at a terminal: the stage, the cause, and the log lines of the function behind it."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

from rich.console import Console

from local.guide.deploy import client
from local.guide.follow import Outcome
from local.guide.processes import EmbeddedCloud

LINES = 15
STREAMS = 10  # a stream is a worker's: these are the last ones


def explain(console: Console, cloud: EmbeddedCloud, outcome: Outcome) -> None:
    """Print the error, the cause, and the last lines that the failing function logged."""
    console.print()
    console.print(f"The build {outcome.status.lower().replace('_', ' ')}: {outcome.error}", style="red bold")
    console.print(outcome.cause, highlight=False, soft_wrap=True, markup=False)
    function = last_function(cloud, outcome.execution_arn)
    if function:
        console.print(f"\nThe last lines of {function}:")
        for line in log_lines(cloud, function):
            console.print(f"  {line}", highlight=False, soft_wrap=True, markup=False)
    where = f"\nExecution: {outcome.execution_arn}\nLogs of the embedded cloud: {cloud.state_dir}"
    console.print(where, highlight=False, soft_wrap=True)


def last_function(cloud: EmbeddedCloud, execution_arn: str) -> str | None:
    """The function that the execution called last before it recorded its failure."""
    states = client(cloud, "stepfunctions")
    called: list[str] = []
    arguments: dict[str, Any] = {"executionArn": execution_arn, "maxResults": 1000}
    while True:
        page = states.get_execution_history(**arguments)
        for event in page["events"]:
            parameters = event.get("taskScheduledEventDetails", {}).get("parameters")
            name = json.loads(parameters).get("FunctionName") if parameters else None
            if name and "RecordFailure" not in name:
                called.append(name.rsplit(":", 1)[-1])
        if not page.get("nextToken"):
            break
        arguments["nextToken"] = page["nextToken"]
    return called[-1] if called else None


def log_lines(cloud: EmbeddedCloud, function: str) -> list[str]:
    """The last lines that a function logged; its room's group has those of others too, in streams that name them."""
    group = client(cloud, "lambda").get_function_configuration(FunctionName=function)["LoggingConfig"]["LogGroup"]
    logs = client(cloud, "logs")
    pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=group, orderBy="LastEventTime", descending=True)
    named = (stream["logStreamName"] for page in pages for stream in page["logStreams"])
    streams = list(islice((name for name in named if f"/{function}[" in name), STREAMS))
    if not streams:
        return ["(it has logged nothing)"]
    found = logs.get_paginator("filter_log_events").paginate(logGroupName=group, logStreamNames=streams)
    return [event["message"].rstrip() for page in found for event in page["events"]][-LINES:]
