"""The sweep asks again before it calls a cluster swept."""

from __future__ import annotations

from collections.abc import Iterator

from hubplane.domain.deletion.planning import judge_thing
from hubplane.domain.deletion.sweeping import Swept, sweep_places
from hubplane.domain.deletion.things import Kind, Thing
from hubplane.domain.report.pricing import prices_of

PRICES = prices_of("us-east-1")


class Late:
    """A place whose second thing is told of only by the next look, as EC2's filters do after a tag was written."""

    def __init__(self) -> None:
        self.there, self.looks = {"sg-1", "sg-2"}, 0

    def find(self, cluster_name: str) -> Iterator[Thing]:
        self.looks += 1
        told = self.there - ({"sg-2"} if self.looks == 1 else set())
        yield from (Thing(Kind.SECURITY_GROUP, name, frozenset({cluster_name})) for name in sorted(told))

    def again(self, thing: Thing) -> Thing | None:
        return thing if thing.thing_id in self.there else None

    def remove(self, thing: Thing) -> None:
        self.there.remove(thing.thing_id)


def test_who_removed_something_looks_once_more() -> None:
    place, done = Late(), False
    while not done:
        swept = Swept()
        sweep_places("sar", [place], lambda thing: judge_thing(thing, "sar", PRICES), lambda: None, lambda: True, swept)
        done = swept.done
    assert place.there == set()
    assert place.looks == 3
