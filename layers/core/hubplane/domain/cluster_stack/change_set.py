"""A change set as CloudFormation describes it, and how far it has come."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal

ChangeSetStage = Literal["wait", "empty", "complete", "started", "failed", "gone"]

# CreateChangeSet has no status of its own for "nothing to do": it fails with one of these reasons.
NO_CHANGE_REASONS = ("didn't contain changes", "no updates are to be performed")

# Of a change set that is complete. OBSOLETE is not among them: another change has overtaken it.
BY_EXECUTION_STATUS: dict[str, ChangeSetStage] = {
    "UNAVAILABLE": "wait",  # lasts a moment
    "AVAILABLE": "complete",
    "EXECUTE_IN_PROGRESS": "started",
    "EXECUTE_COMPLETE": "started",
    "EXECUTE_FAILED": "started",
}


@dataclass(frozen=True)
class PropertyChange:
    """One detail of a resource's change: ``attribute`` (Properties, Tags, …), property ``name`` and RequiresRecreation."""

    attribute: str
    name: str | None = None
    recreation: str | None = None


@dataclass(frozen=True)
class ResourceChange:
    """One change of a change set, in botocore's words (shape ResourceChange). What is absent there is None or empty here."""

    action: str
    logical_id: str
    resource_type: str
    physical_id: str | None = None
    replacement: str | None = None
    policy_action: str | None = None
    scope: tuple[str, ...] = ()
    details: tuple[PropertyChange, ...] = ()


@dataclass(frozen=True)
class ChangeSet:
    """A described change set, every page of it. ``is_drift_aware``: compared with what there really is."""

    change_set_id: str
    name: str
    status: str
    execution_status: str
    reason: str
    changes: tuple[ResourceChange, ...]
    is_drift_aware: bool = False


def changes_digest(change_set: ChangeSet) -> str:
    """What was judged, in 64 characters: the change set's identity and every one of its changes."""
    content = {"id": change_set.change_set_id, "changes": [asdict(change) for change in change_set.changes]}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def change_set_stage(change_set: ChangeSet | None) -> ChangeSetStage:
    """How far the change set is; ``gone`` for one that is absent, being deleted, or overtaken by another change.

    Statuses: botocore cloudformation, shapes ChangeSetStatus and ExecutionStatus. What this does not know counts as gone,
    because nothing may be executed then.
    """
    if change_set is None:
        return "gone"
    if change_set.status == "FAILED":
        reason = change_set.reason.lower()
        return "empty" if any(phrase in reason for phrase in NO_CHANGE_REASONS) else "failed"
    if change_set.status == "CREATE_COMPLETE":
        return BY_EXECUTION_STATUS.get(change_set.execution_status, "gone")
    return "wait" if change_set.status in {"CREATE_PENDING", "CREATE_IN_PROGRESS"} else "gone"
