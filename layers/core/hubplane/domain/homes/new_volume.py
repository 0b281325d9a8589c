"""The new volume of a change: what is asked of EC2, and whether an earlier run made it already."""

from __future__ import annotations

from collections.abc import Iterable

from hubplane.domain.homes.changes import HomeChange, Kind
from hubplane.domain.homes.marks import COPY_OF_TAG, MADE_FOR_TAG, NOTHING, REPLACES_TAG, copy_tags, is_copy
from hubplane.domain.homes.volumes import WantedVolume
from hubplane.domain.storage.records import Snapshot, Volume
from hubplane.domain.storage.tags import CLAIM_NAME_TAG
from hubplane.domain.storage.view import GONE_STATES

__all__ = ["made_already", "wanted_volume"]


def wanted_volume(change: HomeChange, source: Snapshot, client_token: str, protection_tag: str) -> WantedVolume:
    """The whole request. Its tags make it a copy, out of the storage day's scope, until it becomes the home."""
    replaces = None if change.kind is Kind.BESIDE else change.present_id or NOTHING
    tags = copy_tags(
        change.cluster_name,
        change.claim_name,
        change.owner_sub,
        source,
        change.kept_as,
        made_for=str(change.kind),
        replaces=replaces,
        protection_tag=protection_tag,
    )
    return WantedVolume(source.snapshot_id, max(change.size_gib, source.size_gib), change.zone, client_token, tags)


def made_already(change: HomeChange, source: Snapshot, copies: Iterable[Volume]) -> Volume | None:
    """The volume that an interrupted run of the same change made from the same snapshot, where it is still only a copy."""
    replaces = None if change.kind is Kind.BESIDE else change.present_id or NOTHING
    for volume in copies:
        same = (
            volume.tags.get(COPY_OF_TAG) == source.snapshot_id
            and volume.tags.get(MADE_FOR_TAG) == change.kind
            and volume.tags.get(CLAIM_NAME_TAG) == change.kept_as
            and volume.tags.get(REPLACES_TAG) == replaces
            and volume.zone == change.zone
            and volume.size_gib >= change.size_gib
        )
        if same and is_copy(volume, change.cluster_name) and volume.state not in (*GONE_STATES, "error"):
            return volume
    return None
