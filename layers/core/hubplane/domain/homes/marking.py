"""Marking homes with whose they are, as an admin has approved: each held, looked at once more, marked, and let go.

What cannot be held, and what is not as it was planned any more, is skipped with its reason. No mark is ever written over, and a
call that was killed is begun again: the same tags are written, and what has them is left out by the look.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from hubplane.domain.errors import ClusterBusy, HomeHeld
from hubplane.domain.homes.adopting import Mark, markable
from hubplane.domain.storage.records import Snapshot, Volume
from hubplane.domain.storage.tags import OWNER_TAG

__all__ = ["HOMES_A_CALL", "IDS_A_CALL", "Hands", "Storage", "mark_homes"]

HOMES_A_CALL: Final = 50
"""Of one CreateTags each, at the 10 a second that EC2 refills (EC2 API request throttling), with room for eight tries of each."""

IDS_A_CALL: Final = 500
"""Of the 1,000 that CreateTags takes (EC2 API reference)."""


class Storage(Protocol):
    """``adapters.ebs.Ebs``."""

    def volumes(self, volume_ids: Collection[str]) -> tuple[Volume, ...]:
        """Those of these volumes that exist."""

    def snapshots(self, snapshot_ids: Collection[str]) -> tuple[Snapshot, ...]:
        """Those of these snapshots that exist."""

    def tag(self, resource_ids: Collection[str], tags: Mapping[str, str]) -> None:
        """Write tags on several things at once."""


@dataclass(frozen=True, slots=True)
class Hands:
    """What it takes. ``hold`` and ``release`` a home by its claim's name; ``claimed`` are the volumes that claims hold."""

    storage: Storage
    hold: Callable[[str], None]
    release: Callable[[str], None]
    claimed: Callable[[], set[str]]


def mark_homes(marks: Sequence[Mark], hands: Hands) -> list[Mark]:
    """What was marked, and what was skipped and why. Repeatable. Raises what ``hands`` raise but for a home that is held."""
    batch = [_held(mark, hands) for mark in marks]
    mine = [mark.claim_name for mark in batch if mark.ids]
    batch = _look_again(batch, hands)
    for mark in batch:
        for first in range(0, len(mark.ids), IDS_A_CALL):
            hands.storage.tag(mark.ids[first : first + IDS_A_CALL], {OWNER_TAG: mark.owner_sub})
    for claim_name in mine:
        hands.release(claim_name)
    return batch


def _held(mark: Mark, hands: Hands) -> Mark:
    """The mark with its home held, or with the reason why it cannot be: somebody else holds it, or the cluster ends."""
    try:
        if mark.ids:
            hands.hold(mark.claim_name)
    except (HomeHeld, ClusterBusy) as error:
        return replace(mark, ids=(), skipped=(*mark.skipped, str(error)))
    return mark


def _look_again(marks: Sequence[Mark], hands: Hands) -> list[Mark]:
    """The marks as they are true now; both kinds of storage in as few calls as there are pages."""
    ids = [key for mark in marks for key in mark.ids]
    volumes = hands.storage.volumes([key for key in ids if key.startswith("vol-")])
    snapshots = hands.storage.snapshots([key for key in ids if key.startswith("snap-")])
    tags = {item.volume_id: item.tags for item in volumes} | {item.snapshot_id: item.tags for item in snapshots}
    claimed = hands.claimed()
    return [markable(mark, tags, claimed) for mark in marks]
