"""Label and field selectors: of a query, and of an object's ``spec.selector``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from local.kubernetes.api.errors import bad_request
from local.kubernetes.api.resources import Resource

Matcher = Callable[[Mapping[str, Any]], bool]

_SET = re.compile(r"^([^\s!=()<>]+)\s+(in|notin)\s*\(([^()]*)\)$")
_EQUAL = re.compile(r"^([^\s!=()<>]+?)\s*(!=|==|=)\s*([^\s!=()<>]*)$")
_EXISTS = re.compile(r"^(!?)\s*([^\s!=()<>]+)$")
_TOP_LEVEL_COMMA = re.compile(r",(?![^()]*\))")

FIELDS_OF = {
    "pods": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "status.phase",
        "status.podIP",
    ),
    "events": (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    "secrets": ("type",),
    "namespaces": ("status.phase",),
    "nodes": ("spec.unschedulable",),
    "services": ("spec.clusterIP", "spec.type"),
    "jobs.batch": ("status.successful",),
    "replicasets.apps": ("status.replicas",),
}
"""Field selectors beside metadata.name and metadata.namespace, by resource (Kubernetes: the registries' SelectableFields)."""


def label_matcher(text: str | None) -> Matcher:
    """Whether an object's labels satisfy the query's ``labelSelector``. Raises 400 for one that cannot be read."""
    tests = [_requirement(part.strip()) for part in _TOP_LEVEL_COMMA.split(text) if part.strip()] if text else []
    return lambda found: all(test((found.get("metadata") or {}).get("labels") or {}) for test in tests)


def _requirement(part: str) -> Callable[[Mapping[str, str]], bool]:
    if match := _SET.match(part):
        key, operator, listed = match.groups()
        values = {value.strip() for value in listed.split(",")}
        if operator == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if match := _EQUAL.match(part):
        key, operator, value = match.groups()
        if operator == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if match := _EXISTS.match(part):
        negated, key = match.groups()
        return lambda labels: (key in labels) != bool(negated)
    found = next((character for character in part if character in "()<>"), part[-1:])
    raise bad_request(f"unable to parse requirement: found '{found}', expected: identifier")


def field_matcher(resource: Resource, text: str | None) -> Matcher:
    """Whether an object satisfies the query's ``fieldSelector``. Raises 400 for a field that this resource does not index."""
    tests = []
    for part in (text or "").split(","):
        if not part:
            continue
        match = re.match(r"^([^!=]+)(!=|==|=)(.*)$", part)
        if not match:
            raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
        path, operator, value = match.groups()
        if path not in ("metadata.name", "metadata.namespace", *FIELDS_OF.get(resource.qualified, ())):
            known = '"metadata.name", "metadata.namespace"'
            raise bad_request(f'"{path}" is not a known field selector: only {known}')
        tests.append((path.split("."), operator == "!=", value))
    return lambda found: all((_text_at(found, path) == value) != negated for path, negated, value in tests)


def _text_at(found: Any, path: list[str]) -> str:
    for step in path:
        found = found.get(step) if isinstance(found, Mapping) else None
    if isinstance(found, bool):
        return str(found).lower()
    return "" if found is None else str(found)


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str] | None) -> bool:
    """Whether a LabelSelector (matchLabels, matchExpressions) selects these labels; None selects nothing."""
    if selector is None:
        return False
    labels = labels or {}
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(expression_holds(expression, labels) for expression in selector.get("matchExpressions") or ())


def expression_holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """One matchExpression of a label or node selector."""
    key, operator, values = expression["key"], expression["operator"], expression.get("values") or ()
    if operator == "In":
        return labels.get(key) in values
    if operator == "NotIn":
        return labels.get(key) not in values
    if operator == "Exists":
        return key in labels
    if operator == "DoesNotExist":
        return key not in labels
    if key not in labels or not labels[key].lstrip("-").isdigit():
        return False
    return int(labels[key]) > int(values[0]) if operator == "Gt" else int(labels[key]) < int(values[0])
