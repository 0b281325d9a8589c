"""The sweep of volumes and snapshots: each goes on a proof looked for right before, with its words in the ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from hubplane.domain.deletion.inputs import Homes
from hubplane.domain.deletion.planning import judge_copy, judge_snapshot, judge_volume, snapshot_thing, volume_thing
from hubplane.domain.deletion.sweeping import Swept
from hubplane.domain.deletion.things import Verdict
from hubplane.domain.errors import HubplaneError
from hubplane.domain.report.pricing import Prices
from hubplane.domain.storage.actions import Action
from hubplane.domain.storage.copies import find_copies
from hubplane.domain.storage.executing import outcome_of
from hubplane.domain.storage.outcomes import Intent, Outcome, Result
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.ports import Ledger, Refusal, Refused
from hubplane.domain.storage.records import Inventory, Sighting, Snapshot, UseEvent, Volume
from hubplane.domain.storage.view import GONE_STATES, StorageView, view_of

__all__ = ["Disks", "StorageSweep"]

BATCH: Final = 50
"""Changes between two looks, and of one ledger entry: at some 5 calls a second (domain.md §5) a look is never older than 10 s."""


class Disks(Protocol):
    """EBS as the sweep sees it; ``adapters.ebs`` is the real one."""

    def of_cluster(self, cluster_name: str) -> tuple[tuple[Volume, ...], tuple[Snapshot, ...]]:
        """Every volume and snapshot that carries the cluster's tags in either form, and every snapshot of those volumes."""

    def copies_of(self, cluster_name: str) -> tuple[tuple[Volume, ...], tuple[Snapshot, ...]]:
        """What was made beside the cluster's homes, and carries its name in ``hubplane:cluster`` only."""

    def delete_volume(self, volume_id: str) -> None:
        """Delete one volume that no cluster knows. Raises ``Refused``."""

    def delete_snapshot(self, snapshot_id: str) -> None:
        """Delete one snapshot. Raises ``Refused``."""


@dataclass
class StorageSweep:
    """One call's sweep of a cluster's volumes and snapshots. ``is_gone``: EKS has no such cluster, so none uses the volumes."""

    cluster_name: str
    account_id: str
    homes: Homes
    policy: StoragePolicy
    prices: Prices
    disks: Disks
    ledger: Ledger
    sightings: tuple[Sighting, ...]
    uses: tuple[UseEvent, ...]
    is_gone: bool
    now: Callable[[], datetime]
    hold: Callable[[], None]
    enough_time: Callable[[], bool]

    def sweep(self, swept: Swept) -> None:
        """Volumes first: a snapshot whose volume stands is kept. Raises what looks raise; repeatable."""
        view = self._look()
        going = self._judged([judge_volume(view, item, self.homes, self.prices) for item in view.volumes.values()], swept)
        self._remove(going, Action.DELETE_VOLUME, swept)
        view = self._look() if going else view
        copies = find_copies(view)
        verdicts = [judge_snapshot(view, copies, item, self.homes, self.prices) for item in view.snapshots.values()]
        self._remove(self._judged(verdicts, swept), Action.DELETE_SNAPSHOT, swept)
        volumes, snapshots = self.disks.copies_of(self.cluster_name)
        beside = [item for item in volumes if item.volume_id not in view.volumes and item.state not in GONE_STATES]
        others = [item for item in snapshots if item.snapshot_id not in view.snapshots]
        for copy in [*map(volume_thing, beside), *map(snapshot_thing, others)]:
            swept.keep(judge_copy(copy, self.prices))

    def _look(self) -> StorageView:
        volumes, snapshots = self.disks.of_cluster(self.cluster_name)
        seen = Inventory(
            cluster_name=self.cluster_name,
            account_id=self.account_id,
            volumes=volumes,
            snapshots=snapshots,
            claims=() if self.is_gone else None,
            sightings=self.sightings,
            events=self.uses,
        )
        return view_of(seen, self.policy, self.now())

    def _judged(self, verdicts: list[Verdict], swept: Swept) -> list[Verdict]:
        for verdict in verdicts:
            if not verdict.goes:
                swept.keep(verdict)
        return [verdict for verdict in verdicts if verdict.goes]

    def _remove(self, going: list[Verdict], action: Action, swept: Swept) -> None:
        for start in range(0, len(going), BATCH):
            part = going[start : start + BATCH]
            if not self.enough_time():
                swept.in_time = False
                for verdict in part:
                    swept.waits(verdict, "the time of this call was used up")
                continue
            self._remove_batch(part, action, swept)

    def _remove_batch(self, part: list[Verdict], action: Action, swept: Swept) -> None:
        """Look, write the intents of what still goes, act, write the outcomes."""
        self.hold()
        view = self._look()
        verdicts = {verdict.thing_id: verdict for verdict in self._again(part, action, view)}
        for verdict in verdicts.values():
            if not verdict.goes:
                swept.keep(verdict)
        intents = [self._intent(view, verdict, action) for verdict in verdicts.values() if verdict.goes]
        if not intents:
            return
        moment = self.now()
        batch = f"{action}-{moment.isoformat(timespec='microseconds')}"
        self.ledger.begin(batch, intents, moment)
        outcomes = [self._delete(intent, verdicts[intent.resource_id], swept) for intent in intents]
        self.ledger.finish(batch, outcomes, self.now())

    def _again(self, part: list[Verdict], action: Action, view: StorageView) -> list[Verdict]:
        if action is Action.DELETE_VOLUME:
            found = [view.volumes[item.thing_id] for item in part if item.thing_id in view.volumes]
            return [judge_volume(view, item, self.homes, self.prices) for item in found]
        copies = find_copies(view)
        still = [view.snapshots[item.thing_id] for item in part if item.thing_id in view.snapshots]
        return [judge_snapshot(view, copies, item, self.homes, self.prices) for item in still]

    def _intent(self, view: StorageView, verdict: Verdict, action: Action) -> Intent:
        facts = (view.volume_facts if action is Action.DELETE_VOLUME else view.snapshot_facts)[verdict.thing_id]
        return Intent(
            verdict.thing_id,
            action,
            verdict.reason,
            proof_snapshot_id=verdict.proof,
            claim_name=facts.claim_name,
            owner_sub=facts.owner_sub,
        )

    def _delete(self, intent: Intent, verdict: Verdict, swept: Swept) -> Outcome:
        """The deed. A lost answer is not asked for again here: the next call finds the thing, or does not."""
        delete = self.disks.delete_volume if intent.action is Action.DELETE_VOLUME else self.disks.delete_snapshot
        try:
            delete(intent.resource_id)
        except Refused as refusal:
            if refusal.kind is Refusal.GONE:
                return outcome_of(intent, Result.GONE, "It is already gone.")
            swept.waits(verdict, str(refusal))
            return outcome_of(intent, Result.LEFT, str(refusal))
        except HubplaneError as error:
            swept.waits(verdict, str(error))
            return outcome_of(intent, Result.FAILED, str(error))
        swept.went(verdict)
        return outcome_of(intent, Result.DELETED, verdict.reason)
