"""What an API server fills in: the defaults of each kind, applied to every create and every update.

Source: pkg/apis/*/v1/defaults.go of Kubernetes and the recorded answers behind the contract table of the tests.
"""

from __future__ import annotations

import base64
from typing import Any

from local.kubernetes.api.resources import Resource

Object = dict[str, Any]


def fill_in(resource: Resource, found: Object) -> None:
    """Write the defaults of its kind into ``found``; what is set stays. Repeating it changes nothing."""
    _tidy_metadata(found["metadata"])
    filler = _FILLERS.get(resource.qualified)
    if filler:
        filler(found)


def _tidy_metadata(metadata: Object) -> None:
    for name in ("labels", "annotations", "finalizers", "ownerReferences"):
        if name in metadata and not metadata[name]:
            del metadata[name]


def pod_spec(spec: Object) -> None:
    """The defaults inside a pod (template)."""
    for container in (*spec.get("initContainers", ()), *spec.get("containers", ())):
        _container(container)
    for name, value in {
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
    }.items():
        spec.setdefault(name, value)
    spec.setdefault("securityContext", {})
    if "serviceAccountName" in spec:
        spec["serviceAccount"] = spec["serviceAccountName"]
    for volume in spec.get("volumes", ()):
        for source in ("configMap", "secret", "projected", "downwardAPI"):
            if source in volume:
                volume[source].setdefault("defaultMode", 420)
        if set(volume) == {"name"}:
            volume["emptyDir"] = {}


def _container(container: Object) -> None:
    image = container.get("image", "")
    tag = image.rpartition("/")[2].partition(":")[2]
    by_digest = "@" in image
    container.setdefault("resources", {})
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    container.setdefault("imagePullPolicy", "IfNotPresent" if by_digest or tag not in ("", "latest") else "Always")
    for port in container.get("ports", ()):
        port.setdefault("protocol", "TCP")
    limits = container["resources"].get("limits") or {}
    if limits:
        requests = container["resources"].setdefault("requests", {})
        for name, value in limits.items():
            requests.setdefault(name, value)
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if probe in container:
            _probe(container[probe])
    for variable in container.get("env", ()):
        field = (variable.get("valueFrom") or {}).get("fieldRef")
        if field:
            field.setdefault("apiVersion", "v1")


def _probe(probe: Object) -> None:
    for name, value in {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}.items():
        probe.setdefault(name, value)
    if "httpGet" in probe:
        probe["httpGet"].setdefault("scheme", "HTTP")
        probe["httpGet"].setdefault("path", "/")


def _pod(pod: Object) -> None:
    spec = pod["spec"]
    pod_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    spec.setdefault("priority", 0)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    spec.setdefault("serviceAccountName", "default")
    spec["serviceAccount"] = spec["serviceAccountName"]
    tolerations = spec.setdefault("tolerations", [])
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        if not any(toleration.get("key") in (key, None) for toleration in tolerations):
            tolerations.append({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300})


def _template(found: Object) -> None:
    template = found["spec"].setdefault("template", {})
    _tidy_metadata(template.setdefault("metadata", {}))
    template["metadata"].pop("creationTimestamp", None)
    pod_spec(template.setdefault("spec", {}))


def _deployment(found: Object) -> None:
    spec = found["spec"]
    _template(found)
    for name, value in {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600}.items():
        spec.setdefault(name, value)
    strategy = spec.setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")


def _replica_set(found: Object) -> None:
    _template(found)
    found["spec"].setdefault("replicas", 1)


def _stateful_set(found: Object) -> None:
    spec = found["spec"]
    _template(found)
    for name, value in {"replicas": 1, "revisionHistoryLimit": 10, "podManagementPolicy": "OrderedReady"}.items():
        spec.setdefault(name, value)
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)
    for claim in spec.get("volumeClaimTemplates", ()):
        claim.setdefault("apiVersion", "v1")
        claim.setdefault("kind", "PersistentVolumeClaim")
        claim["spec"].setdefault("volumeMode", "Filesystem")
        claim.setdefault("status", {"phase": "Pending"})
    spec.setdefault("persistentVolumeClaimRetentionPolicy", {"whenDeleted": "Retain", "whenScaled": "Retain"})


def _daemon_set(found: Object) -> None:
    _template(found)
    found["spec"].setdefault("revisionHistoryLimit", 10)
    strategy = found["spec"].setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)


def _job(found: Object) -> None:
    spec = found["spec"]
    _template(found)
    for name, value in {"backoffLimit": 6, "completionMode": "NonIndexed", "suspend": False, "manualSelector": None}.items():
        if value is not None:
            spec.setdefault(name, value)
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)


def _service(found: Object) -> None:
    spec = found["spec"]
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    for port in spec.get("ports", ()):
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port.get("port"))
        if spec["type"] in ("ClusterIP", "ExternalName"):
            port.pop("nodePort", None)
    if spec["type"] != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)


def _secret(found: Object) -> None:
    found.setdefault("type", "Opaque")
    plain = found.pop("stringData", None) or {}
    if plain:
        data = found.setdefault("data", {})
        data.update({name: base64.b64encode(value.encode()).decode() for name, value in plain.items()})


def _claim(found: Object) -> None:
    found["spec"].setdefault("volumeMode", "Filesystem")


def _volume(found: Object) -> None:
    spec = found["spec"]
    spec.setdefault("persistentVolumeReclaimPolicy", "Retain")
    spec.setdefault("volumeMode", "Filesystem")
    reference = spec.get("claimRef")
    if reference:
        reference.setdefault("kind", "PersistentVolumeClaim")
        reference.setdefault("apiVersion", "v1")


def _storage_class(found: Object) -> None:
    found.setdefault("reclaimPolicy", "Delete")
    found.setdefault("volumeBindingMode", "Immediate")


def _binding(found: Object) -> None:
    if not found.get("subjects"):
        found.pop("subjects", None)
    for subject in found.get("subjects", ()):
        if subject.get("kind") in ("User", "Group"):
            subject.setdefault("apiGroup", "rbac.authorization.k8s.io")
    found.get("roleRef", {}).setdefault("apiGroup", "rbac.authorization.k8s.io")


def _namespace(found: Object) -> None:
    found.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    found["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = found["metadata"]["name"]


def _priority_class(found: Object) -> None:
    found.setdefault("preemptionPolicy", "PreemptLowerPriority")


def _network_policy(found: Object) -> None:
    spec = found["spec"]
    spec.setdefault("policyTypes", ["Ingress", "Egress"] if "egress" in spec else ["Ingress"])


def _cron_job(found: Object) -> None:
    spec = found["spec"]
    for name, value in {
        "concurrencyPolicy": "Allow",
        "suspend": False,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 1,
    }.items():
        spec.setdefault(name, value)


_FILLERS = {
    "configmaps": lambda found: None,
    "cronjobs.batch": _cron_job,
    "clusterrolebindings.rbac.authorization.k8s.io": _binding,
    "daemonsets.apps": _daemon_set,
    "deployments.apps": _deployment,
    "jobs.batch": _job,
    "namespaces": _namespace,
    "networkpolicies.networking.k8s.io": _network_policy,
    "persistentvolumeclaims": _claim,
    "persistentvolumes": _volume,
    "pods": _pod,
    "priorityclasses.scheduling.k8s.io": _priority_class,
    "replicasets.apps": _replica_set,
    "rolebindings.rbac.authorization.k8s.io": _binding,
    "secrets": _secret,
    "services": _service,
    "statefulsets.apps": _stateful_set,
    "storageclasses.storage.k8s.io": _storage_class,
}

FIRST_STATUS: dict[str, Object] = {
    "daemonsets.apps": {"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0},
    "deployments.apps": {},
    "jobs.batch": {},
    "namespaces": {"phase": "Active"},
    "persistentvolumeclaims": {"phase": "Pending"},
    "persistentvolumes": {"phase": "Pending"},
    "poddisruptionbudgets.policy": {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0},
    "pods": {"phase": "Pending"},
    "replicasets.apps": {"replicas": 0},
    "services": {"loadBalancer": {}},
    "statefulsets.apps": {"replicas": 0, "availableReplicas": 0},
}
"""The status an object is created with; what a client sends as status is dropped where /status exists."""


def quality_of_service(spec: Object) -> str:
    """The pod's qosClass by its requests and limits."""
    containers = spec.get("containers", ())
    resources = [container.get("resources") or {} for container in containers]
    if not any(found.get("requests") or found.get("limits") for found in resources):
        return "BestEffort"
    guaranteed = all(
        {"cpu", "memory"} <= set(found.get("limits") or {}) and (found.get("requests") or found["limits"]) == found["limits"]
        for found in resources
    )
    return "Guaranteed" if guaranteed else "Burstable"
