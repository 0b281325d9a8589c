"""How often an execution may mend: what did not help three times will not help a fourth time, and hides its cause."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from hubplane.domain.errors import MendRefused

__all__ = ["LIMITS", "check_limit"]

# Machine: how many begun executions there may be in how long a time, this one included.
LIMITS: Final[Mapping[str, tuple[int, timedelta]]] = {
    "restart_hub": (3, timedelta(hours=1)),
    "repair_autoscaler": (3, timedelta(days=1)),
    "rotate_secrets": (6, timedelta(days=1)),
}


def check_limit(machine: str, begun: Mapping[str, datetime], execution_arn: str, now: datetime) -> None:
    """``begun`` is when each execution of the machine on this cluster began. Raises ``MendRefused`` where one more is too many.

    An execution that is in it already goes on: a repeated step is no second mending. Raises ``KeyError`` for another machine.
    """
    most, span = LIMITS[machine]
    if execution_arn in begun:
        return
    lately = sorted(at for at in begun.values() if at > now - span)
    if len(lately) >= most:
        hours = span.total_seconds() / 3600
        again = lately[-most] + span
        raise MendRefused(
            f"{machine} was begun {len(lately)} times within {hours:g} h on this cluster; once more would hide what is wrong: "
            f"see docs/runbooks/{machine.replace('_', '-')}.md; it may be started again at "
            f"{again:%Y-%m-%d %H:%M} UTC"
        )
