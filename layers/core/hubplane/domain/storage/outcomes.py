"""What executors write down: what they are about to do, and what became of it. Both as JSON for the ledger and for S3."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from hubplane.domain.storage.actions import Action

__all__ = [
    "Intent",
    "Outcome",
    "Result",
    "counts",
    "intent_from_json",
    "intent_to_json",
    "outcome_from_json",
    "outcome_to_json",
]


class Result(StrEnum):
    """What became of one planned change. ``LEFT``: not tried for want of room or time, the next night's plan has it again."""

    STARTED = "started"
    DELETED = "deleted"
    GONE = "gone"
    SKIPPED = "skipped"
    FAILED = "failed"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Intent:
    """A change that is about to be made: of what, why and on which proof. ``claim_name``, ``owner_sub``: whose home it is."""

    resource_id: str
    action: Action
    reason: str
    proof_snapshot_id: str | None = None
    claim_name: str | None = None
    owner_sub: str | None = None
    last_copy: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one planned change and why. A volume or last copy that is ``deleted`` makes its owner's mail due.

    ``created_id`` is the snapshot that was started; the rest is the intent's.
    """

    resource_id: str
    action: Action
    result: Result
    reason: str
    proof_snapshot_id: str | None = None
    claim_name: str | None = None
    owner_sub: str | None = None
    last_copy: bool = False
    created_id: str | None = None


def counts(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """How many had each result; every result is named."""
    found = Counter(outcome.result.value for outcome in outcomes)
    return {result.value: found[result.value] for result in Result}


def intent_to_json(intent: Intent) -> dict[str, Any]:
    """The intent without what is not known."""
    return _told(asdict(intent))


def intent_from_json(document: Mapping[str, Any]) -> Intent:
    """The intent of ``intent_to_json``."""
    return Intent(**{**document, "action": Action(document["action"])})


def outcome_to_json(outcome: Outcome) -> dict[str, Any]:
    """The outcome without what is not known."""
    return _told(asdict(outcome))


def outcome_from_json(document: Mapping[str, Any]) -> Outcome:
    """The outcome of ``outcome_to_json``."""
    return Outcome(**{**document, "action": Action(document["action"]), "result": Result(document["result"])})


def _told(document: dict[str, Any]) -> dict[str, Any]:
    # A StrEnum would pass json.dumps, but boto3's serialiser wants plain text.
    plain = {key: str(value) if isinstance(value, StrEnum) else value for key, value in document.items()}
    return {key: value for key, value in plain.items() if value is not None and value is not False}
