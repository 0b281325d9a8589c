"""What the gate before a step looks at, asked for behind ports, and the answer. Changes nothing; EKS is asked to look again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from hubplane.domain.eks_settings.settings import ADDONS
from hubplane.domain.errors import ClusterUnknown, LockLost, ProviderError
from hubplane.domain.locks import Lock
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import Inventory, Sighting, Snapshot, UseEvent, Volume
from hubplane.domain.storage.view import StorageView, view_of
from hubplane.domain.upgrading.busy import HomeHold, who_is_busy
from hubplane.domain.upgrading.draining import Drains
from hubplane.domain.upgrading.gate import GateFacts, gate_to_json, judge_gate, unproved
from hubplane.domain.upgrading.present import Insight, Present
from hubplane.domain.upgrading.refreshing import Insights, refreshed

__all__ = ["Looks", "look_at_gate"]


class Eks(Insights, Protocol):
    """``adapters.eks_upgrades.EksUpgrades`` of the cluster."""

    def present(self) -> Present | None:
        """What it runs; None where there is no such cluster."""

    def addon_versions(self, names: tuple[str, ...], kubernetes_version: str) -> dict[str, str]:
        """What EKS offers of each."""

    def insights(self) -> tuple[Insight, ...]:
        """What EKS says of its readiness."""


class Record(Protocol):
    """What the Clusters table holds of the cluster."""

    @property
    def lock(self) -> Lock | None:
        """A build's, a mend's or a deletion's."""

    @property
    def upgrade_lock(self) -> Lock | None:
        """An upgrade's."""

    @property
    def storage_lock(self) -> Lock | None:
        """A storage day's."""

    @property
    def storage_policy(self) -> StoragePolicy | None:
        """Of the last release."""


@dataclass(frozen=True, slots=True)
class Looks:
    """Where a gate looks. ``holds_lock``: whether the upgrade still holds the cluster; ``disks``: the cluster's volumes and
    snapshots; ``status_of``: what Step Functions says of an execution. The others as their types say."""

    eks: Eks
    holds_lock: Callable[[], bool]
    record: Callable[[], Record]
    disks: Callable[[], tuple[tuple[Volume, ...], tuple[Snapshot, ...]]]
    sightings: Callable[[], tuple[Sighting, ...]]
    uses: Callable[[], tuple[UseEvent, ...]]
    holds: Callable[[], Iterable[HomeHold]]
    status_of: Callable[[str], str | None]
    drains: Callable[[], Drains]


def look_at_gate(event: Mapping[str, Any], looks: Looks, now: datetime) -> dict[str, Any]:
    """The answer of CheckUpgradeGate to its event. Raises ``LockLost``, ``ClusterUnknown``. Repeatable."""
    name, execution_arn, to_version = event["cluster_name"], event["execution_arn"], event["to_version"]
    enforced = event["mode"] == "enforce"
    if enforced and not looks.holds_lock():
        raise LockLost(f"execution {execution_arn} no longer holds cluster {name}: look at who does, or start again")
    refresh = refreshed(looks.eks, datetime.fromisoformat(event["began_at"])) if enforced else None
    if refresh == "IN_PROGRESS" and not event["last_look"]:
        return gate_to_json(None, to_version)
    present = looks.eks.present()
    if present is None:
        raise ClusterUnknown(f"EKS has no cluster {name} any more")
    record, offered = looks.record(), looks.eks.addon_versions(ADDONS, to_version)
    locks = {
        "the cluster": record.lock,
        "the upgrade of the cluster": record.upgrade_lock,
        "the storage of the cluster": record.storage_lock,
    }
    view = _homes(name, execution_arn.split(":")[4], record.storage_policy, looks, now)
    facts = GateFacts(
        cluster_name=name,
        to_version=to_version,
        present=present,
        diagnosis=event["diagnosis"],
        insights=looks.eks.insights(),
        refresh=refresh,
        unproved=unproved(view, tuple(view.volumes.values())),
        volumes=len(view.volumes),
        missing_addons=tuple(addon for addon in ADDONS if addon not in offered),
        busy=tuple(who_is_busy(locks, looks.holds(), looks.status_of, execution_arn, now)),
        now=now,
        finishes=event["finishes"],
        rolls=tuple(event["rolls"]),
        drains=_drains(looks),
    )
    return gate_to_json(judge_gate(facts), to_version)


def _homes(name: str, account_id: str, policy: StoragePolicy | None, looks: Looks, now: datetime) -> StorageView:
    """Volumes and snapshots of the cluster, with what is remembered of their use."""
    volumes, snapshots = looks.disks()
    uses = looks.uses() if volumes else ()
    return view_of(
        Inventory(name, account_id, volumes, snapshots, sightings=looks.sightings(), events=uses), policy or StoragePolicy(), now
    )


def _drains(looks: Looks) -> Drains:
    """What a drain would end or be held up by; where the cluster does not say, why."""
    try:
        return looks.drains()
    except ProviderError as error:
        return Drains(unseen=str(error))
