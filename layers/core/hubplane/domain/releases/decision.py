"""What to do about the release that is there: install, upgrade, keep or recover.

The caller holds the cluster's lock, so a release that helm left ``pending-…`` is not being worked on by anybody: it is what a
crash left behind. Status names are helm's (helm.sh/helm/v4/pkg/release/common/status.go).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from hubplane.domain.releases.charts import Chart

# Revisions that the cluster once ran, the better witness first: helm turns `deployed` into `superseded`, never `failed`.
GOOD_STATUSES = ("deployed", "superseded")

UNFINISHED = ("pending-install", "pending-upgrade", "pending-rollback", "uninstalling")

# What `helm upgrade` starts from even when no revision is deployed (helm.sh/helm/v4/pkg/action/upgrade.go, prepareUpgrade);
# from anything else it says "has no deployed releases", and a roll-back makes one.
UPGRADABLE = ("deployed", "failed", "superseded")

Step = Literal["install", "upgrade", "keep", "recover"]


@dataclass(frozen=True)
class Revision:
    """One line of ``helm history``. ``rollback_of`` is the revision that this one brought back, if it is a roll-back."""

    number: int
    status: str
    rollback_of: int | None = None


@dataclass(frozen=True)
class Release:
    """A release as helm remembers it: its newest revision, that revision's chart and the values it was given."""

    name: str
    namespace: str
    history: tuple[Revision, ...]
    chart_version: str
    values: Mapping[str, Any] = field(repr=False)

    @property
    def current(self) -> Revision:
        """The newest revision, whatever became of it."""
        return self.history[-1]

    @property
    def good_revision(self) -> int | None:
        """The newest revision that the cluster once ran, ``deployed`` before ``superseded``; None where none ever did."""
        return last_good_revision(self.history)


@dataclass(frozen=True)
class WantedRelease:
    """What a release should be; its values may hold secrets."""

    name: str
    namespace: str
    chart: Chart
    values: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Decision:
    """One step with its reason. For ``recover``, ``roll_back_to`` None means: uninstall what never worked."""

    step: Step
    reason: str
    roll_back_to: int | None = None


def decide_release(current: Release | None, wanted: WantedRelease) -> Decision:
    """The next step towards ``wanted``. After ``recover`` decide again: the release is another one then."""
    if current is None:
        return Decision("install", f"there is no release {wanted.name} in namespace {wanted.namespace}")
    status, number = current.current.status, current.current.number
    if status in UNFINISHED:
        return _recover(current, status, number)
    if status == "uninstalled":
        return Decision("install", f"release {wanted.name} was uninstalled")
    if status != "deployed":
        return _replace(current, status, number)
    differences = list(release_differences(current, wanted))
    if differences:
        return Decision("upgrade", "; ".join(differences))
    return Decision("keep", f"revision {number} runs this chart with these values")


def last_good_revision(history: Sequence[Revision], before: int | None = None) -> int | None:
    """The newest good revision (below ``before``), a deployed one before any superseded; None where there is none."""
    for status in GOOD_STATUSES:
        numbers = [item.number for item in history if item.status == status and (before is None or item.number < before)]
        if numbers:
            return max(numbers)
    return None


def release_differences(current: Release, wanted: WantedRelease) -> Iterator[str]:
    """A phrase per difference. Values are named by their path only: some of them are secrets."""
    if current.chart_version != wanted.chart.version:
        yield f"chart version {current.chart_version} becomes {wanted.chart.version}"
    paths = list(changed_paths(current.values, wanted.values))
    if paths:
        yield f"changed values: {', '.join(paths)}"


def changed_paths(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """The paths (``proxy.service.type``) at which two values differ, each as deep as both sides are objects."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted(before.keys() | after.keys()):
            inner = f"{path}.{key}" if path else str(key)
            if key not in before or key not in after:
                yield inner
            else:
                yield from changed_paths(before[key], after[key], inner)
    elif before != after:
        yield path or "all"


def _replace(current: Release, status: str, number: int) -> Decision:
    """For a revision that ended without being deployed. One of a status that helm does not explain is never uninstalled."""
    good = current.good_revision
    if status not in UPGRADABLE and good is not None:
        return Decision("recover", f"revision {number} is {status}: revision {good} is brought back first", good)
    return Decision("upgrade", f"revision {number} is {status}: it is replaced")


def _recover(current: Release, status: str, number: int) -> Decision:
    found = f"revision {number} was left {status} by a crash"
    good = current.good_revision
    if good is None or status in ("pending-install", "uninstalling"):
        return Decision("recover", f"{found} and nothing works now: it is uninstalled first")
    return Decision("recover", f"{found}: revision {good} is brought back first", good)
