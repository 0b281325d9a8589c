"""Bringing a release about, and rolling it back, against a helm that refuses what helm refuses."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from hubplane.domain.errors import NotYet, PodDisruptionBudgetImmutable, ReleaseFailed
from hubplane.domain.releases.charts import Chart
from hubplane.domain.releases.decision import WantedRelease
from hubplane.domain.releases.execution import bring_about, revision_description, roll_back
from tests.unit.releases.fake_helm import FakeHelm, helm_with


class Crashed(Exception):
    """The Lambda function ended in the middle of a helm command."""


def crash() -> None:
    raise Crashed


def wanted(size: int = 1) -> WantedRelease:
    return WantedRelease("app", "apps", Chart("app", "charts/app", "1.0.0"), {"size": size})


def test_a_first_install_has_nothing_to_go_back_to() -> None:
    outcome = bring_about(FakeHelm(), wanted(), "d")
    assert (outcome.revision, outcome.previous_revision) == (1, None)
    assert outcome.changes == ("installed release app with chart version 1.0.0 (revision 1)",)


def test_a_repeated_build_makes_no_revision_and_reports_no_change() -> None:
    helm = FakeHelm()
    bring_about(helm, wanted(), "d")
    outcome = bring_about(helm, wanted(), "d")
    assert (outcome.revision, outcome.previous_revision, outcome.changes) == (1, 1, ())
    assert helm.numbers() == [(1, "deployed")]


def test_a_changed_value_makes_one_revision_and_remembers_the_last_good_one() -> None:
    helm = FakeHelm()
    bring_about(helm, wanted(), "d")
    outcome = bring_about(helm, wanted(2), "spec 2")
    assert (outcome.revision, outcome.previous_revision) == (2, 1)
    assert outcome.changes == ("upgraded release app with chart version 1.0.0 (revision 2)",)
    assert helm.stored[-1].description == "spec 2"


NEVER_GOOD = ("failed", "pending-install", "pending-upgrade", "pending-rollback", "uninstalling", "unknown")
STATUSES = (
    "deployed",
    "superseded",
    "failed",
    "pending-install",
    "pending-upgrade",
    "pending-rollback",
    "uninstalling",
    "unknown",
)


LEFT_BEHIND = [pair for pair in product(STATUSES, repeat=2) if not (pair[0] in NEVER_GOOD and pair[1] == "unknown")]


@pytest.mark.parametrize("statuses", LEFT_BEHIND, ids=" then ".join)
def test_whatever_a_crash_left_behind_the_wanted_release_is_deployed_in_the_end(statuses: tuple[str, str]) -> None:
    helm = helm_with(*statuses)
    bring_about(helm, wanted(7), "d")
    assert helm.numbers()[-1][1] == "deployed"
    assert helm.stored[-1].values == {"size": 7}
    assert bring_about(helm, wanted(7), "d").changes == ()


def test_a_revision_of_a_status_that_helm_does_not_explain_is_never_uninstalled() -> None:
    helm = helm_with("failed", "unknown")
    with pytest.raises(ReleaseFailed, match="has no deployed releases"):
        bring_about(helm, wanted(7), "d")
    assert helm.numbers() == [(1, "failed"), (2, "unknown")]


@pytest.mark.parametrize("revisions_before", [0, 1], ids=["first-install", "upgrade"])
def test_a_build_that_crashed_inside_helm_is_resumed(revisions_before: int) -> None:
    helm = helm_with(*["deployed"] * revisions_before)
    helm.crash = crash
    with pytest.raises(Crashed):
        bring_about(helm, wanted(2), "d")
    helm.crash = None
    outcome = bring_about(helm, wanted(2), "d")
    assert helm.numbers()[-1][1] == "deployed"
    assert len(outcome.changes) == 2
    assert "by a crash" in outcome.changes[0]


def test_a_release_that_is_unfinished_again_after_every_repair_asks_a_person() -> None:
    class Hopeless(FakeHelm):
        def roll_back(self, name: str, namespace: str, revision: int) -> None:
            self._add("pending-rollback", "1.0.0", {}, "")

    helm = Hopeless(helm_with("deployed", "pending-upgrade").stored)
    with pytest.raises(ReleaseFailed, match=r"unfinished again after 3 repairs.*helm history app -n apps"):
        bring_about(helm, wanted(2), "d")


def test_a_refused_upgrade_brings_back_what_ran_because_helm_applies_the_rest() -> None:
    helm = helm_with("deployed")
    helm.refuse = ReleaseFailed("port 99999 is invalid")
    with pytest.raises(ReleaseFailed, match=r"port 99999 is invalid\nRevision 1 was brought back\."):
        bring_about(helm, wanted(2), "d")
    assert helm.numbers()[-1] == (3, "deployed")
    assert helm.stored[-1].values == {"size": 1}


def test_a_refused_first_install_stays_to_be_looked_at() -> None:
    helm = FakeHelm(refuse=ReleaseFailed("port 99999 is invalid"))
    with pytest.raises(ReleaseFailed, match="Nothing worked before it"):
        bring_about(helm, wanted(), "d")
    assert helm.numbers() == [(1, "failed")]
    assert bring_about(helm, wanted(), "d").revision == 2


def test_a_roll_back_that_fails_too_does_not_hide_why_the_upgrade_failed() -> None:
    helm = helm_with("deployed")
    helm.refuse, helm.refuse_roll_back = ReleaseFailed("first cause"), NotYet("no answer")
    with pytest.raises(ReleaseFailed, match=r"(?s)first cause.*Bringing back revision 1 failed as well: no answer"):
        bring_about(helm, wanted(2), "d")


def test_an_immutable_budget_passes_through_for_the_state_machine_to_repair() -> None:
    helm = helm_with("deployed")
    helm.refuse = PodDisruptionBudgetImmutable("spec: Forbidden")
    with pytest.raises(PodDisruptionBudgetImmutable):
        bring_about(helm, wanted(2), "d")
    assert helm.numbers() == [(1, "deployed"), (2, "failed")]


ROLL_BACKS: dict[str, tuple[list[str], int, int | None, list[tuple[int, str]], list[str]]] = {
    # revisions, failed revision, previous revision, revisions afterwards, changes
    "back to the last good one": (
        ["superseded", "deployed"],
        2,
        1,
        [(1, "superseded"), (2, "superseded"), (3, "deployed")],
        ["rolled release app back to revision 1"],
    ),
    "a first install is removed": (["deployed"], 1, None, [], ["uninstalled release app; volume claims stay"]),
    "a build that changed nothing is not undone": (["deployed"], 1, 1, [(1, "deployed")], []),
    "a release that moved on is left alone": (["superseded", "superseded", "deployed"], 2, 1, [], []),
    "nothing there": ([], 1, None, [], []),
    "no previous one given, but history knows one": (
        ["superseded", "deployed"],
        2,
        None,
        [(1, "superseded"), (2, "superseded"), (3, "deployed")],
        ["rolled release app back to revision 1"],
    ),
}


@pytest.mark.parametrize(("statuses", "failed", "previous", "numbers", "changes"), ROLL_BACKS.values(), ids=ROLL_BACKS.keys())
def test_roll_back(
    statuses: list[str], failed: int, previous: int | None, numbers: list[tuple[int, str]], changes: list[str]
) -> None:
    helm = helm_with(*statuses)
    before = helm.numbers()
    done = roll_back(helm, "app", "apps", failed, previous)
    assert list(done.changes) == changes
    assert helm.numbers() == (numbers if changes else before)
    assert roll_back(helm, "app", "apps", failed, previous).changes == ()


def test_a_roll_back_that_crashed_is_finished() -> None:
    helm = helm_with("superseded", "deployed", "pending-rollback")
    assert roll_back(helm, "app", "apps", 2, 1).revision == 4
    assert helm.numbers()[-1] == (4, "deployed")


def test_a_revision_tells_its_specification_and_execution() -> None:
    arn = "arn:aws:states:us-east-1:123456789012:execution:build_cluster:first"
    one, two = (revision_description(document, arn) for document in ({"a": 1, "b": 2}, {"b": 2, "a": 1}))
    other: dict[str, Any] = {"a": 2}
    assert one == two != revision_description(other, arn)
    assert one.endswith("execution first")
