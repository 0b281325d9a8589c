"""The words of the mails that operators get about a build. Plain text: SNS sends it as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hubplane.domain.failures import Failure


@dataclass(frozen=True, slots=True)
class Mail:
    subject: str
    text: str


def approval_mail(cluster_name: str, changes: Sequence[str], reason: str, task_token: str) -> Mail:
    """What a change would replace or remove, with the two commands that decide it."""
    answer = f"aws stepfunctions send-task-success --task-token '{task_token}' --task-output"
    return Mail(
        f"Hubplane: cluster {cluster_name} waits for your decision",
        "\n".join(
            [
                f"The build of cluster {cluster_name} would change its stack in a way that replaces or removes something:",
                "",
                reason,
                "",
                *_bullets(changes),
                "",
                "Nothing happens until one of these commands is run.",
                "",
                "To allow it:",
                f'  {answer} \'{{"approved": true, "by": "your name"}}\'',
                "To refuse it:",
                f'  {answer} \'{{"approved": false, "by": "your name", "reason": "why"}}\'',
            ]
        ),
    )


def release_mail(cluster_name: str, hub_url: str, changes: Sequence[str], notes: Sequence[str]) -> Mail:
    """What a build changed, and where the hub is."""
    lines = [f"Cluster {cluster_name} is ACTIVE at {hub_url}.", "", "What this build changed:", *_bullets(changes)]
    if notes:
        lines += ["", "Worth knowing:", *_bullets(notes)]
    return Mail(f"Hubplane: cluster {cluster_name} is ready", "\n".join(lines))


def failure_mail(cluster_name: str, failure: Failure, execution_arn: str, *, held_lock: bool) -> Mail:
    """Where a build ended and why. ``held_lock``: it had the cluster's lock to the end, and the lock is free now."""
    freed = "The lock is free." if held_lock else "This build does not hold the cluster's lock; another one may."
    return Mail(
        f"Hubplane: the build of cluster {cluster_name} failed in {failure.stage}",
        "\n".join(
            [
                f"The build of cluster {cluster_name} ended in stage {failure.stage}.",
                "",
                f"{failure.error}: {failure.cause}",
                "",
                f"{freed} Mend the cause and start the same input again: what is done stays done.",
                f"Execution: {execution_arn}",
            ]
        ),
    )


def _bullets(sentences: Sequence[str]) -> list[str]:
    return [f"- {sentence}" for sentence in sentences]
