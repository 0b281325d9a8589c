"""What an operator gives ``restore_home``, ``move_home``, ``drill_restore``: every fault at once, with field, value and rule."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from hubplane.domain.errors import HomeInputInvalid
from hubplane.domain.machine_inputs import is_cluster_name, shown, strange_fields

MODES: Final = ("plan", "enforce")
PLACEMENTS: Final = ("beside", "instead")
LONGEST_USERNAME: Final = 128
"""Cognito's own limit (Amazon Cognito API reference, SignUp, Username)."""

DEFAULT_DRILL_COUNT: Final = 3
LARGEST_DRILL_COUNT: Final = 20
"""Each restores a volume of a home's full size, and the account's volume storage has a quota (EC2: 50 TiB of gp3 by default)."""


_SNAPSHOT_ID: Final = re.compile(r"snap-(?:[0-9a-f]{8}|[0-9a-f]{17})")


@dataclass(frozen=True, slots=True)
class RestoreInput:
    """Whose home, to which day (UTC), where to. ``snapshot_id``: exactly this copy, whatever day it is of."""

    cluster_name: str
    username: str
    placement: str
    day: date | None = None
    snapshot_id: str | None = None
    mode: str = "plan"

    @property
    def until(self) -> datetime | None:
        """The end of the day: copies that were started before it count."""
        return None if self.day is None else datetime.combine(self.day + timedelta(days=1), time(), UTC)


@dataclass(frozen=True, slots=True)
class MoveInput:
    """Whose home goes to its cluster's zone."""

    cluster_name: str
    username: str
    mode: str = "plan"


@dataclass(frozen=True, slots=True)
class DrillInput:
    """How many homes of a cluster are tried, beside the drill's own."""

    cluster_name: str
    count: int = DEFAULT_DRILL_COUNT


def read_restore(document: Any, now: datetime) -> RestoreInput:
    """The input of ``restore_home``. Raises ``HomeInputInvalid`` with every fault."""
    fields = ("cluster_name", "username", "day", "snapshot_id", "placement", "mode")
    found = _checked(document, fields, lambda given: (*_about_the_home(given), *_about_the_copy(given, now)))
    day = found.get("day")
    return RestoreInput(
        cluster_name=found["cluster_name"],
        username=found["username"].strip(),
        placement=found["placement"],
        day=date.fromisoformat(day) if day is not None else None,
        snapshot_id=found.get("snapshot_id"),
        mode=found.get("mode") or "plan",
    )


def read_move(document: Any) -> MoveInput:
    """The input of ``move_home``. Raises ``HomeInputInvalid``."""
    found = _checked(document, ("cluster_name", "username", "mode"), _about_the_home)
    return MoveInput(found["cluster_name"], found["username"].strip(), found.get("mode") or "plan")


def read_drill(document: Any) -> DrillInput:
    """The input of ``drill_restore``. Raises ``HomeInputInvalid``."""
    found = _checked(document, ("cluster_name", "count"), lambda given: (*_about_the_cluster(given), *_about_the_count(given)))
    count = found.get("count")
    return DrillInput(found["cluster_name"], DEFAULT_DRILL_COUNT if count is None else count)


def _checked(document: Any, fields: tuple[str, ...], faults_of: Any) -> Mapping[str, Any]:
    if not isinstance(document, Mapping):
        raise HomeInputInvalid(f"the input is {type(document).__name__}: give an object with {', '.join(fields)}")
    faults = [*faults_of(document), *strange_fields(document, fields)]
    if faults:
        raise HomeInputInvalid("\n".join([f"the input has {len(faults)} fault{'s' * (len(faults) != 1)}:", *faults]))
    return document


def _about_the_cluster(document: Mapping[str, Any]) -> Iterator[str]:
    name = document.get("cluster_name")
    if not is_cluster_name(name):
        yield f"cluster_name = {shown(name)}: must be the name of a cluster that was built here, such as opensarlab"


def _about_the_home(document: Mapping[str, Any]) -> Iterator[str]:
    yield from _about_the_cluster(document)
    name = document.get("username")
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_USERNAME:
        yield f"username = {shown(name)}: must be the name that the person signs in with"
    if document.get("mode") not in (None, *MODES):
        yield f"mode = {shown(document['mode'])}: must be plan (say what would be done) or enforce (do it)"


def _about_the_copy(document: Mapping[str, Any], now: datetime) -> Iterator[str]:
    placement = document.get("placement")
    if placement not in PLACEMENTS:
        rule = "must be beside (a second volume, the home stays as it is) or instead (in the home's place, which is kept aside)"
        yield f"placement = {shown(placement)}: {rule}"
    day, snapshot_id = document.get("day"), document.get("snapshot_id")
    if day is None and snapshot_id is None:
        yield f'day = (absent): must be a day such as "{now:%Y-%m-%d}": its newest copy, or the one before, is restored'
    if day is not None and snapshot_id is not None:
        yield f"day = {shown(day)} and snapshot_id = {shown(snapshot_id)}: give one of them; they may mean two copies"
    if day is not None and not _is_day(day):
        yield f'day = {shown(day)}: must be a day (UTC) as text, such as "{now:%Y-%m-%d}"'
    elif isinstance(day, str) and date.fromisoformat(day) > now.date():
        yield f"day = {shown(day)}: must not be in the future; today is {now:%Y-%m-%d} (UTC)"
    if snapshot_id is not None and not (isinstance(snapshot_id, str) and _SNAPSHOT_ID.fullmatch(snapshot_id)):
        yield f"snapshot_id = {shown(snapshot_id)}: must be the id of a snapshot of this home, such as snap-0123456789abcdef0"


def _about_the_count(document: Mapping[str, Any]) -> Iterator[str]:
    count = document.get("count")
    if count is not None and (type(count) is not int or not 0 <= count <= LARGEST_DRILL_COUNT):
        rule = f"must be a whole number of homes from 0 (the drill's own only) to {LARGEST_DRILL_COUNT}"
        yield f"count = {shown(count)}: {rule}; leave it out for {DEFAULT_DRILL_COUNT}"


def _is_day(value: Any) -> bool:
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True
