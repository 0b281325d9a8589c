"""What a deletion will do, in the sentences that a person reads before typing ``enforce``."""

from __future__ import annotations

from collections.abc import Sequence

from hubplane.domain.deletion.inputs import Deletion, Homes
from hubplane.domain.storage.records import Snapshot, Volume

__all__ = ["plan_in_sentences"]


def plan_in_sentences(
    given: Deletion, stack_status: str | None, volumes: Sequence[Volume], snapshots: Sequence[Snapshot]
) -> list[str]:
    """One sentence a stage, in the order in which they are done."""
    size = sum(volume.size_gib for volume in volumes)
    of_volumes = f"{len(volumes)} volume{'s' * (len(volumes) != 1)} ({size} GiB)"
    after = {
        Homes.KEEP_SNAPSHOTS: f"delete {of_volumes}, each on the proof of its snapshot; keep every snapshot",
        Homes.KEEP_VOLUMES: f"keep {of_volumes} and every snapshot",
        Homes.DELETE_AFTER_PROOF: f"delete {of_volumes}, each on the proof of its snapshot, and of today's "
        f"{len(snapshots)} snapshots those that a later one holds all of; never a last copy",
    }
    stack = f"delete the stack, which is {stack_status}" if stack_status else "there is no stack any more"
    return [
        f"stop every server of {given.cluster_name}, then its hub",
        f"prove that a completed snapshot holds all of {of_volumes}; {len(snapshots)} snapshots are there",
        "remove load balancers that Kubernetes made, and uninstall the releases; volumes stay",
        stack,
        after[given.homes],
        "remove what is left by tag: schedules, load balancers, interfaces, security groups, images, OAuth client, secrets",
        "list what stays, with the reason and what it costs a month",
    ]
