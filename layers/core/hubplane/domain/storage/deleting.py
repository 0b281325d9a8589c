"""Carrying out a batch of a pruning plan: look, write the intents, act on each, write the outcomes.

The same batch may be run again after a crash anywhere. The ledger shows what was intended: what is gone was deleted then, what an
earlier try left alone is not touched, and of a batch that was finished nothing is done again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from hubplane.domain.errors import HubplaneError, Throttled
from hubplane.domain.storage import recheck
from hubplane.domain.storage.actions import Action, ClaimReference, PlannedAction
from hubplane.domain.storage.executing import FAILURES_IN_A_ROW, Eyes, Tools, outcome_of
from hubplane.domain.storage.looking import Known
from hubplane.domain.storage.outcomes import Intent, Outcome, Result
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.ports import ClaimNow, Refusal, Refused
from hubplane.domain.storage.records import Claim
from hubplane.domain.storage.starting import create
from hubplane.domain.storage.tags import RUN_TAG

__all__ = ["apply_batch"]

LEFT_ALONE = "An earlier try of this batch left it alone; the next plan looks at it again."


def apply_batch(
    batch: str,
    actions: Sequence[PlannedAction],
    known: Known,
    policy: StoragePolicy,
    tools: Tools,
    run_id: str,
    volume_of: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Outcome, ...]:
    """Do what a pruning plan says of these things, as far as it still holds; one outcome for each. Repeatable.

    ``volume_of``: the volumes of snapshots, as far as the plan told them.

    Raises ``Throttled`` and ``ProviderError`` of the look, before anything was done. What cannot be done for want of time, room
    or pace is ``LEFT``.
    """
    eyes = Eyes(actions, known, policy, tools, volume_of)
    intents = {action.resource_id: eyes.intent(action) for action in actions}
    verdicts = {action.resource_id: eyes.judge(action, _as_planned(action)) for action in actions}
    going = [intents[key] for key, verdict in verdicts.items() if isinstance(verdict, recheck.Go)]
    entry = tools.ledger.begin(batch, going, tools.clock.now())
    if entry is not None and entry.outcomes is not None:
        return entry.outcomes
    intended = {intent.resource_id: intent for intent in (entry.intents if entry is not None else going)}
    hands = _Hands(eyes, policy, tools, run_id, is_again=entry is not None)
    outcomes = []
    for action in actions:
        verdict, intent = verdicts[action.resource_id], intended.get(action.resource_id)
        if intent is not None:
            outcomes.append(hands.attempt(action, intent))
        elif isinstance(verdict, recheck.Skip):
            outcomes.append(_skipped(intents[action.resource_id], verdict))
        else:
            outcomes.append(outcome_of(intents[action.resource_id], Result.SKIPPED, LEFT_ALONE))
    tools.ledger.finish(batch, outcomes, tools.clock.now())
    return tuple(outcomes)


@dataclass
class _Hands:
    """Acts on one thing after the other. ``stopped`` says why the rest is left."""

    eyes: Eyes
    policy: StoragePolicy
    tools: Tools
    run_id: str
    is_again: bool
    stopped: str = ""
    failures: int = field(default=0)
    pending: int | None = None

    def attempt(self, planned: PlannedAction, intent: Intent) -> Outcome:
        """Do one intended change, if the look still allows it."""
        if self.tools.is_over:
            self.stopped = self.stopped or "The time of this try is used up"
        if self.stopped:
            return outcome_of(intent, Result.LEFT, f"{self.stopped}; left for the next night.")
        try:
            outcome = self._do(planned, intent)
        except Throttled as error:
            self.stopped = f"The pace of calls is used up ({error})"
            return outcome_of(intent, Result.LEFT, f"{self.stopped}; left for the next night.")
        except HubplaneError as error:
            self.failures += 1
            if self.failures == FAILURES_IN_A_ROW:
                self.stopped = f"{FAILURES_IN_A_ROW} changes in a row failed"
            return outcome_of(intent, Result.FAILED, str(error))
        self.failures = 0
        return outcome

    def _do(self, planned: PlannedAction, intent: Intent) -> Outcome:
        if planned.action is Action.DELETE_CLAIM:
            return self._delete_claim(planned, intent)
        if not self.eyes.is_fresh:
            self.eyes.refresh()
        if planned.action is Action.CREATE_SNAPSHOT:
            return self._create_snapshot(planned, intent)
        verdict = self.eyes.judge(planned)
        if isinstance(verdict, recheck.Skip):
            return self._skipped(intent, verdict)
        return self._deleted(planned, intent)

    def _deleted(self, planned: PlannedAction, intent: Intent, now: ClaimNow | None = None) -> Outcome:
        """The deed itself. A lost answer is asked for again: what is gone then was deleted by the first call."""
        lost = False
        while True:
            try:
                self.tools.pace.call(lambda: self._delete(planned, now))
            except Refused as refusal:
                if refusal.kind is Refusal.LOST and not lost:
                    lost = True
                    continue
                if refusal.kind is Refusal.GONE or (lost and self._is_ending(planned)):
                    return self._gone(intent, is_ours=lost)
                if refusal.kind is Refusal.LOST:
                    raise
                return outcome_of(intent, Result.SKIPPED, f"Refused: {refusal}")
            return outcome_of(intent, Result.DELETED, planned.reason)

    def _delete(self, planned: PlannedAction, now: ClaimNow | None) -> None:
        if planned.action is Action.DELETE_SNAPSHOT:
            self.tools.ebs.delete_snapshot(planned.resource_id)
        elif planned.action is Action.DELETE_VOLUME:
            self.tools.ebs.delete_volume(planned.resource_id)
        elif now is not None and planned.claim is not None and self.tools.claims is not None:
            self.tools.claims.delete_claim(planned.claim, now.version)

    def _delete_claim(self, planned: PlannedAction, intent: Intent) -> Outcome:
        """The claim is read last of all: between that and its delete there is no other call."""
        if planned.claim is None or self.tools.claims is None:
            return outcome_of(intent, Result.FAILED, "The plan names no claim through which it can be deleted.")
        now = self._claim_now(planned.claim)
        if not self.eyes.is_fresh:
            self.eyes.refresh()
            now = self._claim_now(planned.claim)
        if not self.eyes.is_fresh:
            return outcome_of(intent, Result.SKIPPED, "The cluster answers too slowly to look and act in one go.")
        if now is None or now.ending or planned.resource_id not in self.eyes.look.volumes:
            return self._gone(intent)
        if now.claim.uid != planned.claim.uid:
            return outcome_of(intent, Result.SKIPPED, f"{planned.claim.name} is another claim of the same name now.")
        verdict = self.eyes.judge(planned, now.claim)
        if isinstance(verdict, recheck.Skip):
            return self._skipped(intent, verdict)
        return self._deleted(planned, intent, now)

    def _is_ending(self, planned: PlannedAction) -> bool:
        if planned.claim is None:
            return False
        now = self._claim_now(planned.claim)
        return now is None or now.ending

    def _claim_now(self, claim: ClaimReference) -> ClaimNow | None:
        claims = self.tools.claims
        return None if claims is None else self.tools.pace.ask(lambda: claims.read_claim(claim.namespace, claim.name))

    def _create_snapshot(self, planned: PlannedAction, intent: Intent) -> Outcome:
        if self.is_again:
            # EC2 may not show yet what the earlier try started; a volume that still needs one gets it the next night.
            mine = [item for item in self.eyes.look.snapshots.values() if item.volume_id == planned.resource_id]
            found = next((item.snapshot_id for item in mine if item.tags.get(RUN_TAG) == self.run_id), None)
            if found is not None:
                return outcome_of(intent, Result.STARTED, planned.reason, found)
            return outcome_of(intent, Result.LEFT, "An earlier try of this batch may have started it; left for the next night.")
        if self.pending is None:
            self.pending = len(self.tools.ebs.pending())
        verdict = self.eyes.judge(planned, pending=self.pending)
        if isinstance(verdict, recheck.Skip):
            return _skipped(intent, verdict)
        outcome = create(planned, intent, self.tools, self.run_id)
        if outcome is None:
            return outcome_of(
                intent, Result.LEFT, "The account has as many snapshots pending as it may; left for the next night."
            )
        self.pending += outcome.result is Result.STARTED
        return outcome

    def _skipped(self, intent: Intent, verdict: recheck.Skip) -> Outcome:
        return self._gone(intent) if verdict.gone else _skipped(intent, verdict)

    def _gone(self, intent: Intent, *, is_ours: bool = False) -> Outcome:
        if self.is_again or is_ours:
            return outcome_of(intent, Result.DELETED, f"{intent.reason} (seen to be gone after an earlier call for it)")
        return outcome_of(intent, Result.GONE, "It is already gone.")


def _as_planned(planned: PlannedAction) -> Claim | None:
    """The claim as the plan saw it: whether it still is like that is asked right before its delete."""
    if planned.claim is None:
        return None
    return Claim(planned.claim.namespace, planned.claim.name, planned.claim.uid, planned.resource_id)


def _skipped(intent: Intent, verdict: recheck.Skip) -> Outcome:
    return outcome_of(intent, Result.GONE if verdict.gone else Result.SKIPPED, verdict.reason)
