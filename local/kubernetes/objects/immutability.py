"""What may not change once an object exists. First lines are a real API server's; its Go diff is left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from local.kubernetes.api.errors import ApiError, Cause, forbidden_value, invalid_value, refused
from local.kubernetes.api.resources import BY_NAME, Resource
from local.kubernetes.objects.quantities import amount
from local.kubernetes.objects.validation import go_map

Object = Mapping[str, Any]

_POD_RULE = (
    "pod updates may not change fields other than `spec.containers[*].image`, `spec.initContainers[*].image`, "
    "`spec.activeDeadlineSeconds` or `spec.tolerations` (only additions to existing tolerations)"
)
_CLAIM_RULE = "spec is immutable after creation except resources.requests for bound claims"
_VOLUME_SOURCES = ("csi", "hostPath", "nfs", "local", "awsElasticBlockStore", "iscsi", "fc")
_STATEFUL_SET_MUTABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)


def check_change(resource: Resource, before: Object, after: Object) -> list[Cause]:
    """Every fault of changing ``before`` into ``after``; empty when it may be."""
    checker = _CHECKERS.get(resource.qualified)
    return checker(before, after) if checker else []


def go_selector(selector: Object) -> str:
    """A LabelSelector as Go prints it."""
    labels = go_map(dict(selector.get("matchLabels") or {}))
    return f"v1.LabelSelector{{MatchLabels:{labels}, MatchExpressions:[]v1.LabelSelectorRequirement(nil)}}"


def _selector(before: Object, after: Object) -> list[Cause]:
    wanted = after["spec"].get("selector") or {}
    if wanted == (before["spec"].get("selector") or {}):
        return []
    return [invalid_value("spec.selector", go_selector(wanted), "field is immutable")]


def _stateful_set(before: Object, after: Object) -> list[Cause]:
    changed = [name for name in {*before["spec"], *after["spec"]} if before["spec"].get(name) != after["spec"].get(name)]
    if all(name in _STATEFUL_SET_MUTABLE for name in changed):
        return []
    allowed = "'" + "', '".join(_STATEFUL_SET_MUTABLE[:-1]) + f"' and '{_STATEFUL_SET_MUTABLE[-1]}'"
    return [forbidden_value("spec", f"updates to statefulset spec for fields other than {allowed} are forbidden")]


def _job(before: Object, after: Object) -> list[Cause]:
    return [
        invalid_value(
            f"spec.{name}",
            "core.PodTemplateSpec{…}" if name == "template" else str(after["spec"].get(name)),
            "field is immutable",
        )
        for name in ("template", "completions", "completionMode")
        if before["spec"].get(name) != after["spec"].get(name)
    ]


def _pod(before: Object, after: Object) -> list[Cause]:
    def fixed(pod: Object) -> Any:
        spec = dict(pod["spec"])
        for name in ("activeDeadlineSeconds", "tolerations", "nodeName"):
            spec.pop(name, None)
        for field in ("containers", "initContainers"):
            spec[field] = [{**container, "image": ""} for container in spec.get(field, ())]
        return spec

    return [] if fixed(before) == fixed(after) else [forbidden_value("spec", _POD_RULE)]


def _claim(before: Object, after: Object) -> list[Cause]:
    def split(claim: Object) -> tuple[dict[str, Any], Any]:
        spec = dict(claim["spec"])
        requests = dict((spec.pop("resources", None) or {}).get("requests") or {})
        return spec, requests.get("storage")

    (old, old_size), (new, new_size) = split(before), split(after)
    bound = before.get("status", {}).get("phase") == "Bound"
    causes = []
    resized = amount(new_size) != amount(old_size)
    if new != old or (resized and not bound):
        # A claim created without a class may be given one later; a volume may be named while none is
        late = {name for name in {*old, *new} if old.get(name) != new.get(name)}
        if not (not resized and late <= {"volumeName", "storageClassName"} and not any(old.get(name) for name in late)):
            causes.append(forbidden_value("spec", _CLAIM_RULE))
    if amount(new_size) < amount(old_size):
        causes.append(forbidden_value("spec.resources.requests.storage", "field can not be less than previous value"))
    return causes


def check_expansion(before: Object, after: Object, storage_class: Object | None) -> ApiError | None:
    """The 403 for growing a claim whose class does not allow it, or None."""
    old, new = (claim["spec"]["resources"]["requests"]["storage"] for claim in (before, after))
    if amount(new) <= amount(old) or before.get("status", {}).get("phase") != "Bound":
        return None
    if storage_class and storage_class.get("allowVolumeExpansion"):
        return None
    return refused(
        BY_NAME["persistentvolumeclaims"],
        before["metadata"]["name"],
        "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
    )


def _volume(before: Object, after: Object) -> list[Cause]:
    causes = []
    if any(before["spec"].get(source) != after["spec"].get(source) for source in _VOLUME_SOURCES):
        causes.append(forbidden_value("spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation"))
    old = before["spec"].get("nodeAffinity")
    if old is not None and old != after["spec"].get("nodeAffinity"):
        shown = "core.VolumeNodeAffinity{Required:(*core.NodeSelector)(<pointer>)}"
        causes.append(invalid_value("nodeAffinity", shown, "field is immutable"))
    return causes


def _storage_class(before: Object, after: Object) -> list[Cause]:
    causes = [
        forbidden_value(field, f"updates to {field} are forbidden.")
        for field in ("parameters", "provisioner", "reclaimPolicy")
        if before.get(field) != after.get(field)
    ]
    if before.get("volumeBindingMode") != after.get("volumeBindingMode"):
        causes.append(invalid_value("volumeBindingMode", f'"{after.get("volumeBindingMode")}"', "field is immutable"))
    return causes


def _role_binding(before: Object, after: Object) -> list[Cause]:
    reference = after.get("roleRef") or {}
    if before.get("roleRef") == reference:
        return []
    shown = 'rbac.RoleRef{{APIGroup:"{}", Kind:"{}", Name:"{}"}}'.format(
        *(reference.get(name, "") for name in ("apiGroup", "kind", "name"))
    )
    return [invalid_value("roleRef", shown, "cannot change roleRef")]


def _service(before: Object, after: Object) -> list[Cause]:
    old, new = before["spec"].get("clusterIP"), after["spec"].get("clusterIP")
    if old == new or after["spec"].get("type") == "ExternalName" or not old:
        return []
    return [invalid_value("spec.clusterIPs[0]", f'[]string{{"{new}"}}', "may not change once set")]


def _secret(before: Object, after: Object) -> list[Cause]:
    causes = []
    if before.get("type") != after.get("type"):
        causes.append(invalid_value("type", f'"{after.get("type")}"', "field is immutable"))
    return causes + _sealed(before, after)


def _sealed(before: Object, after: Object) -> list[Cause]:
    if not before.get("immutable"):
        return []
    if before.get("data") != after.get("data") or not after.get("immutable"):
        return [forbidden_value("data", "field is immutable when `immutable` is set")]
    return []


_CHECKERS: dict[str, Callable[[Object, Object], list[Cause]]] = {
    "clusterrolebindings.rbac.authorization.k8s.io": _role_binding,
    "configmaps": _sealed,
    "daemonsets.apps": _selector,
    "deployments.apps": _selector,
    "jobs.batch": _job,
    "persistentvolumeclaims": _claim,
    "persistentvolumes": _volume,
    "pods": _pod,
    "replicasets.apps": _selector,
    "rolebindings.rbac.authorization.k8s.io": _role_binding,
    "secrets": _secret,
    "services": _service,
    "statefulsets.apps": _stateful_set,
    "storageclasses.storage.k8s.io": _storage_class,
}
