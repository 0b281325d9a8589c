"""The fleet's night of `make bench`, small: the pace and the reserve hold whatever the size, and nothing is left undone."""

from __future__ import annotations

from local.bench import storage_night


def test_a_small_fleets_night_is_never_throttled_and_keeps_the_reserve() -> None:
    figures = storage_night.measure(4000)
    assert (figures.throttled, figures.most_pending) == (0, storage_night.MOST_PENDING)
    assert (figures.started, figures.snapshots_deleted) == (248, 248)
    assert figures.volumes_deleted == figures.calls["EC2 DeleteVolume"] > 40
    # Four slices of 80, their looks and their ledger entries weigh more in a small night; at 100,000 volumes 1.05 is the goal.
    assert figures.call_ratio < 1.25
    assert [name for name, _, _ in storage_night.rows(figures)][-1] == "most frequent"
