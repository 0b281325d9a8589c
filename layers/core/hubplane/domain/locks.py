"""Who may work on a cluster: one execution at a time, and none that is dead.

The lock names the execution that holds it. An execution that ended, however it ended, holds nothing: what Step Functions
says of the holder counts more than any clock. The lease is the second net, for a holder nobody can ask about any more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from hubplane.domain.errors import ClusterBusy

RUNNING_STATUSES = frozenset({"RUNNING", "PENDING_REDRIVE"})
"""Statuses in which an execution may still act; botocore stepfunctions ExecutionStatus lists all of them."""


@dataclass(frozen=True, slots=True)
class Lock:
    """An execution's claim on a cluster; ``lease_expires_at`` is aware UTC."""

    execution_arn: str
    acquired_at: datetime
    lease_expires_at: datetime


@dataclass(frozen=True, slots=True)
class LockDecision:
    """``take`` only where the table still shows what was looked at; ``reason`` is for the log or the person refused."""

    kind: Literal["take", "refuse"]
    reason: str


def is_step_of(execution_arn: str, parent_arn: str) -> bool:
    """Whether an execution is a nested one of ``parent_arn``, by the name that ``upgrade_cluster`` gives its builds.

    Execution names have at most 80 characters (Step Functions API reference, StartExecution), so a long name is cut.
    """
    return execution_arn.rpartition(":")[2].startswith(f"{parent_arn.rpartition(':')[2][:58]}-step-")


def decide_lock(held: Lock | None, holder_status: str | None, execution_arn: str, now: datetime) -> LockDecision:
    """Whether ``execution_arn`` may take the lock. ``holder_status`` is None when Step Functions knows no such execution."""
    if held is None:
        return LockDecision("take", "nobody held the lock")
    if held.execution_arn == execution_arn:
        return LockDecision("take", "this execution holds the lock already")
    if now >= held.lease_expires_at:
        return LockDecision("take", f"the lease of {held.execution_arn} ended at {held.lease_expires_at.isoformat()}")
    if holder_status not in RUNNING_STATUSES:
        return LockDecision("take", f"{held.execution_arn} is {holder_status or 'gone'} and cannot act any more")
    return LockDecision(
        "refuse",
        f"{held.execution_arn} has been working on this cluster since {held.acquired_at.isoformat()}: "
        "wait until it ends, or stop it with `aws stepfunctions stop-execution` and start again",
    )


def may_take(what: str, held: Lock | None, execution_arn: str, status_of: Callable[[str], str | None], now: datetime) -> str:
    """Why the execution may take the lock on ``what``. Raises ``ClusterBusy`` where a living one holds it.

    ``status_of`` tells what Step Functions says of an execution; nobody is asked about a lock that is free or one's own.
    """
    asks = held is not None and held.execution_arn != execution_arn
    decision = decide_lock(held, status_of(held.execution_arn) if asks and held else None, execution_arn, now)
    if decision.kind == "refuse":
        raise ClusterBusy(f"{what}: {decision.reason}")
    return decision.reason
