"""Claims, PersistentVolumes, EBS volumes and snapshots that do not match each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from hubplane.domain.diagnosis.facts import ClusterFacts
from hubplane.domain.diagnosis.findings import Finding
from hubplane.domain.releases.charts import JUPYTERHUB
from hubplane.domain.storage.tags import CLAIM_NAME_TAG, CLAIM_NAMESPACE_TAG

NAME = "storage_matches"
USABLE = frozenset({"available", "in-use", "creating"})


def judge(facts: ClusterFacts) -> Iterator[Finding]:
    """Per kind of mismatch one finding; none of them is mended by an execution, for a person has to say which data is right."""
    volumes, bound = facts.ebs_volumes, facts.bound_volumes
    lost = []
    for claim in facts.claims:
        if claim.phase == "Lost" or (claim.phase == "Bound" and claim.volume_name not in bound):
            lost.append(f"claim {claim.name} is for PersistentVolume {claim.volume_name}, which does not exist")
        elif claim.phase == "Bound":
            volume_id = bound[str(claim.volume_name)].volume_id
            if volume_id is not None and (volume_id not in volumes or volumes[volume_id].state not in USABLE):
                state = f"is {volumes[volume_id].state}" if volume_id in volumes else "does not exist"
                lost.append(f"claim {claim.name} is bound to EBS volume {volume_id}, which {state}")
    if lost:
        sentence = (
            "A home's claim is bound to a volume that is gone, so its server cannot start; what it held is in its snapshots. "
            "Restore it (restore_home) before anybody deletes the claim."
        )
        yield Finding(NAME, "critical", sentence, tuple(lost), "diagnose-cluster")
    yield from _twice(facts)
    broken = [f"PersistentVolume {item.name} is {item.phase}" for item in facts.persistent_volumes if item.phase == "Failed"]
    if broken:
        sentence = "Kubernetes could not delete a volume that nothing claims any more; it costs money until it is gone."
        yield Finding(NAME, "notice", sentence, tuple(broken), "diagnose-cluster")
    failed = [
        f"snapshot {item.snapshot_id} of {item.volume_id} ended in error" for item in facts.snapshots if item.state == "error"
    ]
    if failed:
        sentence = "A snapshot of the last days ended in error; the storage day takes another one in the next night."
        yield Finding(NAME, "notice", sentence, tuple(failed), "storage-day")


def _twice(facts: ClusterFacts) -> Iterator[Finding]:
    by_claim = defaultdict(list)
    for volume in facts.volumes:
        tags = volume.tags
        if volume.state in USABLE and tags.get(CLAIM_NAMESPACE_TAG, JUPYTERHUB.namespace) == JUPYTERHUB.namespace:
            by_claim[tags.get(CLAIM_NAME_TAG, "")].append(volume.volume_id)
    twice = [f"claim {name}: volumes {', '.join(sorted(ids))}" for name, ids in sorted(by_claim.items()) if name and len(ids) > 1]
    if twice:
        sentence = "A home has two volumes: the storage day keeps both, and a restore would not know which one is meant."
        yield Finding(NAME, "warning", sentence, tuple(twice), "diagnose-cluster")
