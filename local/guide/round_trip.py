"""A home goes and comes back: a person writes a file, stays away until the storage day has pruned the volume, and finds the file.

Around the storage days of the guided run: ``leave`` before them, ``come_back`` after.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from hubplane.domain.names import claims_of
from local.guide.deploy import ControlPlane, client
from local.guide.hub_visit import HubVisit, VisitFailed
from local.guide.passing import pass_days
from local.guide.processes import EmbeddedCloud
from local.guide.progress import Progress
from local.guide.sign_up import PASSWORD, Newcomer

AWAY_DAYS = 40
LONGEST_WAIT_SECONDS = 60
NODE_PORT = 30052  # of the 2019 parameter file


@dataclass(frozen=True)
class Left:
    """What a person left behind: the volume that held the file, and the file."""

    volume_id: str
    marker: str


class RoundTrip:
    """One person of one cluster, between two visits."""

    def __init__(self, cloud: EmbeddedCloud, control_plane: ControlPlane, cluster_name: str, username: str | None = None) -> None:
        self.cloud, self.control_plane, self.cluster_name = cloud, control_plane, cluster_name
        self.username = username or Newcomer().username
        self.ec2 = client(cloud, "ec2")

    def visit(self) -> HubVisit:
        """A new browser, signed in."""
        visit = HubVisit(self.cloud, self.cluster_name, NODE_PORT, self.username, PASSWORD)
        visit.sign_in()
        return visit

    def volume(self) -> dict[str, Any] | None:
        """The volume of the person's home, as EC2 has it; None where there is none. Raises ``VisitFailed`` for two."""
        names = [{"Name": "tag:kubernetes.io/created-for/pvc/name", "Values": sorted(claims_of(self.username).all)}]
        found = self.ec2.describe_volumes(Filters=names)["Volumes"]
        if len(found) > 1:
            raise VisitFailed(f"{self.username} has {len(found)} volumes, one was expected")
        return found[0] if found else None

    def wait_for_rest(self) -> dict[str, Any]:
        """The volume, once it is detached and the hub's report of the stop is on it. Raises ``VisitFailed``."""
        until = time.monotonic() + LONGEST_WAIT_SECONDS
        while time.monotonic() < until:
            volume = self.volume()
            tags = {tag["Key"] for tag in volume["Tags"]} if volume else set()
            if volume and volume["State"] == "available" and "server-stop-time" in tags:
                return volume
            time.sleep(0.3)
        raise VisitFailed(f"{self.username}'s volume did not come to rest: {self.volume()}")


def start(visit: HubVisit, console: Console | None = None, server_name: str = "") -> str:
    """Start the server and show what the spawn page is told, each line once; the last line. Raises ``VisitFailed``."""
    said, event = "", {}
    visit.start(server_name)
    for event in visit.events(server_name):
        if console and event["message"] != said:
            console.print(f"  spawn page: {event['message']}", highlight=False, soft_wrap=True, markup=False)
        said = event["message"]
    if not event.get("ready"):
        raise VisitFailed(f"the server of {visit.username} did not start: {said}")
    return said


def leave(console: Console, trip: RoundTrip) -> Left | None:
    """The person writes a file, stops, and forty days pass; None for one who has a home already. Raises ``VisitFailed``."""
    console.print()
    console.print(f"A first visit: {trip.username}", style="bold")
    if trip.volume() is not None:
        # A second time in one night would be more than a night may prune, and it would ask.
        console.print("  has been there before; `make local-stop` and `make local` tell the story again", highlight=False)
        return None
    progress = Progress(console)
    marker = f"written by {trip.username} at {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    visit = trip.visit()
    start(visit, console)
    with progress.shown():
        with progress.step("write a file in the server"):
            visit.write_marker(marker)
        with progress.step("stop the server"):
            visit.stop()
            volume = trip.wait_for_rest()
        with progress.step(f"{AWAY_DAYS} days pass"):
            pass_days(trip.cloud, trip.control_plane, trip.cluster_name, volume["VolumeId"], AWAY_DAYS)
    console.print(f"  {volume['VolumeId']} holds: {marker}", highlight=False)
    return Left(volume["VolumeId"], marker)


def come_back(console: Console, trip: RoundTrip, left: Left) -> None:
    """The volume is gone; the person signs in, starts a server and finds the file. Raises ``VisitFailed``."""
    console.print()
    console.print(f"{trip.username} comes back", style="bold")
    until = time.monotonic() + LONGEST_WAIT_SECONDS
    while (volume := trip.volume()) is not None and time.monotonic() < until:
        time.sleep(0.3)
    if volume is not None:
        raise VisitFailed(f"the storage day left {volume['VolumeId']} where it is: there is nothing to come back")
    console.print(f"  {left.volume_id} was pruned by the storage day: only its snapshot is left", highlight=False)
    visit = trip.visit()
    start(visit, console)
    volume, found = trip.volume(), visit.read_marker()
    if volume is None or found != left.marker:
        raise VisitFailed(f"the file of {trip.username} is not what it was: {found!r}")
    source = volume["SnapshotId"]
    console.print(f"  {volume['VolumeId']}, made of {source}, holds: {found}", highlight=False)
