"""The table of checks, in the order in which a request travels. A new check is one file here and one row below.

``needs`` are the aspects of ``ClusterFacts`` that ``judge`` looks at; it is not called while one of them is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from hubplane.domain.diagnosis.checks import (
    autoscaler,
    certificate,
    entrance,
    full_homes,
    home_copies,
    hub_answers,
    hub_log,
    hub_pod,
    last_build,
    node_room,
    nodes,
    pending_pods,
    storage_matches,
    versions,
    volume_mounts,
)
from hubplane.domain.diagnosis.facts import ClusterFacts
from hubplane.domain.diagnosis.findings import Finding


class Check(NamedTuple):
    """One check: its name, what it looks at, and the judgement."""

    name: str
    needs: tuple[str, ...]
    judge: Callable[[ClusterFacts], Iterable[Finding]]


ENTRANCE = ("load_balancer", "listeners", "ports", "targets", "node_groups", "pods")
PLACEMENT = ("pods", "events", "nodes", "node_groups")
STORAGE = ("claims", "persistent_volumes", "volumes")

CHECKS: Final = (
    Check(last_build.NAME, (), last_build.judge),
    Check(certificate.NAME, ("certificate",), certificate.judge),
    Check(entrance.NAME, ENTRANCE, entrance.judge),
    Check(hub_pod.NAME, ("pods", "events"), hub_pod.judge),
    Check(hub_log.NAME, ("hub_log",), hub_log.judge),
    Check(hub_answers.NAME, (*ENTRANCE, "certificate", "hub_log"), hub_answers.judge),
    Check(versions.NAME, ("notebook_image", "hub_log"), versions.judge),
    Check(autoscaler.NAME, ("autoscaler_pods", "autoscaler_log"), autoscaler.judge),
    Check(nodes.NAME, ("nodes", "node_groups"), nodes.judge),
    Check(node_room.NAME, (*PLACEMENT, *STORAGE, "autoscaler_pods"), node_room.judge),
    Check(pending_pods.NAME, (*PLACEMENT, *STORAGE), pending_pods.judge),
    Check(volume_mounts.NAME, (*PLACEMENT, *STORAGE, "attachments"), volume_mounts.judge),
    Check(full_homes.NAME, ("pods", "events", *STORAGE), full_homes.judge),
    Check(storage_matches.NAME, (*STORAGE, "snapshots"), storage_matches.judge),
    Check(home_copies.NAME, ("volumes", "snapshots"), home_copies.judge),
)
