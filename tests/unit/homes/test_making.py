"""Which generation a home comes back by: begun anew, gone on with, waited for, or given up. Minutes decide, so all are here."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from hubplane.domain.homes.making import Making, Source, Step, restore_of, step_to_adopt, step_to_restore
from hubplane.domain.homes.marks import PV_NAME_TAG
from hubplane.domain.homes.volumes import WantedVolume
from tests.unit.homes.homes import copy_of, facts, home_volume
from tests.unit.storage.builders import NOW

RESTORE = Making(4, Source.SNAPSHOT, "claim-ann", "home-t", NOW, wanted=WantedVolume("snap-1", 10, "us-east-1d", "t"))
MADE = replace(RESTORE, volume_id="vol-1", made_at=NOW)
LATE = replace(RESTORE, volume_id="vol-1", made_at=NOW + timedelta(minutes=9))
ADOPTION = Making(4, Source.VOLUME, "claim-ann", "pvc-1", NOW, volume_id="vol-1")
ITS = home_volume(tags={PV_NAME_TAG: "home-t"})
FOUND = home_volume()


@pytest.mark.parametrize(
    ("last", "minutes", "snapshot_id", "step", "tries"),
    [
        pytest.param(None, 0, "snap-1", Step.BEGIN, 1, id="never-before"),
        pytest.param(replace(MADE, ended_at=NOW), 0, "snap-1", Step.BEGIN, 1, id="the-last-one-came-to-its-end"),
        pytest.param(RESTORE, 9, "snap-1", Step.GO_ON, 1, id="begun-and-no-answer-known"),
        pytest.param(RESTORE, 10, "snap-1", Step.WAIT, 1, id="its-token-was-used-a-moment-ago-perhaps"),
        pytest.param(RESTORE, 12, "snap-1", Step.BEGIN, 1, id="its-token-is-too-old"),
        pytest.param(LATE, 10.9, "snap-1", Step.WAIT, 1, id="made-at-the-last-moment"),
        pytest.param(LATE, 11, "snap-1", Step.BEGIN, 2, id="made-at-the-last-moment-and-vanished"),
        pytest.param(RESTORE, 9, "snap-2", Step.WAIT, 1, id="another-copy-was-asked-for"),
        pytest.param(MADE, 1.9, "snap-1", Step.GO_ON, 1, id="made-and-not-shown-yet"),
        pytest.param(MADE, 1.9, "snap-2", Step.WAIT, 1, id="made-of-another-copy-and-not-shown-yet"),
        pytest.param(MADE, 2, "snap-1", Step.BEGIN, 2, id="made-and-vanished"),
        pytest.param(MADE, 2, "snap-2", Step.BEGIN, 1, id="made-of-another-copy-and-gone"),
        pytest.param(replace(MADE, tries=3), 2, "snap-1", Step.GIVE_UP, 3, id="vanished-three-times"),
        pytest.param(replace(MADE, tries=3), 59, "snap-1", Step.GIVE_UP, 3, id="given-up-for-an-hour"),
        pytest.param(replace(MADE, tries=3), 60, "snap-1", Step.BEGIN, 1, id="tried-again-after-an-hour"),
        pytest.param(replace(MADE, tries=3), 2, "snap-2", Step.BEGIN, 1, id="a-newer-copy-has-tries-of-its-own"),
        pytest.param(ADOPTION, 9, "snap-1", Step.WAIT, 1, id="a-volume-was-to-be-adopted-a-moment-ago"),
        pytest.param(ADOPTION, 10, "snap-1", Step.BEGIN, 1, id="a-volume-was-to-be-adopted-and-is-gone"),
    ],
)
def test_a_restore(last: Making | None, minutes: float, snapshot_id: str, step: Step, tries: int) -> None:
    assert step_to_restore(last, snapshot_id, NOW + timedelta(minutes=minutes)) == (step, tries)


@pytest.mark.parametrize(
    ("last", "minutes", "volume", "step"),
    [
        pytest.param(None, 0, FOUND, Step.BEGIN, id="found"),
        pytest.param(ADOPTION, 1.9, FOUND, Step.WAIT, id="ec2-may-still-show-what-is-gone"),
        pytest.param(ADOPTION, 2, FOUND, Step.GO_ON, id="shown-for-two-minutes"),
        pytest.param(ADOPTION, 10, FOUND, Step.BEGIN, id="an-old-intent-says-nothing-of-now"),
        pytest.param(ADOPTION, 5, home_volume("vol-2"), Step.BEGIN, id="another-volume"),
        pytest.param(replace(ADOPTION, ended_at=NOW), 5, FOUND, Step.BEGIN, id="the-last-one-came-to-its-end"),
        pytest.param(MADE, 0, ITS, Step.GO_ON, id="just-made"),
        pytest.param(RESTORE, 9, ITS, Step.GO_ON, id="just-made-and-its-id-never-noted"),
        pytest.param(MADE, 10, ITS, Step.BEGIN, id="made-long-ago"),
        pytest.param(RESTORE, 9, FOUND, Step.WAIT, id="another-one-may-show-any-moment"),
        pytest.param(MADE, 2, FOUND, Step.BEGIN, id="the-one-that-was-made-is-gone"),
    ],
)
def test_an_adoption(last: Making | None, minutes: float, volume: object, step: Step) -> None:
    assert step_to_adopt(last, volume, NOW + timedelta(minutes=minutes)) is step  # type: ignore[arg-type]


def test_a_generation_carries_the_whole_request_and_its_token() -> None:
    made = restore_of(facts(), copy_of("snap-1", owner=None, more={"note": "kept"}), 20, 5, 1, "t0", NOW)
    assert made.wanted is not None
    assert (made.number, made.persistent_volume_name, made.volume_id) == (5, "home-t0", None)
    assert (made.wanted.client_token, made.wanted.size_gib, made.wanted.zone) == ("t0", 20, "us-east-1d")
    assert (made.wanted.tags["hubplane:owner-sub"], made.wanted.tags["note"]) == ("sub-ann", "kept")


@pytest.mark.parametrize("written", ["do-not-delete", "Do-Not-Delete", "hubplane:volume-protected"])
def test_a_protected_home_comes_back_protected(written: str) -> None:
    made = restore_of(facts(), copy_of("snap-1", more={written: "False"}), 20, 1, 1, "t", NOW)
    assert made.wanted is not None
    assert [key for key in made.wanted.tags if key.lower() == "do-not-delete"] == ["do-not-delete"]


def test_fifty_tags_are_the_most_and_ours_come_first() -> None:
    made = restore_of(facts(), copy_of("snap-1", more={f"note-{n:02}": "x" for n in range(45)}), 20, 1, 1, "t", NOW)
    assert made.wanted is not None
    assert len(made.wanted.tags) == 50
    assert {"hubplane:owner-sub", "hubplane:ancestry", "KubernetesCluster", PV_NAME_TAG} <= set(made.wanted.tags)
