"""From what helm wrote to the error class that a state machine matches, without the secrets that helm was given."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable

from hubplane.domain.errors import HubplaneError, NotYet, PodDisruptionBudgetImmutable, ReleaseFailed

REDACTED = "[redacted]"
LAST_LINES = 6
MAX_LINE_CHARACTERS = 1000
"""A refusal of one object fits; a rendered manifest that helm quotes does not. 6 lines stay far below Step Functions' 32,768
characters for an error's cause."""

# Shorter "secrets" (an empty one, a test's `x`) would turn every message into noise and hide nothing worth hiding.
SHORTEST_SECRET = 4

# The words of the API server's validation of policy objects (kubernetes/kubernetes issue 45398), in the two forms that
# clients wrap them: `PodDisruptionBudget.policy "x" is invalid: spec: Forbidden: updates to poddisruptionbudget spec are
# forbidden` and `poddisruptionbudgets.policy "x" ... spec: Forbidden`. The object's name does not matter.
IMMUTABLE_BUDGET = re.compile(
    r"poddisruptionbudgets?\b.*spec: forbidden|updates to poddisruptionbudget spec are forbidden", re.IGNORECASE
)

# The cluster does not know the caller yet, does not answer yet, or is still removing the namespace.
NOT_YET = re.compile(
    r"the server has asked for the client to provide credentials|\bunauthorized\b|kubernetes cluster unreachable"
    r"|because it is being terminated|object is being deleted",
    re.IGNORECASE,
)

RELEASE_NOT_FOUND = re.compile(r"release: not found|release not loaded", re.IGNORECASE)

# klog (`W1123 15:04:05.000000 12 file.go:1] …`) and helm's own log (`level=WARN msg=…`) repeat or surround the error.
NOISE = re.compile(r"^(?:[IWEF]\d{4} |level=|time=|WARNING: )")


def redact(text: str, secrets: Iterable[str]) -> str:
    """``text`` with every secret replaced, also in base64 as Kubernetes writes Secrets, longest first."""
    forms: set[str] = set()
    for secret in secrets:
        if len(secret) >= SHORTEST_SECRET:
            forms |= {secret, base64.b64encode(secret.encode()).decode()}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, REDACTED)
    return text


def useful_lines(stderr: str) -> str:
    """The last lines that say something, from helm's ``Error:`` on if there is one."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    said = [line for line in lines if not NOISE.match(line)] or lines
    starts = [index for index, line in enumerate(said) if line.startswith("Error:")]
    if starts:
        said = said[starts[-1] :]
    return "\n".join(line[:MAX_LINE_CHARACTERS] for line in said[-LAST_LINES:])


def is_not_found(stderr: str) -> bool:
    """Whether helm says that it knows no such release."""
    return RELEASE_NOT_FOUND.search(stderr) is not None


def helm_error(doing: str, exit_code: int, stderr: str, secrets: Iterable[str]) -> HubplaneError:
    """The error for a helm command that failed: ``PodDisruptionBudgetImmutable``, ``NotYet`` or ``ReleaseFailed``.

    The message says what was being done and ends with helm's own last words, redacted.
    """
    words = useful_lines(redact(stderr, secrets)) or f"helm ended with exit code {exit_code} and said nothing"
    message = f"{doing}: {words}"
    if IMMUTABLE_BUDGET.search(stderr):
        return PodDisruptionBudgetImmutable(message)
    if NOT_YET.search(stderr):
        return NotYet(message)
    return ReleaseFailed(message)
