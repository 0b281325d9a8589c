"""Questions that an execution waits with, and the answers to them.

A question is found by the execution's ARN, in its history, or by the cluster's name, in the Clusters table; it is shown before it
is answered. What was asked and what is answered always have the same task token.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from hubplane_cli.cloud import Cloud, asking
from hubplane_cli.errors import NoAccess, WrongUse
from hubplane_cli.executions import region_of
from hubplane_cli.follow import child_of, describe, reason_of

_STALE = {"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"}


@dataclass(frozen=True)
class Question:
    """What is asked, and the token that an answer goes to."""

    task_token: str
    reason: str
    details: tuple[str, ...] = ()


def questions_about(cloud: Cloud, target: str) -> list[Question]:
    """The open questions of an execution (by its ARN) or of a cluster (by its name)."""
    if target.startswith("arn:"):
        return _of_execution(cloud, target)
    record = cloud.cluster(target)
    documents = [json.loads(text) for name, text in record.items() if name.endswith("approval")]
    return [_question(document) for document in documents if document.get("task_token")]


def _question(document: Mapping[str, Any]) -> Question:
    details = [str(item) for item in document.get("changes") or document.get("stack_changes") or ()]
    return Question(document["task_token"], reason_of(document), tuple(details))


def _of_execution(cloud: Cloud, execution_arn: str) -> list[Question]:
    """The question that the execution, or one that it waits for, waits with now: the token is among the task's arguments."""
    client = cloud.client("stepfunctions", region_of(execution_arn))
    if describe(client, execution_arn)["status"] != "RUNNING":
        return []
    arguments: dict[str, Any] = {"executionArn": execution_arn, "reverseOrder": True, "maxResults": 100}
    with asking("read the execution's history"):
        newest = client.get_execution_history(**arguments)["events"]
    for event in newest:
        if event["type"] in ("TaskSucceeded", "TaskFailed", "TaskTimedOut"):
            return []
        if event["type"] == "TaskSubmitted" and (child_arn := child_of(event)):
            return _of_execution(cloud, child_arn)
        details = event.get("taskScheduledEventDetails", {})
        if details.get("resource", "").endswith(".waitForTaskToken"):
            payload = json.loads(details["parameters"]).get("Payload", {})
            return [_question(payload)] if payload.get("task_token") else []
    return []


def answer(cloud: Cloud, target: str | None, token: str | None, document: Mapping[str, Any], sure: bool) -> int:
    """Send ``document`` as the answer to the one open question, after showing it; the exit code.

    ``sure`` answers without asking again; a person at a terminal is asked, and a program has to be sure.
    """
    if token is None and target is None:
        raise WrongUse("which question? give the execution's ARN, the cluster's name or --token")
    found = [Question(token, "")] if token else questions_about(cloud, target or "")
    if not found:
        raise WrongUse(f"nothing waits for an answer at {target}: it was answered, it has ended, or it has not asked yet")
    if len(found) > 1:
        raise WrongUse(f"{len(found)} questions wait at {target}: give the execution's ARN, which the mail names")
    question = found[0]
    for line in (question.reason, *(f"- {detail}" for detail in question.details)):
        if line:
            click.echo(line, err=True)
    if not sure:
        if not sys.stdin.isatty():
            raise WrongUse("nobody is here to be asked again: give --yes to answer without")
        click.confirm("Approve this?" if document["approved"] else "Refuse this?", abort=True, err=True)
    _send(cloud, target, question, document)
    click.echo(f"{'approved' if document['approved'] else 'refused'} by {document['by']}", err=True)
    return 0


def _send(cloud: Cloud, target: str | None, question: Question, document: Mapping[str, Any]) -> None:
    from botocore.exceptions import ClientError

    region = region_of(target) if target and target.startswith("arn:") else None
    client = cloud.client("stepfunctions", region)
    with asking("answer the question"):
        try:
            client.send_task_success(taskToken=question.task_token, output=json.dumps(document))
        except ClientError as error:
            if error.response["Error"].get("Code") in _STALE:
                raise WrongUse("this question waits no more: it was answered, or its time has passed") from None
            raise


def caller(cloud: Cloud) -> str:
    """Who answers, where --by does not say: the ARN of the credentials. Raises ``WrongUse`` where even that is not known."""
    try:
        with asking("ask who you are"):
            arn: str = cloud.client("sts").get_caller_identity()["Arn"]
    except NoAccess as error:
        raise WrongUse(f"{error}\nor say who answers with --by") from error
    return arn
