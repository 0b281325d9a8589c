"""Whether homes that are in use get their nightly snapshots: without one there is no copy of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from hubplane.domain.diagnosis.facts import ClusterFacts
from hubplane.domain.diagnosis.findings import Finding
from hubplane.domain.diagnosis.mends import snapshot_volumes
from hubplane.domain.storage.tags import CLAIM_NAME_TAG

NAME = "home_copies"
# A day's snapshot, one night that failed, and the hours that a first snapshot of 500 GB takes (some 10).
LATEST_COPY = timedelta(days=3)


def judge(facts: ClusterFacts) -> Iterator[Finding]:
    """One finding for all volumes that a pod writes on, that are older than three days, and have no completed snapshot since.

    A home that nobody used since its last snapshot needs no new one, so those are left alone.
    """
    since = facts.now - LATEST_COPY
    copied = {item.volume_id for item in facts.snapshots if item.state == "completed" and item.started_at >= since}
    bare = [
        f"volume {volume.volume_id} of claim {volume.tags[CLAIM_NAME_TAG]}, {volume.size_gib} GiB"
        for volume in facts.volumes
        if volume.attached and volume.created_at < since and CLAIM_NAME_TAG in volume.tags and volume.volume_id not in copied
    ]
    if bare:
        sentence = "Homes in use have had no completed snapshot for three days: what is written on them has no copy."
        yield Finding(NAME, "warning", sentence, tuple(bare), "storage-day", snapshot_volumes(facts))
