"""Groups with sizes and dollars, orphans, the largest homes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hubplane.domain.report.fleet import FleetTally
from hubplane.domain.report.model import Fleet
from hubplane.domain.report.pricing import prices_of
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import Claim, Snapshot, Volume

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)
OURS = {"kubernetes.io/cluster/lab": "owned"}
CLAIM = "kubernetes.io/created-for/pvc/name"
NAMESPACE = "kubernetes.io/created-for/pvc/namespace"


def volume(volume_id: str, claim: str | None = None, size_gib: int = 100, **changes: Any) -> Volume:
    tags = {**OURS, **({CLAIM: claim, NAMESPACE: "jupyter"} if claim else {}), **changes.pop("tags", {})}
    return Volume(volume_id, size_gib, changes.pop("state", "available"), NOW, tags, volume_type="gp3", **changes)


def snapshot(snapshot_id: str, of: str, days_old: int = 0, **changes: Any) -> Snapshot:
    values = {"state": "completed", "size_gib": 100, "owner_id": "1", "tags": OURS, **changes}
    return Snapshot(snapshot_id, of, started_at=NOW - timedelta(days=days_old), **values)


def fleet(
    volumes: Sequence[Volume] = (),
    snapshots: Sequence[Snapshot] = (),
    claims: tuple[Claim, ...] | None = (),
    persistent: frozenset[str] = frozenset(),
    gone: frozenset[str] = frozenset(),
) -> Fleet:
    tally = FleetTally("lab", StoragePolicy(), prices_of("us-east-1"), gone)
    for item in volumes:
        tally.add_volume(item)
    for copy in snapshots:
        tally.add_snapshot(copy)
    return tally.finish(claims, persistent)


def groups(found: Fleet) -> dict[str, tuple[int, int, float]]:
    return {group.key: (group.count, group.size_gib, group.usd_per_month) for group in found.groups if group.count}


BOUND = (Claim("jupyter", "claim-ana", "u1", "vol-1"),)


@pytest.mark.parametrize(
    ("item", "claims", "group"),
    [
        pytest.param(volume("vol-1", "claim-ana", attached=True), BOUND, "volumes_in_use", id="attached"),
        pytest.param(volume("vol-1", "claim-ana"), BOUND, "volumes_idle", id="unattached with its claim"),
        pytest.param(volume("vol-2", "claim-ana"), BOUND, "volumes_without_claim", id="no claim is bound to it"),
        pytest.param(volume("vol-2"), None, "volumes_idle", id="the cluster could not be asked"),
        pytest.param(volume("vol-1", "hub-db-dir", attached=True), BOUND, "volumes_hub_database", id="the hub's database"),
        pytest.param(volume("vol-2", attached=True), BOUND, "volumes_in_use", id="in use counts more than its claim"),
        pytest.param(volume("vol-1", state="deleting"), BOUND, None, id="on its way out"),
        pytest.param(Volume("vol-1", 1, "available", NOW, {}), BOUND, None, id="of no cluster"),
        pytest.param(volume("vol-9"), BOUND, None, id="deleted this night"),
    ],
)
def test_each_volume_is_in_one_group(item: Volume, claims: tuple[Claim, ...] | None, group: str | None) -> None:
    found = fleet([item], claims=claims, gone=frozenset({"vol-9"}))
    assert groups(found) == ({group: (1, 100, 8.0)} if group else {})
    assert found.volumes == (1 if group else 0)


def test_a_volume_of_an_unclaimed_persistent_volume_is_known_to_the_cluster() -> None:
    assert groups(fleet([volume("vol-2")], persistent=frozenset({"vol-2"}))) == {"volumes_idle": (1, 100, 8.0)}


def test_snapshots_are_grouped_by_whether_their_volume_is_there() -> None:
    found = fleet(
        [volume("vol-1", "claim-ana")],
        [
            snapshot("snap-1", "vol-1", 1),
            snapshot("snap-2", "vol-1", 2),
            snapshot("snap-3", "vol-gone", 9, size_gib=50),
            snapshot("snap-4", "vol-gone", 8, size_gib=70),
            snapshot("snap-5", "vol-gone", 7, size_gib=90, state="error"),
            snapshot("snap-6", "vol-other", tags={}),
            snapshot("snap-7", "vol-1", tags={}),
            snapshot("snap-8", "vol-1"),
        ],
        BOUND,
        gone=frozenset({"snap-8"}),
    )
    assert groups(found) == {
        "volumes_idle": (1, 100, 8.0),
        "snapshots_of_volumes": (3, 300, 15.0),
        "snapshots_last_copies": (1, 70, 3.5),
        "snapshots_older_copies": (1, 50, 2.5),
        "snapshots_unfinished": (1, 90, 4.5),
    }
    assert (found.snapshots, found.snapshots_gib, found.snapshots_usd) == (6, 510, 25.5)
    orphans = found.orphans.snapshots_without_volume
    assert (orphans.count, orphans.size_gib, orphans.usd_per_month) == (2, 120, 6.0)
    assert [(item.resource_id, item.size_gib) for item in orphans.items] == [("snap-4", 120)]
    assert orphans.items[0].reason == "2 snapshots of vol-gone, the newest of 2026-11-17."


def test_orphans_of_claims_and_volumes() -> None:
    claims = (
        *BOUND,
        Claim("jupyter", "claim-bo", "u2"),
        Claim("jupyter", "claim-cy", "u3", "vol-lost"),
        Claim("x", "d", "u4", "vol-x"),
    )
    strangers = Volume("vol-x", 1, "in-use", NOW, {"kubernetes.io/cluster/other": "owned"})
    found = fleet([volume("vol-1", "claim-ana"), volume("vol-2", "claim-ana", 50), strangers], claims=claims).orphans
    assert [item.resource_id for item in found.claims_without_volume.items] == ["jupyter/claim-bo", "jupyter/claim-cy"]
    assert [item.resource_id for item in found.volumes_without_claim.items] == ["vol-2"]
    assert found.volumes_without_claim.usd_per_month == 4.0
    duplicate = found.duplicates
    assert (duplicate.count, duplicate.size_gib, duplicate.usd_per_month) == (1, 150, 12.0)
    assert duplicate.items[0].reason == "2 volumes carry this claim: vol-1, vol-2."


def test_a_volume_deleted_this_night_makes_no_orphan_of_its_claim() -> None:
    found = fleet([volume("vol-1", "claim-ana")], claims=BOUND, gone=frozenset({"vol-1"})).orphans
    assert found.claims_without_volume.count == 0


def test_a_silent_cluster_makes_no_orphans() -> None:
    found = fleet([volume("vol-1", "claim-ana")], claims=None).orphans
    assert found.volumes_without_claim is None
    assert found.claims_without_volume is None


def test_types_without_a_price_are_told() -> None:
    unknown = Volume("vol-1", 100, "available", NOW, OURS)
    found = fleet([unknown, volume("vol-2")])
    assert found.unpriced_types == ("(not told)",)
    assert found.volumes_usd == 16.0


def test_the_largest_homes_come_first() -> None:
    copies = [snapshot(f"snap-{n}", f"vol-{n}", size_gib=n) for n in range(1, 31)]
    found = fleet(snapshots=copies).largest_lines
    assert [item.size_gib for item in found.items] == list(range(30, 20, -1))
    assert (found.count, found.size_gib) == (30, sum(range(1, 31)))
