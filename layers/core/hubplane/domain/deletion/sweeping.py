"""The sweep: everything that may still be the cluster's is found, judged and, where it goes, looked at again and removed.

Called again and again until nothing is left that goes. What cannot go yet (a group that is still in use) says why, and stays on
the listing with that reason if it never can. Nothing here remembers anything: every call finds the world as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from hubplane.domain.deletion.things import Thing, Verdict
from hubplane.domain.errors import HubplaneError, LockLost, Throttled

__all__ = ["Place", "Swept", "sweep_places"]


class Place(Protocol):
    """Where things of some kinds are; the adapters are the real ones."""

    def find(self, cluster_name: str) -> Iterable[Thing]:
        """Everything that may be the cluster's, by tag or by name. Reads only, in pages."""

    def again(self, thing: Thing) -> Thing | None:
        """The thing as it is now; None where it is gone. Reads only."""

    def remove(self, thing: Thing) -> None:
        """Remove it. Repeatable: what is gone is success. Any ``HubplaneError`` says why it cannot go now."""


@dataclass
class Swept:
    """``verdicts`` on what was found and still is there, ``changes`` of now. ``waiting``: things that go and have not gone."""

    verdicts: list[Verdict] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    waiting: int = 0
    in_time: bool = True

    @property
    def done(self) -> bool:
        """Nothing is left that goes, and nothing went in this call: what was made meanwhile, or was not told yet because tags
        and filters of EC2 come to be true some time later, is seen by one more look."""
        return self.in_time and not self.waiting and not self.changes

    def keep(self, verdict: Verdict) -> None:
        """The thing is there, and stays."""
        self.verdicts.append(verdict)

    def went(self, verdict: Verdict) -> None:
        """The thing was removed now."""
        self.changes.append(f"{verdict.kind} {verdict.thing_id}: {verdict.reason}")

    def waits(self, verdict: Verdict, why: str) -> None:
        """The thing goes, and is still there."""
        self.waiting += 1
        self.verdicts.append(replace(verdict, reason=f"Not gone yet: {why.rstrip('.')}."))


def sweep_places(
    cluster_name: str,
    places: Sequence[Place],
    judge: Callable[[Thing], Verdict],
    hold: Callable[[], None],
    enough_time: Callable[[], bool],
    swept: Swept,
) -> None:
    """Find, judge, look again, remove, in the order of ``places``; what became of it goes into ``swept``.

    ``hold`` raises ``LockLost`` where this execution may not act any more, and is asked before each removal. Raises ``Throttled``
    and ``ProviderError`` of a look: what cannot be seen is not called gone.
    """
    for place in places:
        for thing in list(place.find(cluster_name)):
            verdict = judge(thing)
            if not verdict.goes:
                swept.keep(verdict)
                continue
            if not enough_time():
                swept.in_time = False
                swept.waits(verdict, "the time of this call was used up")
                continue
            now = place.again(thing)
            if now is None:
                continue
            verdict = judge(now)
            if not verdict.goes:
                swept.keep(verdict)
            elif now.busy:
                swept.waits(verdict, now.busy)
            else:
                hold()
                _remove(place, now, verdict, swept)


def _remove(place: Place, thing: Thing, verdict: Verdict, swept: Swept) -> None:
    try:
        place.remove(thing)
    except (Throttled, LockLost):
        raise
    except HubplaneError as error:
        swept.waits(verdict, str(error))
        return
    if place.again(thing) is None:
        swept.went(verdict)
    else:
        swept.changes.append(f"{verdict.kind} {verdict.thing_id}: asked to go")
        swept.waits(verdict, "it was asked to go")
