"""Who asks: the user, the groups and, for an IAM principal, the access entry behind it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ASSUMED_ROLE = re.compile(r"^arn:(aws[a-z-]*):sts::(\d{12}):assumed-role/([^/]+)/.+$")
_ROLE = re.compile(r"^arn:(aws[a-z-]*):iam::(\d{12}):role/(?:.*/)?([^/]+)$")


@dataclass(frozen=True)
class AccessEntry:
    """What EKS keeps per principal: access policies (cluster-wide when ``namespaces`` is None) and Kubernetes groups.

    ``scoped`` are policies with namespaces of their own, beside others that hold in the whole cluster.
    """

    principal_arn: str
    policies: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    namespaces: tuple[str, ...] | None = None
    scoped: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def policies_in(self, namespace: str) -> tuple[str, ...]:
        """The policies that hold in a namespace; "" is the cluster scope."""
        everywhere = self.policies if self.namespaces is None or namespace in self.namespaces else ()
        return (*everywhere, *(policy for policy, namespaces in self.scoped if namespace in namespaces))


@dataclass(frozen=True)
class Identity:
    """The authenticated user as authorization sees it."""

    user: str
    groups: tuple[str, ...] = ()
    entry: AccessEntry | None = None


def canonical_arn(arn: str) -> str:
    """The ARN by which an access entry is found: a session's role, without the role's path.

    The path is lost in a session's ARN, so entries are compared without it (aws-iam-authenticator, pkg/arn Canonicalize).
    """
    if match := _ASSUMED_ROLE.match(arn) or _ROLE.match(arn):
        partition, account, role = match.groups()
        return f"arn:{partition}:iam::{account}:role/{role}"
    return arn
