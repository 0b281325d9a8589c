"""The inventory of a sweep that is killed at any write, or whose time runs out after any page, is that of one in a piece."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from hubplane.domain.errors import NotYet, ProviderError, Throttled
from hubplane.domain.storage.documents import SweptCluster, snapshot_from_json, volume_from_json
from hubplane.domain.storage.ec2_pages import Page
from hubplane.domain.storage.jsonlines import LineWriter, read_lines
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import Sighting, Snapshot, Volume
from hubplane.domain.storage.sharing import Sharing
from hubplane.domain.storage.sweeping import SweepCursor
from hubplane.domain.storage.taking_inventory import ENOUGH_FOR_A_PAGE, ENOUGH_FOR_THE_END, Sources, Sweep
from tests.unit.storage.builders import ACCOUNT, CLUSTER, NOW, claim, sighting, snapshot, volume

VOLUMES = tuple(volume(f"vol-{number}") for number in range(5))
OTHERS = (volume("vol-other", tags={}), volume("vol-strange", tags={}))
SNAPSHOTS = tuple(
    snapshot(f"snap-{number}", f"vol-{number}", state="pending" if number > 5 else "completed") for number in range(7)
)
FOREIGN = snapshot("snap-foreign", "vol-other", tags={}, state="pending")
LONG = 10.0 * ENOUGH_FOR_THE_END


@dataclass
class Bucket:
    """Pages in memory. ``dies_at``: the number of the write that kills the sweep, before it is done or, as ``.5``, after."""

    pages: dict[tuple[str, int], list[dict[str, Any]]] = field(default_factory=dict)
    seen: tuple[Sighting, ...] = (sighting("vol-0"), sighting("vol-6"), sighting("vol-long-gone"))
    swept: SweptCluster | None = None
    dies_at: float = 0
    writes: int = 0

    def put_page(self, prefix: str, kind: str, number: int, lines: LineWriter) -> None:
        body = lines.body()
        self._write(lambda: self.pages.__setitem__((f"{prefix}{kind}", number), list(read_lines(body))))

    def volumes(self, prefix: str, pages: int) -> Iterator[Volume]:
        for number in range(1, pages + 1):
            yield from (volume_from_json(line, Sharing()) for line in self.pages[f"{prefix}volumes", number])

    def snapshots(self, prefix: str, pages: int) -> Iterator[Snapshot]:
        for number in range(1, pages + 1):
            yield from (snapshot_from_json(line, Sharing()) for line in self.pages[f"{prefix}snapshots", number])

    def sightings(self, cluster_name: str) -> tuple[Sighting, ...]:
        assert cluster_name == CLUSTER
        return self.seen

    def put_sightings(self, cluster_name: str, sightings: Iterable[Sighting]) -> None:
        self._write(lambda: setattr(self, "seen", tuple(sightings)))

    def put_cluster(self, prefix: str, swept: SweptCluster) -> None:
        self._write(lambda: setattr(self, "swept", swept))

    def _write(self, deed: Callable[[], None]) -> None:
        self.writes += 1
        if self.writes == self.dies_at:
            raise InterruptedError
        deed()
        if self.writes + 0.5 == self.dies_at:
            raise InterruptedError

    def found(self) -> tuple[Any, ...]:
        """All that planners will read, and what the next night will remember."""
        assert self.swept is not None
        swept = self.swept
        volumes, snapshots = self.volumes("run/", swept.volume_pages), self.snapshots("run/", swept.snapshot_pages)
        return tuple(volumes), tuple(snapshots), swept.inventory.sightings, swept.inventory.pending_in_account, self.seen


def pages(records: tuple[Any, ...]) -> Callable[[str | None], Iterator[Page[Any]]]:
    """EC2's answers, two records a page; a page's token resumes after it."""

    def answers(token: str | None) -> Iterator[Page[Any]]:
        start = int(token or 0)
        while True:
            following = start + 2
            more = following < len(records)
            yield Page(records[start:following], str(following) if more else None)
            if not more:
                return
            start = following

    return answers


def nothing() -> tuple[Any, ...]:
    return ()


SOURCES = Sources(
    volume_pages=pages((*VOLUMES, OTHERS[0])),
    snapshot_pages=pages((*SNAPSHOTS, FOREIGN)),
    volumes_by_id=lambda ids: tuple(item for item in OTHERS if item.volume_id in ids),
    claims=lambda: ((claim("vol-0"), claim("vol-strange", "claim-bea")), frozenset({"vol-0"})),
    people=nothing,
    deleted=lambda: (2, 7),
    uses=nothing,
    warnings=nothing,
)


def sweep(bucket: Bucket, sources: Sources = SOURCES, seconds_left: Callable[[], float] = lambda: LONG) -> Sweep:
    return Sweep(CLUSTER, ACCOUNT, "run/", "prune_volumes", StoragePolicy(), bucket, sources, seconds_left)


def start() -> SweepCursor:
    return SweepCursor.from_json(None, NOW)


def in_a_piece() -> Bucket:
    bucket = Bucket()
    sweep(bucket).go_on(start())
    return bucket


def test_the_inventory_has_the_clusters_and_what_its_claims_hold_and_counts_the_accounts() -> None:
    bucket = in_a_piece()
    volumes, snapshots, _, pending, seen = bucket.found()
    assert [item.volume_id for item in volumes] == [*(item.volume_id for item in VOLUMES), "vol-strange"]
    assert snapshots == SNAPSHOTS
    assert pending == 2
    assert {item.volume_id for item in seen} == {*(item.volume_id for item in VOLUMES), "vol-6"}, (
        "a volume that only a copy tells of"
    )
    assert bucket.swept is not None
    assert (bucket.swept.inventory.volumes_deleted_tonight, bucket.swept.inventory.snapshots_deleted_tonight) == (2, 7)


WRITES = in_a_piece().writes


@pytest.mark.parametrize("dies_at", [number / 2 for number in range(2, 2 * WRITES + 2)])
def test_killed_at_any_write_and_begun_again_it_ends_the_same(dies_at: float) -> None:
    bucket = Bucket(dies_at=dies_at)
    with pytest.raises(InterruptedError):
        sweep(bucket).go_on(start())
    assert bucket.swept is None or dies_at == WRITES + 0.5, "only what is whole can be read"
    sweep(bucket).go_on(start())
    assert bucket.found() == in_a_piece().found()


@pytest.mark.parametrize("looks", range(1, 12))
def test_out_of_time_after_any_look_at_the_clock_it_goes_on_from_its_cursor(looks: int) -> None:
    bucket, cursor, notes, calls = Bucket(), start(), None, 0
    while notes is None:
        left = iter([LONG] * looks)
        cursor, notes = sweep(bucket, seconds_left=lambda left=left: next(left, 1.0)).go_on(cursor)  # type: ignore[misc]
        calls += 1
        assert calls < 12
        assert (notes is not None) == (bucket.swept is not None)
    assert bucket.found() == in_a_piece().found()
    assert calls > 1 or looks > 8, "there are nine looks in a whole sweep"


@pytest.mark.parametrize(
    ("left", "is_whole"),
    [pytest.param(ENOUGH_FOR_THE_END, False, id="too-late"), pytest.param(ENOUGH_FOR_THE_END + 1, True, id="enough")],
)
def test_the_last_part_is_begun_only_where_it_can_be_ended(left: float, is_whole: bool) -> None:
    assert left > ENOUGH_FOR_A_PAGE
    cursor, notes = sweep(Bucket(), seconds_left=lambda: left).go_on(start())
    assert (cursor.stage, notes is not None) == ("cluster", is_whole)


def fails(error: Exception) -> Callable[[], Any]:
    def fail() -> Any:
        raise error

    return fail


@pytest.mark.parametrize(
    ("sources", "claims", "notes"),
    [
        pytest.param({}, 2, [], id="all-is-known"),
        pytest.param(
            {"claims": fails(NotYet("no answer"))},
            None,
            ["The cluster could not be asked what it uses, so all its volumes are kept: no answer"],
            id="cluster",
        ),
        pytest.param(
            {"people": fails(ProviderError("broken record"))},
            2,
            ["The people could not be read, so nobody is warned and every last copy is kept: broken record"],
            id="people",
        ),
    ],
)
def test_what_cannot_be_asked_is_unknown_and_said(sources: dict[str, Any], claims: int | None, notes: list[str]) -> None:
    bucket = Bucket()
    assert sweep(bucket, replace(SOURCES, **sources)).go_on(start())[1] == notes
    assert bucket.swept is not None
    found = bucket.swept.inventory.claims
    assert (None if found is None else len(found)) == claims


@pytest.mark.parametrize("source", ["claims", "people", "deleted", "uses", "warnings"])
def test_throttling_makes_nothing_whole(source: str) -> None:
    bucket = Bucket()
    with pytest.raises(Throttled):
        sweep(bucket, replace(SOURCES, **{source: fails(Throttled("slower"))})).go_on(start())
    assert bucket.swept is None
