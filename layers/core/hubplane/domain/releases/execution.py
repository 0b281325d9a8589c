"""Carrying out what ``decision`` decides: read, decide, act, read again.

The helm binary is behind ``HelmCommands``, so that this loop runs in tests against a fake that refuses what helm refuses.
Whether a release becomes *ready* is not decided here: that takes minutes, and waiting is the state machine's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hubplane.domain.errors import HubplaneError, ReleaseFailed
from hubplane.domain.releases.decision import Release, WantedRelease, decide_release, last_good_revision

# One crash leaves one unfinished operation; a second one would be the crash of our own repair a moment ago.
MAX_RECOVERIES = 2


def revision_description(spec_document: Mapping[str, Any], execution_arn: str) -> str:
    """What ``helm history`` shows of a revision: the digest of the specification behind it and the execution that made it."""
    text = json.dumps(spec_document, sort_keys=True, separators=(",", ":"))
    return f"hubplane: spec {hashlib.sha256(text.encode()).hexdigest()[:12]}, execution {execution_arn.rpartition(':')[2]}"


class HelmCommands(Protocol):
    """The helm commands that a release is brought about with; ``adapters.helm.Helm`` is the real one."""

    def release(self, name: str, namespace: str) -> Release | None:
        """The release with its history, or None."""

    def install_or_upgrade(self, wanted: WantedRelease, description: str) -> None:
        """Install the release, or make its next revision."""

    def roll_back(self, name: str, namespace: str, revision: int) -> None:
        """Make a new revision that is the same as ``revision``."""

    def uninstall(self, name: str, namespace: str) -> None:
        """Remove the release; harmless when there is none."""


@dataclass(frozen=True)
class Outcome:
    """What became of a release. ``previous_revision`` is where a roll-back goes: None after a first install, and the
    revision itself where nothing was done, so that a roll-back of nothing does nothing."""

    revision: int
    previous_revision: int | None
    chart_version: str
    changes: tuple[str, ...]
    reason: str


def release_result(wanted: WantedRelease, outcome: Outcome) -> dict[str, Any]:
    """What an install function answers: the release's facts, which RollBackRelease takes as they are, changes and reason."""
    return {
        "release": wanted.name,
        "namespace": wanted.namespace,
        "revision": outcome.revision,
        "previous_revision": outcome.previous_revision,
        "chart_version": outcome.chart_version,
        "changes": list(outcome.changes),
        "reason": outcome.reason,
    }


def bring_about(helm: HelmCommands, wanted: WantedRelease, description: str) -> Outcome:
    """Make the release what is wanted. Repeatable: equal chart and values make no new revision.

    Raises ``ReleaseFailed`` when helm refuses, or when what a crash left behind comes back after every repair.
    """
    changes: list[str] = []
    for _ in range(MAX_RECOVERIES + 1):
        current = helm.release(wanted.name, wanted.namespace)
        decision = decide_release(current, wanted)
        if decision.step == "keep" and current is not None:
            number = current.current.number
            return Outcome(number, number, current.chart_version, tuple(changes), decision.reason)
        if decision.step != "recover":
            break
        if decision.roll_back_to is None:
            helm.uninstall(wanted.name, wanted.namespace)
        else:
            helm.roll_back(wanted.name, wanted.namespace, decision.roll_back_to)
        changes.append(f"release {wanted.name}: {decision.reason}")
    else:
        raise ReleaseFailed(
            f"release {wanted.name} in namespace {wanted.namespace} is unfinished again after {len(changes)} repairs: see "
            f"whether somebody else runs helm (helm history {wanted.name} -n {wanted.namespace}) and start the build again"
        )
    previous = current.good_revision if current is not None else None
    try:
        helm.install_or_upgrade(wanted, description)
    except ReleaseFailed as error:
        raise ReleaseFailed(f"{error}\n{_undo_half_upgrade(helm, wanted, previous)}") from None
    after = helm.release(wanted.name, wanted.namespace)
    if after is None:
        raise ReleaseFailed(f"release {wanted.name} in namespace {wanted.namespace} is gone right after helm made it")
    verb = "installed" if previous is None else "upgraded"
    changes.append(f"{verb} release {wanted.name} with chart version {after.chart_version} (revision {after.current.number})")
    return Outcome(after.current.number, previous, after.chart_version, tuple(changes), decision.reason)


def _undo_half_upgrade(helm: HelmCommands, wanted: WantedRelease, previous: int | None) -> str:
    """Bring back what ran before a refused upgrade, because helm goes on after a refused object and applies the rest.

    Answers a sentence for the error's message and raises nothing: the upgrade's own error must not be lost.
    """
    if previous is None:
        return "Nothing worked before it: the failed release stays for you to look at, and the next build replaces it."
    try:
        helm.roll_back(wanted.name, wanted.namespace, previous)
    except HubplaneError as error:
        return f"Bringing back revision {previous} failed as well: {error}"
    return f"Revision {previous} was brought back."


@dataclass(frozen=True)
class RollBack:
    """What a roll-back did. ``revision`` is the newest one afterwards, None where the release is gone."""

    revision: int | None
    changes: tuple[str, ...]
    reason: str


def roll_back(helm: HelmCommands, name: str, namespace: str, failed_revision: int, previous_revision: int | None) -> RollBack:
    """Undo ``failed_revision``: back to the last good revision before it, or uninstall what never worked.

    Persistent volume claims stay in either case: people's homes are no part of a release, and the hub's database carries
    ``helm.sh/resource-policy: keep``. Repeatable: a release that moved on since is left alone.
    """
    current = helm.release(name, namespace)
    if current is None:
        return RollBack(None, (), f"release {name} is not installed: there is nothing to roll back")
    newest = current.current
    if newest.number > failed_revision and newest.status == "deployed":
        return RollBack(
            newest.number, (), f"release {name} has moved on to revision {newest.number} since revision {failed_revision}"
        )
    if previous_revision == failed_revision:
        return RollBack(newest.number, (), f"this build did not change release {name}: there is nothing to roll back")
    good = last_good_revision(current.history, before=failed_revision)
    target = previous_revision if previous_revision is not None else good
    if target is None:
        helm.uninstall(name, namespace)
        return RollBack(
            None,
            (f"uninstalled release {name}; volume claims stay",),
            f"revision {failed_revision} never worked and is the first",
        )
    helm.roll_back(name, namespace, target)
    after = helm.release(name, namespace)
    return RollBack(
        after.current.number if after else None,
        (f"rolled release {name} back to revision {target}",),
        f"revision {failed_revision} did not become ready and revision {target} is the last good one",
    )
