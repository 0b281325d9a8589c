"""What both executors have in common: their tools, the second look kept fresh, and how a refusal becomes an outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from hubplane.domain.errors import HubplaneError, StorageInputInvalid
from hubplane.domain.storage import recheck
from hubplane.domain.storage.actions import Action, PlannedAction
from hubplane.domain.storage.looking import Known, Look, look_at
from hubplane.domain.storage.outcomes import Intent, Outcome, Result
from hubplane.domain.storage.pacing import Pace
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.ports import Claims, Clock, Ebs, Ledger
from hubplane.domain.storage.records import Claim

__all__ = ["FAILURES_IN_A_ROW", "Eyes", "Tools", "outcome_of", "refuse_unless_enforced"]

# A missing permission refuses every change alike: after so many the rest is left, and the failures say why.
FAILURES_IN_A_ROW: Final = 3


@dataclass(frozen=True)
class Tools:
    """What an executor acts with. ``stop_at``: no change is begun after it, so that its Lambda can still write down the rest."""

    ebs: Ebs
    claims: Claims | None
    ledger: Ledger
    clock: Clock
    pace: Pace
    stop_at: datetime

    @property
    def is_over(self) -> bool:
        """Whether the time is used up."""
        return self.clock.now() >= self.stop_at


class Eyes:
    """The look at one batch, taken again when it is too old to act on."""

    def __init__(
        self,
        actions: Sequence[PlannedAction],
        known: Known,
        policy: StoragePolicy,
        tools: Tools,
        volume_of: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._actions, self._known, self._policy, self._tools, self._volume_of = actions, known, policy, tools, volume_of
        self._asks_cluster = any(action.action is Action.DELETE_VOLUME for action in actions)
        self.look = self._look(actions)

    def refresh(self) -> None:
        """Look again at all of the batch."""
        self.look = self._look(self._actions)

    @property
    def is_fresh(self) -> bool:
        """Whether the look may still be acted on."""
        return self.look.is_fresh(self._tools.clock.now())

    def judge(self, planned: PlannedAction, claim: Claim | None = None, pending: int = 0) -> recheck.Go | recheck.Skip:
        """What ``recheck`` says by the look. ``claim``: the claim of a volume that is deleted through it, read just now."""
        claims = self.look.claims
        if planned.action is Action.DELETE_CLAIM:
            claims = (claim,) if claim is not None else ()
        seen = replace(self.look.around(planned.resource_id, self._known, claims), pending_in_account=pending)
        return recheck.recheck(planned, seen, self._policy, self._tools.clock.now())

    def intent(self, planned: PlannedAction) -> Intent:
        """The intent, with whose home it is."""
        thing = self.look.thing(planned.resource_id)
        claim_name, owner_sub = self._known.whose(thing) if thing is not None else (None, None)
        return Intent(
            resource_id=planned.resource_id,
            action=planned.action,
            reason=planned.reason,
            proof_snapshot_id=planned.proof_snapshot_id,
            claim_name=planned.claim.name if planned.claim is not None else claim_name,
            owner_sub=owner_sub,
            last_copy=planned.last_copy,
        )

    def _look(self, actions: Sequence[PlannedAction]) -> Look:
        look = look_at(actions, self._tools.ebs, self._policy, self._tools.clock.now(), self._volume_of)
        if not self._asks_cluster or self._tools.claims is None:
            return look
        try:
            claims, persistent_volume_ids = self._tools.pace.ask(self._tools.claims.read_claims)
        except HubplaneError:
            return look  # claims None: what a cluster that does not answer may be using is kept
        return replace(look, claims=claims, persistent_volume_ids=persistent_volume_ids)


def refuse_unless_enforced(mode: str) -> None:
    """The last lock before a deed: a run that only plans never comes here. Raises ``StorageInputInvalid``."""
    if mode != "enforce":
        raise StorageInputInvalid(
            f"mode = {mode}: only enforce may change anything; start the step again with it if that is meant"
        )


def outcome_of(intent: Intent, result: Result, reason: str, created_id: str | None = None) -> Outcome:
    """What became of an intent."""
    return Outcome(
        resource_id=intent.resource_id,
        action=intent.action,
        result=result,
        reason=reason,
        proof_snapshot_id=intent.proof_snapshot_id,
        claim_name=intent.claim_name,
        owner_sub=intent.owner_sub,
        last_copy=intent.last_copy,
        created_id=created_id,
    )
