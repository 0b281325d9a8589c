"""What lies below an object or is only asked: scale, token, eviction, binding, and the reviews of authorization."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from local.kubernetes.access.authorization import Question, allowed
from local.kubernetes.access.identity import Identity
from local.kubernetes.access.service_accounts import ServiceAccountTokens
from local.kubernetes.api import errors
from local.kubernetes.api.request import Target
from local.kubernetes.api.resources import BY_NAME, BY_PATH, GROUP_VERSIONS, Resource
from local.kubernetes.api.selectors import selects
from local.kubernetes.api.writer import WriteOptions, Writer
from local.kubernetes.store import Store

Object = dict[str, Any]
DEFAULT_TOKEN_SECONDS = 3600


def scale_of(found: Object) -> Object:
    """The Scale of a workload."""
    metadata = {name: found["metadata"][name] for name in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")}
    labels = (found["spec"].get("selector") or {}).get("matchLabels") or {}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": {"replicas": found["spec"].get("replicas", 0)},
        "status": {
            "replicas": found.get("status", {}).get("replicas", 0),
            "selector": ",".join(f"{key}={value}" for key, value in sorted(labels.items())),
        },
    }


def change_scale(writer: Writer, where: Target, change: Callable[[Object], Object], options: WriteOptions) -> Object:
    """Write ``spec.replicas`` through /scale; answers the new Scale."""

    def scaled(found: Object) -> Object:
        replicas = (change(scale_of(found)).get("spec") or {}).get("replicas", 0)
        found["spec"]["replicas"] = replicas
        return found

    return scale_of(writer.patch(where.resource, where.namespace, where.name, scaled, options).found)


def issue_token(tokens: ServiceAccountTokens, store: Store, where: Target, body: Object) -> Object:
    """TokenRequest of a service account."""
    if store.get(where.resource, where.namespace, where.name) is None:
        raise errors.not_found(where.resource, where.name)
    spec = {"audiences": ["https://kubernetes.default.svc"], "expirationSeconds": DEFAULT_TOKEN_SECONDS} | (
        body.get("spec") or {}
    )
    token, until = tokens.issue(where.namespace, where.name, timedelta(seconds=spec["expirationSeconds"]))
    status = {"token": token, "expirationTimestamp": until.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"name": where.name, "namespace": where.namespace},
        "spec": spec,
        "status": status,
    }


def evict(writer: Writer, where: Target, body: Object) -> Object:
    """Delete a pod unless a PodDisruptionBudget forbids it: then 429."""
    pod = writer.store.get(where.resource, where.namespace, where.name)
    if pod is None:
        raise errors.not_found(where.resource, where.name)
    if is_held(writer.store, pod):
        raise errors.ApiError(429, "Cannot evict pod as it would violate the pod's disruption budget.")
    writer.delete(where.resource, where.namespace, where.name, body.get("deleteOptions") or {})
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def is_held(store: Store, pod: Object) -> bool:
    """Whether a PodDisruptionBudget forbids now that the pod is evicted."""
    return any(
        selects(budget["spec"].get("selector"), pod["metadata"].get("labels"))
        and budget["status"].get("disruptionsAllowed", 0) < 1
        for budget in store.named("poddisruptionbudgets.policy", pod["metadata"]["namespace"])
    )


def bind(writer: Writer, where: Target, body: Object) -> Object:
    """Put a pod on the node that a scheduler chose."""
    pod = writer.store.get(where.resource, where.namespace, where.name)
    if pod is None:
        raise errors.not_found(where.resource, where.name)
    node = (body.get("target") or {}).get("name")
    if pod["spec"].get("nodeName"):
        why = f'pod {where.name} is already assigned to node "{pod["spec"]["nodeName"]}"'
        raise errors.ApiError(409, f'Operation cannot be fulfilled on pods/binding "{where.name}": {why}')
    writer.edit(where.resource, pod, lambda found: found["spec"].update(nodeName=node))
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def review(store: Store, who: Identity, resource: Resource, body: Object) -> Object:
    """Answer a SelfSubjectReview, SelfSubjectAccessReview, SubjectAccessReview or SelfSubjectRulesReview."""
    answer = copy.deepcopy(body) | {"kind": resource.kind, "apiVersion": resource.api_version}
    answer.setdefault("metadata", {})
    if resource.kind == "SelfSubjectReview":
        answer["status"] = {"userInfo": {"username": who.user, "groups": list(who.groups)}}
    elif resource.kind == "SelfSubjectRulesReview":
        answer["status"] = _rules(store, who, (body.get("spec") or {}).get("namespace", ""))
    elif resource.kind in ("SelfSubjectAccessReview", "SubjectAccessReview"):
        spec = body.get("spec") or {}
        asker = who
        if resource.kind == "SubjectAccessReview":
            asker = Identity(spec.get("user", ""), tuple(spec.get("groups") or ()))
        answer["status"] = {"allowed": _answer(store, asker, spec.get("resourceAttributes"))}
    else:
        raise errors.method_not_allowed()
    return answer


def _answer(store: Store, who: Identity, attributes: Object | None) -> bool:
    if attributes is None:
        return True  # Non-resource URLs: discovery and health are open to every authenticated user
    group, plural = attributes.get("group", ""), attributes.get("resource", "")
    resource = next((found for (of, _, name), found in BY_PATH.items() if of == group and name == plural), None)
    if resource is None:
        version = next((version for name, version in GROUP_VERSIONS if name == group), "v1")
        resource = Resource(group, version, plural, plural)
    return allowed(
        store,
        who,
        Question(
            attributes.get("verb", ""),
            resource,
            attributes.get("namespace", ""),
            attributes.get("name", ""),
            attributes.get("subresource", ""),
        ),
    )


def _rules(store: Store, who: Identity, namespace: str) -> Object:
    found = []
    for resource in BY_NAME.values():
        verbs = [verb for verb in resource.verbs if allowed(store, who, Question(verb, resource, namespace))]
        if verbs:
            found.append({"verbs": verbs, "apiGroups": [resource.group], "resources": [resource.plural]})
    return {"resourceRules": found, "nonResourceRules": [], "incomplete": False}
