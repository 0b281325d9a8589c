"""No server starts at the real hub without its person's home: first, again, after it was pruned; and no failure is a yes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from hubplane.domain.names import claims_of
from local.guide.follow import Outcome
from local.guide.passing import pass_days
from local.guide.round_trip import RoundTrip
from local.guide.round_trip import start as start_server
from tests.e2e.conftest import Hubplane
from tests.e2e.spawning import (
    HubValues,
    become,
    browser,
    claims,
    clear,
    newcomer,
    pods_of,
    refused,
    storage_day,
    without_pod_identity,
)
from tests.e2e.storage import CLUSTER, ebs
from tests.e2e.test_mail import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("built_2019")]

TEMPLATE = "singleuser.storage.dynamic.pvcNameTemplate"
SCHEME, NAMED = "hub.config.KubeSpawner.slug_scheme", "hub.config.JupyterHub.allow_named_servers"
SCHEMES = {
    "safe": {SCHEME: "safe", TEMPLATE: "claim-{username}", NAMED: True},
    "escape": {SCHEME: "escape", TEMPLATE: "claim-{username}", NAMED: True},
}
PEOPLE = {  # scheme -> a name that no claim can carry as it is -> the person's server
    "safe": {"Ada.Lovelace_2": "", "o-neill.x": "gpu"},
    "escape": {"Emmy_Noether.9": "", "van.t-hoff": "gpu"},
}


@dataclass
class Stay:
    """One person's home over the whole story."""

    trip: RoundTrip
    scheme: str
    server: str
    claim: str
    marker: str
    volume_id: str


@pytest.fixture(scope="module")
def values(hubplane: Hubplane, built_2019: tuple[dict[str, Any], Outcome]) -> Iterator[HubValues]:
    """The hub's values, put back in the end."""
    made = HubValues(hubplane)
    yield made
    made.restore()


@pytest.fixture(scope="module")
def stays(hubplane: Hubplane, values: HubValues) -> Iterator[list[Stay]]:
    """Everybody has been there, written a file, stopped, stayed away for 40 days; then a storage day has pruned."""
    found: list[Stay] = []
    for scheme, changed in SCHEMES.items():
        values.change(changed)
        for name, server in PEOPLE[scheme].items():
            trip = newcomer(hubplane, name)
            visit = trip.visit()
            before = set(claims(hubplane))
            start_server(visit, server_name=server)
            (claim,) = set(claims(hubplane)) - before
            marker = f"{name} was here"
            visit.write_marker(marker, server)
            visit.stop(server)
            found.append(Stay(trip, scheme, server, claim, marker, trip.wait_for_rest()["VolumeId"]))
    for stay in found:
        pass_days(hubplane.cloud, hubplane.control_plane, CLUSTER, stay.volume_id, 40)
    storage_day(hubplane)
    wait_for(lambda: not {stay.volume_id for stay in found} & set(ebs(hubplane)["volumes"]), "the volumes to be gone")
    yield found
    clear(hubplane, [stay.trip for stay in found])


def test_the_claim_is_named_by_the_scheme(stays: list[Stay]) -> None:
    for stay in stays:
        names = claims_of(stay.trip.username)
        assert stay.claim == (names.escaped if stay.scheme == "escape" else names.safe)
        assert names.escaped != names.safe


@pytest.mark.parametrize("scheme", ["escape", "safe"])  # the hub runs with the last one still
def test_who_comes_back_after_the_pruning_finds_everything(
    hubplane: Hubplane, values: HubValues, stays: list[Stay], scheme: str
) -> None:
    values.change(SCHEMES[scheme])
    for stay in (one for one in stays if one.scheme == scheme):
        assert stay.claim not in claims(hubplane)
        visit = stay.trip.visit()
        visit.start(stay.server)
        events = list(visit.events(stay.server))
        assert events[-1].get("ready"), events
        told = [event["message"] for event in events]
        assert "Looking at your home." in told
        assert any("comes back from its copy" in message for message in told), told
        assert told.index("Your home is ready.") < len(told) - 1
        volume = stay.trip.volume()
        assert volume is not None
        assert volume["VolumeId"] != stay.volume_id
        assert volume["SnapshotId"].startswith("snap-")
        assert visit.read_marker(stay.server) == stay.marker
        assert stay.claim in claims(hubplane)
        visit.stop(stay.server)
        stay.trip.wait_for_rest()

        start_server(visit, server_name=stay.server)  # and once more, with nothing to be restored
        assert visit.read_marker(stay.server) == stay.marker
        again = stay.trip.volume()
        assert again is not None
        assert again["VolumeId"] == volume["VolumeId"]
        visit.stop(stay.server)
        stay.trip.wait_for_rest()


def test_a_hub_that_cannot_reach_aws_starts_nothing_and_says_so(hubplane: Hubplane) -> None:
    trip = newcomer(hubplane, "hedy_l")
    with without_pod_identity(hubplane):
        visit = trip.visit()
        sentence = refused(visit)
        page = visit.spawn_page()
    assert "the control plane did not say what may be mounted" in sentence
    assert page.status == 503
    assert sentence in page.words
    assert trip.volume() is None
    assert claims_of("hedy_l").escaped not in claims(hubplane)
    assert not [name for name in pods_of(hubplane) if "hedy" in name]

    visit = trip.visit()
    start_server(visit)  # with its role again
    visit.stop()
    trip.wait_for_rest()
    clear(hubplane, [trip])


def test_a_refusal_is_read_on_the_spawn_page_and_uses_nothing(hubplane: Hubplane) -> None:
    trip = newcomer(hubplane, "lise_m")
    visit = trip.visit()
    start_server(visit)
    visit.stop()
    volume = trip.wait_for_rest()
    trip.ec2.create_tags(Resources=[volume["VolumeId"]], Tags=[{"Key": "hubplane:owner-sub", "Value": "somebody-else"}])
    before = trip.volume()

    sentence = refused(visit)
    page = visit.spawn_page()
    assert "belongs to another account" in sentence
    assert page.status == 403
    assert sentence in page.words
    assert not [name for name in pods_of(hubplane) if "lise" in name]
    assert trip.volume() == before, "a start that was refused is no use of the home"

    become(hubplane, "lise_m", "somebody-else")
    assert "lise_m" in browser(hubplane, "lise_m").username
    assert refused(visit), "the sign-in's own sub is not the record's"
    assert trip.volume() == before
    clear(hubplane, [trip])
