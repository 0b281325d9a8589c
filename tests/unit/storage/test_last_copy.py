"""The last copy of a home: started only when the volume rests, believed only when it is proved, and never at any price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from hubplane.domain.errors import HomeNotProved
from hubplane.domain.storage.last_copy import prove_home
from hubplane.domain.storage.leaving_home import Home, home_from_json, home_to_json
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.ports import Refusal, Refused
from hubplane.domain.storage.records import Snapshot, UseEvent, Volume
from tests.unit.storage.builders import ACCOUNT, CLUSTER, NOW, snapshot, tags, volume

MINUTE = timedelta(minutes=1)


class Disks:
    """One volume and its snapshots; a snapshot completes when the test says so."""

    def __init__(self, home: Volume | None, *snapshots: Snapshot) -> None:
        self.home, self.stored, self.pending_elsewhere = home, list(snapshots), 0
        self.refusal: Refusal | None = None
        self.now = NOW

    def volumes(self, volume_ids: Sequence[str]) -> tuple[Volume, ...]:
        return (self.home,) if self.home is not None and self.home.volume_id in volume_ids else ()

    def snapshots(self, snapshot_ids: Sequence[str]) -> tuple[Snapshot, ...]:
        return tuple(item for item in self.stored if item.snapshot_id in snapshot_ids)

    def snapshots_of(self, volume_ids: Sequence[str]) -> tuple[Snapshot, ...]:
        return tuple(item for item in self.stored if item.volume_id in volume_ids)

    def pending(self) -> tuple[Snapshot, ...]:
        elsewhere = Snapshot("snap-elsewhere", "vol-elsewhere", "pending", self.now, 1, ACCOUNT)
        return (*[elsewhere] * self.pending_elsewhere, *(item for item in self.stored if item.state == "pending"))

    def create_snapshot(self, volume_id: str, given: Mapping[str, str]) -> str:
        if self.refusal is not None:
            raise Refused(self.refusal, "EC2 says no")
        assert self.home is not None
        made = Snapshot(f"snap-new-{len(self.stored)}", volume_id, "pending", self.now, self.home.size_gib, ACCOUNT, dict(given))
        self.stored.append(made)
        return made.snapshot_id

    def become(self, state: str) -> None:
        self.stored = [replace(item, state=state) if item.state == "pending" else item for item in self.stored]


HOME = Home("vol-1", CLUSTER, 500)


def look(disks: Disks, home: Home, at: datetime, uses: Sequence[UseEvent] = ()) -> tuple[Home, str | None]:
    """One call as the machine makes it: through JSON."""
    disks.now = at
    found, started = prove_home(
        home_from_json(home_to_json(home)), disks, StoragePolicy(), uses, account_id=ACCOUNT, run_id="offboard/one", now=at
    )
    assert home_from_json(home_to_json(found)) == found
    return found, started


def test_a_rested_home_gets_one_snapshot_and_is_proved_when_it_is_completed() -> None:
    disks = Disks(volume())
    home, started = look(disks, HOME, NOW)
    assert (started, home.proof) == ("snap-new-0", None)
    for minutes in (1, 2, 3):
        home, again = look(disks, home, NOW + minutes * MINUTE)
        assert (again, home.proof) == (None, None)
    disks.become("completed")
    home, again = look(disks, home, NOW + 9 * MINUTE)
    assert (home.proof, again) == ("snap-new-0", None)
    assert disks.stored[0].tags["kubernetes.io/created-for/pvc/name"] == "claim-ann"


def test_a_server_that_has_just_stopped_is_waited_for() -> None:
    disks = Disks(volume(stopped=NOW))
    home = HOME
    for minutes in (0, 5, 10, 14):
        home, started = look(disks, home, NOW + minutes * MINUTE)
        assert started is None
        assert "left alone until" in home.said
    home, started = look(disks, home, NOW + 15 * MINUTE)
    assert started == "snap-new-0"
    disks.become("completed")
    home, _ = look(disks, home, NOW + 20 * MINUTE)
    assert home.proof == "snap-new-0"


@pytest.mark.parametrize(
    "old",
    [
        pytest.param(snapshot(days_old=0.001), id="of before it was seen to rest"),
        pytest.param(snapshot(volume_id="vol-9"), id="of another volume"),
        pytest.param(snapshot(owner_id="999999999999", days_old=-1), id="of another account"),
        pytest.param(snapshot(size_gib=400, days_old=-1), id="of before it grew"),
    ],
)
def test_what_is_no_proof_does_not_count(old: Snapshot) -> None:
    disks = Disks(volume(), old)
    home, started = look(disks, HOME, NOW)
    assert (home.proof, started) == (None, "snap-new-1")


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(volume(attached=True, state="in-use"), id="attached"),
        pytest.param(volume(more={"server-start-time": str(NOW + MINUTE)}), id="started by tag"),
        pytest.param(volume(state="creating"), id="not there yet"),
    ],
)
def test_a_home_that_is_used_again_is_proved_anew(changed: Volume) -> None:
    disks = Disks(volume())
    home, started = look(disks, HOME, NOW)
    assert started
    disks.home = changed
    disks.become("completed")
    home, started = look(disks, home, NOW + 2 * MINUTE)
    assert (home.proof, started) == (None, None)
    disks.home = volume(more={"server-start-time": str(NOW + MINUTE)})
    home, _ = look(disks, home, NOW + 3 * MINUTE)
    home, started = look(disks, home, NOW + 20 * MINUTE)
    assert (home.proof, started) == (None, "snap-new-1"), "the copy of before the use is not believed"


def test_an_attachment_that_only_cloudtrail_saw_counts() -> None:
    disks = Disks(volume())
    home, _ = look(disks, HOME, NOW)
    disks.become("completed")
    home, started = look(disks, home, NOW + 2 * MINUTE, [UseEvent("vol-1", "attach", NOW + MINUTE)])
    assert (home.proof, started) == (None, None)


@pytest.mark.parametrize("kind", [Refusal.NO_ROOM, Refusal.TOO_SOON, Refusal.LOST, Refusal.GONE])
def test_what_ec2_refuses_for_now_is_tried_again(kind: Refusal) -> None:
    disks = Disks(volume())
    disks.refusal = kind
    home, started = look(disks, HOME, NOW)
    assert (home.proof, started) == (None, None)
    disks.refusal = None
    assert look(disks, home, NOW + MINUTE)[1] == "snap-new-0"


def test_a_full_account_is_waited_for() -> None:
    disks = Disks(volume())
    disks.pending_elsewhere = StoragePolicy().pending_snapshots
    assert look(disks, HOME, NOW)[1] is None
    disks.pending_elsewhere -= 1
    assert look(disks, HOME, NOW)[1] == "snap-new-0"


def test_snapshots_that_end_in_error_are_not_made_for_ever() -> None:
    disks = Disks(volume())
    home = HOME
    for number in range(3):
        home, started = look(disks, home, NOW + number * MINUTE)
        assert started
        disks.become("error")
    with pytest.raises(HomeNotProved, match="3 snapshots of vol-1 ended in error"):
        look(disks, home, NOW + 5 * MINUTE)


def test_a_volume_that_is_gone_is_held_by_its_newest_good_snapshot_or_by_nothing() -> None:
    good, newer = snapshot("snap-good", days_old=2), snapshot("snap-pending", days_old=1, state="pending")
    home, _ = look(Disks(None, good, newer, snapshot("snap-old", days_old=9)), HOME, NOW)
    assert home.proof == "snap-good"
    for useless in (newer, replace(good, state="error"), replace(good, owner_id="999999999999"), replace(good, size_gib=8)):
        with pytest.raises(HomeNotProved, match="look into the Recycle Bin"):
            look(Disks(None, useless), HOME, NOW)
    with pytest.raises(HomeNotProved):
        look(Disks(volume(state="deleting")), HOME, NOW)


def test_a_volume_whose_tags_went_is_no_home_that_can_be_proved() -> None:
    foreign = {key: value for key, value in tags().items() if "cluster" not in key}
    with pytest.raises(HomeNotProved, match="does not carry the tags"):
        look(Disks(volume(tags=foreign)), HOME, NOW)
