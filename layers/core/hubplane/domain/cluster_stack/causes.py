"""The first cause of a failed stack.

When one resource fails, CloudFormation cancels the others and rolls back, and the stack's own status reason tells of that
roll-back. The cause is the earliest failure of the operation that is not such a cancellation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from hubplane.domain.cluster_stack.stack_event import StackEvent
from hubplane.domain.cluster_stack.wording import KINDS

STACK = "AWS::CloudFormation::Stack"
STARTS = frozenset({"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "IMPORT_IN_PROGRESS"})
CANCELLED = re.compile(r"^resource (creation|update|import) cancelled", re.IGNORECASE)
LONGEST_REASON = 600

# Phrases in the reasons of CloudFormation, EKS, EC2, IAM and ELB -> what to do. The first that matches.
HINTS = (
    (
        r"custom-named resource requires replacing",
        "give what has to be replaced another name in the specification; the new one is made before the old one goes",
    ),
    (
        r"UnsupportedAvailabilityZone|cannot create cluster .* availability zone",
        "EKS has no room for a control plane in that Availability Zone: take subnets in the zones that the message offers",
    ),
    (
        r"InsufficientInstanceCapacity|not (currently )?have sufficient .*capacity",
        "the Availability Zone has none of these servers left: try later, or choose another instance_type",
    ),
    (
        r"limit ?exceeded|quota|maximum (number|limit)|too many",
        "a quota of the account is used up: see Service Quotas in the console, raise it or remove what is no longer needed",
    ),
    (
        r"not authorized|access ?denied|unauthorized",
        "a permission is missing: compare the cluster stack's role (CLUSTER_STACK_ROLE_ARN) with what the message names",
    ),
    (
        r"already exists|already in use|EarlyValidation::ResourceExistenceCheck",
        "something of that name was made outside this stack: remove or rename it, or choose another cluster name",
    ),
    (
        # EKS API, enum ErrorCode; 15 minutes: EKS User Guide, "Managed node group update behavior".
        r"PodEvictionFailure|evict pods",
        "a PodDisruptionBudget kept a pod on its node for 15 minutes: `kubectl get pdb -A` shows which (ALLOWED DISRUPTIONS 0); "
        "if it is a person's server, `hubplane stop-server` ends it; then start again. By force, which ends the pod as it is: "
        "`aws eks update-nodegroup-version --force`",
    ),
    (
        r"failed to join|NodeCreationFailure",
        "servers started but did not reach the cluster: check the route of the active subnets to the internet and the ami_id",
    ),
    (
        r"UnsupportedCertificate|CertificateNotFound|certificate",
        "check that the certificate is issued, in this Region, and not expired",
    ),
)


def first_cause(events: Iterable[StackEvent], token: str | None) -> str | None:
    """What went wrong first in the operation with this token, as a sentence with a hint; None where no event tells.

    ``events`` newest first, as CloudFormation gives them. Where no event carries the token, the stack's last operation is meant.
    """
    failures = [
        event
        for event in sorted(of_operation(list(events), token), key=lambda event: event.at)
        if event.status.endswith("_FAILED") and event.reason and not CANCELLED.match(event.reason)
    ]
    if not failures:
        return None
    # A resource explains itself; the stack's own event only sums up.
    first = next((event for event in failures if event.resource_type != STACK), failures[0])
    hint = hint_for(first.reason)
    reason = first.reason if len(first.reason) <= LONGEST_REASON else first.reason[: LONGEST_REASON - 1] + "…"
    kind = KINDS.get(first.resource_type)
    what = kind.noun if kind else first.resource_type
    return f"{first.logical_id} ({what}): {reason}{f' — {hint}' if hint else ''}"


def of_operation(newest_first: Sequence[StackEvent], token: str | None) -> list[StackEvent]:
    """The events of one operation, oldest first: by token, else those since the stack last started to change."""
    if token is not None and any(event.token == token for event in newest_first):
        return [event for event in reversed(newest_first) if event.token == token]
    found: list[StackEvent] = []
    for event in newest_first:
        found.append(event)
        if event.resource_type == STACK and event.status in STARTS:
            break
    return found[::-1]


def hint_for(reason: str) -> str | None:
    """What to do about a reason, None where it is not a known one."""
    return next((hint for pattern, hint in HINTS if re.search(pattern, reason, re.IGNORECASE)), None)
