"""From Kubernetes' objects, as the API server answers them, to facts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from hubplane.domain.diagnosis.facts import Attachment, Claim, Event, Node, PersistentVolume, Pod

CSI_DRIVER = "ebs.csi.aws.com"
USERNAME_ANNOTATION = "hub.jupyter.org/username"  # KubeSpawner writes it on pods and claims
NODE_GROUP_LABEL = "eks.amazonaws.com/nodegroup"
ZONE_LABEL = "topology.kubernetes.io/zone"
# Keys under which PersistentVolumes name their zones: the CSI driver's own, the general one, and that of the in-tree plugin.
ZONE_KEYS = frozenset({"topology.ebs.csi.aws.com/zone", ZONE_LABEL, "failure-domain.beta.kubernetes.io/zone"})
STARTING = frozenset({None, "PodInitializing", "ContainerCreating"})

Object = Mapping[str, Any]


def pod_of(item: Object) -> Pod:
    """A pod; times and names as the API server has them."""
    metadata, spec, status = item["metadata"], item["spec"], item.get("status") or {}
    conditions = {one["type"]: one for one in status.get("conditions") or ()}
    containers = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    scheduled = conditions.get("PodScheduled", {})
    return Pod(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        component=(metadata.get("labels") or {}).get("component", ""),
        phase=status.get("phase", "Pending"),
        ready=conditions.get("Ready", {}).get("status") == "True",
        created_at=_time(metadata["creationTimestamp"]),
        node=spec.get("nodeName") or None,
        username=(metadata.get("annotations") or {}).get(USERNAME_ANNOTATION),
        claims=tuple(
            volume["persistentVolumeClaim"]["claimName"]
            for volume in spec.get("volumes") or ()
            if volume.get("persistentVolumeClaim")
        ),
        ending="deletionTimestamp" in metadata,
        wanted_group=(spec.get("nodeSelector") or {}).get(NODE_GROUP_LABEL),
        restarts=sum(one.get("restartCount", 0) for one in containers),
        waiting=next((found for one in containers if (found := _waiting(one)) is not None), None),
        unschedulable=scheduled.get("message") or "no reason is given" if scheduled.get("status") == "False" else "",
    )


def _waiting(container: Object) -> tuple[str, str] | None:
    waiting = (container.get("state") or {}).get("waiting") or {}
    if waiting.get("reason") in STARTING:
        return None
    ended = (container.get("lastState") or {}).get("terminated") or {}
    return str(waiting["reason"]), str(ended.get("message") or waiting.get("message") or "")


def event_of(item: Object) -> Event:
    """A warning; of one without any time the creation of the event itself counts."""
    about = item.get("involvedObject") or {}
    series = (item.get("series") or {}).get("lastObservedTime")
    at = series or item.get("lastTimestamp") or item.get("eventTime") or item["metadata"]["creationTimestamp"]
    return Event(about.get("uid", ""), about.get("name", ""), item.get("reason", ""), item.get("message", ""), _time(at))


def nodes_of(nodes: Iterable[Object], csi_nodes: Iterable[Object]) -> tuple[Node, ...]:
    """All nodes, each with the number of volumes that the CSI driver on it says it takes (``CSINode``: allocatable.count)."""
    limits = {
        item["metadata"]["name"]: (driver.get("allocatable") or {}).get("count")
        for item in csi_nodes
        for driver in (item.get("spec") or {}).get("drivers") or ()
        if driver.get("name") == CSI_DRIVER
    }
    return tuple(_node(item, limits.get(item["metadata"]["name"])) for item in nodes)


def _node(item: Object, attach_limit: int | None) -> Node:
    metadata, labels = item["metadata"], item["metadata"].get("labels") or {}
    conditions = {one["type"]: one for one in (item.get("status") or {}).get("conditions") or ()}
    ready = conditions.get("Ready", {})
    return Node(
        name=metadata["name"],
        zone=labels.get(ZONE_LABEL, ""),
        group=labels.get(NODE_GROUP_LABEL, ""),
        instance_type=labels.get("node.kubernetes.io/instance-type", ""),
        instance_id=(item["spec"].get("providerID") or "").rpartition("/")[2],
        ready=ready.get("status") == "True",
        ready_message=ready.get("message", "") if ready.get("status") != "True" else "",
        pressures=tuple(
            kind for kind in ("MemoryPressure", "DiskPressure", "PIDPressure") if conditions.get(kind, {}).get("status") == "True"
        ),
        attach_limit=attach_limit,
    )


def claim_of(item: Object) -> Claim:
    """A claim of the hub's namespace."""
    metadata = item["metadata"]
    return Claim(
        name=metadata["name"],
        phase=(item.get("status") or {}).get("phase", "Pending"),
        created_at=_time(metadata["creationTimestamp"]),
        volume_name=item["spec"].get("volumeName") or None,
        ending="deletionTimestamp" in metadata,
        username=(metadata.get("annotations") or {}).get(USERNAME_ANNOTATION),
    )


def persistent_volume_of(item: Object) -> PersistentVolume:
    """A PersistentVolume of the CSI driver or of the in-tree plugin before it; ``volume_id`` None for another storage."""
    spec = item["spec"]
    csi, in_tree, reference = spec.get("csi") or {}, spec.get("awsElasticBlockStore"), spec.get("claimRef")
    volume_id = csi.get("volumeHandle") if csi.get("driver") == CSI_DRIVER else None
    if in_tree:
        volume_id = str(in_tree["volumeID"]).rpartition("/")[2]
    terms = ((spec.get("nodeAffinity") or {}).get("required") or {}).get("nodeSelectorTerms") or ()
    zones = {
        zone
        for term in terms
        for expression in term.get("matchExpressions") or ()
        if expression.get("key") in ZONE_KEYS and expression.get("operator", "In") == "In"
        for zone in expression.get("values") or ()
    }
    return PersistentVolume(
        name=item["metadata"]["name"],
        phase=(item.get("status") or {}).get("phase", "Pending"),
        volume_id=volume_id,
        zones=tuple(sorted(zones)),
        claim=(reference["namespace"], reference["name"]) if reference else None,
    )


def attachment_of(item: Object) -> Attachment:
    """A VolumeAttachment of a PersistentVolume; ``error`` is what the driver said last, of attaching or of detaching."""
    metadata, spec, status = item["metadata"], item["spec"], item.get("status") or {}
    error = status.get("detachError") or status.get("attachError") or {}
    return Attachment(
        volume_name=(spec.get("source") or {}).get("persistentVolumeName") or "",
        node=spec["nodeName"],
        attached=bool(status.get("attached")),
        created_at=_time(metadata["creationTimestamp"]),
        error=error.get("message", ""),
        ending="deletionTimestamp" in metadata,
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
