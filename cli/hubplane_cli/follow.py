"""What an execution has done since one last looked, read from its history, with the executions that it started and waits for.

The newest events are read first and only down to the last one seen, so a look costs one call however long the history is
(GetExecutionHistory, reverseOrder). Each state that does something is told once, and once what it waits for: a loop of waiting is
no news.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from hubplane_cli.cloud import asking
from hubplane_cli.errors import WrongUse

NEWS = ("TaskStateEntered", "MapStateEntered", "ParallelStateEntered")
ENDS = {"ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"}
_TASK_ENDS = {"TaskSucceeded", "TaskFailed", "TaskTimedOut", "TaskStateAborted"}
_PAGE = 100
_NO_FACTS = {"task_token", "execution_arn"}
_MARKS_STAGE = re.compile(r"Enter[A-Z]")
"""States that only write down the stage that follows (docs/architecture.md): it is told by its own state a moment later."""


@dataclass(frozen=True)
class Told:
    """Something to show. ``depth`` counts nested executions, ``seconds`` since the outermost one began."""

    kind: Literal["state", "reason", "execution", "map", "question"]
    words: str
    seconds: float
    depth: int = 0


@dataclass(frozen=True)
class Ending:
    """How an execution ended. ``result`` where it succeeded, else the error's name and the cause in words."""

    execution_arn: str
    status: str
    seconds: float
    result: Any = None
    error: str = ""
    cause: str = ""

    @property
    def succeeded(self) -> bool:
        return self.status == "SUCCEEDED"

    def as_json(self) -> dict[str, Any]:
        """What --json prints: always the ARN, the status and the seconds, then the result or the error."""
        start = {"execution_arn": self.execution_arn, "status": self.status, "seconds": round(self.seconds, 1)}
        return {**start, "result": self.result} if self.succeeded else {**start, "error": self.error, "cause": self.cause}


@dataclass
class Execution:
    """One execution that is being followed; ``client`` is a boto3 Step Functions client."""

    client: Any
    arn: str
    depth: int = 0
    zero: datetime | None = None
    current: str = ""
    ended: bool = False
    _began: datetime | None = None
    _last_id: int = 0
    _told: set[str] = field(default_factory=set)
    _waits: str = ""
    _children: list[Execution] = field(default_factory=list)
    _map: dict[str, Any] = field(default_factory=dict)
    _question: Told | None = None

    def look(self) -> Iterator[Told]:
        """What is new since the last look, oldest first. ``ended`` is true when nothing more can come."""
        for event in self._new_events():
            self._last_id = event["id"]
            if self._began is None:
                self._began = event["timestamp"]
                self.zero = self.zero or event["timestamp"]
            yield from self._heard(event)
        if self._question is not None:
            yield self._question
            self._question = None
        yield from self._look_at_children()
        if self._map.get("run"):
            yield from self._map_run()

    @property
    def path(self) -> str:
        """Where it is now and what it waits for: ``PruneVolumes > CopyHome: vol-1 is still in-use``."""
        here = f"{self.current}: {self._waits}" if self._waits else self.current
        return " > ".join([here, *(child.path for child in self._children[-1:] if child.current)])

    def _heard(self, event: Mapping[str, Any]) -> Iterator[Told]:
        kind = event["type"]
        if kind in NEWS:
            if self.current != event["stateEnteredEventDetails"]["name"]:
                self.current, self._waits = event["stateEnteredEventDetails"]["name"], ""
            self._map = {"run": True} if kind == "MapStateEntered" else {}
            if self.current not in self._told and not _MARKS_STAGE.match(self.current):
                self._told.add(self.current)
                yield self._tell("state", self.current, event)
        elif kind == "TaskScheduled" and event["taskScheduledEventDetails"]["resource"].endswith(".waitForTaskToken"):
            asked = self._asked(event["taskScheduledEventDetails"].get("parameters", "{}"))
            self._question = self._tell("question", asked, event)
        elif kind == "TaskSubmitted" and (child_arn := child_of(event)):
            self._children.append(Execution(self.client, child_arn, self.depth + 1, self.zero))
            yield self._tell("execution", child_arn, event, self.depth + 1)
        elif kind in _TASK_ENDS:
            self._question = None  # asked and answered before anybody looked
            yield from self._look_at_children()
            self._waits = not_yet(event)
            if self._waits and f"{self.current}:" not in self._told:
                self._told.add(f"{self.current}:")
                yield self._tell("reason", f"  {self._waits}", event)
        elif kind in ENDS:
            self.ended = True

    def _look_at_children(self) -> Iterator[Told]:
        """Those of branches run side by side; each is looked at until it has ended itself."""
        for child in self._children:
            yield from child.look()
        self._children = [child for child in self._children if not child.ended]

    def _asked(self, parameters: str) -> str:
        """What is asked and how it is answered."""
        reason = reason_of(json.loads(parameters).get("Payload", {}))
        return f"{reason}\nanswer with: hubplane approve {self.arn}\n         or: hubplane reject {self.arn} --reason WHY"

    def _map_run(self) -> Iterator[Told]:
        """Counts of the Distributed Map that runs now, whenever they have changed; an inline Map has no run."""
        with asking("look at the map run"):
            runs = self.client.list_map_runs(executionArn=self.arn)["mapRuns"]
            open_runs = [run for run in runs if "stopDate" not in run or run["stopDate"] is None]
            if not open_runs:
                return
            counts = self.client.describe_map_run(mapRunArn=open_runs[-1]["mapRunArn"])["itemCounts"]
        done = counts["succeeded"] + counts["failed"] + counts["timedOut"] + counts["aborted"]
        failed = f", {done - counts['succeeded']} failed" if done > counts["succeeded"] else ""
        words = f"{self.current}: {done} of {counts['total']} batches{failed}"
        if words != self._map.get("words"):
            self._map["words"] = words
            yield Told("map", words, self._since(open_runs[-1]["startDate"]), self.depth)

    def _new_events(self) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        arguments: dict[str, Any] = {"executionArn": self.arn, "reverseOrder": True, "maxResults": _PAGE}
        while not self.ended:
            with asking("read the execution's history"):
                page = self.client.get_execution_history(**arguments)
            new = [event for event in page["events"] if event["id"] > self._last_id]
            found += new
            if len(new) < len(page["events"]) or not page.get("nextToken"):
                break
            arguments["nextToken"] = page["nextToken"]
        return found[::-1]

    def _tell(self, kind: Any, words: str, event: Mapping[str, Any], depth: int | None = None) -> Told:
        return Told(kind, words, self._since(event["timestamp"]), self.depth if depth is None else depth)

    def _since(self, moment: datetime) -> float:
        return (moment - self.zero).total_seconds() if self.zero else 0.0


def child_of(submitted: Mapping[str, Any]) -> str | None:
    """The ARN of the nested execution that a ``TaskSubmitted`` event tells of; None for one of another kind."""
    details = submitted["taskSubmittedEventDetails"]
    if "startExecution.sync" not in details["resource"]:
        return None
    found: str | None = json.loads(details.get("output") or "{}").get("ExecutionArn")
    return found


def not_yet(ended: Mapping[str, Any]) -> str:
    """Why a function that is asked again and again is not done yet (``done`` or ``ready`` is false), in its own words."""
    try:
        payload = json.loads(ended.get("taskSucceededEventDetails", {}).get("output") or "{}").get("Payload")
    except ValueError:  # an output that is too long is cut
        return ""
    if not isinstance(payload, dict) or False not in (payload.get("done"), payload.get("ready")):
        return ""
    return " ".join(str(payload.get("reason") or "").split())  # a second line could not be written over


def reason_of(question: Mapping[str, Any]) -> str:
    """What a question is about: its reason, that of the stop which it tells of, or else whatever facts it gives."""
    reason = question.get("reason") or (question.get("stop") or {}).get("reason")
    facts = [f"{name} {value}" for name, value in question.items() if isinstance(value, str) and value and name not in _NO_FACTS]
    return str(reason or ", ".join(facts) or "it gives no reason")


def describe(client: Any, execution_arn: str) -> dict[str, Any]:
    """DescribeExecution. Raises ``WrongUse`` for an ARN that is none or that nothing has."""
    from botocore.exceptions import ClientError

    with asking("describe the execution"):
        try:
            found: dict[str, Any] = client.describe_execution(executionArn=execution_arn)
        except ClientError as error:
            if error.response["Error"].get("Code") in ("ExecutionDoesNotExist", "InvalidArn", "ValidationException"):
                raise WrongUse(
                    f"there is no execution {execution_arn}: executions are forgotten 90 days after their end"
                ) from None
            raise
    return found


def ending(client: Any, execution_arn: str) -> Ending:
    """How an execution ended; status RUNNING where it has not."""
    found = describe(client, execution_arn)
    seconds = (found["stopDate"] - found["startDate"]).total_seconds() if found.get("stopDate") else 0.0
    result = json.loads(found["output"]) if found.get("output") else None
    error, cause = _failure(found)
    return Ending(execution_arn, found["status"], seconds, result, error, cause)


def _failure(found: Mapping[str, Any]) -> tuple[str, str]:
    """Error and cause in words: of a failed Lambda or a failed child the cause is JSON, and the words are inside it."""
    error, cause = found.get("error") or "", found.get("cause") or ""
    try:
        inner = json.loads(cause)
    except ValueError:
        return error, cause
    if isinstance(inner, dict) and "errorMessage" in inner:
        return error, str(inner["errorMessage"])
    if isinstance(inner, dict) and "Cause" in inner:
        return _failure({"error": inner.get("Error") or error, "cause": inner["Cause"]})
    return error, cause
