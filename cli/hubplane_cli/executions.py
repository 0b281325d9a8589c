"""Starting an execution and following it to its end, whatever it is of."""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hubplane_cli.cloud import Cloud, asking
from hubplane_cli.errors import FAILED, INTERRUPTED, TROUBLE, Problem, WrongUse
from hubplane_cli.follow import Ending, Execution, describe, ending
from hubplane_cli.machines import machine_of
from hubplane_cli.screen import Progress, clock, plain, print_json, show_ending, unheard

SHORTEST_PAUSE, LONGEST_PAUSE = 0.5, 5.0
"""Seconds between two looks. GetExecutionHistory refills 20 a second for an account in most Regions (Step Functions quotas), so
even a room full of people watching stays far below it."""
_ARN_PARTS = 8


def start(cloud: Cloud, machine_name: str, document: Mapping[str, Any], name: str | None) -> str:
    """Start an execution; its ARN. The same name with the same input, while it runs, is the same execution."""
    from botocore.exceptions import ClientError

    machine_arn, client = cloud.machine_arn(machine_name), cloud.client("stepfunctions")
    name = name or f"{machine_name.replace('_', '-')}-{uuid.uuid4().hex[:12]}"
    with asking(f"start {machine_name}"):
        try:
            answer = client.start_execution(stateMachineArn=machine_arn, name=name, input=json.dumps(document))
        except ClientError as error:
            if error.response["Error"].get("Code") == "ExecutionAlreadyExists":
                raise WrongUse(f"an execution {name} was there already, with other input or ended: give another --name") from None
            raise
    arn: str = answer["executionArn"]
    return arn


def run(cloud: Cloud, machine_name: str, document: Mapping[str, Any], name: str | None, watch: bool, as_json: bool) -> int:
    """Start an execution and follow it if that is wanted; the exit code."""
    arn = start(cloud, machine_name, document, name)
    if watch:
        return follow(cloud, arn, as_json)
    if as_json:
        print_json({"execution_arn": arn, "status": "RUNNING"})
    else:
        Progress().note(f"started {arn}\n{how_to_watch(arn)}")
    return 0


def follow(cloud: Cloud, execution_arn: str, as_json: bool) -> int:
    """Show an execution until it ends, then its result; the exit code. Being interrupted leaves it running, and says so."""
    progress = Progress()
    try:
        ended = _followed(cloud, execution_arn, progress)
    except BrokenPipeError:  # hubplane … --watch 2>&1 | head: nobody is there to be told
        unheard(sys.stderr)
        return INTERRUPTED
    except KeyboardInterrupt:
        progress.clear()
        Progress().note(f"\nThe execution goes on. {how_to_watch(execution_arn)}")
        return INTERRUPTED
    except Problem as problem:
        progress.clear()
        if not isinstance(problem, WrongUse):
            problem.args = (f"{problem}\nThe execution goes on. {how_to_watch(execution_arn)}",)
        raise
    code, trouble = judged(ended)
    try:
        show_ending(ended, as_json)
        if trouble:
            progress.note(trouble)
    except BrokenPipeError:
        unheard(sys.stderr)
    return code


def judged(ended: Ending) -> tuple[int, str]:
    """0, 1 where the execution failed, or 5 where its result says that something is wrong, with the sentence that tells so."""
    if not ended.succeeded:
        return FAILED, ""
    machine = machine_of(ended.execution_arn)
    good = machine.good if machine else None
    if good is None or (found := good.found(ended.result)) in good.values:
        return 0, ""
    told = f"{len(found)} of them" if isinstance(found, list) else plain(found)
    return TROUBLE, f"it succeeded, and its result says that something is wrong ({good.key}: {told}): exit code {TROUBLE}"


def _followed(cloud: Cloud, execution_arn: str, progress: Progress) -> Ending:
    client = cloud.client("stepfunctions", region_of(execution_arn))
    began = describe(client, execution_arn)["startDate"]
    execution, pause = Execution(client, execution_arn), SHORTEST_PAUSE
    progress.note(f"{execution_arn}")
    while True:
        heard = False
        for told in execution.look():
            progress.tell(told)
            heard = True
        if execution.ended:
            break
        pause = SHORTEST_PAUSE if heard else min(pause * 1.5, LONGEST_PAUSE)
        progress.now((datetime.now(UTC) - began).total_seconds(), execution.path)
        time.sleep(pause)
    progress.clear()
    ended = ending(client, execution_arn)
    progress.note(f"{clock(ended.seconds)}  {ended.status.lower().replace('_', ' ')}")
    return ended


def how_to_watch(execution_arn: str) -> str:
    return f"Watch it with: hubplane watch {execution_arn}"


def region_of(execution_arn: str) -> str:
    """The Region in an execution's ARN. Raises ``WrongUse`` for anything else."""
    parts = execution_arn.split(":")
    if len(parts) < _ARN_PARTS or parts[0] != "arn" or parts[2] != "states" or parts[5] != "execution":
        raise WrongUse(
            f"{execution_arn} is no execution's ARN, such as arn:aws:states:us-east-1:111122223333:execution:MACHINE:NAME: "
            "hubplane executions lists those that run"
        )
    return parts[3]
