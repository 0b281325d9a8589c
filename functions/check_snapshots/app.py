"""CheckSnapshots: whether the snapshots that this run started are finished. Reads only.

Event: ``run``. Result: ``done``, ``pending``, ``completed``, ``failed``; the last two are counted when none is pending any more,
or the deadline has passed, and null before.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from functools import cache
from typing import Any

from hubplane.adapters.ebs import Ebs
from hubplane.domain.storage.tags import RUN_TAG
from hubplane.entrypoint import task

ebs = cache(Ebs.connect)


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    run = event["run"]
    pending = len(ebs().snapshots_by_tag(RUN_TAG, run["run_id"], "pending"))
    is_late = datetime.now(UTC) >= datetime.fromisoformat(run["deadline_at"])
    if pending and not is_late:
        return result(False, pending, None, None, f"{pending} snapshots of this run are pending")
    states = Counter(item.state for item in ebs().snapshots_by_tag(RUN_TAG, run["run_id"]))
    pending = states["pending"]
    reason = f"{states['completed']} snapshots are completed, {states['error']} failed"
    if pending:
        reason += f"; the deadline has passed, and {pending} go on without this run waiting for them"
    return result(True, pending, states["completed"], states["error"], reason)


def result(done: bool, pending: int, completed: int | None, failed: int | None, reason: str) -> dict[str, Any]:
    """What the state machine gets."""
    return {"done": done, "pending": pending, "completed": completed, "failed": failed, "changes": [], "reason": reason}
