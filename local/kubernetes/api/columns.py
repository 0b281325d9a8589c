"""What each kind's columns say. Age is added by the table itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.kubernetes.api.ages import age

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """One column; ``wide`` ones are shown by ``-o wide`` only."""

    name: str
    cell: Callable[[Object], Any]
    wide: bool = False
    type_: str = "string"


def _at(*path: str, otherwise: Any = "") -> Callable[[Object], Any]:
    def read(found: Object) -> Any:
        value: Any = found
        for step in path:
            value = value.get(step) if isinstance(value, Mapping) else None
        return otherwise if value is None else value

    return read


_NAME = Column("Name", _at("metadata", "name"))


def _labels(found: Object | None) -> str:
    return ",".join(f"{key}={value}" for key, value in (found or {}).items()) or "<none>"


def _selector(found: Object) -> str:
    selector = found["spec"].get("selector") or {}
    return _labels(
        selector.get("matchLabels", selector) if "matchLabels" in selector or "matchExpressions" in selector else selector
    )


def _containers(field: str) -> Callable[[Object], str]:
    return lambda found: ",".join(
        container.get(field, "") for container in found["spec"]["template"]["spec"].get("containers", ())
    )


_TEMPLATE = (
    Column("Containers", _containers("name"), wide=True),
    Column("Images", _containers("image"), wide=True),
    Column("Selector", _selector, wide=True),
)


def pod_state(pod: Object) -> str:
    """The STATUS of a pod: its phase, or why it waits or ended."""
    if pod["metadata"].get("deletionTimestamp"):
        return "Terminating"
    status = pod.get("status", {})
    for container in status.get("containerStatuses", ()):
        for kind in ("waiting", "terminated"):
            reason = container.get("state", {}).get(kind, {}).get("reason")
            if reason and status.get("phase") != "Succeeded":
                return str(reason)
    return "Completed" if status.get("phase") == "Succeeded" else str(status.get("reason") or status.get("phase", "Unknown"))


def _pod_ready(pod: Object) -> str:
    statuses = pod.get("status", {}).get("containerStatuses", ())
    return f"{sum(bool(one.get('ready')) for one in statuses)}/{len(pod['spec'].get('containers', ()))}"


def _restarts(pod: Object) -> str:
    return str(sum(one.get("restartCount", 0) for one in pod.get("status", {}).get("containerStatuses", ())))


def _ports(service: Object) -> str:
    ports = []
    for port in service["spec"].get("ports", ()):
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        ports.append(f"{port['port']}{node}/{port.get('protocol', 'TCP')}")
    return ",".join(ports) or "<none>"


def _node_state(node: Object) -> str:
    conditions = {one["type"]: one["status"] for one in node.get("status", {}).get("conditions", ())}
    state = "Ready" if conditions.get("Ready") == "True" else "NotReady"
    return state + (",SchedulingDisabled" if node["spec"].get("unschedulable") else "")


def _address(kind: str) -> Callable[[Object], str]:
    def read(node: Object) -> str:
        found = (one["address"] for one in node.get("status", {}).get("addresses", ()) if one["type"] == kind)
        return next(found, "<none>")

    return read


_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}


def _modes(*path: str) -> Callable[[Object], str]:
    read = _at(*path, otherwise=())
    return lambda found: ",".join(_MODES.get(mode, mode) for mode in read(found))


def _claim_state(found: Object) -> str:
    return "Terminating" if found["metadata"].get("deletionTimestamp") else str(found.get("status", {}).get("phase", ""))


def _claim_of(volume: Object) -> str:
    reference = volume["spec"].get("claimRef") or {}
    return f"{reference.get('namespace')}/{reference.get('name')}" if reference else ""


def _class_name(found: Object) -> str:
    default = (found["metadata"].get("annotations") or {}).get("storageclass.kubernetes.io/is-default-class") == "true"
    return found["metadata"]["name"] + (" (default)" if default else "")


def _job_state(job: Object) -> str:
    conditions = {one["type"] for one in job.get("status", {}).get("conditions", ()) if one["status"] == "True"}
    return "Complete" if "Complete" in conditions else "Failed" if "Failed" in conditions else "Running"


def _endpoints(found: Object) -> str:
    listed = [
        f"{address['ip']}:{port['port']}"
        for subset in found.get("subsets") or ()
        for address in subset.get("addresses") or ()
        for port in subset.get("ports") or ({"port": ""},)
    ]
    return ",".join(listed) or "<none>"


def _last_seen(event: Object) -> str:
    return age(event.get("lastTimestamp") or event["metadata"].get("creationTimestamp"))


def _event_object(event: Object) -> str:
    about = event.get("involvedObject", {})
    return f"{about.get('kind', '').lower()}/{about.get('name', '')}"


def _count(*path: str) -> Callable[[Object], int]:
    read = _at(*path, otherwise=())
    return lambda found: len(read(found))


def _ready_of(*wanted: str) -> Callable[[Object], str]:
    read = _at(*wanted, otherwise=0)
    return lambda found: f"{_at('status', 'readyReplicas', otherwise=0)(found)}/{read(found)}"


COLUMNS: dict[str, tuple[Column, ...]] = {
    "configmaps": (_NAME, Column("Data", _count("data"), type_="integer")),
    "daemonsets.apps": (
        _NAME,
        Column("Desired", _at("status", "desiredNumberScheduled", otherwise=0), type_="integer"),
        Column("Current", _at("status", "currentNumberScheduled", otherwise=0), type_="integer"),
        Column("Ready", _at("status", "numberReady", otherwise=0), type_="integer"),
        Column("Up-to-date", _at("status", "updatedNumberScheduled", otherwise=0), type_="integer"),
        Column("Available", _at("status", "numberAvailable", otherwise=0), type_="integer"),
        Column("Node Selector", lambda found: _labels(found["spec"]["template"]["spec"].get("nodeSelector"))),
        *_TEMPLATE,
    ),
    "deployments.apps": (
        _NAME,
        Column("Ready", _ready_of("spec", "replicas")),
        Column("Up-to-date", _at("status", "updatedReplicas", otherwise=0), type_="integer"),
        Column("Available", _at("status", "availableReplicas", otherwise=0), type_="integer"),
        *_TEMPLATE,
    ),
    "endpoints": (_NAME, Column("Endpoints", _endpoints)),
    "events": (
        Column("Last Seen", _last_seen),
        Column("Type", _at("type")),
        Column("Reason", _at("reason")),
        Column("Object", _event_object),
        Column("Message", _at("message")),
        Column("Count", _at("count", otherwise=1), wide=True),
        Column("Name", _at("metadata", "name"), wide=True),
    ),
    "jobs.batch": (
        _NAME,
        Column("Status", _job_state),
        Column(
            "Completions", lambda found: f"{_at('status', 'succeeded', otherwise=0)(found)}/{found['spec'].get('completions', 1)}"
        ),
    ),
    "namespaces": (_NAME, Column("Status", _at("status", "phase"))),
    "nodes": (
        _NAME,
        Column("Status", _node_state),
        Column("Roles", lambda found: "<none>"),
        Column("Version", _at("status", "nodeInfo", "kubeletVersion")),
        Column("Internal-IP", _address("InternalIP"), wide=True),
        Column("External-IP", _address("ExternalIP"), wide=True),
        Column("OS-Image", _at("status", "nodeInfo", "osImage"), wide=True),
    ),
    "persistentvolumeclaims": (
        _NAME,
        Column("Status", _claim_state),
        Column("Volume", _at("spec", "volumeName")),
        Column("Capacity", _at("status", "capacity", "storage")),
        Column("Access Modes", _modes("status", "accessModes")),
        Column("StorageClass", _at("spec", "storageClassName")),
        Column("VolumeMode", _at("spec", "volumeMode"), wide=True),
    ),
    "persistentvolumes": (
        _NAME,
        Column("Capacity", _at("spec", "capacity", "storage")),
        Column("Access Modes", _modes("spec", "accessModes")),
        Column("Reclaim Policy", _at("spec", "persistentVolumeReclaimPolicy")),
        Column("Status", _claim_state),
        Column("Claim", _claim_of),
        Column("StorageClass", _at("spec", "storageClassName")),
        Column("Reason", _at("status", "reason")),
    ),
    "poddisruptionbudgets.policy": (
        _NAME,
        Column("Min Available", lambda found: str(found["spec"].get("minAvailable", "N/A"))),
        Column("Max Unavailable", lambda found: str(found["spec"].get("maxUnavailable", "N/A"))),
        Column("Allowed Disruptions", _at("status", "disruptionsAllowed", otherwise=0), type_="integer"),
    ),
    "pods": (
        _NAME,
        Column("Ready", _pod_ready),
        Column("Status", pod_state),
        Column("Restarts", _restarts),
        Column("IP", _at("status", "podIP", otherwise="<none>"), wide=True),
        Column("Node", _at("spec", "nodeName", otherwise="<none>"), wide=True),
        Column("Nominated Node", lambda found: "<none>", wide=True),
        Column("Readiness Gates", lambda found: "<none>", wide=True),
    ),
    "replicasets.apps": (
        _NAME,
        Column("Desired", _at("spec", "replicas", otherwise=0), type_="integer"),
        Column("Current", _at("status", "replicas", otherwise=0), type_="integer"),
        Column("Ready", _at("status", "readyReplicas", otherwise=0), type_="integer"),
        *_TEMPLATE,
    ),
    "secrets": (_NAME, Column("Type", _at("type")), Column("Data", _count("data"), type_="integer")),
    "serviceaccounts": (_NAME, Column("Secrets", _count("secrets"), type_="integer")),
    "services": (
        _NAME,
        Column("Type", _at("spec", "type")),
        Column("Cluster-IP", _at("spec", "clusterIP", otherwise="<none>")),
        Column("External-IP", lambda found: "<none>"),
        Column("Port(s)", _ports),
        Column("Selector", _selector, wide=True),
    ),
    "statefulsets.apps": (_NAME, Column("Ready", _ready_of("spec", "replicas")), *_TEMPLATE[:2]),
    "storageclasses.storage.k8s.io": (
        Column("Name", _class_name),
        Column("Provisioner", _at("provisioner")),
        Column("ReclaimPolicy", _at("reclaimPolicy")),
        Column("VolumeBindingMode", _at("volumeBindingMode")),
        Column("AllowVolumeExpansion", _at("allowVolumeExpansion", otherwise=False)),
    ),
}
