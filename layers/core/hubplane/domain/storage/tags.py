"""What the tags of a volume or snapshot say, in every form that has been written since 2019.

Times: the hub of 2022 on wrote ``server-start-time`` and ``server-stop-time`` as ``2023-05-01 10:00:00+00:00``; the 2019
hub wrote ``jupyter-volume-stopping-time`` as ``str(datetime.now())``: local, without a zone. A time without a zone is
taken as the latest instant that it can mean, so that nothing looks older than it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

__all__ = ["TagFacts", "carries_cluster", "copied_tags", "is_for_planners", "parse_time", "read_tags"]

CLAIM_NAME_TAG = "kubernetes.io/created-for/pvc/name"
CLAIM_NAMESPACE_TAG = "kubernetes.io/created-for/pvc/namespace"
CLUSTER_TAG_PREFIX = "kubernetes.io/cluster/"
CSI_CLUSTER_TAG = "KubernetesCluster"
START_TAG = "server-start-time"
STOP_TAG = "server-stop-time"
STOP_TAG_2019 = "jupyter-volume-stopping-time"
VOLUME_DELETE_TAG = "volume-delete-time"
SNAPSHOT_DELETE_TAG = "snapshot-delete-time"
OWNER_TAG = "hubplane:owner-sub"
ANCESTRY_TAG = "hubplane:ancestry"
RUN_TAG = "hubplane:run"
VOLUME_PROTECTED_TAG = "hubplane:volume-protected"
SET_ASIDE_TAG = "hubplane:set-aside"

USE_TAGS = frozenset({START_TAG, STOP_TAG, STOP_TAG_2019})
TIME_TAGS = USE_TAGS | {VOLUME_DELETE_TAG, SNAPSHOT_DELETE_TAG}
NAMED_TAGS = TIME_TAGS | {
    CLAIM_NAME_TAG,
    CLAIM_NAMESPACE_TAG,
    CSI_CLUSTER_TAG,
    OWNER_TAG,
    ANCESTRY_TAG,
    VOLUME_PROTECTED_TAG,
    SET_ASIDE_TAG,
}
RESERVED_PREFIX = "aws:"
LARGEST_TAG_COUNT = 50

# The western-most zone is UTC-12 (IANA Etc/GMT+12): there a local time lies furthest behind UTC.
LATEST_ZONE = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class TagFacts:
    """What tags say. ``unparsable`` names each tag that says something nobody can read; such a thing is kept and reported."""

    clusters: frozenset[str]
    claim_name: str | None
    namespace: str | None
    protected: bool
    volume_was_protected: bool
    used_at: tuple[datetime, ...]
    volume_delete_at: datetime | None
    snapshot_delete_at: datetime | None
    owner_sub: str | None
    ancestry: str | None
    unparsable: tuple[str, ...]


def parse_time(text: str) -> datetime | None:
    """The instant that ``text`` means at the latest, in UTC; None if it cannot be read."""
    try:
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is None:
            return moment.replace(tzinfo=UTC) + LATEST_ZONE
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def read_tags(tags: Mapping[str, str], protection_tag: str) -> TagFacts:
    """The facts in ``tags``, in one pass. Protection is by presence of the tag, whatever its value or the case of its name."""
    return _read(tuple(tags.items()), protection_tag)


# The snapshots of a home mostly carry the same tags; a fleet has too many different ones to remember all.
@lru_cache(maxsize=4096)
def _read(items: tuple[tuple[str, str], ...], protection_tag: str) -> TagFacts:
    tags = dict(items)
    clusters: set[str] = set()
    times: dict[str, datetime] = {}
    unparsable: list[str] = []
    protected = False
    for key, value in items:
        if key in TIME_TAGS:
            moment = parse_time(value)
            if moment is None:
                unparsable.append(f"{key}={value!r}")
            else:
                times[key] = moment
        elif len(key) == len(protection_tag) and key.lower() == protection_tag.lower():
            protected = True
        elif key == CSI_CLUSTER_TAG and value:
            clusters.add(value)
        elif value == "owned" and key.startswith(CLUSTER_TAG_PREFIX):
            clusters.add(key.removeprefix(CLUSTER_TAG_PREFIX))
    return TagFacts(
        clusters=_one_set(frozenset(clusters)),
        claim_name=tags.get(CLAIM_NAME_TAG) or None,
        namespace=tags.get(CLAIM_NAMESPACE_TAG) or None,
        protected=protected,
        volume_was_protected=VOLUME_PROTECTED_TAG in tags,
        used_at=tuple(moment for key, moment in times.items() if key in USE_TAGS),
        volume_delete_at=times.get(VOLUME_DELETE_TAG),
        snapshot_delete_at=times.get(SNAPSHOT_DELETE_TAG),
        owner_sub=tags.get(OWNER_TAG) or None,
        ancestry=tags.get(ANCESTRY_TAG) or None,
        unparsable=tuple(unparsable),
    )


@lru_cache(maxsize=256)
def _one_set(clusters: frozenset[str]) -> frozenset[str]:
    return clusters


def is_for_planners(key: str, protection_tag: str) -> bool:
    """Whether ``read_tags`` looks at a tag of this name: what a sweep keeps of a snapshot's tags."""
    return key in NAMED_TAGS or key.startswith(CLUSTER_TAG_PREFIX) or key.lower() == protection_tag.lower()


def carries_cluster(tags: Mapping[str, str], cluster_name: str) -> bool:
    """Whether the tags name this cluster, in either form; ``read_tags`` finds it among its ``clusters`` then."""
    return tags.get(CLUSTER_TAG_PREFIX + cluster_name) == "owned" or tags.get(CSI_CLUSTER_TAG) == cluster_name


def copied_tags(tags: Mapping[str, str], protection_tag: str, ancestry: str | None) -> dict[str, str]:
    """The tags of a volume as its new snapshot carries them, for the create call itself.

    ``aws:`` tags are the provider's and are left out. Protection becomes a mark that protects the newest copy only, or a
    protected home would keep every night for ever. ``ancestry`` is written down because EC2 forgets it with the volume.
    Where 50 tags are not enough, Hubplane's own and Kubernetes' come first.
    """
    copied = {
        key: value
        for key, value in tags.items()
        if not key.lower().startswith(RESERVED_PREFIX) and key.lower() != protection_tag.lower() and key != ANCESTRY_TAG
    }
    if any(key.lower() == protection_tag.lower() for key in tags):
        copied[VOLUME_PROTECTED_TAG] = "true"
    if ancestry:
        copied[ANCESTRY_TAG] = ancestry
    ranked = sorted(copied.items(), key=lambda item: not _needed(item[0]))
    return dict(ranked[:LARGEST_TAG_COUNT])


def _needed(key: str) -> bool:
    return key.startswith(("kubernetes.io/", "hubplane:")) or key == CSI_CLUSTER_TAG or key in TIME_TAGS
