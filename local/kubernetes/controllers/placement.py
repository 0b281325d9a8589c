"""Whether a pod may run on a node: pure, with the scheduler's words for why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from local.kubernetes.api.selectors import expression_holds
from local.kubernetes.objects.quantities import amount

Object = Mapping[str, Any]
_SELECTOR_MISMATCH = "node(s) didn't match Pod's node affinity/selector"
_VOLUME_CONFLICT = "node(s) had volume node affinity conflict"
_UNSCHEDULABLE = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


def node_fits(
    spec: Object, node: Object, volumes: Sequence[Object] = (), used: Mapping[str, Decimal] | None = None
) -> str | None:
    """None when the pod fits, else the reason. ``volumes`` are the PersistentVolumes it mounts, ``used`` what other pods took."""
    labels, name = node["metadata"].get("labels") or {}, node["metadata"]["name"]
    return (
        _repelled(spec, node)
        or _unwanted(spec, labels, name)
        or _out_of_reach(volumes, labels, name)
        or _lacking(spec, node, used or {})
    )


def _repelled(spec: Object, node: Object) -> str | None:
    if node["spec"].get("unschedulable") and not _tolerates(spec, _UNSCHEDULABLE):
        return "node(s) were unschedulable"
    if not any(one["type"] == "Ready" and one["status"] == "True" for one in node.get("status", {}).get("conditions", ())):
        return "node(s) had untolerated taint {node.kubernetes.io/not-ready: }"
    for taint in node["spec"].get("taints") or ():
        if taint["effect"] in ("NoSchedule", "NoExecute") and not _tolerates(spec, taint):
            return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
    return None


def _unwanted(spec: Object, labels: Mapping[str, str], name: str) -> str | None:
    affinity = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution")
    by_labels = all(labels.get(key) == value for key, value in (spec.get("nodeSelector") or {}).items())
    return None if by_labels and (not affinity or _terms_hold(affinity, labels, name)) else _SELECTOR_MISMATCH


def _out_of_reach(volumes: Sequence[Object], labels: Mapping[str, str], name: str) -> str | None:
    needed = [(volume["spec"].get("nodeAffinity") or {}).get("required") for volume in volumes]
    return None if all(_terms_hold(one, labels, name) for one in needed if one) else _VOLUME_CONFLICT


def requested(spec: Object) -> dict[str, Decimal]:
    """CPU and memory that a pod's containers ask for together."""
    total = {"cpu": Decimal(0), "memory": Decimal(0)}
    for container in spec.get("containers") or ():
        for name, value in ((container.get("resources") or {}).get("requests") or {}).items():
            if name in total:
                total[name] += amount(value)
    return total


def unschedulable(reasons: Sequence[str]) -> str:
    """The message of a pod that fits nowhere, from each node's reason."""
    if not reasons:
        return "no nodes available to schedule pods"
    counts = {reason: reasons.count(reason) for reason in sorted(set(reasons))}
    return f"0/{len(reasons)} nodes are available: " + ", ".join(f"{count} {reason}" for reason, count in counts.items()) + "."


def _tolerates(spec: Object, taint: Object) -> bool:
    for toleration in spec.get("tolerations") or ():
        if toleration.get("effect") not in (None, "", taint["effect"]):
            continue
        if toleration.get("operator") == "Exists" and toleration.get("key") in (None, "", taint["key"]):
            return True
        if toleration.get("key") == taint["key"] and toleration.get("value", "") == taint.get("value", ""):
            return True
    return False


def _terms_hold(selector: Object, labels: Mapping[str, str], name: str) -> bool:
    return any(
        all(expression_holds(one, labels) for one in term.get("matchExpressions") or ())
        and all(expression_holds(one, {"metadata.name": name}) for one in term.get("matchFields") or ())
        for term in selector.get("nodeSelectorTerms") or ()
        if term.get("matchExpressions") or term.get("matchFields")
    )


def _lacking(spec: Object, node: Object, used: Mapping[str, Decimal]) -> str | None:
    room = node.get("status", {}).get("allocatable") or {}
    for name, wanted in requested(spec).items():
        if wanted and name in room and used.get(name, Decimal(0)) + wanted > amount(room[name]):
            return f"Insufficient {name}"
    return None
