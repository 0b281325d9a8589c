"""The table of checks, in the order in which a request travels. A new check is one file here and one row below.

``needs`` are the aspects of ``ClusterFacts`` that ``judge`` looks at; it is not called while one of them is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from hubplane.domain.diagnosis.checks import autoscaler, entrance, hub_log, hub_pod
from hubplane.domain.diagnosis.facts import ClusterFacts
from hubplane.domain.diagnosis.findings import Finding


class Check(NamedTuple):
    """One check: its name, what it looks at, and the judgement."""

    name: str
    needs: tuple[str, ...]
    judge: Callable[[ClusterFacts], Iterable[Finding]]


CHECKS: Final = (
    Check(entrance.NAME, ("load_balancer", "listeners", "ports", "targets", "node_groups", "pods"), entrance.judge),
    Check(hub_pod.NAME, ("pods",), hub_pod.judge),
    Check(hub_log.NAME, ("hub_log",), hub_log.judge),
    Check(autoscaler.NAME, ("pods", "autoscaler_log"), autoscaler.judge),
)
