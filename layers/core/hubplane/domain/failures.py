"""What a person is told when a stage fails: the stage, the kind of cause, and the cause in words.

Step Functions hands a failure on as an error name and a cause text that differ by who failed: a Lambda function
(JSON with errorType and errorMessage), a CodeBuild build (the whole build as JSON) or the service itself (plain words).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

LONGEST_CAUSE = 4000
"""Characters kept of a cause: enough for every fault of a specification, far below the 32 kB that `Fail` allows."""

WORDS_FOR_STATES_ERRORS = {
    "States.Timeout": "took longer than it may: look at its log, then start the same input again; what is done stays done",
    "States.HeartbeatTimeout": "stopped reporting: look at its log, then start the same input again",
    "States.QueryEvaluationError": "the state machine could not read a value it expected",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """``error`` is the class name a state machine matched; ``cause`` is for people."""

    stage: str
    error: str
    cause: str

    @property
    def sentence(self) -> str:
        """One line: where it ended and why."""
        return f"{self.stage} failed ({self.error}): {self.cause}"

    def entry(self, execution_arn: str) -> dict[str, str]:
        """As a cluster's record keeps it."""
        return {"stage": self.stage, "error": self.error, "cause": self.cause, "execution_arn": execution_arn}

    def told(self, cluster_name: str, execution_arn: str, **more: str) -> dict[str, str]:
        """What a mail about it says; ``more`` is the line of that kind of mail. ``cluster_name`` may be empty."""
        where = {"cluster": cluster_name or "(without a name)", "execution": execution_arn}
        return {**where, "stage": self.stage, "error": self.error, "cause": self.cause, **more}

    def answer(self, released: bool) -> dict[str, Any]:
        """What the machine hears of it. ``released``: the execution held a lock, and it was given back."""
        said = {"stage": self.stage, "error": self.error, "reason": self.sentence}
        return {**said, "changes": [], "lock_released": released}


def describe_failure(stage: str, error: str, cause: str) -> Failure:
    """The failure behind what Step Functions caught. Any text is accepted; nothing is lost but length."""
    document = _as_object(cause)
    if document is None:
        words = WORDS_FOR_STATES_ERRORS.get(error)
        text = f"{words} ({cause})" if words and cause else words or cause or "no cause was given"
        return Failure(stage, error, _shortened(text))
    if "errorMessage" in document:
        kind = str(document.get("errorType") or error)
        return Failure(stage, kind, _shortened(str(document["errorMessage"])))
    build = document.get("Build", document)
    if isinstance(build, dict) and "BuildStatus" in build:
        return Failure(stage, "ImageBuildFailed", _shortened(_build_words(build)))
    return Failure(stage, error, _shortened(cause))


def _build_words(build: dict[str, Any]) -> str:
    phases = build.get("Phases") or []
    for phase in phases if isinstance(phases, list) else []:
        if isinstance(phase, dict) and phase.get("PhaseStatus") in {"FAILED", "FAULT", "TIMED_OUT", "CLIENT_ERROR"}:
            contexts = [str(item.get("Message", "")) for item in phase.get("Contexts") or [] if isinstance(item, dict)]
            said = "; ".join(text for text in contexts if text) or "no message"
            log = (build.get("Logs") or {}).get("DeepLink", "")
            return f"build {build.get('Id', '?')} failed in {phase.get('PhaseType')}: {said}" + (f" (log: {log})" if log else "")
    return f"build {build.get('Id', '?')} ended {build.get('BuildStatus')}"


def _as_object(text: str) -> dict[str, Any] | None:
    try:
        document = json.loads(text)
    except (TypeError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_CAUSE else f"{text[: LONGEST_CAUSE - 1]}…"
