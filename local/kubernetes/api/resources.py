"""Which resources this API has: what an EKS cluster of version 1.33 and later serves, as far as charts and clients here ask.

Short names, categories and subresources follow the discovery documents of Kubernetes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
NO_COLLECTION_DELETE = ("create", "delete", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True)
class Resource:
    """One kind. ``generation`` says whether its spec changes are counted; ``status`` whether it has a /status of its own."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    generation: bool = False

    @property
    def qualified(self) -> str:
        """``plural`` or ``plural.group``: how messages and this program's tables name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self) -> str:
        """What an object's ``apiVersion`` says."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def singular(self) -> str:
        """The singular in lower case."""
        return self.kind.lower()

    @property
    def has_status(self) -> bool:
        """Whether ``status`` is written through /status only."""
        return "status" in self.subresources


def _core(plural: str, kind: str, **more: Any) -> Resource:
    return Resource("", "v1", plural, kind, **more)


_WORKLOAD: dict[str, Any] = {"categories": ("all",), "generation": True}
_SCALED = ("status", "scale")
_CLUSTER: dict[str, Any] = {"namespaced": False}

RESOURCES: tuple[Resource, ...] = (
    _core("configmaps", "ConfigMap", short_names=("cm",)),
    _core("endpoints", "Endpoints", short_names=("ep",)),
    _core("events", "Event", short_names=("ev",)),
    _core("limitranges", "LimitRange", short_names=("limits",)),
    _core(
        "namespaces",
        "Namespace",
        short_names=("ns",),
        subresources=("status", "finalize"),
        verbs=NO_COLLECTION_DELETE,
        **_CLUSTER,
    ),
    _core("nodes", "Node", short_names=("no",), subresources=("status",), **_CLUSTER),
    _core("persistentvolumeclaims", "PersistentVolumeClaim", short_names=("pvc",), subresources=("status",)),
    _core("persistentvolumes", "PersistentVolume", short_names=("pv",), subresources=("status",), **_CLUSTER),
    _core(
        "pods",
        "Pod",
        short_names=("po",),
        categories=("all",),
        subresources=("status", "log", "eviction", "binding"),
        generation=True,
    ),
    _core("resourcequotas", "ResourceQuota", short_names=("quota",), subresources=("status",)),
    _core("secrets", "Secret"),
    _core("serviceaccounts", "ServiceAccount", short_names=("sa",), subresources=("token",)),
    _core("services", "Service", short_names=("svc",), categories=("all",), subresources=("status",)),
    Resource("apps", "v1", "controllerrevisions", "ControllerRevision"),
    Resource("apps", "v1", "daemonsets", "DaemonSet", short_names=("ds",), subresources=("status",), **_WORKLOAD),
    Resource("apps", "v1", "deployments", "Deployment", short_names=("deploy",), subresources=_SCALED, **_WORKLOAD),
    Resource("apps", "v1", "replicasets", "ReplicaSet", short_names=("rs",), subresources=_SCALED, **_WORKLOAD),
    Resource("apps", "v1", "statefulsets", "StatefulSet", short_names=("sts",), subresources=_SCALED, **_WORKLOAD),
    Resource(
        "autoscaling",
        "v2",
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        short_names=("hpa",),
        categories=("all",),
        subresources=("status",),
    ),
    Resource("batch", "v1", "cronjobs", "CronJob", short_names=("cj",), subresources=("status",), **_WORKLOAD),
    Resource("batch", "v1", "jobs", "Job", subresources=("status",), **_WORKLOAD),
    Resource("coordination.k8s.io", "v1", "leases", "Lease"),
    Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"),
    Resource("networking.k8s.io", "v1", "ingressclasses", "IngressClass", generation=True, **_CLUSTER),
    Resource("networking.k8s.io", "v1", "ingresses", "Ingress", short_names=("ing",), subresources=("status",), generation=True),
    Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", short_names=("netpol",), generation=True),
    Resource(
        "policy",
        "v1",
        "poddisruptionbudgets",
        "PodDisruptionBudget",
        short_names=("pdb",),
        subresources=("status",),
        generation=True,
    ),
    Resource("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", **_CLUSTER),
    Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", **_CLUSTER),
    Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding"),
    Resource("rbac.authorization.k8s.io", "v1", "roles", "Role"),
    Resource("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", short_names=("pc",), generation=True, **_CLUSTER),
    Resource("storage.k8s.io", "v1", "csidrivers", "CSIDriver", **_CLUSTER),
    Resource("storage.k8s.io", "v1", "csinodes", "CSINode", **_CLUSTER),
    Resource("storage.k8s.io", "v1", "csistoragecapacities", "CSIStorageCapacity"),
    Resource("storage.k8s.io", "v1", "storageclasses", "StorageClass", short_names=("sc",), **_CLUSTER),
    Resource("storage.k8s.io", "v1", "volumeattachments", "VolumeAttachment", subresources=("status",), **_CLUSTER),
)

REVIEWS: tuple[Resource, ...] = (
    Resource("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False, verbs=("create",)),
    Resource("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", namespaced=False, verbs=("create",)),
    Resource(
        "authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False, verbs=("create",)
    ),
    Resource(
        "authorization.k8s.io", "v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview", namespaced=False, verbs=("create",)
    ),
    Resource("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", namespaced=False, verbs=("create",)),
)
"""Questions that are answered and never stored."""

BY_NAME = {resource.qualified: resource for resource in RESOURCES}
BY_PATH = {(resource.group, resource.version, resource.plural): resource for resource in (*RESOURCES, *REVIEWS)}
BY_KIND = {(resource.api_version, resource.kind): resource for resource in RESOURCES}
GROUP_VERSIONS = tuple(dict.fromkeys((resource.group, resource.version) for resource in (*RESOURCES, *REVIEWS)))
