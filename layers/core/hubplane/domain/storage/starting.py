"""Starting a night's snapshots, as many at a time as the account may have pending.

EC2 takes no idempotency token for CreateSnapshot, so a snapshot says in a tag which run started it, in the call itself, and each
slice of the work is looked at before anything is started. There are slices because snapshots take minutes to hours: when no more
may be pending, the state machine waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from hubplane.domain.errors import HubplaneError, Throttled
from hubplane.domain.storage import recheck
from hubplane.domain.storage.actions import Action, PlannedAction
from hubplane.domain.storage.executing import FAILURES_IN_A_ROW, Eyes, Tools, outcome_of
from hubplane.domain.storage.looking import Known
from hubplane.domain.storage.outcomes import Intent, Outcome, Result
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.ports import Refusal, Refused
from hubplane.domain.storage.tags import LARGEST_TAG_COUNT

__all__ = ["RUN_TAG", "Progress", "Slice", "create", "leave_rest", "start_from", "start_slice"]

RUN_TAG: Final = "hubplane:run"

# A slice costs about seven calls beside its snapshots: one for a few of them would spend more on looking than on doing.
LEAST_ROOM_SHARE: Final = 4
LARGEST_SLICE: Final = 200
# How late EC2 may show a snapshot that a killed try has just started (EC2 Developer Guide, "Eventual consistency"), and as long
# again for the slice itself.
SETTLE: Final = timedelta(minutes=2)


@dataclass(frozen=True)
class Slice:
    """What was done. ``outcomes`` are those of the first actions, in their order; ``waits`` says why no more were done now."""

    outcomes: tuple[Outcome, ...]
    waits: str = ""


@dataclass(frozen=True)
class Progress:
    """How far a night's snapshots are. ``batch`` None: all are started or decided; otherwise go on there, at action ``start``."""

    batch: int | None
    start: int
    outcomes: tuple[Outcome, ...]
    reason: str


Batches = Sequence[Callable[[], Sequence[PlannedAction]]]
Keep = Callable[[str, Sequence[Outcome]], None]


def start_from(
    batch: int, start: int, batches: Batches, keep: Keep, known: Known, policy: StoragePolicy, tools: Tools, run_id: str
) -> Progress:
    """Start snapshots from this place on until there is no more room or time. ``batches`` are read when their turn comes.

    ``keep`` gets the outcomes of each slice under its name, before the next begins. Repeatable from the same place.
    """
    outcomes: list[Outcome] = []
    while batch < len(batches):
        actions = batches[batch]()
        while start < len(actions):
            if tools.is_over:
                return Progress(batch, start, tuple(outcomes), "the time of this try is used up")
            name = f"{batch + 1:05}-{start:03}"
            done = start_slice(name, actions[start:], known, policy, tools, run_id)
            if done.outcomes:
                keep(name, done.outcomes)
            outcomes.extend(done.outcomes)
            start += len(done.outcomes)
            if done.waits:
                return Progress(batch, start, tuple(outcomes), done.waits)
        batch, start = batch + 1, 0
    return Progress(None, 0, tuple(outcomes), "every snapshot of the plan is started or decided")


def leave_rest(batch: int, start: int, batches: Batches, why: str) -> tuple[Outcome, ...]:
    """The outcomes of what the night did not come to."""
    return tuple(
        outcome_of(_intent(action), Result.LEFT, why)
        for number in range(batch, len(batches))
        for action in batches[number]()[start if number == batch else 0 :]
    )


def start_slice(
    batch: str, actions: Sequence[PlannedAction], known: Known, policy: StoragePolicy, tools: Tools, run_id: str
) -> Slice:
    """Start snapshots for the first of ``actions``, as many as there is room for. Repeatable under the same ``batch``.

    ``actions`` may be deferred ones: what the plan put off for want of room is started here as soon as there is some. Raises
    ``Throttled`` and ``ProviderError`` of the looks, before anything was done.
    """
    pending = tools.ebs.count_pending()
    room = policy.pending_snapshots - pending
    if room < min(len(actions), policy.pending_snapshots // LEAST_ROOM_SHARE) or room <= 0:
        return Slice(
            (), f"{pending} snapshots are pending in the account, and Hubplane goes no higher than {policy.pending_snapshots}"
        )
    wanted = [replace(action, action=Action.CREATE_SNAPSHOT) for action in actions[: min(room, LARGEST_SLICE)]]
    now = tools.clock.now()
    entry = tools.ledger.begin(batch, [_intent(action) for action in wanted], now)
    if entry is not None and entry.outcomes is not None:
        return Slice(entry.outcomes)
    if entry is not None:
        if now < entry.begun_at + SETTLE:
            return Slice((), "an earlier try was cut off a moment ago, and EC2 may not show yet what it started")
        wanted = [replace(action, action=Action.CREATE_SNAPSHOT) for action in actions[: len(entry.intents)]]
    eyes = Eyes(wanted, known, policy, tools)
    mine = {item.volume_id: item.snapshot_id for item in eyes.look.snapshots.values() if item.tags.get(RUN_TAG) == run_id}
    outcomes: list[Outcome] = []
    waits = ""
    for action in wanted:
        waits = _reason_to_wait(outcomes, pending, policy, eyes, tools)
        outcome = None if waits else _start(action, eyes, mine.get(action.resource_id), pending, tools, run_id)
        if outcome is None:
            waits = waits or "EC2 takes no more for now"
            break
        pending += outcome.result is Result.STARTED and outcome.created_id != mine.get(action.resource_id)
        outcomes.append(outcome)
    if outcomes:  # a slice of nothing is begun again under the same name
        tools.ledger.finish(batch, outcomes, tools.clock.now())
    return Slice(tuple(outcomes), waits)


def create(planned: PlannedAction, intent: Intent, tools: Tools, run_id: str) -> Outcome | None:
    """Start one snapshot; None where EC2 takes no more for now. Raises what is no answer of EC2's about this volume."""
    try:
        created = tools.pace.call(lambda: tools.ebs.create_snapshot(planned.resource_id, _tags(planned, run_id)))
    except Refused as refusal:
        if refusal.kind is Refusal.NO_ROOM:
            return None
        if refusal.kind is Refusal.GONE:
            return outcome_of(intent, Result.GONE, "It is already gone.")
        if refusal.kind is Refusal.TOO_SOON:
            return outcome_of(intent, Result.SKIPPED, "Another snapshot of it was started within the last seconds.")
        if refusal.kind is Refusal.LOST:
            return _after_lost_answer(planned, intent, tools, run_id, refusal)
        return outcome_of(intent, Result.SKIPPED, f"Refused: {refusal}")
    return outcome_of(intent, Result.STARTED, planned.reason, created)


def _start(action: PlannedAction, eyes: Eyes, mine: str | None, pending: int, tools: Tools, run_id: str) -> Outcome | None:
    """``mine``: a snapshot of it that this run started already."""
    intent = eyes.intent(action)
    if mine is not None:
        return outcome_of(intent, Result.STARTED, f"{action.reason} (found after an earlier call for it)", mine)
    verdict = eyes.judge(action, pending=pending)
    if isinstance(verdict, recheck.Skip):
        return outcome_of(intent, Result.GONE if verdict.gone else Result.SKIPPED, verdict.reason)
    try:
        return create(action, intent, tools, run_id)
    except Throttled:
        return None
    except HubplaneError as error:
        return outcome_of(intent, Result.FAILED, str(error))


def _after_lost_answer(planned: PlannedAction, intent: Intent, tools: Tools, run_id: str, refusal: Refused) -> Outcome:
    """A second call could start a second snapshot: the answer is looked for instead."""
    for item in tools.ebs.snapshots_of([planned.resource_id]):
        if item.tags.get(RUN_TAG) == run_id:
            return outcome_of(intent, Result.STARTED, planned.reason, item.snapshot_id)
    return outcome_of(intent, Result.FAILED, f"{refusal}: no snapshot of it is to be seen; the next night tries again.")


def _reason_to_wait(outcomes: Sequence[Outcome], pending: int, policy: StoragePolicy, eyes: Eyes, tools: Tools) -> str:
    if pending >= policy.pending_snapshots:
        return f"{pending} snapshots are pending in the account"
    if tools.is_over:
        return "the time of this try is used up"
    if not eyes.is_fresh:
        return "what was seen is too old to act on"
    last = outcomes[-FAILURES_IN_A_ROW:]
    if len(last) == FAILURES_IN_A_ROW and all(outcome.result is Result.FAILED for outcome in last):
        return f"{FAILURES_IN_A_ROW} changes in a row failed"
    return ""


def _intent(action: PlannedAction) -> Intent:
    return Intent(action.resource_id, Action.CREATE_SNAPSHOT, action.reason)


def _tags(planned: PlannedAction, run_id: str) -> dict[str, str]:
    """The plan's tags, most needed first, and the run's."""
    return {**dict(list(planned.tags.items())[: LARGEST_TAG_COUNT - 1]), RUN_TAG: run_id}
