"""How copies of a home are told from the home itself: by tags alone, so that every reader of EC2 sees the same.

A *home's volume* carries the cluster's tag and the claim's name. A *copy* (restored beside a home, about to take its place, or
a drill's) carries neither: without the cluster's tag it is in no plan of the storage day, so it gets no snapshots, which would
count as the newest of the home's line, and proves nothing; and its claim's name is none that leads to a person. A volume that
was *set aside* keeps the cluster's tag, so that the storage day proves and prunes it one day, but under a name of its own, so
that the home's claim has one volume.

Every claim of a person begins with ``claim-`` (``domain.names``), so what begins otherwise can never be taken for one.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from hubplane.domain.storage.ancestry import ancestry_through
from hubplane.domain.storage.records import Snapshot, Volume
from hubplane.domain.storage.tags import (
    ANCESTRY_TAG,
    CLAIM_NAME_TAG,
    CLAIM_NAMESPACE_TAG,
    CLUSTER_TAG_PREFIX,
    CSI_CLUSTER_TAG,
    LARGEST_TAG_COUNT,
    OWNER_TAG,
    SET_ASIDE_TAG,
    TIME_TAGS,
    VOLUME_PROTECTED_TAG,
    carries_cluster,
)

NAMESPACE: Final = "jupyter"
HUBPLANE_CLUSTER_TAG: Final = "hubplane:cluster"
"""Says whose a thing is without putting it into the storage day's scope."""

COPY_OF_TAG: Final = "hubplane:copy-of"
"""The snapshot that the volume was made from."""

COPY_OF_CLAIM_TAG: Final = "hubplane:copy-of-claim"
"""The home that it is a copy of, by its claim: how copies of a home are found."""

COPY_SUB_TAG: Final = "hubplane:copy-owner-sub"
"""Whose home it is a copy of. Not the owner's tag: what that marks is a home, which off-boarding waits for."""

REPLACES_TAG: Final = "hubplane:replaces"
"""The volume in whose place this one comes, or ``nothing``."""

MADE_FOR_TAG: Final = "hubplane:made-for"
"""The kind of change that a copy was made for (``changes.Kind``): a restore never goes on with what a move left, or a drill."""

BEFORE_TAG: Final = "hubplane:before"
"""On the snapshot of a home that was seen unattached right before: the kind of change that it was made for."""

DRILL_TAG: Final = "hubplane:drill"
"""The drill that made it, by its run."""

NOTHING: Final = "nothing"

PV_NAME_TAG: Final = "kubernetes.io/created-for/pv/name"
DRIVER_S_TAG: Final = "ebs.csi.aws.com/cluster"
"""AmazonEBSCSIDriverPolicyV2 lets the driver remove only volumes with this tag, and a copy goes with its claim."""

_OF_ONE_VOLUME: Final = frozenset({"Name", "CSIVolumeName", DRIVER_S_TAG, PV_NAME_TAG, VOLUME_PROTECTED_TAG})
_OURS: Final = frozenset(
    {
        COPY_OF_TAG,
        COPY_OF_CLAIM_TAG,
        COPY_SUB_TAG,
        MADE_FOR_TAG,
        REPLACES_TAG,
        BEFORE_TAG,
        SET_ASIDE_TAG,
        DRILL_TAG,
        OWNER_TAG,
        ANCESTRY_TAG,
    }
)
_SCOPE: Final = frozenset({CLAIM_NAME_TAG, CLAIM_NAMESPACE_TAG, CSI_CLUSTER_TAG})


def beside_claim(claim_name: str, day: date) -> str:
    """The claim under which a home's copy of a day lies beside it: ``restored-20261120-claim-ann``."""
    return f"restored-{day:%Y%m%d}-{claim_name}"


def waiting_claim(claim_name: str) -> str:
    """The name of a copy that is to take the home's place, until it does: ``waiting-claim-ann``."""
    return f"waiting-{claim_name}"


def set_aside_claim(claim_name: str, at: datetime) -> str:
    """The name under which what was a home is kept: ``set-aside-20261125-claim-ann``. No claim of this name is ever made."""
    return f"set-aside-{at:%Y%m%d}-{claim_name}"


def copy_tags(
    cluster_name: str,
    claim_name: str,
    owner_sub: str,
    source: Snapshot,
    kept_as: str,
    *,
    made_for: str,
    replaces: str | None = None,
    protection_tag: str,
) -> dict[str, str]:
    """The tags that a copy is made with: ``kept_as`` its own claim's name. Costs stay allocated; nothing puts it into scope.

    A copy is not protected because its home, or what it was made from, is.
    """
    tags = {
        **{key: value for key, value in source.tags.items() if _is_shared(key) and key.lower() != protection_tag.lower()},
        HUBPLANE_CLUSTER_TAG: cluster_name,
        DRIVER_S_TAG: "true",
        "Name": f"{cluster_name}-{kept_as}",
        COPY_OF_TAG: source.snapshot_id,
        COPY_OF_CLAIM_TAG: claim_name,
        COPY_SUB_TAG: owner_sub,
        MADE_FOR_TAG: made_for,
        ANCESTRY_TAG: ancestry_through(source),
        **({REPLACES_TAG: replaces} if replaces else {}),
        CLAIM_NAME_TAG: kept_as,
        CLAIM_NAMESPACE_TAG: NAMESPACE,
    }
    ranked = sorted(tags.items(), key=lambda item: not item[0].startswith(("hubplane:", "kubernetes.io/", "Name", DRIVER_S_TAG)))
    return dict(ranked[: LARGEST_TAG_COUNT - len(_SCOPE) - 2])  # room for what ``home_tags`` adds


def home_tags(cluster_name: str, claim_name: str, owner_sub: str, persistent_volume: str) -> dict[str, str]:
    """What makes a copy the home: written over its tags in one call."""
    return {
        f"{CLUSTER_TAG_PREFIX}{cluster_name}": "owned",
        CSI_CLUSTER_TAG: cluster_name,
        CLAIM_NAME_TAG: claim_name,
        CLAIM_NAMESPACE_TAG: NAMESPACE,
        PV_NAME_TAG: persistent_volume,
        OWNER_TAG: owner_sub,
        "Name": f"{cluster_name}-{claim_name}",
    }


def set_aside_tags(claim_name: str, at: datetime) -> dict[str, str]:
    """What makes a home's former volume, and the copy of it, one of its own: written over its tags in one call."""
    return {SET_ASIDE_TAG: claim_name, CLAIM_NAME_TAG: set_aside_claim(claim_name, at)}


def before_tags(kind: str) -> dict[str, str]:
    """What the copy of a home carries that was made because its volume is about to be replaced."""
    return {BEFORE_TAG: kind}


def is_copy(thing: Volume | Snapshot, cluster_name: str) -> bool:
    """Whether it is a copy and no home, nor was one: out of the storage day's scope."""
    return COPY_OF_TAG in thing.tags and not carries_cluster(thing.tags, cluster_name)


def is_set_aside(thing: Volume | Snapshot) -> bool:
    """Whether it was somebody's home before another volume took its place."""
    return SET_ASIDE_TAG in thing.tags


def _is_shared(key: str) -> bool:
    """What a copy has in common with its home: cost allocation and what else people wrote, not what says which volume it is."""
    told_apart = key in TIME_TAGS or key in _OURS or key in _SCOPE or key in _OF_ONE_VOLUME
    return not told_apart and not key.lower().startswith(("aws:", CLUSTER_TAG_PREFIX)) and key != HUBPLANE_CLUSTER_TAG
