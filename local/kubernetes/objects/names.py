"""What a name may look like (k8s.io/apimachinery/pkg/util/validation, and the registries that choose among its rules)."""

from __future__ import annotations

import re

from local.kubernetes.api.errors import Cause, invalid_value, required
from local.kubernetes.api.resources import Resource

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"

_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with "
    f"an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
_LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an "
    f"alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_LABEL_1035_RULE = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end "
    f"with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '{_LABEL_1035}')"
)
_PATH_SEGMENT_KINDS = {"roles", "rolebindings", "clusterroles", "clusterrolebindings"}
_LABEL_VALUE = re.compile(r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$")
_LABEL_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with "
    "an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


def check_name(resource: Resource, name: str) -> list[Cause]:
    """The faults of ``metadata.name`` for this kind."""
    if not name:
        return [required("metadata.name", "name or generateName is required")]
    if resource.plural in _PATH_SEGMENT_KINDS:
        if "/" in name or "%" in name or name in (".", ".."):
            return [invalid_value("metadata.name", f'"{name}"', "may not contain '/' or '%'")]
        return []
    pattern, rule, longest = _SUBDOMAIN, _SUBDOMAIN_RULE, 253
    if resource.qualified == "namespaces":
        pattern, rule, longest = _LABEL, _LABEL_RULE, 63
    elif resource.qualified == "services":
        pattern, rule, longest = _LABEL_1035, _LABEL_1035_RULE, 63
    causes = []
    if not re.fullmatch(pattern, name):
        causes.append(invalid_value("metadata.name", f'"{name}"', rule))
    if len(name) > longest:
        causes.append(invalid_value("metadata.name", f'"{name}"', f"must be no more than {longest} characters"))
    return causes


def check_labels(labels: dict[str, str], field: str) -> list[Cause]:
    """The faults of label values."""
    causes = []
    for value in labels.values():
        if len(value) > 63:
            causes.append(invalid_value(field, f'"{value}"', "must be no more than 63 characters"))
        elif not _LABEL_VALUE.match(value):
            causes.append(invalid_value(field, f'"{value}"', _LABEL_VALUE_RULE))
    return causes
