"""Helm in memory: it keeps revisions as helm does, and refuses what helm refuses."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from hubplane.domain.errors import HubplaneError, ReleaseFailed
from hubplane.domain.releases.charts import Chart
from hubplane.domain.releases.decision import Release, Revision, WantedRelease

PENDING = ("pending-install", "pending-upgrade", "pending-rollback")


@dataclass
class Stored:
    """A revision with what it was made of."""

    revision: Revision
    chart_version: str
    values: dict[str, Any]
    description: str = ""


@dataclass
class FakeHelm:
    """One release. ``refuse`` raises what the next install or upgrade should end with; ``crash`` leaves it unfinished."""

    stored: list[Stored] = field(default_factory=list)
    refuse: HubplaneError | None = None
    refuse_roll_back: HubplaneError | None = None
    crash: Callable[[], None] | None = None

    def resolve(self, name: str, reference: Any) -> Chart:
        return Chart(name, reference.source, reference.version or "0.0.1")

    def release(self, name: str, namespace: str) -> Release | None:
        if not self.stored:
            return None
        newest = self.stored[-1]
        history = tuple(item.revision for item in self.stored)
        return Release(name, namespace, history, newest.chart_version, deepcopy(newest.values))

    def install_or_upgrade(self, wanted: WantedRelease, description: str) -> None:
        if self.stored and self.stored[-1].revision.status in PENDING:
            raise ReleaseFailed("another operation (install/upgrade/rollback) is in progress")
        statuses = [item.revision.status for item in self.stored]
        if statuses and "deployed" not in statuses and statuses[-1] not in ("failed", "superseded", "uninstalled"):
            raise ReleaseFailed('"app" has no deployed releases')
        if self.crash:
            self._add("pending-upgrade" if self.stored else "pending-install", wanted.chart.version, wanted.values, description)
            self.crash()
        if self.refuse:
            error, self.refuse = self.refuse, None
            self._add("failed", wanted.chart.version, wanted.values, description)
            raise error
        self._supersede()
        self._add("deployed", wanted.chart.version, wanted.values, description)

    def roll_back(self, name: str, namespace: str, revision: int) -> None:
        if self.refuse_roll_back:
            raise self.refuse_roll_back
        found = [item for item in self.stored if item.revision.number == revision]
        if not found:
            raise ReleaseFailed(f"roll release {name} back: Error: release has no {revision} version")
        self._supersede()
        self._add("deployed", found[0].chart_version, found[0].values, f"Rollback to {revision}", rollback_of=revision)

    def uninstall(self, name: str, namespace: str) -> None:
        self.stored.clear()

    def numbers(self) -> list[tuple[int, str]]:
        """(number, status) of every revision, oldest first."""
        return [(item.revision.number, item.revision.status) for item in self.stored]

    def _supersede(self) -> None:
        for item in self.stored:
            if item.revision.status == "deployed":
                item.revision = replace(item.revision, status="superseded")

    def _add(self, status: str, version: str, values: Any, description: str, rollback_of: int | None = None) -> None:
        number = self.stored[-1].revision.number + 1 if self.stored else 1
        self.stored.append(Stored(Revision(number, status, rollback_of), version, deepcopy(dict(values)), description))


def helm_with(*statuses: str, values: dict[str, Any] | None = None, chart_version: str = "1.0.0") -> FakeHelm:
    """A release whose revisions ended with ``statuses``, all of the same chart and values."""
    helm = FakeHelm()
    for status in statuses:
        helm._add(status, chart_version, values or {"size": 1}, "")
    return helm
