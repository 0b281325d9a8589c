"""What the storage day's functions, those that a spawn asks and a diagnosis may do in a cluster: RBAC objects for their groups.

No EKS access policy is as narrow: the least one that deletes a claim, AmazonEKSEditPolicy, reads every Secret of the hub's
namespace as well (https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from hubplane.domain.eks_settings.settings import (
    CLUSTER_READER,
    GROWTH_PLANNER,
    HOME_DRILLER,
    HOME_GROWER,
    HOME_KEEPER,
    HOME_MOVER,
    HUB_NAMESPACE,
    HUB_RESTARTER,
    SERVER_WATCHER,
    STORAGE_PRUNER,
    STORAGE_READER,
)

DRILL_NAMESPACE = "hubplane-drill"
RBAC = "rbac.authorization.k8s.io"


class Rights(NamedTuple):
    """Verbs by resource: over the whole cluster, and in the hub's namespace. ``csinodes.storage.k8s.io`` names its API group."""

    everywhere: Mapping[str, tuple[str, ...]]
    in_namespace: Mapping[str, tuple[str, ...]]


# A PersistentVolume is in no namespace, and all of them are listed: an EBS volume that any claim of the cluster uses is not
# for ec2:DeleteVolume. Whoever is in the second group is in the first one as well.
RIGHTS: Mapping[str, Rights] = {
    STORAGE_READER: Rights(
        everywhere={"persistentvolumes": ("list",)},
        in_namespace={"persistentvolumeclaims": ("list",), "pods": ("list",)},
    ),
    STORAGE_PRUNER: Rights(
        everywhere={"persistentvolumes": ("get",)},
        in_namespace={"persistentvolumeclaims": ("delete", "get")},
    ),
    # One claim and its volume at a time: a spawn must not cost a list of everybody's. All volumes are listed only before one that
    # was found without a claim gets it back: a second object for the same EBS volume would be its end. Nothing is ever changed.
    HOME_KEEPER: Rights(
        everywhere={"persistentvolumes": ("create", "get", "list")},
        in_namespace={"persistentvolumeclaims": ("create", "get")},
    ),
    # One function alone takes a home's claim away to give the home another volume. It patches a Kubernetes volume to retain its
    # EBS volume first; Kubernetes has no right for that one field.
    HOME_MOVER: Rights(
        everywhere={"persistentvolumes": ("create", "delete", "get", "list", "patch")},
        in_namespace={"persistentvolumeclaims": ("create", "delete", "get"), "pods": ("list",)},
    ),
    # Whether a server has gone, and nothing about what it mounts.
    SERVER_WATCHER: Rights(everywhere={}, in_namespace={"pods": ("list",)}),
    GROWTH_PLANNER: Rights(
        everywhere={"persistentvolumes": ("get",), "storageclasses.storage.k8s.io": ("get",)},
        in_namespace={"persistentvolumeclaims": ("get",)},
    ),
    # A claim is patched to ask for more; Kubernetes refuses less, and has no right for that one field.
    HOME_GROWER: Rights(
        everywhere={"persistentvolumes": ("get",)},
        in_namespace={"persistentvolumeclaims": ("get", "patch"), "pods": ("list",)},
    ),
    # No Secret, no ConfigMap, and not nodes/proxy: who may ask a kubelet through the API server may run commands in its pods
    # (https://kubernetes.io/docs/concepts/security/rbac-good-practices/#access-to-proxy-subresource-of-nodes).
    CLUSTER_READER: Rights(
        everywhere={
            "nodes": ("list",),
            "persistentvolumes": ("list",),
            "csinodes.storage.k8s.io": ("list",),
            "volumeattachments.storage.k8s.io": ("list",),
        },
        in_namespace={
            "persistentvolumeclaims": ("list",),
            "pods": ("list",),
            "pods/log": ("get",),
            "events": ("list",),
            "poddisruptionbudgets.policy": ("list",),
        },
    ),
    # A role cannot say "the hub's pod only", for its name changes: the function deletes by uid, and its code is what is short.
    HUB_RESTARTER: Rights(everywhere={}, in_namespace={"pods": ("delete", "get", "list")}),
}

# A namespace that is made again has lost its roles, so whoever makes it applies these.
AUTOSCALER_RIGHTS: Mapping[str, tuple[str, ...]] = {
    "pods": ("list",),
    "pods/log": ("get",),
    "events": ("list",),
    "poddisruptionbudgets.policy": ("list",),
}


def storage_access_manifests() -> tuple[dict[str, Any], ...]:
    """ClusterRole, ClusterRoleBinding, Role and RoleBinding per group, named as the group, roles before what binds them.

    Applying them again sets back what somebody widened: an apply replaces rules and subjects as a whole. Whoever applies them
    holds all of these rights or may ``escalate`` and ``bind``; a cluster admin may.
    """
    return tuple(
        manifest
        for group, (everywhere, in_namespace) in RIGHTS.items()
        for manifest in (
            *_role_and_binding("ClusterRole", group, everywhere, {"name": group}),
            *_role_and_binding("Role", group, in_namespace, {"name": group, "namespace": HUB_NAMESPACE}),
        )
    )


def autoscaler_access_manifests(namespace: str) -> tuple[dict[str, Any], ...]:
    """Role and RoleBinding with which a diagnosis reads pods, logs and warnings of the autoscaler's namespace."""
    metadata = {"name": CLUSTER_READER, "namespace": namespace}
    return _role_and_binding("Role", CLUSTER_READER, AUTOSCALER_RIGHTS, metadata)


def drill_access_manifests() -> tuple[dict[str, Any], ...]:
    """The namespace of restore drills, and what their functions may do in it and with the volumes that they make.

    Whoever may make a pod reads whatever its namespace holds, so drills have one to themselves: no Secret is in it, and no home.
    """
    namespace: dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": DRILL_NAMESPACE}}
    everywhere = {"nodes": ("list",), "persistentvolumes": ("create", "delete", "get", "list")}
    whole = ("create", "delete", "get", "list")
    inside = {"persistentvolumeclaims": whole, "pods": whole, "pods/log": ("get",)}
    return (
        namespace,
        *_role_and_binding("ClusterRole", HOME_DRILLER, everywhere, {"name": HOME_DRILLER}),
        *_role_and_binding("Role", HOME_DRILLER, inside, {"name": HOME_DRILLER, "namespace": DRILL_NAMESPACE}),
    )


def _role_and_binding(
    kind: str, group: str, verbs_of: Mapping[str, tuple[str, ...]], metadata: dict[str, str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    rules = [
        {"apiGroups": [resource.partition(".")[2]], "resources": [resource.partition(".")[0]], "verbs": list(verbs)}
        for resource, verbs in verbs_of.items()
    ]
    api_version = f"{RBAC}/v1"
    return (
        {"apiVersion": api_version, "kind": kind, "metadata": metadata, "rules": rules},
        {
            "apiVersion": api_version,
            "kind": f"{kind}Binding",
            "metadata": metadata,
            "roleRef": {"apiGroup": RBAC, "kind": kind, "name": group},
            "subjects": [{"apiGroup": RBAC, "kind": "Group", "name": group}],
        },
    )
