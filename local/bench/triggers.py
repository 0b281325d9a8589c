"""How long a person waits for the first answer of each Cognito trigger, in the real Lambda runtime, and what it ships.

The first answer of a new environment holds the start of Python, the imports and the work; AWS answers at once, from this process.
Each is measured in turns with an empty handler, and the median of the ratios counts: it differs less between machines.
"""

from __future__ import annotations

import http.server
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from local.bench.functions import MAY_BE_EMPTY, built_functions, layers_of, unzipped_bytes
from local.guide.processes import REPOSITORY
from local.lambda_runtime import LambdaRuntime

TRIGGERS = {
    "PreSignUp": ("pre_sign_up", "PreSignUp_SignUp"),
    "PostConfirmation": ("post_confirmation", "PostConfirmation_ConfirmSignUp"),
    "CustomMessage": ("custom_message", "CustomMessage_SignUp"),
    "PreAuthentication": ("pre_authentication", "PreAuthentication_Authentication"),
    "PostAuthentication": ("post_authentication", "PostAuthentication_Authentication"),
    "PreTokenGeneration": ("pre_token_generation", "TokenGeneration_HostedAuth"),
}
WITHOUT_AWS = {"CustomMessage"}
LARGEST_RATIO = {False: 5.0, True: 2.0}
PAIRS = 7
EMPTY = "def handler(event, context):\n    return event\n"
SHAPED = {
    "USER_POOL_DOMAIN_URL": "https://hubplane.auth.us-east-1.amazoncognito.com",
    "SENDER_ADDRESS": "hub@example.org",
}


@dataclass(frozen=True)
class TriggerFigures:
    """One trigger: its first answer and the next one as multiples of the empty handler's first, AWS calls, bytes unzipped."""

    name: str
    first_ratio: float
    first_ms: float
    next_ms: float
    calls: tuple[str, ...]
    unzipped_bytes: int

    @property
    def goal(self) -> float:
        """The largest ratio that is good enough."""
        return LARGEST_RATIO[self.name in WITHOUT_AWS]

    @property
    def is_within_goal(self) -> bool:
        """Whether a person waits no longer than that."""
        return self.first_ratio <= self.goal


def measure(build_dir: Path, pairs: int = PAIRS) -> list[TriggerFigures]:
    """Figures of every trigger, from the artefacts that ``sam build`` made."""
    functions = built_functions(build_dir)
    with tempfile.TemporaryDirectory(prefix="hubplane-empty-") as folder, _aws() as aws:
        empty = Path(folder)
        (empty / "app.py").write_text(EMPTY)
        return [_measure(build_dir, name, functions[f"{name}Function"], empty, aws, pairs) for name in TRIGGERS]


def table(figures: list[TriggerFigures]) -> Table:
    """The figures for people, with the calls of one sign-up in the order in which they are made."""
    shown = Table(title="sign-up triggers, first answer of a new environment / an empty handler's", title_justify="left")
    for heading in ("trigger", "ratio", "first", "next", "AWS calls", "unzipped with layers", "goal"):
        shown.add_column(heading)
    for item in figures:
        verdict = f"<= {item.goal:.0f} {'met' if item.is_within_goal else 'MISSED'}"
        times = (f"{item.first_ratio:.2f}", f"{item.first_ms:.0f} ms", f"{item.next_ms:.0f} ms")
        shown.add_row(item.name, *times, ", ".join(item.calls) or "-", f"{item.unzipped_bytes / 10**6:.1f} MB", verdict)
    return shown


def _measure(build_dir: Path, name: str, properties: dict[str, Any], empty: Path, aws: Any, pairs: int) -> TriggerFigures:
    folder, source = TRIGGERS[name]
    event = json.loads((REPOSITORY / "events" / folder / f"{source}.json").read_text())
    path = [build_dir / layer / "python" for layer in layers_of(properties)]
    variables = dict.fromkeys(properties.get("Environment", {}).get("Variables", {}), "1")
    variables |= dict.fromkeys(variables.keys() & MAY_BE_EMPTY, "")
    variables |= {key: value for key, value in SHAPED.items() if key in variables}
    variables["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{aws.server_port}"
    code = build_dir / f"{name}Function"
    firsts, nexts, ratios = [], [], []
    for _ in range(pairs):
        aws.asked.clear()
        first, following = _seconds(code, variables, path, event)
        calls = tuple(aws.asked[: len(aws.asked) // 2])
        reference, _ = _seconds(empty, {}, [], event)
        firsts.append(first)
        nexts.append(following)
        ratios.append(first / reference)
    return TriggerFigures(
        name,
        statistics.median(ratios),
        statistics.median(firsts) * 1000,
        statistics.median(nexts) * 1000,
        calls,
        unzipped_bytes(build_dir, f"{name}Function", properties),
    )


def _seconds(code: Path, variables: dict[str, str], path: list[Path], event: dict[str, Any]) -> tuple[float, float]:
    """The first answer of a new environment, and the second."""
    taken = []
    with LambdaRuntime(code, variables, path) as runtime:
        for _ in range(2):
            begun = time.perf_counter()
            answer = runtime.invoke(event)
            taken.append(time.perf_counter() - begun)
            if answer.get("errorType", "RegistrationRefused") != "RegistrationRefused" or '"failed"' in runtime.logs():
                raise RuntimeError(f"{code.name}: {answer}\n{runtime.logs()}")
    return taken[0], taken[1]


class _Aws(http.server.BaseHTTPRequestHandler):
    """Says to everything that there is nothing yet, which is what a new person meets."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet an answer: two would make the client wait 40 ms for the second

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        target = self.headers.get("X-Amz-Target")
        operation = target.split(".")[-1] if target else body.split("&")[0].removeprefix("Action=")
        self.server.asked.append(operation)  # type: ignore[attr-defined]
        answers = {"BatchGetItem": {"Responses": {}}, "Scan": {"Items": []}}
        text = json.dumps(answers.get(operation, {})) if target else f"<{operation}Response><tagSet/></{operation}Response>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def _aws() -> Iterator[Any]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Aws) as server:
        server.asked = []  # type: ignore[attr-defined]
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
