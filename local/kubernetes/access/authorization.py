"""May this identity do that? Access policies of EKS first, then RBAC objects stored in the cluster.

What each policy grants follows "Review access policy permissions" of the EKS user guide, at the grain that is asked for here:
resources by group and whether they are namespaced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from local.kubernetes.access.identity import Identity
from local.kubernetes.api.errors import ApiError, details
from local.kubernetes.api.resources import BY_PATH, Resource
from local.kubernetes.store import Store

READ = ("get", "list", "watch")
_RBAC = "rbac.authorization.k8s.io"
_SECRET = {"secrets", "serviceaccounts/token"}
_ANYONE = {"selfsubjectreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews"}


@dataclass(frozen=True)
class Question:
    """One request as authorization sees it. ``namespace`` "" is the cluster scope."""

    verb: str
    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def path(self) -> str:
        """``pods`` or ``pods/log``."""
        return f"{self.resource.plural}/{self.subresource}" if self.subresource else self.resource.plural


def check(store: Store, who: Identity, question: Question) -> None:
    """Raises 403, worded as RBAC words it, unless ``who`` may."""
    if allowed(store, who, question):
        return
    resource = question.resource
    subject = f'{resource.qualified} "{question.name}"' if question.name else resource.qualified
    scope = f'in the namespace "{question.namespace}"' if question.namespace else "at the cluster scope"
    raise ApiError(
        403,
        f'{subject} is forbidden: User "{who.user}" cannot {question.verb} resource "{question.path}" '
        f'in API group "{resource.group}" {scope}',
        details=details(resource, question.name),
    )


def allowed(store: Store, who: Identity, question: Question) -> bool:
    """Whether an access policy or a role grants it."""
    if question.resource.plural in _ANYONE or "system:masters" in who.groups:
        return True
    entry = who.entry
    if entry and any(_policy_grants(policy, question) for policy in entry.policies_in(question.namespace)):
        return True
    return any(_rule_grants(rule, question) for rule in _rules(store, who, question.namespace))


def _policy_grants(policy: str, question: Question) -> bool:
    grants = _POLICIES.get(policy.rpartition("/")[2])
    return grants is not None and grants(question)


def _namespaced(question: Question) -> bool:
    reads_namespaces = question.resource.qualified == "namespaces" and question.verb in READ
    return question.resource.namespaced or reads_namespaces


_POLICIES: dict[str, Callable[[Question], bool]] = {
    "AmazonEKSClusterAdminPolicy": lambda question: True,
    "AmazonEKSAdminViewPolicy": lambda question: question.verb in READ,
    "AmazonEKSAdminPolicy": _namespaced,
    "AmazonEKSEditPolicy": lambda question: _namespaced(question) and question.resource.group != _RBAC,
    "AmazonEKSViewPolicy": lambda question: (
        _namespaced(question) and question.resource.group != _RBAC and question.verb in READ and question.path not in _SECRET
    ),
}


def _rules(store: Store, who: Identity, namespace: str) -> Iterable[Mapping[str, Any]]:
    for binding in store.named(f"clusterrolebindings.{_RBAC}"):
        if _binds(binding, who, ""):
            yield from _role_rules(store, binding["roleRef"], "")
    if namespace:
        for binding in store.named(f"rolebindings.{_RBAC}", namespace):
            if _binds(binding, who, namespace):
                yield from _role_rules(store, binding["roleRef"], namespace)


def _binds(binding: Mapping[str, Any], who: Identity, namespace: str) -> bool:
    for subject in binding.get("subjects") or ():
        kind, name = subject.get("kind"), subject.get("name")
        if (kind == "User" and name == who.user) or (kind == "Group" and name in who.groups):
            return True
        if kind == "ServiceAccount" and who.user == f"system:serviceaccount:{subject.get('namespace', namespace)}:{name}":
            return True
    return False


def _role_rules(store: Store, reference: Mapping[str, Any], namespace: str) -> Iterable[Mapping[str, Any]]:
    if reference["kind"] == "ClusterRole":
        role = store.find(f"clusterroles.{_RBAC}", "", reference["name"])
        if role is None and reference["name"] in _BUILT_IN:
            yield from _BUILT_IN[reference["name"]]
    else:
        role = store.find(f"roles.{_RBAC}", namespace, reference["name"])
    yield from (role or {}).get("rules") or ()


_EVERYTHING = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
_VIEWED = sorted(
    {resource.plural for resource in BY_PATH.values() if resource.namespaced and resource.group != _RBAC} - _SECRET | {"pods/log"}
)
_BUILT_IN: dict[str, tuple[dict[str, Any], ...]] = {
    "cluster-admin": (_EVERYTHING,),
    "admin": ({**_EVERYTHING, "namespacedOnly": True},),
    "edit": ({"verbs": ["*"], "apiGroups": ["*"], "resources": [*_VIEWED, "secrets"]},),
    "view": ({"verbs": list(READ), "apiGroups": ["*"], "resources": _VIEWED},),
}


def _rule_grants(rule: Mapping[str, Any], question: Question) -> bool:
    def names(field: str, wanted: str) -> bool:
        return "*" in (rule.get(field) or ()) or wanted in (rule.get(field) or ())

    if rule.get("namespacedOnly") and not question.resource.namespaced:
        return False
    by_name = rule.get("resourceNames") or ()
    return (
        names("verbs", question.verb)
        and names("apiGroups", question.resource.group)
        and (names("resources", question.path) or f"*/{question.subresource}" in (rule.get("resources") or ()))
        and (not by_name or question.name in by_name)
    )
