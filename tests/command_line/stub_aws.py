"""Just enough of AWS over HTTP for the command-line program: a stack, two clusters, and executions that tests script.

An execution's history comes in batches: each look, that is each first page, sees one batch more, so that no test waits for a
clock. Requests are kept in ``asked`` as (operation, parameters).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

ACCOUNT, REGION = "111122223333", "us-east-1"
BEGAN = datetime(2026, 11, 25, 10, 0, tzinfo=UTC).timestamp()
STATES = f"arn:aws:states:{REGION}:{ACCOUNT}"
MACHINES = {
    "BuildCluster": "build",
    "RunStorageDay": "day",
    "ImportUsers": "import",
    "OffboardUser": "offboard",
    "DeleteCluster": "delete",
    "UpgradeCluster": "upgrade",
}


class Refusal(Exception):
    """An AWS error: status, code, message."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


@dataclass
class Script:
    """One execution: batches of events, and what DescribeExecution says after the last one."""

    batches: list[list[dict[str, Any]]]
    ending: dict[str, Any]
    seen: int = 0

    @property
    def events(self) -> list[dict[str, Any]]:
        flat = [event for batch in self.batches[: self.seen] for event in batch]
        return [{"id": number, "timestamp": BEGAN + number, **event} for number, event in enumerate(flat, start=1)]

    @property
    def ended(self) -> bool:
        return self.seen >= len(self.batches)


@dataclass
class StubAws:
    """A server on 127.0.0.1; ``refuse`` maps an operation to the error that it ends with."""

    outputs: dict[str, str] = field(default_factory=dict)
    clusters: dict[str, dict[str, str]] = field(default_factory=dict)
    eks: dict[str, dict[str, Any]] = field(default_factory=dict)
    access_entries: list[str] = field(default_factory=list)
    executions: dict[str, Script] = field(default_factory=dict)
    next_script: Script | None = None
    map_run: dict[str, Any] | None = None
    open_tokens: set[str] = field(default_factory=set)
    refuse: dict[str, Refusal] = field(default_factory=dict)
    on_history: Callable[[], None] | None = None
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    caller: str = f"arn:aws:sts::{ACCOUNT}:assumed-role/hub-operators/ada"
    page_size: int = 1000

    def __post_init__(self) -> None:
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                target = self.headers.get("X-Amz-Target", "")
                if target:
                    stub._answer_json(self, target.partition(".")[2], json.loads(body or "{}"))
                else:
                    fields = dict(parse_qsl(body))
                    stub._answer_xml(self, fields.pop("Action"), fields)

            def do_GET(self) -> None:
                stub._answer_rest(self, self.path.partition("?")[0])

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.outputs = {f"{name}StateMachineArn": f"{STATES}:stateMachine:{short}" for name, short in MACHINES.items()}
        self.outputs["ClustersTableName"] = "clusters"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def started(self) -> list[tuple[str, dict[str, Any]]]:
        """(machine's short name, input) of each execution that was started."""
        found = [given for operation, given in self.asked if operation == "StartExecution"]
        return [(given["stateMachineArn"].rpartition(":")[2], json.loads(given["input"])) for given in found]

    def _run(self, operation: str, given: dict[str, Any], answers: dict[str, Callable[[dict[str, Any]], Any]]) -> Any:
        self.asked.append((operation, given))
        if operation in self.refuse:
            raise self.refuse[operation]
        if operation not in answers:
            raise Refusal("UnknownOperationException", f"the stub has no {operation}")
        return answers[operation](given)

    def _answer_json(self, handler: BaseHTTPRequestHandler, operation: str, given: dict[str, Any]) -> None:
        answers = {
            "StartExecution": self._start,
            "DescribeExecution": self._describe,
            "GetExecutionHistory": self._history,
            "ListExecutions": self._list,
            "SendTaskSuccess": self._task_success,
            "ListMapRuns": lambda _: {"mapRuns": [self.map_run] if self.map_run else []},
            "DescribeMapRun": lambda _: self.map_run,
            "Scan": lambda _: {"Items": [_item(name, record) for name, record in sorted(self.clusters.items())], "Count": 0},
            "GetItem": self._item,
        }
        try:
            _send(handler, 200, json.dumps(self._run(operation, given, answers)), "application/x-amz-json-1.0")
        except Refusal as error:
            document = {"__type": f"com.amazonaws#{error.code}", "message": str(error)}
            _send(handler, error.status, json.dumps(document), "application/x-amz-json-1.0")

    def _answer_xml(self, handler: BaseHTTPRequestHandler, operation: str, given: dict[str, Any]) -> None:
        answers = {"DescribeStacks": self._stacks, "GetCallerIdentity": lambda _: f"<Arn>{self.caller}</Arn>"}
        try:
            inner = self._run(operation, given, answers)
            text = f"<{operation}Response><{operation}Result>{inner}</{operation}Result></{operation}Response>"
            _send(handler, 200, text, "text/xml")
        except Refusal as error:
            text = f"<ErrorResponse><Error><Code>{error.code}</Code><Message>{error}</Message></Error></ErrorResponse>"
            _send(handler, error.status, text, "text/xml")

    def _answer_rest(self, handler: BaseHTTPRequestHandler, path: str) -> None:
        parts = path.strip("/").split("/")
        answers: dict[str, Callable[[dict[str, Any]], Any]] = {
            "ListClusters": lambda _: {"clusters": sorted(self.eks)},
            "DescribeCluster": self._cluster,
            "ListAccessEntries": lambda _: {"accessEntries": self.access_entries},
        }
        operation = {1: "ListClusters", 2: "DescribeCluster"}.get(len(parts), "ListAccessEntries")
        try:
            given = {"name": parts[1]} if len(parts) > 1 else {}
            _send(handler, 200, json.dumps(self._run(operation, given, answers)), "application/json")
        except Refusal as error:
            handler.error_code = error.code  # type: ignore[attr-defined]
            _send(handler, error.status, json.dumps({"message": str(error)}), "application/json", error.code)

    def _start(self, given: dict[str, Any]) -> dict[str, Any]:
        arn = f"{given['stateMachineArn'].replace(':stateMachine:', ':execution:')}:{given['name']}"
        self.executions[arn] = self.next_script or Script(
            [[{"type": "ExecutionSucceeded"}]], {"status": "SUCCEEDED", "output": "{}"}
        )
        return {"executionArn": arn, "startDate": BEGAN}

    def _describe(self, given: dict[str, Any]) -> dict[str, Any]:
        script = self._script(given)
        start = {"executionArn": given["executionArn"], "stateMachineArn": "", "startDate": BEGAN, "status": "RUNNING"}
        return {**start, **({"stopDate": BEGAN + 65, **script.ending} if script.ended else {})}

    def _list(self, given: dict[str, Any]) -> dict[str, Any]:
        """A page of those of one machine that are in the state asked for, the newest first, as AWS does."""
        prefix = given["stateMachineArn"].replace(":stateMachine:", ":execution:")
        found = []
        for number, arn in enumerate(self.executions):
            told = {**self._describe({"executionArn": arn}), "name": arn.rpartition(":")[2], "startDate": BEGAN + number}
            if arn.startswith(f"{prefix}:") and given.get("statusFilter") in (None, told["status"]):
                found.append({name: value for name, value in told.items() if name != "output"})
        begin, size = int(given.get("nextToken", 0)), given.get("maxResults") or 100
        more = {"nextToken": str(begin + size)} if len(found) > begin + size else {}
        return {"executions": found[::-1][begin : begin + size], **more}

    def _history(self, given: dict[str, Any]) -> dict[str, Any]:
        script = self._script(given)
        if "nextToken" not in given:
            script.seen = min(script.seen + 1, len(script.batches))
            if self.on_history:
                self.on_history()
        events = script.events[::-1] if given.get("reverseOrder") else script.events
        begin, size = int(given.get("nextToken", 0)), min(given.get("maxResults", 100), self.page_size)
        more = {"nextToken": str(begin + size)} if begin + size < len(events) else {}
        return {"events": events[begin : begin + size], **more}

    def _script(self, given: dict[str, Any]) -> Script:
        if given["executionArn"] not in self.executions:
            raise Refusal("ExecutionDoesNotExist", f"Execution Does Not Exist: '{given['executionArn']}'")
        return self.executions[given["executionArn"]]

    def _task_success(self, given: dict[str, Any]) -> dict[str, Any]:
        if given["taskToken"] not in self.open_tokens:
            raise Refusal("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
        self.open_tokens.remove(given["taskToken"])
        return {}

    def _item(self, given: dict[str, Any]) -> dict[str, Any]:
        name = given["Key"]["cluster_name"]["S"]
        return {"Item": _item(name, self.clusters[name])} if name in self.clusters else {}

    def _cluster(self, given: dict[str, Any]) -> dict[str, Any]:
        if given["name"] not in self.eks:
            raise Refusal("ResourceNotFoundException", f"No cluster found for name: {given['name']}.", 404)
        return {"cluster": {"name": given["name"], **self.eks[given["name"]]}}

    def _stacks(self, given: dict[str, Any]) -> str:
        if given.get("StackName", "hubplane") != "hubplane":
            raise Refusal("ValidationError", f"Stack with id {given['StackName']} does not exist")
        outputs = "".join(
            f"<member><OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue></member>"
            for key, value in self.outputs.items()
        )
        return f"<Stacks><member><StackName>hubplane</StackName><Outputs>{outputs}</Outputs></member></Stacks>"


def _item(name: str, record: dict[str, str]) -> dict[str, Any]:
    return {"cluster_name": {"S": name}, **{key: {"S": value} for key, value in record.items()}}


def _send(handler: BaseHTTPRequestHandler, status: int, text: str, kind: str, code: str = "") -> None:
    body = text.encode()
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(body)))
    if code:
        handler.send_header("x-amzn-errortype", code)
    handler.end_headers()
    handler.wfile.write(body)


def entered(name: str, kind: str = "Task") -> dict[str, Any]:
    """An event: a state began."""
    return {"type": f"{kind}StateEntered", "stateEnteredEventDetails": {"name": name, "input": "{}"}}


def scheduled(resource: str, payload: dict[str, Any] | None = None) -> dict[str, Any]:
    """An event: a task was given out."""
    details = {
        "resourceType": "lambda",
        "resource": resource,
        "region": REGION,
        "parameters": json.dumps({"Payload": payload or {}}),
    }
    return {"type": "TaskScheduled", "taskScheduledEventDetails": details}


def submitted(child_arn: str) -> dict[str, Any]:
    """An event: a nested execution was started."""
    output = json.dumps({"ExecutionArn": child_arn})
    details = {"resourceType": "states", "resource": "startExecution.sync:2", "output": output}
    return {"type": "TaskSubmitted", "taskSubmittedEventDetails": details}


def done(resource: str = "invoke", payload: dict[str, Any] | None = None) -> dict[str, Any]:
    """An event: a task ended well; ``payload`` is what its function answered."""
    output = json.dumps({"Payload": payload} if payload else {})
    return {
        "type": "TaskSucceeded",
        "taskSucceededEventDetails": {"resourceType": "lambda", "resource": resource, "output": output},
    }


def succeeded() -> dict[str, Any]:
    """An event: the execution ended well."""
    return {"type": "ExecutionSucceeded"}
