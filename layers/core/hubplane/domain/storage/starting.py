"""Starting a night's snapshots, as many at a time as the account may have pending.

EC2 takes no idempotency token for CreateSnapshot, so a snapshot says in a tag which run started it, in the call itself, and the
pending ones are looked at before each slice; after a try that was cut off, all snapshots of its volumes. There are slices because
snapshots take minutes to hours: when no more may be pending, the state machine waits. What became of a volume since the plan, EC2
says itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from hubplane.domain.errors import HubplaneError, Throttled
from hubplane.domain.storage.actions import Action, PlannedAction
from hubplane.domain.storage.executing import FAILURES_IN_A_ROW, Tools, outcome_of
from hubplane.domain.storage.looking import LOOK_LASTS, Known
from hubplane.domain.storage.outcomes import Intent, Outcome, Result, counts
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.ports import Refusal, Refused
from hubplane.domain.storage.records import Snapshot
from hubplane.domain.storage.tags import LARGEST_TAG_COUNT, RUN_TAG

__all__ = ["Progress", "Slice", "create", "leave_for_tomorrow", "leave_rest", "progress_result", "start_from", "start_slice"]


# A slice costs four calls beside its snapshots (pending ones, ledger before and after, outcomes), so it waits for most of the
# places that will soon be free: snapshots of a day's work end minutes after they were started, and those started together end
# together. Older ones are large, or somebody else's, and are not waited for.
LEAST_ROOM_SHARE: Final = 0.75
SOON: Final = timedelta(minutes=10)
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
    while actions := _next_actions(batch, start, batches, policy.pending_snapshots):
        if tools.is_over:
            return Progress(batch, start, tuple(outcomes), "the time of this try is used up")
        name = f"{batch + 1:05}-{start:03}"
        done = start_slice(name, actions, known, policy, tools, run_id)
        if done.outcomes:
            keep(name, done.outcomes)
        outcomes.extend(done.outcomes)
        batch, start = _place(batch, start + len(done.outcomes), batches)
        if done.waits:
            return Progress(batch, start, tuple(outcomes), done.waits)
    return Progress(None, 0, tuple(outcomes), "every snapshot of the plan is started or decided")


def _next_actions(batch: int, start: int, batches: Batches, count: int) -> list[PlannedAction]:
    """The next actions from this place on, so many at least where there are as many: a slice may reach into the next batch."""
    found = list(batches[batch]()[start:]) if batch < len(batches) else []
    while len(found) < count and batch + 1 < len(batches):
        batch += 1
        found.extend(batches[batch]())
    return found


def _place(batch: int, start: int, batches: Batches) -> tuple[int, int]:
    """The same place with ``start`` within its batch."""
    while batch < len(batches) and start >= (size := len(batches[batch]())):
        batch, start = batch + 1, start - size
    return batch, start


def leave_rest(batch: int, start: int, batches: Batches, known: Known, why: str) -> tuple[Outcome, ...]:
    """The outcomes of what the night did not come to."""
    return tuple(
        outcome_of(_intent(action, known), Result.LEFT, why)
        for number in range(batch, len(batches))
        for action in batches[number]()[start if number == batch else 0 :]
    )


def leave_for_tomorrow(batch: int, start: int, batches: Batches, keep: Keep, known: Known) -> Progress:
    """What a call does that comes after the night's deadline: nothing is started, and ``keep`` gets what was not come to."""
    rest = leave_rest(batch, start, batches, known, "The night's deadline has passed; left for tomorrow.")
    keep("left", rest)
    return Progress(None, 0, rest, f"the deadline has passed, {len(rest)} volumes are left for tomorrow")


def progress_result(progress: Progress) -> dict[str, Any]:
    """What the state machine gets of one call."""
    counted = counts(progress.outcomes)
    return {
        "done": progress.batch is None,
        "cursor": None if progress.batch is None else {"batch": progress.batch, "start": progress.start},
        **counted,
        "changes": [f"started {counted['started']} snapshots"] if counted["started"] else [],
        "reason": progress.reason,
    }


def start_slice(
    batch: str, actions: Sequence[PlannedAction], known: Known, policy: StoragePolicy, tools: Tools, run_id: str
) -> Slice:
    """Start snapshots for the first of ``actions``, as many as there is room for. Repeatable under the same ``batch``.

    ``actions`` may be deferred ones: what the plan put off for want of room is started here as soon as there is some. Raises
    ``Throttled`` and ``ProviderError`` of the looks, before anything was done.
    """
    pending = tools.ebs.pending()
    now = tools.clock.now()
    room = policy.pending_snapshots - len(pending)
    ending = sum(1 for item in pending if item.tags.get(RUN_TAG) == run_id and item.started_at > now - SOON)
    if room < min(len(actions), math.ceil((room + ending) * LEAST_ROOM_SHARE)) or room <= 0:
        most = policy.pending_snapshots
        return Slice((), f"{len(pending)} snapshots are pending in the account, and Hubplane goes no higher than {most}")
    wanted = [replace(action, action=Action.CREATE_SNAPSHOT) for action in actions[:room]]
    entry = tools.ledger.begin(batch, [_intent(action, known) for action in wanted], now)
    seen = pending
    if entry is not None:
        if entry.outcomes is not None:
            return Slice(entry.outcomes)
        if now < entry.begun_at + SETTLE:
            return Slice((), "an earlier try was cut off a moment ago, and EC2 may not show yet what it started")
        wanted = wanted[: len(entry.intents)]
        seen = (*pending, *tools.ebs.snapshots_of([action.resource_id for action in wanted]))
    starter = _Starter(_by_volume(seen, run_id), known, policy, tools, run_id, len(pending), now + LOOK_LASTS)
    outcomes: list[Outcome] = []
    for action in wanted:
        outcome = starter.start(action)
        if outcome is None:
            break
        outcomes.append(outcome)
    if outcomes:  # a slice of nothing is begun again under the same name
        tools.ledger.finish(batch, outcomes, tools.clock.now())
    is_full = len(wanted) < len(actions)
    return Slice(tuple(outcomes), starter.waits or ("as many are pending as there was room for" if is_full else ""))


@dataclass
class _Starter:
    """Starts one after the other. ``before``: by volume what EC2 shows already. ``waits`` says why it went no further."""

    before: Mapping[str, Snapshot]
    known: Known
    policy: StoragePolicy
    tools: Tools
    run_id: str
    pending: int
    stale_at: datetime
    waits: str = ""
    failures: int = 0

    def start(self, action: PlannedAction) -> Outcome | None:
        """The outcome; None where it has to wait."""
        self.waits = self._reason_to_wait()
        if self.waits:
            return None
        intent, before = _intent(action, self.known), self.before.get(action.resource_id)
        if before is not None and before.tags.get(RUN_TAG) == self.run_id:
            reason = f"{action.reason} (found after an earlier call for it)"
            return outcome_of(intent, Result.STARTED, reason, before.snapshot_id)
        if before is not None:
            return outcome_of(intent, Result.SKIPPED, f"{before.snapshot_id} of it is already pending.")
        outcome = self._create(action, intent)
        if outcome is None:
            self.waits = "EC2 takes no more for now"
            return None
        self.pending += outcome.result is Result.STARTED
        self.failures = self.failures + 1 if outcome.result is Result.FAILED else 0
        return outcome

    def _create(self, action: PlannedAction, intent: Intent) -> Outcome | None:
        try:
            return create(action, intent, self.tools, self.run_id)
        except Throttled:
            return None
        except HubplaneError as error:
            return outcome_of(intent, Result.FAILED, str(error))

    def _reason_to_wait(self) -> str:
        if self.pending >= self.policy.pending_snapshots:
            return f"{self.pending} snapshots are pending in the account"
        if self.tools.is_over:
            return "the time of this try is used up"
        if self.tools.clock.now() > self.stale_at:
            return "what was seen is too old to act on"
        if self.failures >= FAILURES_IN_A_ROW:
            return f"{FAILURES_IN_A_ROW} changes in a row failed"
        return ""


def _by_volume(snapshots: Iterable[Snapshot], run_id: str) -> dict[str, Snapshot]:
    """What keeps a volume from a new snapshot: a pending one, or one that this run started; the run's own before others."""
    found = {item.volume_id: item for item in snapshots if item.state == "pending"}
    found.update({item.volume_id: item for item in snapshots if item.tags.get(RUN_TAG) == run_id})
    return found


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


def _after_lost_answer(planned: PlannedAction, intent: Intent, tools: Tools, run_id: str, refusal: Refused) -> Outcome:
    """A second call could start a second snapshot: the answer is looked for instead."""
    for item in tools.ebs.snapshots_of([planned.resource_id]):
        if item.tags.get(RUN_TAG) == run_id:
            return outcome_of(intent, Result.STARTED, planned.reason, item.snapshot_id)
    return outcome_of(intent, Result.FAILED, f"{refusal}: no snapshot of it is to be seen; the next night tries again.")


def _intent(action: PlannedAction, known: Known) -> Intent:
    claim_name, owner_sub = known.whose(action)
    return Intent(action.resource_id, Action.CREATE_SNAPSHOT, action.reason, claim_name=claim_name, owner_sub=owner_sub)


def _tags(planned: PlannedAction, run_id: str) -> dict[str, str]:
    """The plan's tags, most needed first, and the run's."""
    return {**dict(list(planned.tags.items())[: LARGEST_TAG_COUNT - 1]), RUN_TAG: run_id}
