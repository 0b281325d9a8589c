"""Tags in every form since 2019, the time of last use, and what a policy may say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hubplane.domain.storage.policy import StoragePolicy, policy_from_json, policy_to_json, snapshot_boundary
from hubplane.domain.storage.records import Sighting, UseEvent
from hubplane.domain.storage.tags import parse_time, read_tags
from hubplane.domain.storage.view import observe, view_of
from tests.unit.storage.builders import NOW, ago, inventory, sighting, tags, volume


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        pytest.param("2023-05-01 10:00:00+00:00", datetime(2023, 5, 1, 10, tzinfo=UTC), id="hub of 2022"),
        pytest.param("2023-05-01T10:00:00Z", datetime(2023, 5, 1, 10, tzinfo=UTC), id="iso with Z"),
        pytest.param("2023-05-01 10:00:00-09:00", datetime(2023, 5, 1, 19, tzinfo=UTC), id="another zone"),
        pytest.param(
            "2021-05-01 10:00:00.123456",
            datetime(2021, 5, 1, 22, 0, 0, 123456, tzinfo=UTC),
            id="2019: naive local, latest meaning",
        ),
        pytest.param("", None, id="empty"),
        pytest.param("None", None, id="a Python None"),
        pytest.param("01.05.2023", None, id="another format"),
        pytest.param("0001-01-01 00:00:00+14:00", None, id="before the calendar begins"),
        pytest.param("9999-12-31 23:59:59", None, id="after the calendar ends"),
    ],
)
def test_a_time_is_read_as_the_latest_instant_it_can_mean(text: str, moment: datetime | None) -> None:
    assert parse_time(text) == moment


@pytest.mark.parametrize(
    ("found", "clusters"),
    [
        pytest.param({"kubernetes.io/cluster/lab": "owned"}, {"lab"}, id="2019 form"),
        pytest.param({"KubernetesCluster": "lab"}, {"lab"}, id="CSI driver's form"),
        pytest.param({"kubernetes.io/cluster/lab": "shared"}, set(), id="shared is not owned"),
        pytest.param({"kubernetes.io/cluster/lab": "owned", "KubernetesCluster": "lab"}, {"lab"}, id="both forms agree"),
        pytest.param({"kubernetes.io/cluster/lab": "owned", "KubernetesCluster": "x"}, {"lab", "x"}, id="both forms differ"),
    ],
)
def test_scope_is_read_from_both_forms(found: dict[str, str], clusters: set[str]) -> None:
    assert read_tags(found, "do-not-delete").clusters == clusters


def test_every_unreadable_time_is_named() -> None:
    facts = read_tags(tags(**{"server-start-time": "x", "snapshot-delete-time": "never", "server-stop-time": str(NOW)}), "keep")
    assert set(facts.unparsable) == {"server-start-time='x'", "snapshot-delete-time='never'"}
    assert facts.used_at == (NOW,)


SIGNS = [
    ("server-stop-time", {"server-stop-time": str(ago(3))}, None, (), ago(3)),
    ("server-start-time is later", {"server-stop-time": str(ago(3)), "server-start-time": str(ago(2))}, None, (), ago(2)),
    ("2019 tag", {"jupyter-volume-stopping-time": str(ago(3).replace(tzinfo=None))}, None, (), ago(2.5)),
    ("CloudTrail is later", {"server-stop-time": str(ago(3))}, None, (UseEvent("vol-1", "detach", ago(1)),), ago(1)),
    ("our own sighting is later", {"server-stop-time": str(ago(3))}, ago(2), (), ago(2)),
    ("nothing is known but when it was first seen", {}, None, (), ago(300)),
]


@pytest.mark.parametrize(("stamps", "unattached", "events", "expected"), [pytest.param(*case[1:], id=case[0]) for case in SIGNS])
def test_the_latest_sign_of_use_wins(
    stamps: dict[str, str], unattached: datetime | None, events: tuple[UseEvent, ...], expected: datetime
) -> None:
    seen = volume(tags=tags(**stamps))
    view = view_of(inventory(seen, Sighting("vol-1", ago(300), unattached), events=events), StoragePolicy(), NOW)
    assert view.last_use_of(seen) == expected


OBSERVED = [
    ("unattached for the first time", volume(), None, NOW),
    ("still unattached", volume(), sighting(since_days=9), ago(9)),
    ("attached", volume(attached=True, state="in-use"), sighting(since_days=9), None),
    ("used since the last sweep", volume(stopped=ago(1)), sighting(since_days=9), NOW),
    ("the sighting was too close behind a sign of use", volume(stopped=ago(9)), sighting(since_days=9 - 14 / 1440), NOW),
    ("the sighting was well behind it", volume(stopped=ago(9)), sighting(since_days=9 - 15 / 1440), ago(9 - 15 / 1440)),
]


@pytest.mark.parametrize(("seen", "before", "since"), [pytest.param(*case[1:], id=case[0]) for case in OBSERVED])
def test_a_sweep_remembers_since_when_a_volume_is_unattached(
    seen: object, before: Sighting | None, since: datetime | None
) -> None:
    things = (seen, before) if before else (seen,)
    (found,) = observe(inventory(*things), StoragePolicy(), NOW)  # type: ignore[arg-type]
    assert found.unattached_since == since
    assert found.first_seen_at == (before.first_seen_at if before else NOW)


@pytest.mark.parametrize(
    ("hour", "boundary"),
    [
        pytest.param(12, NOW, id="this minute"),
        pytest.param(10, NOW - timedelta(hours=2), id="earlier today"),
        pytest.param(13, NOW - timedelta(hours=23), id="yesterday"),
    ],
)
def test_the_night_begins_at_the_snapshot_hour(hour: int, boundary: datetime) -> None:
    assert snapshot_boundary(StoragePolicy(snapshot_hour=hour), NOW) == boundary


def test_the_default_policy_never_ends_a_home_and_prunes_nothing() -> None:
    assert (StoragePolicy().end_of_retention_days, StoragePolicy().prune) == (None, False)


def test_a_policy_survives_its_json() -> None:
    policy = StoragePolicy(end_of_retention_days=46, warning_days=(7, 2))
    assert policy_from_json(policy_to_json(policy)) == policy
