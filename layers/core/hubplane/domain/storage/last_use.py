"""When a home was last used, and since when its volume is known to be unattached.

EC2 records no detachment time. What it was is pieced together from tags, CloudTrail and the control plane's own sightings.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from hubplane.domain.storage.records import Sighting, UseEvent, Volume
from hubplane.domain.storage.tags import TagFacts

__all__ = ["last_use", "sight", "unattached_since"]

# A sign of use and its attachment are not simultaneous: the hub writes its start tag before the volume is attached and its stop
# tag before it is detached (Kubernetes waits up to 6 minutes for an unmount: maxWaitForUnmountDuration of the attach-detach
# controller), and EC2 is eventually consistent (EC2 Developer Guide, "Eventual consistency": wait "a couple of seconds,
# increasing gradually up to five minutes"). A sighting this close after a sign of use may have seen the moment before.
SETTLE = timedelta(minutes=15)


def signs_of_use(facts: TagFacts, events: Iterable[UseEvent]) -> tuple[datetime, ...]:
    """Every moment at which the home was in somebody's hands, by tags and by CloudTrail."""
    return (*facts.used_at, *(event.at for event in events))


def last_use(volume: Volume, facts: TagFacts, sighting: Sighting | None, events: Iterable[UseEvent], now: datetime) -> datetime:
    """The latest moment at which the volume may have been used; the first sighting where nothing else is known.

    A volume seen by nobody yet counts as first seen ``now``. Its creation is a use as well.
    """
    if sighting is None:
        return max(now, volume.created_at, *signs_of_use(facts, events))
    signs = [*signs_of_use(facts, events), *([sighting.unattached_since] if sighting.unattached_since else [])]
    return max(volume.created_at, *(signs or [sighting.first_seen_at]))


def unattached_since(volume: Volume, facts: TagFacts, sighting: Sighting | None, events: Iterable[UseEvent]) -> datetime | None:
    """A moment from which on the volume is known to have been unattached, or None.

    A snapshot started then or later holds everything that was ever written. A sighting older than a sign of use, or too
    close behind one, says nothing.
    """
    if volume.attached or sighting is None or sighting.unattached_since is None:
        return None
    latest = max((volume.created_at, *signs_of_use(facts, events)))
    return sighting.unattached_since if sighting.unattached_since >= latest + SETTLE else None


def sight(volume: Volume, facts: TagFacts, previous: Sighting | None, events: Iterable[UseEvent], now: datetime) -> Sighting:
    """What to remember of the volume after seeing it ``now``. Repeating it changes nothing while the volume rests."""
    first_seen_at = previous.first_seen_at if previous else now
    if volume.attached or volume.state != "available":
        return Sighting(volume.volume_id, first_seen_at, None)
    known = unattached_since(volume, facts, previous, events)
    return Sighting(volume.volume_id, first_seen_at, known or now)
