"""A restore drill: a copy counts once it has been restored, so each month some are, and what is made is taken away again.

Homes are chosen at random, by the run's name, so that a run can be repeated. People's homes are restored to a temporary volume
whose size and state are looked at, and it is mounted read-only: nothing of it is shown but how many entries it has. A drill
writes into nobody's home. What is compared byte by byte is the drill's own home, the *canary*: a volume in a namespace of its
own, written once, snapshotted by the storage day like all others, and part of every drill.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from hubplane.domain.eks_settings.storage_access import DRILL_NAMESPACE
from hubplane.domain.homes.marks import COPY_OF_TAG, DRILL_TAG, HUBPLANE_CLUSTER_TAG, copy_tags, is_set_aside
from hubplane.domain.homes.volumes import WantedVolume
from hubplane.domain.storage.records import Snapshot, Volume
from hubplane.domain.storage.tags import CLAIM_NAME_TAG, CLAIM_NAMESPACE_TAG, carries_cluster

__all__ = ["CANARY", "DRILL_HOLD", "DRILL_NAMESPACE", "Pick", "drill_volume", "judge_read", "judge_volume", "pick_homes", "told"]

CANARY: Final = "drill-canary"
"""The canary's claim. A person's begins with ``claim-``."""

DRILL_HOLD: Final = "drill"
"""One drill of a cluster at a time: a hold under a name that is no claim's."""

CANARY_FILE: Final = "hubplane-canary"
CANARY_GIB: Final = 1


@dataclass(frozen=True, slots=True)
class Pick:
    """One copy that is going to be restored: the newest completed one of a home. ``number`` makes the names of what is made."""

    number: int
    claim_name: str
    snapshot_id: str
    snapshot_at: str
    size_gib: int
    is_canary: bool = False

    def to_json(self) -> dict[str, Any]:
        """For the state machine."""
        return asdict(self)

    @property
    def name(self) -> str:
        """Of its claim, its pod and its Kubernetes volume in the drill's namespace."""
        return f"drill-{self.number}"


def pick_from_json(document: Mapping[str, Any]) -> Pick:
    """The pick that ``to_json`` wrote."""
    return Pick(**{item.name: document[item.name] for item in fields(Pick)})


def pick_homes(snapshots: Iterable[Snapshot], cluster_name: str, account_id: str, count: int, seed: str) -> tuple[Pick, ...]:
    """The canary where it has a copy, and up to ``count`` people's homes by chance. The same facts and seed, the same picks."""
    newest: dict[str, Snapshot] = {}
    for item in snapshots:
        claim_name = item.tags.get(CLAIM_NAME_TAG, "")
        is_home = claim_name.startswith("claim-") and item.tags.get(CLAIM_NAMESPACE_TAG, "jupyter") == "jupyter"
        is_canary = claim_name == CANARY and item.tags.get(CLAIM_NAMESPACE_TAG) == DRILL_NAMESPACE
        usable = item.state == "completed" and item.owner_id == account_id and not is_set_aside(item)
        if not usable or not (is_home or is_canary) or not carries_cluster(item.tags, cluster_name):
            continue
        former = newest.get(claim_name)
        if former is None or (item.started_at, item.snapshot_id) > (former.started_at, former.snapshot_id):
            newest[claim_name] = item
    canary = newest.pop(CANARY, None)
    claims = sorted(newest)
    chosen = random.Random(seed).sample(claims, min(count, len(claims)))  # noqa: S311 - to be repeated, not to be secret
    found = [*([canary] if canary else []), *(newest[name] for name in chosen)]
    return tuple(
        Pick(number, item.tags[CLAIM_NAME_TAG], item.snapshot_id, item.started_at.isoformat(), item.size_gib, item is canary)
        for number, item in enumerate(found)
    )


def drill_volume(pick: Pick, source: Snapshot, cluster_name: str, zone: str, run_id: str, token: str, tag: str) -> WantedVolume:
    """The temporary volume: a copy that no plan and no spawn sees (``marks``). A sweep finds it by its tag. ``tag`` protects."""
    tags = copy_tags(cluster_name, pick.claim_name, "", source, pick.name, made_for="drill", protection_tag=tag)
    kept = {key: value for key, value in tags.items() if value}
    return WantedVolume(source.snapshot_id, source.size_gib, zone, token, {**kept, DRILL_TAG: run_id})


def is_drill_s(volume: Volume, cluster_name: str) -> bool:
    """Whether a drill of this cluster made it, and it has become nothing else: only such a volume is ever removed."""
    mine = DRILL_TAG in volume.tags and volume.tags.get(HUBPLANE_CLUSTER_TAG) == cluster_name
    return mine and COPY_OF_TAG in volume.tags and not carries_cluster(volume.tags, cluster_name)


def judge_volume(pick: Pick, volume: Volume | None) -> str | None:
    """What is wrong with the restored volume, in words; None where nothing is."""
    if volume is None:
        return f"{pick.claim_name}: no volume came of {pick.snapshot_id}: may the key of the snapshot be used?"
    if volume.state not in ("available", "in-use"):
        return f"{pick.claim_name}: the volume of {pick.snapshot_id} is {volume.state}"
    if volume.size_gib < pick.size_gib:
        return f"{pick.claim_name}: {pick.snapshot_id} gave {volume.size_gib} GiB, and {pick.size_gib} GiB were expected"
    return None


def judge_read(pick: Pick, phase: str, log: str, marker: str | None) -> str | None:
    """What is wrong with what the pod read; None where nothing is. ``marker`` is what the canary was written with."""
    of = f"{pick.claim_name}: {pick.snapshot_id}"
    if phase != "Succeeded":
        said = log.strip().splitlines()[-1:] or ["it said nothing"]
        return f"{of} was restored and could not be read: {said[0]}"
    if pick.is_canary and marker is None:
        return f"{of} was restored, and what the canary was written with is not on record"
    if pick.is_canary and log.strip() != marker:
        return f"{of} was restored and holds something else than the drill wrote"
    if not pick.is_canary and not log.strip().isdigit():
        return f"{of} was restored, and its entries could not be counted"
    return None


def told(pick: Pick, finding: str | None, *, mounted: bool) -> str:
    """One sentence about one home of the drill."""
    if finding is not None:
        return finding
    how = "compared with what was written" if mounted and pick.is_canary else "mounted and read" if mounted else "not mounted"
    size = f"{pick.size_gib} GiB"
    return f"{pick.claim_name}: {pick.snapshot_id} of {pick.snapshot_at[:10]} gave a whole volume of {size}, {how}"
