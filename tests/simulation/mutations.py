"""Guards taken away, one at a time: what the simulation must notice.

A mutation replaces one named function, or leaves one criterion or guard out of its tuple.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from hubplane.domain.storage import (
    blast_radius,
    copies,
    looking,
    pacing,
    proof,
    recheck,
    retention,
    snapshot_pruning,
    starting,
    volume_pruning,
)
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.ports import ClaimNow, Entry
from hubplane.domain.storage.records import Snapshot, Volume
from hubplane.domain.storage.view import StorageView
from tests.simulation import plays
from tests.simulation.ports import ClaimsPort, EbsPort, LedgerPort
from tests.simulation.world import World

Patch = Callable[[pytest.MonkeyPatch], None]
DELETE_CLAIM = World.delete_claim


@dataclass(frozen=True)
class Mutation:
    """``name`` says what is forgotten; ``promises`` are the numbers that may be found broken.

    ``play``: where other guards stand behind this one, the chain of events is rare or found late, and is played as written.
    """

    name: str
    promises: frozenset[int]
    patch: Patch
    play: plays.Play | None = None


def _without(module: Any, table: str, member: Callable[..., Any]) -> Patch:
    kept = tuple(item for item in getattr(module, table) if item is not member)
    assert len(kept) == len(getattr(module, table)) - 1
    return lambda patch: patch.setattr(module, table, kept)


def _replaced(module: Any, name: str, by: Any) -> Patch:
    getattr(module, name)
    return lambda patch: patch.setattr(module, name, by)


def _by_claim_name(view: StorageView, volume: Volume) -> list[Snapshot]:
    claim_name = view.volume_facts[volume.volume_id].claim_name
    found = [item for key, item in view.snapshots.items() if view.snapshot_facts[key].claim_name == claim_name]
    return sorted(found, key=lambda item: item.started_at, reverse=True)


def _match_by_claim_name(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(proof, "candidates", _by_claim_name)
    _criterion(proof.is_of_this_volume)(patch)
    _see_everything(patch)


def _supersede_by_claim_name(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(copies, "find_copies", _newest_of_the_claim)
    _see_everything(patch)


def _see_everything(patch: pytest.MonkeyPatch) -> None:
    """The second lock on the door: the look right before a delete asks for the snapshots of one line, not for a claim's."""
    patch.setattr(EbsPort, "snapshots_of", lambda self, _ids: self._snapshots(lambda found: list(found.values())))
    patch.setattr(looking, "_parts", _everything_together)


def _everything_together(volumes: Any, snapshots: Any) -> dict[str, tuple[list[Volume], list[Snapshot]]]:
    everything = (list(volumes), list(snapshots))
    return dict.fromkeys([item.volume_id for part in everything for item in part], everything)


FIND_COPIES = copies.find_copies


def _newest_of_the_claim(view: StorageView) -> copies.Copies:
    found = FIND_COPIES(view)
    newest: dict[str | None, Snapshot] = {}
    superseded = dict(found.superseded_by)
    good = [item for item in view.snapshots.values() if copies.is_good_copy(item, view.inventory.account_id)]
    for item in sorted(good, key=lambda item: item.started_at):
        newest[view.snapshot_facts[item.snapshot_id].claim_name] = item
    for item in good:
        holder = newest[view.snapshot_facts[item.snapshot_id].claim_name]
        if holder is not item and not found.volumes_holding.get(item.snapshot_id):
            superseded[item.snapshot_id] = holder.snapshot_id
        superseded.pop(holder.snapshot_id, None)
    return replace(found, superseded_by=superseded)


def _volumes_forgotten(view: StorageView) -> copies.Copies:
    return replace(FIND_COPIES(view), volumes_holding={})


def _any_state(snapshot: Snapshot, account_id: str) -> bool:
    return snapshot.owner_id == account_id


def _proof_due(patch: pytest.MonkeyPatch) -> None:
    """Both locks on one door: a standing volume holds its copy, and a copy that is due proves nothing."""
    patch.setattr(copies, "find_copies", _volumes_forgotten)
    patch.setattr(volume_pruning, "snapshots_due", lambda _view: frozenset())
    patch.setattr(recheck, "snapshots_due", lambda _view: frozenset())


def _end_alone(_policy: Any, _accepted: Any, ends_at: Any) -> Any:
    return ends_at


def _grace_forgotten(policy: Any, accepted: Any, ends_at: Any) -> Any:
    final = [record for record in accepted if record.days_before <= min(policy.warning_days)]
    return max(ends_at, final[0].accepted_at) if final else None


def _first_of_that_name(view: StorageView, snapshot: Snapshot) -> tuple[Any, str]:
    claim_name = view.snapshot_facts[snapshot.snapshot_id].claim_name or ""
    return next(iter(view.owners_of_claim.get(claim_name, [])), None), "nobody"


def _volume_guard(guard: Callable[..., Any]) -> Patch:
    return _without(volume_pruning, "GUARDS", guard)


def _snapshot_guard(guard: Callable[..., Any]) -> Patch:
    return _without(snapshot_pruning, "GUARDS", guard)


def _criterion(criterion: Callable[..., Any]) -> Patch:
    return _without(proof, "CRITERIA", criterion)


def _by_name_alone(self: World, name: str, _uid: str) -> bool | None:
    claim = self.claims.get(name)
    return DELETE_CLAIM(self, name, claim.uid if claim else "")


def _claim_of_the_plan(_self: Any, _namespace: str, name: str) -> ClaimNow | None:
    claim = _self._world.claims.get(name)
    return ClaimNow(replace(claim, in_use=False), claim.uid) if claim else None


def _claim_read_early(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ClaimsPort, "read_claim", _claim_of_the_plan)
    patch.setattr(ClaimsPort, "delete_claim", _as_somebody_comes(ClaimsPort.delete_claim))


def _as_somebody_comes(delete: Callable[..., None]) -> Callable[..., None]:
    def late(self: Any, claim: Any, version: str) -> None:
        come = self._line.troubles.before_delete
        if come is not None and claim.name in self._world.claims:
            come("")
        delete(self, claim, version)

    return late


def _nothing_seen(_snapshots: Any, _run_id: str) -> dict[str, Snapshot]:
    return {}


def _without_settling(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(starting, "SETTLE", timedelta(0))


def _look_lasts_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(looking, "LOOK_LASTS", timedelta(days=9))


def _ledger_forgotten(self: Any, batch: str, intents: Any, now: Any) -> None:
    self._entries()[self._run_id, batch] = Entry(now, tuple(intents))


MUTATIONS = (
    Mutation("proof of another volume", frozenset({1, 2}), _match_by_claim_name, plays.another_volume),
    Mutation("proof that is not completed", frozenset({1, 2}), _criterion(proof.is_completed), plays.slow_snapshot),
    Mutation("proof of a foreign account", frozenset({1, 2}), _criterion(proof.is_owned_here), plays.foreign_account),
    Mutation("proof older than the detachment", frozenset({1, 2}), _criterion(proof.started_after_last_detachment)),
    Mutation("proof of a smaller size", frozenset({1}), _criterion(proof.is_of_full_size), plays.smaller_size),
    Mutation("proof that is due for deletion", frozenset({1, 2}), _proof_due, plays.proof_due),
    Mutation(
        "error and pending count as copies", frozenset({2}), _replaced(copies, "is_good_copy", _any_state), plays.errors_pile_up
    ),
    Mutation("the newest of a claim name supersedes", frozenset({2}), _supersede_by_claim_name),
    Mutation("warnings need not be accepted", frozenset({2}), _replaced(retention, "earliest_delete", _end_alone)),
    Mutation("no grace", frozenset({2}), _replaced(retention, "earliest_delete", _grace_forgotten)),
    Mutation("in use", frozenset({3, 4}), _volume_guard(volume_pruning.is_in_use), plays.comes_unseen),
    Mutation("protected volume", frozenset({3}), _volume_guard(volume_pruning.is_protected), plays.protected_by_hand),
    Mutation("hub database", frozenset({3}), _volume_guard(volume_pruning.is_hub_database)),
    Mutation("unreadable volume", frozenset({3}), _volume_guard(volume_pruning.has_unreadable_tags)),
    Mutation("two volumes of a claim", frozenset({3}), _volume_guard(volume_pruning.shares_its_claim)),
    Mutation("recently used", frozenset({3}), _volume_guard(volume_pruning.is_recently_used)),
    Mutation("protected snapshot", frozenset({3}), _snapshot_guard(snapshot_pruning.is_protected)),
    Mutation("hub database's snapshots", frozenset({3}), _snapshot_guard(snapshot_pruning.is_of_hub_database)),
    Mutation("unreadable snapshot", frozenset({3}), _snapshot_guard(snapshot_pruning.has_unreadable_tags)),
    Mutation("pending snapshot", frozenset({3}), _snapshot_guard(snapshot_pruning.is_unfinished)),
    Mutation(
        "no second look", frozenset({1, 2, 3, 4, 9}), _replaced(recheck, "recheck", lambda *_: recheck.Go()), plays.comes_unseen
    ),
    Mutation("no blast radius", frozenset({5}), _replaced(blast_radius, "is_too_many", lambda *_: False)),
    Mutation("mails are not remembered", frozenset({6}), _replaced(retention, "accepted_since", lambda *_: [])),
    Mutation("any person of that name", frozenset({8}), _replaced(retention, "owner_of", _first_of_that_name)),
    Mutation(
        "a claim is deleted by its name",
        frozenset({4}),
        _replaced(World, "delete_claim", _by_name_alone),
        plays.claim_made_anew,
    ),
    Mutation("the claim is not read last", frozenset({4}), _claim_read_early, plays.comes_unseen),
    Mutation("a look never ages", frozenset({1, 3}), _look_lasts_for_ever, plays.brief_visit),
    Mutation(
        "no look before a snapshot is started",
        frozenset({6}),
        _replaced(starting, "_by_volume", _nothing_seen),
        plays.killed_while_starting,
    ),
    Mutation("EC2 is thought to show everything at once", frozenset({6}), _without_settling, plays.killed_while_ec2_is_late),
    Mutation(
        "intents are not remembered",
        frozenset({6}),
        _replaced(LedgerPort, "begin", _ledger_forgotten),
        plays.killed_while_deleting,
    ),
    Mutation("no pace", frozenset({10}), _replaced(pacing.Pace, "_wait_for_turn", lambda _self: None), plays.many_at_once),
    Mutation(
        "no reserve of pending snapshots", frozenset({10}), _replaced(StoragePolicy, "pending_snapshots", 100), plays.many_at_once
    ),
    Mutation("unknown cluster", frozenset({9}), _volume_guard(volume_pruning.is_of_an_unknown_cluster)),
)
