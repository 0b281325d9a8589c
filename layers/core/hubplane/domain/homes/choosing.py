"""Which copy of a home a day means: the newest completed one until its end that is this person's by owner, claim and ancestry.

Where two lines of data lie under the name, or somebody else's, nothing is chosen by chance; a snapshot's id chooses then. What a
restore copied before it replaced a home is had by its id only, so that a run that was killed means the same copy when it is
started again.
"""

from __future__ import annotations

from collections.abc import Sequence

from hubplane.domain.errors import HomeChangeRefused
from hubplane.domain.homes.change_inputs import RestoreInput
from hubplane.domain.homes.changes import Kind
from hubplane.domain.homes.facts import HomeFacts
from hubplane.domain.homes.marks import BEFORE_TAG
from hubplane.domain.homes.seen import SeenHome
from hubplane.domain.storage.records import Snapshot
from hubplane.domain.storage.tags import read_tags
from hubplane.domain.storage.wording import minute

__all__ = ["choose_copy"]


def choose_copy(facts: HomeFacts, home: SeenHome, given: RestoreInput, aside: Sequence[Snapshot] = ()) -> Snapshot:
    """The copy that was asked for. ``aside``: snapshots set aside with a former volume of this home, to be had by id only.

    Raises ``HomeChangeRefused``.
    """
    if given.snapshot_id is not None:
        return _by_id(facts, home, given.snapshot_id, aside)
    until = given.until
    nights = (copy for copy in home.snapshots if copy.tags.get(BEFORE_TAG) != Kind.INSTEAD)
    pool = [copy for copy in nights if until is not None and copy.started_at < until]
    mine = [copy for copy in pool if not home.is_foreign(copy) and copy.snapshot_id not in home.strays]
    completed = [copy for copy in mine if copy.state == "completed"]
    best = max(completed, key=lambda copy: (copy.started_at, copy.snapshot_id), default=None)
    if best is None:
        raise HomeChangeRefused(_why_none(facts, home, given, pool, mine))
    if home.owner_of(best) is None and home.foreign:
        raise HomeChangeRefused(
            f"{best.snapshot_id} says nobody's and {home.foreign[0]} under the same name is another account's: look whose it is, "
            "then choose it with snapshot_id"
        )
    other = _another_line(home, best, mine)
    if other is not None:
        raise HomeChangeRefused(
            f"{best.snapshot_id} ({minute(best.started_at)}) and {other.snapshot_id} ({minute(other.started_at)}) are two lines "
            "of data under one name; which is this person's work, nobody can tell: choose with snapshot_id"
        )
    return best


def _by_id(facts: HomeFacts, home: SeenHome, snapshot_id: str, aside: Sequence[Snapshot]) -> Snapshot:
    """Exactly this one. An operator's word stands for ancestry and for an owner that is not written, never for another's."""
    found = next((copy for copy in (*home.snapshots, *aside) if copy.snapshot_id == snapshot_id), None)
    if found is None or found.owner_id != facts.account_id:
        raise HomeChangeRefused(f"{snapshot_id} is no copy of the home of {facts.username} on {facts.cluster_name}")
    owner = read_tags(found.tags, facts.protection_tag).owner_sub
    if owner is not None and owner not in home.subs:
        raise HomeChangeRefused(f"{snapshot_id} is marked as another account's and is not given to {facts.username}")
    if found.state != "completed":
        raise HomeChangeRefused(f"{snapshot_id} is {found.state}: only a completed copy can be restored")
    return found


def _another_line(home: SeenHome, best: Snapshot, mine: Sequence[Snapshot]) -> Snapshot | None:
    """A copy of a volume that neither came of this one nor this one of it (domain fault 6)."""
    came_through = home.came_through(best.volume_id)
    for other in mine:
        related = other.volume_id in came_through or best.volume_id in home.came_through(other.volume_id)
        if not related and other.state != "error":
            return other
    return None


def _why_none(facts: HomeFacts, home: SeenHome, given: RestoreInput, pool: Sequence[Snapshot], mine: Sequence[Snapshot]) -> str:
    where = f"the home of {facts.username} on {facts.cluster_name}"
    if mine:
        states = ", ".join(sorted(f"{copy.snapshot_id} is {copy.state}" for copy in mine))
        return f"{where} has no completed copy until {given.day}: {states}; a pending one can be restored once it is completed"
    if pool:
        names = ", ".join(sorted(copy.snapshot_id for copy in pool))
        return (
            f"{where}: what there is until {given.day} is another account's, or names no cluster ({names}); it is not given away"
        )
    later = [copy for copy in home.snapshots if copy.state == "completed" and not home.is_foreign(copy)]
    oldest = min(later, key=lambda copy: copy.started_at, default=None)
    hint = f"; its oldest one is {oldest.snapshot_id} of {minute(oldest.started_at)}" if oldest else ""
    return f"{where} has no copy of {given.day} or before{hint}"
