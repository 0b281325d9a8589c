"""A stack in UPDATE_ROLLBACK_FAILED: what stood in the way, and how its roll-back goes on.

CloudFormation takes no other change until it has (API reference, ContinueUpdateRollback). What could not go back is tried again,
because a person may have mended it meanwhile. A control plane whose version cannot go down never will: it is skipped, and
the next change brings the stack's record up to it (``control_plane``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from hubplane.domain.cluster_stack.causes import STACK, hint_for
from hubplane.domain.cluster_stack.stack_event import StackEvent

__all__ = ["Continuation", "decide_continuation"]

CLUSTER = "AWS::EKS::Cluster"
# EKS: "Unsupported Kubernetes minor version update from 1.36 to 1.35"; of a roll-back that its checks refuse it speaks as well.
STAYS_UP = re.compile(r"kubernetes (minor )?version|version (update|rollback|roll-back|downgrade)", re.IGNORECASE)


@dataclass(frozen=True)
class Continuation:
    """``skip``: logical ids of what stays as it is. ``refuse``: this execution has tried already, and a person is needed."""

    kind: Literal["continue", "refuse"]
    skip: tuple[str, ...]
    reason: str


def decide_continuation(newest_first: Sequence[StackEvent], token: str, stack_name: str) -> Continuation:
    """How the roll-back goes on. ``token``: of this execution's own attempt; events that bear it tell that it was made."""
    failed = _not_rolled_back(newest_first)
    words = "; ".join(f"{event.logical_id}: {event.reason}{_advice(event.reason)}" for event in failed)
    words = words or "its events do not say what"
    if any(event.token == token for event in newest_first):
        skipped = " ".join(event.logical_id for event in failed)
        return Continuation(
            "refuse",
            (),
            f"its roll-back was continued and failed again ({words}). Mend that and start the build again; or leave as it is "
            f"what cannot go back: `aws cloudformation continue-update-rollback --stack-name {stack_name} "
            f"--resources-to-skip {skipped or '<logical ids>'}`",
        )
    skip = tuple(event.logical_id for event in failed if event.resource_type == CLUSTER and STAYS_UP.search(event.reason))
    left = f", and leaves {', '.join(skip)} at the Kubernetes version that it has" if skip else ""
    return Continuation("continue", skip, f"its last roll-back failed ({words}): CloudFormation goes on with it{left}")


def _not_rolled_back(newest_first: Iterable[StackEvent]) -> list[StackEvent]:
    """What failed since the last roll-back began, one event for each, the first first."""
    found: dict[str, StackEvent] = {}
    for event in newest_first:
        if event.resource_type == STACK:
            if event.status == "UPDATE_ROLLBACK_IN_PROGRESS":
                break
        elif event.status in ("UPDATE_FAILED", "DELETE_FAILED"):
            found[event.logical_id] = event
    return list(found.values())[::-1]


def _advice(reason: str) -> str:
    hint = hint_for(reason)
    return f" — {hint}" if hint else ""
