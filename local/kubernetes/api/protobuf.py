"""Reading the Protobuf bodies that helm and kubectl send whether the server likes it or not.

Envelope: ``k8s\\0`` and ``Unknown{1 typeMeta{1 apiVersion, 2 kind}, 2 raw}``. Field numbers are those of the API's
generated.proto files, for the kinds that clients send this way: helm Secret and DeleteOptions; ``kubectl create`` and ``auth``
the rest. Empty strings and zeros are written out by the encoder and dropped here.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

from local.kubernetes.api.errors import ApiError

MAGIC = b"k8s\x00"
Shape = dict[int, tuple[str, Any]]

_TEXT, _BYTES, _FLAG = "text", "bytes", "flag"
_NUMBER, _COUNT = "number", "count"  # A count is a pointer in Go: zero is a value
_TEXTS, _LABELS, _DATA, _QUANTITIES = "texts", "labels", "data", "quantities"
_INT_OR_TEXT, _PORT_OR_TEXT = "int-or-text", "port-or-text"

_OWNER: Shape = {1: ("kind", _TEXT), 3: ("name", _TEXT), 4: ("uid", _TEXT), 5: ("apiVersion", _TEXT), 6: ("controller", _FLAG)}
_METADATA: Shape = {
    1: ("name", _TEXT),
    2: ("generateName", _TEXT),
    3: ("namespace", _TEXT),
    5: ("uid", _TEXT),
    6: ("resourceVersion", _TEXT),
    11: ("labels", _LABELS),
    12: ("annotations", _LABELS),
    13: ("ownerReferences", [_OWNER]),
    14: ("finalizers", _TEXTS),
}
_LABEL_REQUIREMENT: Shape = {1: ("key", _TEXT), 2: ("operator", _TEXT), 3: ("values", _TEXTS)}
_SELECTOR: Shape = {1: ("matchLabels", _LABELS), 2: ("matchExpressions", [_LABEL_REQUIREMENT])}
_CONTAINER_PORT: Shape = {1: ("name", _TEXT), 2: ("hostPort", _NUMBER), 3: ("containerPort", _NUMBER), 4: ("protocol", _TEXT)}
_ENVIRONMENT: Shape = {1: ("name", _TEXT), 2: ("value", _TEXT)}
_CONTAINER: Shape = {
    1: ("name", _TEXT),
    2: ("image", _TEXT),
    3: ("command", _TEXTS),
    4: ("args", _TEXTS),
    5: ("workingDir", _TEXT),
    6: ("ports", [_CONTAINER_PORT]),
    7: ("env", [_ENVIRONMENT]),
    8: ("resources", {1: ("limits", _QUANTITIES), 2: ("requests", _QUANTITIES)}),
    14: ("imagePullPolicy", _TEXT),
}
_POD_SPEC: Shape = {2: ("containers", [_CONTAINER]), 3: ("restartPolicy", _TEXT), 8: ("serviceAccountName", _TEXT)}
_TEMPLATE: Shape = {1: ("metadata", _METADATA), 2: ("spec", _POD_SPEC)}
_DEPLOYMENT_SPEC: Shape = {1: ("replicas", _COUNT), 2: ("selector", _SELECTOR), 3: ("template", _TEMPLATE)}
_JOB_SPEC: Shape = {
    1: ("parallelism", _COUNT),
    2: ("completions", _COUNT),
    6: ("template", _TEMPLATE),
    7: ("backoffLimit", _COUNT),
}
_POLICY_RULE: Shape = {
    1: ("verbs", _TEXTS),
    2: ("apiGroups", _TEXTS),
    3: ("resources", _TEXTS),
    4: ("resourceNames", _TEXTS),
    5: ("nonResourceURLs", _TEXTS),
}
_SUBJECT: Shape = {1: ("kind", _TEXT), 2: ("apiGroup", _TEXT), 3: ("name", _TEXT), 4: ("namespace", _TEXT)}
_ROLE_REF: Shape = {1: ("apiGroup", _TEXT), 2: ("kind", _TEXT), 3: ("name", _TEXT)}
_SERVICE_PORT: Shape = {
    1: ("name", _TEXT),
    2: ("protocol", _TEXT),
    3: ("port", _NUMBER),
    4: ("targetPort", _PORT_OR_TEXT),
    5: ("nodePort", _NUMBER),
}
_SERVICE_SPEC: Shape = {
    1: ("ports", [_SERVICE_PORT]),
    2: ("selector", _LABELS),
    3: ("clusterIP", _TEXT),
    4: ("type", _TEXT),
    10: ("externalName", _TEXT),
}
_RESOURCE_ATTRIBUTES: Shape = {
    number: (name, _TEXT)
    for number, name in enumerate(("namespace", "verb", "group", "version", "resource", "subresource", "name"), start=1)
}
_ACCESS_SPEC: Shape = {
    1: ("resourceAttributes", _RESOURCE_ATTRIBUTES),
    2: ("nonResourceAttributes", {1: ("path", _TEXT), 2: ("verb", _TEXT)}),
}
_BINDING: Shape = {1: ("metadata", _METADATA), 2: ("subjects", [_SUBJECT]), 3: ("roleRef", _ROLE_REF)}
_ROLE: Shape = {1: ("metadata", _METADATA), 2: ("rules", [_POLICY_RULE])}

_KINDS: dict[str, Shape] = {
    "ClusterRole": _ROLE,
    "ClusterRoleBinding": _BINDING,
    "ConfigMap": {1: ("metadata", _METADATA), 2: ("data", _LABELS), 3: ("binaryData", _DATA), 4: ("immutable", _FLAG)},
    "DeleteOptions": {
        1: ("gracePeriodSeconds", _COUNT),
        2: ("preconditions", {1: ("uid", _TEXT), 2: ("resourceVersion", _TEXT)}),
        3: ("orphanDependents", _FLAG),
        4: ("propagationPolicy", _TEXT),
        5: ("dryRun", _TEXTS),
    },
    "Deployment": {1: ("metadata", _METADATA), 2: ("spec", _DEPLOYMENT_SPEC)},
    "Eviction": {1: ("metadata", _METADATA)},
    "Job": {1: ("metadata", _METADATA), 2: ("spec", _JOB_SPEC)},
    "Namespace": {1: ("metadata", _METADATA)},
    "PodDisruptionBudget": {
        1: ("metadata", _METADATA),
        2: ("spec", {1: ("minAvailable", _INT_OR_TEXT), 2: ("selector", _SELECTOR), 3: ("maxUnavailable", _INT_OR_TEXT)}),
    },
    "PriorityClass": {1: ("metadata", _METADATA), 2: ("value", _NUMBER), 3: ("globalDefault", _FLAG), 4: ("description", _TEXT)},
    "Role": _ROLE,
    "RoleBinding": _BINDING,
    "Secret": {
        1: ("metadata", _METADATA),
        2: ("data", _DATA),
        3: ("type", _TEXT),
        4: ("stringData", _LABELS),
        5: ("immutable", _FLAG),
    },
    "SelfSubjectAccessReview": {1: ("metadata", _METADATA), 2: ("spec", _ACCESS_SPEC)},
    "SelfSubjectReview": {1: ("metadata", _METADATA)},
    "SelfSubjectRulesReview": {1: ("metadata", _METADATA), 2: ("spec", {1: ("namespace", _TEXT)})},
    "Service": {1: ("metadata", _METADATA), 2: ("spec", _SERVICE_SPEC)},
    "ServiceAccount": {1: ("metadata", _METADATA)},
    "TokenRequest": {
        1: ("metadata", _METADATA),
        2: ("spec", {1: ("audiences", _TEXTS), 4: ("expirationSeconds", _NUMBER)}),
    },
}


def decode(body: bytes) -> dict[str, Any]:
    """The object in a Protobuf body. Raises 415 for a kind that is not in the table, 400 for a body that is cut."""
    try:
        envelope = _message(body[len(MAGIC) :], {1: ("type", {1: ("apiVersion", _TEXT), 2: ("kind", _TEXT)}), 2: ("raw", _BYTES)})
        type_meta = envelope.get("type", {})
        shape = _KINDS.get(type_meta.get("kind", ""))
        if shape is None:
            raise ApiError(
                415,
                f"found a Protobuf {type_meta.get('kind')!r}: send it as JSON; read in Protobuf are {', '.join(sorted(_KINDS))}",
            )
        found = _message(envelope.get("raw", b""), shape)
    except (IndexError, UnicodeDecodeError) as error:
        raise ApiError(400, f"the Protobuf body cannot be read: {error}") from error
    found.setdefault("metadata", {})
    return {"apiVersion": type_meta.get("apiVersion", ""), "kind": type_meta["kind"], **found}


def _message(body: bytes, shape: Shape) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, value in _fields(body):
        if number not in shape:
            continue
        name, type_ = shape[number]
        _add(found, name, type_, value)
    return found


def _add(found: dict[str, Any], name: str, type_: Any, value: Any) -> None:
    if isinstance(type_, list):
        found.setdefault(name, []).append(_message(value, type_[0]))
    elif isinstance(type_, dict):
        if inner := _message(value, type_):
            found[name] = inner
    elif type_ == _TEXTS:
        found.setdefault(name, []).append(value.decode())
    elif type_ in (_LABELS, _DATA, _QUANTITIES):
        key, text = _entry(type_, dict(_fields(value)))
        found.setdefault(name, {})[key] = text
    else:
        read = _SCALARS[type_](value)
        if read or type_ in (_COUNT, _INT_OR_TEXT):  # Pointers: what is written out was set, even to zero
            found[name] = read


def _entry(type_: str, pair: dict[int, Any]) -> tuple[str, str]:
    content = pair.get(2, b"")
    if type_ == _QUANTITIES:
        content = dict(_fields(content)).get(1, b"")
    return pair.get(1, b"").decode(), base64.b64encode(content).decode() if type_ == _DATA else content.decode()


def _int_or_text(value: bytes) -> int | str:
    pair = dict(_fields(value))
    return str(pair.get(3, b"").decode()) if pair.get(1) else int(pair.get(2, 0))


_SCALARS: dict[str, Callable[[Any], Any]] = {
    _BYTES: bytes,
    _TEXT: lambda value: value.decode(),
    _FLAG: bool,
    _NUMBER: int,
    _COUNT: int,
    _INT_OR_TEXT: _int_or_text,
    _PORT_OR_TEXT: _int_or_text,
}


def _fields(body: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(body):
        tag, at = _varint(body, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(body, at)
            yield number, value
        elif wire == 2:
            length, at = _varint(body, at)
            if at + length > len(body):
                raise IndexError(f"field {number} claims {length} bytes, {len(body) - at} are left")
            yield number, body[at : at + length]
            at += length
        else:
            at += {1: 8, 5: 4}[wire]


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = body[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at
