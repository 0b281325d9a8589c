"""One bringing back of a home, as the Ledger keeps it: the request in full, with its token, before the first deed.

Each is a *generation* with a number of its own. A token is only used within minutes of its generation's begin: by then EC2 shows
what was made with it, and later it could answer a volume that was deleted long ago (``adapters.home_volumes``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from hubplane.domain.homes.facts import HomeFacts
from hubplane.domain.homes.marks import PV_NAME_TAG, home_tags
from hubplane.domain.homes.volumes import WantedVolume
from hubplane.domain.storage.ancestry import ancestry_through
from hubplane.domain.storage.records import Snapshot, Volume
from hubplane.domain.storage.tags import (
    ANCESTRY_TAG,
    CLUSTER_TAG_PREFIX,
    LARGEST_TAG_COUNT,
    NAMED_TAGS,
    USE_TAGS,
    VOLUME_PROTECTED_TAG,
    read_tags,
)

SETTLES: Final = timedelta(minutes=2)
"""How late EC2 may show what was made, or still show what is gone, and as long again (EC2 Developer Guide, "Eventual
consistency"); ``domain.storage.starting`` waits as long."""

TOKEN_LASTS: Final = timedelta(minutes=10)
"""A generation is gone on with for so long: a spawn that waits asks again every few seconds."""

MOST_TRIES: Final = 3
PAUSE_AFTER_TRIES: Final = timedelta(hours=1)
"""EC2 makes a volume whose key may not be used and removes it at once: after some such volumes a person has to look."""

DRIVER_S_TAG: Final = "ebs.csi.aws.com/cluster"
"""AmazonEBSCSIDriverPolicyV2 lets the driver change and delete only volumes with this tag."""

_OF_ONE_VOLUME: Final = frozenset({"Name", "CSIVolumeName", DRIVER_S_TAG, PV_NAME_TAG, VOLUME_PROTECTED_TAG})


class Source(StrEnum):
    """What the home comes back from: a ``SNAPSHOT``, or a ``VOLUME`` that lost its claim."""

    SNAPSHOT = "snapshot"
    VOLUME = "volume"


class Step(StrEnum):
    """``BEGIN`` a new generation, ``GO_ON`` with the last one, ``WAIT`` until EC2 shows what that one did, ``GIVE_UP``."""

    BEGIN = "begin"
    GO_ON = "go on"
    WAIT = "wait"
    GIVE_UP = "give up"


@dataclass(frozen=True, slots=True)
class Making:
    """A generation. ``volume_id`` is None until EC2 answered it, at ``made_at``; ``wanted`` is the request of a restore.
    ``tries`` counts the generations in a row whose volume vanished, this one included. Open until ``ended_at``."""

    number: int
    source: Source
    claim_name: str
    persistent_volume_name: str
    begun_at: datetime
    volume_id: str | None = None
    made_at: datetime | None = None
    wanted: WantedVolume | None = None
    tries: int = 1
    ended_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether nobody has seen its end."""
        return self.ended_at is None

    def lasts(self, now: datetime) -> bool:
        """Whether what it did may not show yet, so that nothing else may be begun."""
        if not self.is_open:
            return False
        if self.source is Source.VOLUME:
            return now < self.begun_at + TOKEN_LASTS
        # Whoever used the token last was killed, perhaps, before he could write down what he made.
        return now < (self.made_at or self.begun_at + TOKEN_LASTS) + SETTLES


def step_to_restore(last: Making | None, snapshot_id: str, now: datetime) -> tuple[Step, int]:
    """What to do where only snapshots show, and the number of the try that it is."""
    if last is None or not last.is_open:
        return Step.BEGIN, 1
    same = last.wanted is not None and last.wanted.snapshot_id == snapshot_id
    if last.lasts(now):
        return (Step.GO_ON if same and now < last.begun_at + TOKEN_LASTS else Step.WAIT), last.tries
    vanished = same and last.volume_id is not None
    if vanished and last.tries >= MOST_TRIES and now < last.begun_at + PAUSE_AFTER_TRIES:
        return Step.GIVE_UP, last.tries
    return Step.BEGIN, (last.tries % MOST_TRIES + 1 if vanished else 1)


def step_to_adopt(last: Making | None, volume: Volume, now: datetime) -> Step:
    """What to do where one volume shows that no claim holds: what was just made goes on at once, what was found waits first,
    because EC2 may show for a while what is gone, and a claim of a volume that is gone is a home that never starts."""
    if last is None or not last.is_open:
        return Step.BEGIN
    if last.source is Source.SNAPSHOT:
        is_its = volume.tags.get(PV_NAME_TAG) == last.persistent_volume_name
        if is_its and now < last.begun_at + TOKEN_LASTS:
            return Step.GO_ON
        return Step.WAIT if last.lasts(now) else Step.BEGIN
    if last.volume_id != volume.volume_id or now >= last.begun_at + TOKEN_LASTS:
        return Step.BEGIN
    return Step.GO_ON if now >= last.begun_at + SETTLES else Step.WAIT


def restore_of(facts: HomeFacts, source: Snapshot, size_gib: int, number: int, tries: int, token: str, now: datetime) -> Making:
    """The generation that makes a volume from a snapshot. ``facts`` carry the zone and the person."""
    assert facts.zone is not None  # noqa: S101 - a plan to restore is made only where it is known
    name = f"home-{token}"
    wanted = WantedVolume(source.snapshot_id, size_gib, facts.zone, token, restored_tags(facts, source, name))
    return Making(number, Source.SNAPSHOT, facts.claim_name, name, now, wanted=wanted, tries=tries)


def adoption_of(facts: HomeFacts, volume: Volume, number: int, now: datetime) -> Making:
    """The generation that gives a volume its claim back, under the PersistentVolume's name that its tags tell: where an object
    of that name still stands, the bond is refused."""
    name = volume.tags.get(PV_NAME_TAG) or f"home-{volume.volume_id}"
    return Making(number, Source.VOLUME, facts.claim_name, name, now, volume_id=volume.volume_id)


def restored_tags(facts: HomeFacts, source: Snapshot, persistent_volume_name: str) -> dict[str, str]:
    """What a restored home carries from its first moment.

    The storage day must take it for what it is: this person's, in this cluster's scope, last used when the copy was, descending
    from the copy's volume (``domain.storage.ancestry``), protected where the home was. Times of deletion that the systems before
    wrote are not carried on: they were meant for what is gone.
    """
    assert facts.record is not None  # noqa: S101 - a plan to restore is made only for a person on record
    carried = {key: value for key, value in source.tags.items() if _is_carried(key, facts.protection_tag)}
    told = read_tags(source.tags, facts.protection_tag)
    tags = {
        **home_tags(facts.cluster_name, facts.claim_name, facts.record.sub, persistent_volume_name),
        ANCESTRY_TAG: ancestry_through(source),
        DRIVER_S_TAG: "true",
        **({facts.protection_tag: "true"} if told.protected or told.volume_was_protected else {}),
        **{key: value for key, value in source.tags.items() if key in USE_TAGS},
    }
    return dict([*tags.items(), *((key, value) for key, value in carried.items() if key not in tags)][:LARGEST_TAG_COUNT])


def _is_carried(key: str, protection_tag: str) -> bool:
    """Cost allocation and what else people wrote."""
    ours = key in NAMED_TAGS or key in _OF_ONE_VOLUME or key.lower() == protection_tag.lower()
    return not ours and not key.lower().startswith(("aws:", "hubplane:", CLUSTER_TAG_PREFIX))
