"""The copy of a home's volume from right before it is replaced: a snapshot that holds every byte of it.

It is started when EC2 shows the volume unattached, after the person's server was stopped and while a hold keeps the next one
from starting. So an earlier one of the same kind counts as well, unless there is a sign of use since: what a killed run started
is gone on with, and what somebody has worked with is copied anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from hubplane.domain.homes.changes import HomeChange, Kind
from hubplane.domain.homes.marks import BEFORE_TAG, before_tags, home_tags, is_set_aside
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import Inventory, Snapshot, UseEvent, Volume
from hubplane.domain.storage.snapshotting import new_tags
from hubplane.domain.storage.tags import LARGEST_TAG_COUNT, OWNER_TAG, START_TAG, USE_TAGS, parse_time
from hubplane.domain.storage.view import GONE_STATES, view_of

__all__ = ["CopyStep", "next_copy_step", "used_since"]

LATE_STOP: Final = timedelta(minutes=5)
"""EC2's own bound for what it shows late (EC2 Developer Guide, "Eventual consistency"); a hub writes its tag within seconds."""

MOST_ERRORS: Final = 3
"""Snapshots of one volume in ``error`` before a run gives up: the fault is not one of the moment."""


@dataclass(frozen=True, slots=True)
class CopyStep:
    """``done``: ``copy_id`` holds everything (None: the volume is gone, there is nothing to copy). ``start``: with ``tags``, now.
    ``refused``: waiting cannot help. Otherwise wait, and look again. ``sentence`` says why."""

    sentence: str
    done: bool = False
    copy_id: str | None = None
    start: bool = False
    refused: bool = False
    tags: dict[str, str] | None = None


def used_since(volume: Volume, uses: Sequence[UseEvent], moment: datetime) -> bool:
    """Whether anything says that the volume was in somebody's hands after ``moment``, at which it was seen unattached.

    A start or an attachment says so. The end of the session before is written late (the hub's tag after its pod is gone), and
    counts from five minutes on. What cannot be read counts.
    """
    late = moment + LATE_STOP
    starts = [volume.created_at, *(use.at for use in uses if use.volume_id == volume.volume_id and use.kind == "attach")]
    ends = [use.at for use in uses if use.volume_id == volume.volume_id and use.kind == "detach"]
    for key in USE_TAGS & volume.tags.keys():
        told = parse_time(volume.tags[key])
        if told is None:
            return True
        (starts if key == START_TAG else ends).append(told)
    return any(start > moment for start in starts) or any(end > late for end in ends)


def next_copy_step(
    change: HomeChange,
    volume: Volume | None,
    snapshots: Sequence[Snapshot],
    uses: Sequence[UseEvent],
    policy: StoragePolicy,
    account_id: str,
    now: datetime,
) -> CopyStep:
    """What to do about the copy of ``change.present_id``. ``snapshots`` are all of that volume. The same facts, the same step."""
    if volume is None or volume.state in GONE_STATES:
        return CopyStep(f"{change.present_id} is gone, so there is nothing to copy", done=True)
    if volume.attached or volume.state != "available":
        return CopyStep(f"{volume.volume_id} is still {volume.state}: a pod or its node has it")
    mine = [
        item
        for item in sorted(snapshots, key=lambda item: (item.started_at, item.snapshot_id), reverse=True)
        if item.owner_id == account_id and item.tags.get(BEFORE_TAG) == change.kind and item.size_gib >= volume.size_gib
    ]
    found = _found(volume, [item for item in mine if not used_since(volume, uses, item.started_at)])
    if found is not None:
        return found
    if is_set_aside(volume):
        return CopyStep(f"{volume.volume_id} is set aside, and no copy of it from then is left: look at it", refused=True)
    tags = copy_tags_of(change, volume, snapshots, policy, account_id, now)
    return CopyStep(f"{volume.volume_id} rests and is copied", start=True, tags=tags)


def _found(volume: Volume, since: Sequence[Snapshot]) -> CopyStep | None:
    """What the snapshots from since the last use, newest first, let hope for; None: nothing, another one is to be started."""
    by_state = {item.state: item.snapshot_id for item in reversed(since)}
    if "completed" in by_state:
        return CopyStep(f"{by_state['completed']} holds all of {volume.volume_id}", done=True, copy_id=by_state["completed"])
    if "pending" in by_state:
        return CopyStep(f"{by_state['pending']} of {volume.volume_id} is pending", copy_id=by_state["pending"])
    failed = [item.snapshot_id for item in since if item.state == "error"]
    if len(failed) < MOST_ERRORS:
        return None
    words = f"{len(failed)} snapshots of {volume.volume_id} ended in error ({', '.join(failed)}): ask AWS Support"
    return CopyStep(words, refused=True)


def copy_tags_of(
    change: HomeChange, volume: Volume, snapshots: Sequence[Snapshot], policy: StoragePolicy, account_id: str, now: datetime
) -> dict[str, str]:
    """The tags of the copy: the home's own, whose it is, and (where it is what a restore can be undone with) the protection."""
    # A volume that was bound by hand may lack the cluster's tag; its copy must not.
    named = home_tags(change.cluster_name, change.claim_name, change.owner_sub, "")
    whole = replace(volume, tags={**{key: value for key, value in named.items() if value and key != "Name"}, **volume.tags})
    inventory = Inventory(change.cluster_name, account_id, volumes=(whole,), snapshots=tuple(snapshots))
    copied = new_tags(view_of(inventory, policy, now), whole)
    more = {**before_tags(str(change.kind)), OWNER_TAG: change.owner_sub}
    if change.kind is Kind.INSTEAD:
        more[policy.protection_tag] = f"before the restore of {now:%Y-%m-%d}"
    room = LARGEST_TAG_COUNT - len(more)
    return {**dict(list(copied.items())[:room]), **more}
