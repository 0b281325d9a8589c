"""What a build does about the release that it finds."""

from __future__ import annotations

from typing import Any

import pytest

from hubplane.domain.releases.charts import Chart
from hubplane.domain.releases.decision import WantedRelease, changed_paths, decide_release, last_good_revision
from tests.unit.releases.fake_helm import helm_with

SAME: dict[str, Any] = {"size": 1}


def wanted(values: dict[str, Any] | None = None, version: str = "1.0.0") -> WantedRelease:
    return WantedRelease("app", "apps", Chart("app", "charts/app", version), values or SAME)


CASES: dict[str, tuple[list[str], WantedRelease, str, int | None, str]] = {
    # statuses of the revisions, what is wanted, step, roll back to, words of the reason
    "nothing there": ([], wanted(), "install", None, "there is no release app in namespace apps"),
    "the same again": (["superseded", "deployed"], wanted(), "keep", None, "revision 2 runs this chart"),
    "another chart version": (["deployed"], wanted(version="1.1.0"), "upgrade", None, "chart version 1.0.0 becomes 1.1.0"),
    "another value": (["deployed"], wanted({"size": 2}), "upgrade", None, "changed values: size"),
    "the last upgrade failed": (["deployed", "failed"], wanted(), "upgrade", None, "revision 2 is failed"),
    "the first install failed": (["failed"], wanted(), "upgrade", None, "revision 1 is failed"),
    "crash in the first install": (["pending-install"], wanted(), "recover", None, "left pending-install by a crash"),
    "crash in an upgrade": (["superseded", "deployed", "pending-upgrade"], wanted(), "recover", 2, "revision 2 is brought back"),
    "crash after the old one was superseded": (
        ["superseded", "pending-upgrade"],
        wanted(),
        "recover",
        1,
        "revision 1 is brought",
    ),
    "crash in a roll-back": (["superseded", "failed", "pending-rollback"], wanted(), "recover", 1, "left pending-rollback"),
    "crash in an upgrade of what never worked": (["failed", "pending-upgrade"], wanted(), "recover", None, "nothing works now"),
    "crash in an uninstall": (["superseded", "uninstalling"], wanted(), "recover", None, "left uninstalling"),
    "uninstalled with its history kept": (["uninstalled"], wanted(), "install", None, "was uninstalled"),
    "a status that helm does not know": (["superseded", "unknown"], wanted(), "recover", 1, "revision 2 is unknown"),
}


@pytest.mark.parametrize(("statuses", "target", "step", "roll_back_to", "words"), CASES.values(), ids=CASES.keys())
def test_decision(statuses: list[str], target: WantedRelease, step: str, roll_back_to: int | None, words: str) -> None:
    decision = decide_release(helm_with(*statuses).release("app", "apps"), target)
    assert (decision.step, decision.roll_back_to) == (step, roll_back_to)
    assert words in decision.reason


def test_a_reason_names_changed_secrets_by_their_path_only() -> None:
    helm = helm_with("deployed", values={"proxy": {"secretToken": "old-secret"}, "a": 1})
    decision = decide_release(helm.release("app", "apps"), wanted({"proxy": {"secretToken": "new-secret"}, "b": 2}))
    assert decision.reason == "changed values: a, b, proxy.secretToken"


@pytest.mark.parametrize(
    ("before", "after", "paths"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": {"b": 1, "c": 1}}, {"a": {"b": 2, "c": 1}}, ["a.b"]),
        ({"a": {"b": 1}}, {"a": 1}, ["a"]),
        ({"a": [1, 2]}, {"a": [2, 1]}, ["a"]),
        ({}, {"a": {}}, ["a"]),
    ],
    ids=["equal", "inner", "object-becomes-scalar", "order-of-a-list", "new-empty-object"],
)
def test_changed_paths(before: Any, after: Any, paths: list[str]) -> None:
    assert list(changed_paths(before, after)) == paths


@pytest.mark.parametrize(
    ("statuses", "before", "good"),
    [
        ([], None, None),
        (["failed"], None, None),
        (["superseded", "deployed", "failed"], None, 2),
        (["superseded", "deployed"], 2, 1),
        (["deployed"], 1, None),
        (["superseded", "superseded", "failed", "pending-upgrade"], None, 2),
    ],
    ids=["none", "only-a-failed-one", "deployed-below-a-failed-one", "before-the-newest", "nothing-before", "newest-superseded"],
)
def test_last_good_revision(statuses: list[str], before: int | None, good: int | None) -> None:
    history = tuple(item.revision for item in helm_with(*statuses).stored)
    assert last_good_revision(history, before) == good
