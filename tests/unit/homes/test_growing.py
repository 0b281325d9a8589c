"""A home that grows: everything that stands against it, what the plan says, and the next deed from what is seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hubplane.domain.errors import HomeChangeRefused
from hubplane.domain.homes.growing import (
    LARGEST_GIB,
    Deed,
    Growth,
    GrowthFacts,
    Modification,
    SeenClass,
    SeenHome,
    growth_from_json,
    next_deed,
    plan_growth,
)
from hubplane.domain.homes.operator_inputs import ExpandInput
from hubplane.domain.registration.records import Status, UserRecord
from tests.unit.storage.builders import NOW, volume

ADA = UserRecord("ada", "sub-ada", "ada@uni.example.org", Status.APPROVED)
HOME = SeenHome("claim-ada", "uid-1", 500, "Bound", "gp3", "vol-1", 500)
VOLUME = volume(volume_type="gp3")
FACTS = GrowthFacts(ADA, HOME, SeenClass("gp3", expands=True), VOLUME, None)
ASKED = ExpandInput("sar", "ada", 800)


def modified(state: str = "completed", target: int = 500, hours_ago: float = 7, **more: Any) -> Modification:
    return Modification(state, target, NOW - timedelta(hours=hours_ago), **more)


def plan(facts: GrowthFacts = FACTS, given: ExpandInput = ASKED) -> Growth:
    return plan_growth(facts, given, "claim-ada", NOW)


def test_the_plan_says_each_step() -> None:
    growth = plan()
    assert growth.steps == (
        "hold the home claim-ada: no server mounts it meanwhile",
        "stop the servers of ada",
        "let claim claim-ada ask for 800 GiB in place of 500",
        "wait until vol-1 has 800 GiB in place of 500; its files grow into it at the next start",
        "tell ada and the operators",
    )
    assert (growth.needed, growth.owner_sub, growth.from_gib, growth.to_gib) == (True, "sub-ada", 500, 800)
    assert growth_from_json(growth.to_json()) == growth


REFUSED: dict[str, tuple[GrowthFacts, int, str]] = {
    "nobody of the name": (replace(FACTS, record=None), 800, "nobody is called ada"),
    "no claim": (replace(FACTS, home=None), 800, "there is no claim claim-ada"),
    "the claim is being deleted": (replace(FACTS, home=replace(HOME, ending=True)), 800, "is being deleted"),
    "the claim is pending": (replace(FACTS, home=replace(HOME, phase="Pending")), 800, "is Pending, not Bound"),
    "other storage": (replace(FACTS, home=replace(HOME, volume_id=None), volume=None), 800, "not bound to an EBS volume"),
    "no class": (replace(FACTS, storage_class=None), 800, "StorageClass gp3 of claim claim-ada does not exist"),
    "no class named": (replace(FACTS, home=replace(HOME, class_name=None)), 800, "StorageClass (none)"),
    "the class does not expand": (replace(FACTS, storage_class=SeenClass("gp3", expands=False)), 800, "does not allow it"),
    "two volumes": (replace(FACTS, others=("vol-2",)), 800, "vol-2 carries this claim's name as well"),
    "the volume is gone": (replace(FACTS, volume=None), 800, "its volume vol-1 does not exist"),
    "the volume is in error": (replace(FACTS, volume=replace(VOLUME, state="error")), 800, "vol-1 is error"),
    "another's volume": (
        replace(FACTS, volume=replace(VOLUME, tags={"hubplane:owner-sub": "sub-eve"})),
        800,
        "belongs to another account (sub-eve)",
    ),
    "smaller": (FACTS, 499, "neither EBS nor Kubernetes makes a volume smaller"),
    "equal": (FACTS, 500, "that is what it has"),
    "less than the claim asks for": (replace(FACTS, home=replace(HOME, asked_gib=900)), 800, "asks for, 900 GiB already"),
    "more than the type has": (replace(FACTS, volume=replace(VOLUME, volume_type="gp2")), 16385, "gp2 and has at most 16384 GiB"),
    "more than an unknown type may have": (replace(FACTS, volume=replace(VOLUME, volume_type="")), 1025, "at most 1024 GiB"),
    "being modified to another size": (
        replace(FACTS, modification=modified("modifying", 600, progress=40)),
        800,
        "600 GiB (40 %)",
    ),
    "being optimized": (replace(FACTS, modification=modified("optimizing", 500)), 800, "is optimizing towards 500"),
    "modified five hours ago": (
        replace(FACTS, modification=modified(hours_ago=5)),
        800,
        "start again after 2026-11-23 13:00 UTC",
    ),
    "the same size failed just now": (replace(FACTS, modification=modified("failed", 800, 1)), 800, "start again after"),
}


@pytest.mark.parametrize(("facts", "size_gib", "fault"), REFUSED.values(), ids=REFUSED)
def test_what_stands_against_it_is_said(facts: GrowthFacts, size_gib: int, fault: str) -> None:
    with pytest.raises(HomeChangeRefused) as raised:
        plan(facts, replace(ASKED, size_gib=size_gib))
    assert fault in str(raised.value)


def test_everything_is_said_at_once() -> None:
    facts = replace(FACTS, record=None, storage_class=None, others=("vol-2",), modification=modified(hours_ago=1))
    with pytest.raises(HomeChangeRefused) as raised:
        plan(facts, replace(ASKED, size_gib=100))
    assert len(str(raised.value).splitlines()) == 1 + 4


@pytest.mark.parametrize("kind", sorted(LARGEST_GIB))
def test_each_type_may_have_its_largest_size(kind: str) -> None:
    assert plan(replace(FACTS, volume=replace(VOLUME, volume_type=kind)), replace(ASKED, size_gib=LARGEST_GIB[kind])).needed


ALLOWED = {
    "modified six hours ago": replace(FACTS, modification=modified(hours_ago=6)),
    "an earlier run asked the claim": replace(FACTS, home=replace(HOME, asked_gib=800), begun=True),
    "an earlier run's modification is under way": replace(
        FACTS, home=replace(HOME, asked_gib=800), modification=modified("modifying", 800, 0), begun=True
    ),
    "only the PersistentVolume lags": replace(
        FACTS,
        home=replace(HOME, asked_gib=800),
        volume=replace(VOLUME, size_gib=800),
        modification=modified("optimizing", 800, 0),
        begun=True,
    ),
    "a former account of the person": replace(
        FACTS, record=replace(ADA, former_subs=("sub-old",)), volume=replace(VOLUME, tags={"hubplane:owner-sub": "sub-old"})
    ),
}


@pytest.mark.parametrize("facts", ALLOWED.values(), ids=ALLOWED)
def test_what_an_earlier_run_left_is_gone_on_with(facts: GrowthFacts) -> None:
    assert plan(facts).needed


def test_a_growth_that_only_was_not_told_stops_nobody() -> None:
    done = replace(FACTS, home=replace(HOME, asked_gib=800, capacity_gib=800), volume=replace(VOLUME, size_gib=800), begun=True)
    growth = plan(done)
    assert (growth.needed, growth.steps) == (False, ("tell ada and the operators",))
    with pytest.raises(HomeChangeRefused, match="that is what it has"):
        plan(replace(done, begun=False))


GROWTH = plan()
GROWN = replace(HOME, asked_gib=800)
LARGE = replace(VOLUME, size_gib=800)
DEEDS: dict[str, tuple[SeenHome, Any, Modification | None, Deed]] = {
    "nothing done yet": (HOME, VOLUME, None, Deed.ASK),
    "a pod is left": (replace(HOME, in_use=True), VOLUME, None, Deed.WAIT),
    "the claim asks": (GROWN, VOLUME, None, Deed.WAIT),
    "an older modification": (GROWN, VOLUME, modified(target=500), Deed.WAIT),
    "modifying": (GROWN, VOLUME, modified("modifying", 800, 0), Deed.WAIT),
    "modifying, and the size shows": (GROWN, LARGE, modified("modifying", 800, 0), Deed.WAIT),
    "failed": (GROWN, VOLUME, modified("failed", 800, 0, message="no capacity"), Deed.WAIT),
    "the PersistentVolume lags": (GROWN, LARGE, modified("optimizing", 800, 0), Deed.WAIT),
    "optimizing": (replace(GROWN, capacity_gib=800), LARGE, modified("optimizing", 800, 0), Deed.DONE),
    "completed": (replace(GROWN, capacity_gib=800), LARGE, modified("completed", 800, 0), Deed.DONE),
    "EC2 forgot": (replace(GROWN, capacity_gib=800), LARGE, None, Deed.DONE),
    "even larger": (replace(GROWN, asked_gib=900, capacity_gib=900), replace(VOLUME, size_gib=900), None, Deed.DONE),
}


@pytest.mark.parametrize(("home", "seen", "modification", "deed"), DEEDS.values(), ids=DEEDS)
def test_the_next_deed(home: SeenHome, seen: Any, modification: Modification | None, deed: Deed) -> None:
    assert next_deed(GROWTH, home, seen, modification)[0] is deed


@pytest.mark.parametrize(
    ("home", "seen"),
    [
        (None, VOLUME),
        (replace(HOME, uid="uid-2"), VOLUME),
        (replace(HOME, volume_id="vol-2"), VOLUME),
        (replace(HOME, ending=True), VOLUME),
        (HOME, None),
    ],
)
def test_another_home_than_was_planned_with_is_never_touched(home: SeenHome | None, seen: Any) -> None:
    with pytest.raises(HomeChangeRefused):
        next_deed(GROWTH, home, seen, None)


def test_a_failed_modification_is_told_in_ec2_s_words() -> None:
    _, sentence = next_deed(GROWTH, GROWN, VOLUME, modified("failed", 800, 0, message="no capacity"))
    assert sentence.endswith("no capacity")
