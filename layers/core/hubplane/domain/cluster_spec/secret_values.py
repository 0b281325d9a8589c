"""Where a secret is expected: only the ARN of one in Secrets Manager, and the words that say how to make it."""

from __future__ import annotations

import re
from typing import Any

from hubplane.domain.cluster_spec.faults import Finding, Path
from hubplane.domain.cluster_spec.formats import cluster_name as cluster_name_complaint
from hubplane.domain.cluster_spec.secrecy import is_credential, may_be_secret

_SOME_ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]*:")
ARN_SHAPE = "arn:aws:secretsmanager:<region>:<account>:secret:<name>-<6 characters>"


def refused_secret(path: Path, value: Any, *, cluster: Any, secret: str) -> Finding:
    """The finding about a value that stands where a secret's ARN belongs. The value is hidden unless it cannot be a secret."""
    if not isinstance(value, str):
        return Finding(path, value, f"must be a string, the ARN of a secret in Secrets Manager, {ARN_SHAPE}", hide=True)
    if value == "":
        return Finding(path, value, f"is required: {_store(cluster, secret)}")
    if set(value) == {"*"}:
        return Finding(path, value, f"is the placeholder of the published file, not a secret: {_store(cluster, secret)}")
    if _SOME_ARN.match(value):
        rule = f"is not the whole ARN of a secret, {ARN_SHAPE}: copy it as `aws secretsmanager list-secrets` prints it"
        return Finding(path, value, rule, hide=may_be_secret(value))
    return Finding(path, value, f"is a plain value, and secrets stay in Secrets Manager: {_store(cluster, secret)}", hide=True)


def _store(cluster: Any, secret: str) -> str:
    sound = isinstance(cluster, str) and cluster_name_complaint(cluster) is None and not may_be_secret(cluster)
    name = f"hubplane/{cluster if sound and len(cluster) <= 80 else '<cluster>'}/{secret}"
    return (
        f"store it with `aws secretsmanager create-secret --name {name} --secret-string file://{secret}.txt` "
        "(the file holds the value and nothing else), delete the file, and give the ARN that the command prints"
    )


def leaked_credentials(value: Any, path: Path) -> list[Finding]:
    """A finding for every name or string below ``value`` that holds an AWS key or a well-known token, in whatever field."""
    if isinstance(value, str):
        return [Finding(path, value, _LEAKED, hide=True)] if is_credential(value) else []
    found: list[Finding] = []
    if isinstance(value, dict):
        for key, item in value.items():
            found += leaked_credentials(key, (*path, key)) or leaked_credentials(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += leaked_credentials(item, (*path, index))
    return found


_LEAKED = (
    "looks like an access key or token, which a specification must never hold: take it out, rotate it because it has been "
    "typed into an input that AWS keeps, and keep the new one in Secrets Manager"
)
