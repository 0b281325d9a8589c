"""Clusters with one trouble each."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hubplane.domain.diagnosis.facts import Attachment, ClusterFacts, HubAnswers
from hubplane.domain.hub_facts import Answer, Listener, Target
from hubplane.domain.storage.records import Snapshot
from tests.unit.diagnosis.clusters import (
    JUST_NOW,
    LONG_AGO,
    NOW,
    OTHER_ZONE,
    event,
    healthy,
    home,
    node,
    server,
    waiting,
)

PDB = (
    'helm upgrade failed: PodDisruptionBudget.policy "autoscaler-aws-cluster-autoscaler" is invalid: spec: Forbidden: updates to '
    "poddisruptionbudget spec are forbidden."
)
GNUTLS = "[E 2026-11-25 JupyterHub web:1871] gnutls_handshake() failed: An unexpected TLS packet was received."
LOOP = "[E JupyterHub base:1] Redirect loop detected. Notebook has jupyterhub version 1.0.0, but the Hub expects 0.9.6."
NO_ROOM = "0/2 nodes are available: 2 Insufficient memory."
CONFLICT = "0/2 nodes are available: 2 node(s) had volume node affinity conflict."
TOO_MANY = "0/2 nodes are available: 2 node(s) exceed max volume count."


def with_hub(component: str = "hub", **fields: Any) -> ClusterFacts:
    facts = healthy()
    pods = tuple(replace(item, **fields) if item.component == component else item for item in facts.pods)
    return replace(facts, pods=pods)


def without_pods(*components: str) -> ClusterFacts:
    facts = healthy()
    return replace(facts, pods=tuple(item for item in facts.pods if item.component not in components))


def changed_autoscaler(**fields: Any) -> ClusterFacts:
    facts = healthy()
    return replace(facts, autoscaler_pods=tuple(replace(item, **fields) for item in facts.autoscaler_pods))


def waits_for_room(full: bool, **fields: Any) -> ClusterFacts:
    facts = healthy()
    group = replace(facts.node_groups[0], desired_size=2, max_size=2 if full else 8, **fields)
    return replace(facts, node_groups=(group,), pods=(*facts.pods, waiting("new", NO_ROOM, created_at=JUST_NOW)))


def in_the_wrong_zone(waits: bool = True) -> ClusterFacts:
    facts = healthy()
    claim, bound, volume, snapshot = home("moved", OTHER_ZONE, attached=False)
    return replace(
        facts,
        claims=(*facts.claims, claim),
        persistent_volumes=(*facts.persistent_volumes, bound),
        volumes=(*facts.volumes, volume),
        snapshots=(*facts.snapshots, snapshot),
        pods=(*facts.pods, *([waiting("moved", CONFLICT, created_at=JUST_NOW)] if waits else [])),
    )


def at_the_attachment_limit() -> ClusterFacts:
    facts = healthy(people=4)
    nodes = tuple(node(number, attach_limit=2) for number in (1, 2))
    waits = waiting("new", TOO_MANY, created_at=JUST_NOW)
    return replace(facts, nodes=nodes, pods=(*facts.pods, waits))


def stuck() -> ClusterFacts:
    facts = healthy()
    other = Attachment("pv-user0", "node-9", True, LONG_AGO)
    return replace(facts, attachments=(*facts.attachments, other))


def fails_to_mount() -> ClusterFacts:
    facts = healthy()
    slow = server("slow", phase="Pending", ready=False)
    return replace(
        facts, pods=(*facts.pods, slow), events=(event(slow, "FailedMount", 'list of unmounted volumes="volume-slow"'),)
    )


def full_home() -> ClusterFacts:
    facts = healthy()
    said = 'Exec lifecycle hook ([gitpuller]) failed - error: exited with 128: fatal: unable to write index_file, message: ""'
    return replace(facts, events=(event(server("user1"), "FailedPostStartHook", said),))


def pending(reason: str, message: str) -> ClusterFacts:
    facts = healthy()
    slow = server("slow", phase="Pending", ready=False, waiting=(reason, message))
    return replace(facts, pods=(*facts.pods, slow))


def without_volume() -> ClusterFacts:
    facts = healthy()
    return replace(facts, volumes=tuple(item for item in facts.volumes if item.volume_id != "vol-user1"))


def two_volumes() -> ClusterFacts:
    facts = healthy()
    again = replace(facts.volumes[1], volume_id="vol-again", state="available", attached=False)
    return replace(facts, volumes=(*facts.volumes, again))


def failed_snapshot() -> ClusterFacts:
    facts = healthy()
    broken = Snapshot("snap-broken", "vol-user1", "error", NOW - timedelta(hours=4), 500, "553778890976")
    return replace(facts, snapshots=(*facts.snapshots, broken))


def unhealthy_targets(reason: str) -> ClusterFacts:
    return healthy(targets=(Target("i-1", 30052, "unhealthy", reason), Target("i-2", 30052, "unhealthy", reason)))


def unused_targets(*listeners: Listener) -> ClusterFacts:
    """No listener leads to the nodes, so the load balancer looks at none of them."""
    unused = tuple(Target(f"i-{number}", 30052, "unused", "Target.NotInUse") for number in (1, 2))
    return healthy(listeners=listeners, targets=unused)


def closed_ports(**fields: Any) -> ClusterFacts:
    facts = unhealthy_targets("Target.Timeout")
    assert facts.ports is not None
    bad_gateway = HubAnswers(Answer(502, {"server": "awselb/2.0"}))
    return replace(facts, ports=facts.ports._replace(**fields), hub_answers=bad_gateway)


def certificate_is(**fields: Any) -> ClusterFacts:
    facts = healthy()
    assert facts.certificate is not None
    return replace(facts, certificate=replace_tuple(facts.certificate, **fields))


def replace_tuple(item: Any, **fields: Any) -> Any:
    return item._replace(**fields)


HTTPS = Listener(443, "HTTPS", None, ("arn:somewhere-else",))
HTTP = Listener(80, "HTTP", redirects=True)
