"""The rules an object must keep when it is created, beyond its shape: what clients and charts here can break."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from local.kubernetes.api.errors import Cause, bad_request, forbidden_value, invalid_value, not_supported, required
from local.kubernetes.api.resources import Resource
from local.kubernetes.api.selectors import selects
from local.kubernetes.objects.names import check_labels, check_name
from local.kubernetes.objects.quantities import amount

Object = dict[str, Any]

_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_SERVICE_TYPES = ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")
_VOLUME_SOURCES = ("csi", "hostPath", "nfs", "local", "awsElasticBlockStore", "iscsi", "fc")


def check_new(resource: Resource, found: Object) -> list[Cause]:
    """Every fault of an object about to be stored; empty when it may be."""
    metadata = found["metadata"]
    causes = check_name(resource, metadata["name"])
    causes += check_labels(metadata.get("labels") or {}, "metadata.labels")
    checker = _CHECKERS.get(resource.qualified)
    return causes + (checker(found) if checker else [])


def go_map(found: dict[str, str] | None) -> str:
    """A map of strings as Go prints it."""
    return "map[string]string{" + ", ".join(f'"{key}":"{value}"' for key, value in sorted((found or {}).items())) + "}"


def check_pod_spec(spec: Object, path: str, allowed_restarts: tuple[str, ...] = _RESTART_POLICIES) -> list[Cause]:
    """The faults of a pod (template) spec."""
    causes = []
    if not spec.get("containers"):
        causes.append(required(f"{path}.containers"))
    volumes = {volume.get("name") for volume in spec.get("volumes", ())}
    seen: set[str] = set()
    for field in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(field, ())):
            where = f"{path}.{field}[{index}]"
            if not container.get("name"):
                causes.append(required(f"{where}.name"))
            elif container["name"] in seen:
                causes.append(Cause(f"{where}.name", "FieldValueDuplicate", f'Duplicate value: "{container["name"]}"'))
            seen.add(container.get("name", ""))
            if not container.get("image"):
                causes.append(required(f"{where}.image"))
            for mount_index, mount in enumerate(container.get("volumeMounts", ())):
                if mount.get("name") not in volumes:
                    field_name = f"{where}.volumeMounts[{mount_index}].name"
                    causes.append(Cause(field_name, "FieldValueNotFound", f'Not found: "{mount.get("name")}"'))
            for port_index, port in enumerate(container.get("ports", ())):
                causes += _port(port.get("containerPort"), f"{where}.ports[{port_index}].containerPort")
    if spec.get("restartPolicy", "Always") not in allowed_restarts:
        causes.append(not_supported(f"{path}.restartPolicy", spec["restartPolicy"], allowed_restarts))
    return causes


def _port(value: Any, field: str) -> list[Cause]:
    if isinstance(value, int) and 1 <= value <= 65535:
        return []
    return [required(field)] if value is None else [invalid_value(field, str(value), "must be between 1 and 65535, inclusive")]


def _pod(found: Object) -> list[Cause]:
    return check_pod_spec(found.get("spec") or {}, "spec")


def _workload(found: Object) -> list[Cause]:
    spec = found.get("spec") or {}
    causes = []
    if not spec.get("selector"):
        causes.append(required("spec.selector"))
    labels = (spec.get("template") or {}).get("metadata", {}).get("labels")
    if spec.get("selector") and not selects(spec["selector"], labels):
        causes.append(
            invalid_value("spec.template.metadata.labels", go_map(labels), "`selector` does not match template `labels`")
        )
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate" and strategy.get("rollingUpdate") is not None:
        causes.append(forbidden_value("spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'"))
    if isinstance(spec.get("replicas"), int) and spec["replicas"] < 0:
        causes.append(invalid_value("spec.replicas", str(spec["replicas"]), "must be greater than or equal to 0"))
    return causes + check_pod_spec((spec.get("template") or {}).get("spec") or {}, "spec.template.spec", ("Always",))


def _job(found: Object) -> list[Cause]:
    template = (found.get("spec") or {}).get("template") or {}
    return check_pod_spec(template.get("spec") or {}, "spec.template.spec", ("OnFailure", "Never"))


def _service(found: Object) -> list[Cause]:
    spec = found.get("spec") or {}
    causes = []
    headless = spec.get("clusterIP") == "None"
    if spec.get("type", "ClusterIP") not in _SERVICE_TYPES:
        causes.append(not_supported("spec.type", spec["type"], _SERVICE_TYPES))
    if not spec.get("ports") and not headless and spec.get("type") != "ExternalName":
        causes.append(required("spec.ports"))
    names: set[str] = set()
    for index, port in enumerate(spec.get("ports", ())):
        if len(spec["ports"]) > 1 and not port.get("name"):
            causes.append(required(f"spec.ports[{index}].name"))
        if port.get("name") in names:
            causes.append(Cause(f"spec.ports[{index}].name", "FieldValueDuplicate", f'Duplicate value: "{port["name"]}"'))
        names.add(port.get("name", index))
        causes += _port(port.get("port"), f"spec.ports[{index}].port")
        if isinstance(port.get("targetPort"), int):
            causes += _port(port["targetPort"], f"spec.ports[{index}].targetPort")
    return causes


def _claim(found: Object) -> list[Cause]:
    spec = found.get("spec") or {}
    causes = []
    if not spec.get("accessModes"):
        causes.append(required("spec.accessModes", "at least 1 access mode is required"))
    size = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if size is None:
        causes.append(required("spec.resources[storage]"))
    elif amount(size) <= 0:
        causes.append(invalid_value("spec.resources[storage]", f'"{size}"', "must be greater than zero"))
    return causes


def _volume(found: Object) -> list[Cause]:
    spec = found.get("spec") or {}
    causes = []
    if not spec.get("accessModes"):
        causes.append(required("spec.accessModes"))
    if not spec.get("capacity"):
        causes.append(required("spec.capacity"))
        shown = 'Unsupported value: core.ResourceList{}: supported values: "storage"'
        causes.append(Cause("spec.capacity", "FieldValueNotSupported", shown))
    if not any(source in spec for source in _VOLUME_SOURCES):
        causes.append(required("spec", "must specify a volume type"))
    return causes


def _budget(found: Object) -> list[Cause]:
    spec = found.get("spec") or {}
    if "minAvailable" in spec and "maxUnavailable" in spec:
        shown = (
            "policy.PodDisruptionBudgetSpec{MinAvailable:(*intstr.IntOrString)(<pointer>), Selector:(*v1.LabelSelector)(nil), "
            "MaxUnavailable:(*intstr.IntOrString)(<pointer>)}"
        )
        return [invalid_value("spec", shown, "minAvailable and maxUnavailable cannot be both set")]
    return []


def _storage_class(found: Object) -> list[Cause]:
    causes = [] if found.get("provisioner") else [required("provisioner")]
    if found.get("reclaimPolicy", "Delete") not in ("Delete", "Retain"):
        causes.append(not_supported("reclaimPolicy", found["reclaimPolicy"], ("Delete", "Retain")))
    modes = ("Immediate", "WaitForFirstConsumer")
    if found.get("volumeBindingMode", "Immediate") not in modes:
        causes.append(not_supported("volumeBindingMode", found["volumeBindingMode"], modes))
    return causes


def _role_binding(found: Object) -> list[Cause]:
    reference = found.get("roleRef") or {}
    return [] if reference.get("name") else [required("roleRef.name")]


def _secret(found: Object) -> list[Cause]:
    for value in (found.get("data") or {}).values():
        try:
            base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError) as error:
            raise bad_request(
                'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 0'
            ) from error
    return []


_CHECKERS: dict[str, Callable[[Object], list[Cause]]] = {
    "clusterrolebindings.rbac.authorization.k8s.io": _role_binding,
    "daemonsets.apps": _workload,
    "deployments.apps": _workload,
    "jobs.batch": _job,
    "persistentvolumeclaims": _claim,
    "persistentvolumes": _volume,
    "poddisruptionbudgets.policy": _budget,
    "pods": _pod,
    "replicasets.apps": _workload,
    "rolebindings.rbac.authorization.k8s.io": _role_binding,
    "secrets": _secret,
    "services": _service,
    "statefulsets.apps": _workload,
    "storageclasses.storage.k8s.io": _storage_class,
}
