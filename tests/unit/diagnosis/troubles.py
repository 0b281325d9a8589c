"""Clusters with one trouble each, and what a diagnosis has to say of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hubplane.domain.account_check.facts import NotebookImageFound
from hubplane.domain.diagnosis.facts import Attachment, BuildFailure, ClusterFacts, HubAnswers, Listener
from hubplane.domain.hub_facts import Answer, LoadBalancer, NoAnswer, Target, Url
from hubplane.domain.storage.records import Snapshot
from tests.unit.diagnosis.clusters import (
    JUST_NOW,
    LONG_AGO,
    NOW,
    OTHER_ZONE,
    SPEC_2019,
    event,
    healthy,
    home,
    login_answer,
    node,
    server,
    waiting,
)

Trouble = Callable[[], ClusterFacts]

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


def closed_ports(**fields: Any) -> ClusterFacts:
    facts = unhealthy_targets("Target.Timeout")
    assert facts.ports is not None
    bad_gateway = HubAnswers(Answer(502, {"server": "awselb/2.0"}))
    return replace(facts, ports=replace(facts.ports, **fields), hub_answers=bad_gateway)


def certificate_is(**fields: Any) -> ClusterFacts:
    facts = healthy()
    assert facts.certificate is not None
    return replace(facts, certificate=replace_tuple(facts.certificate, **fields))


def replace_tuple(item: Any, **fields: Any) -> Any:
    return item._replace(**fields)


HTTPS = Listener(443, "HTTPS", None, ("arn:somewhere-else",))
HTTP = Listener(80, "HTTP", redirects=True)

# trouble, check, severity, machine that mends it (None: a person), words of the finding
TROUBLES: dict[str, tuple[Trouble, str, str, str | None, str]] = {
    "no-load-balancer": (
        lambda: healthy(load_balancer=None, listeners=()),
        "entrance",
        "critical",
        None,
        "load balancer is gone",
    ),
    "failed-load-balancer": (
        lambda: healthy(load_balancer=LoadBalancer("name", "failed", "no addresses")),
        "entrance",
        "critical",
        None,
        "no addresses",
    ),
    "no-listener": (lambda: healthy(listeners=(HTTP,)), "entrance", "critical", None, "does not listen on port 443"),
    "listener-elsewhere": (lambda: healthy(listeners=(HTTP, HTTPS)), "entrance", "critical", None, "somewhere else"),
    "no-redirect": (lambda: healthy(listeners=healthy().listeners[1:]), "entrance", "notice", None, "without https"),
    "people-shut-out": (
        lambda: replace(healthy(), ports=replace(healthy().ports, balancer_ports=frozenset())),  # type: ignore[type-var]
        "entrance",
        "critical",
        None,
        "shuts people out",
    ),
    "missing-target-rule": (
        lambda: closed_ports(node_port_open=False),
        "entrance",
        "critical",
        "build_cluster",
        "port 30052 is gone",
    ),
    "no-targets": (lambda: healthy(targets=()), "entrance", "critical", "build_cluster", "knows no node"),
    "nothing-attached": (
        lambda: healthy(node_groups=(replace(healthy().node_groups[0], target_group_arns=frozenset()),)),
        "entrance",
        "critical",
        "build_cluster",
        "no Auto Scaling group",
    ),
    "no-healthy-target": (
        lambda: unhealthy_targets("Target.FailedHealthChecks"),
        "entrance",
        "critical",
        "build_cluster",
        "Target.FailedHealthChecks",
    ),
    "certificate-gone": (lambda: healthy(certificate=None), "certificate", "critical", None, "certificate is gone"),
    "certificate-expired": (
        lambda: certificate_is(not_after=NOW - timedelta(days=1)),
        "certificate",
        "critical",
        None,
        "has expired",
    ),
    "certificate-not-issued": (lambda: certificate_is(status="REVOKED"), "certificate", "critical", None, "REVOKED"),
    "certificate-of-another": (
        lambda: certificate_is(domain_names=("example.org",)),
        "certificate",
        "critical",
        None,
        "not for opensarlab.asf.alaska.edu",
    ),
    "certificate-not-renewed": (
        lambda: certificate_is(not_after=NOW + timedelta(days=20)),
        "certificate",
        "warning",
        None,
        "by now",
    ),
    "certificate-nobody-renews": (
        lambda: certificate_is(not_after=NOW + timedelta(days=13), renewal_eligibility="INELIGIBLE"),
        "certificate",
        "warning",
        None,
        "nothing renews it",
    ),
    "no-hub": (lambda: without_pods("hub"), "hub_pod", "critical", "build_cluster", "no hub pod"),
    "no-proxy": (lambda: without_pods("proxy"), "hub_pod", "critical", "build_cluster", "no proxy pod"),
    "hub-not-ready": (
        lambda: with_hub(ready=False, waiting=("CrashLoopBackOff", "exit 1"), restarts=7),
        "hub_pod",
        "critical",
        "restart_hub",
        "CrashLoopBackOff: exit 1",
    ),
    "hub-just-starting": (
        lambda: with_hub(ready=False, created_at=JUST_NOW),
        "hub_pod",
        "critical",
        None,
        "hub pod is not ready",
    ),
    "proxy-not-ready": (lambda: with_hub("proxy", ready=False), "hub_pod", "critical", None, "proxy pod is not ready"),
    "hub-keeps-ending": (lambda: with_hub(restarts=5), "hub_pod", "warning", None, "5 restarts"),
    "gnutls": (lambda: healthy(hub_log=GNUTLS), "hub_log", "critical", "restart_hub", "gnutls_handshake() failed"),
    "gnutls-and-its-500": (
        lambda: healthy(hub_log=GNUTLS, hub_answers=HubAnswers(healthy().hub_answers.health, Answer(500))),
        "hub_log",
        "critical",
        "restart_hub",
        "gnutls",
    ),
    "database-locked": (
        lambda: healthy(hub_log="sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) database is locked"),
        "hub_log",
        "critical",
        "restart_hub",
        "database is locked",
    ),
    "hub-disk-full": (
        lambda: healthy(hub_log="sqlite3.OperationalError: database or disk is full"),
        "hub_log",
        "critical",
        None,
        "own disk is full",
    ),
    "hub-answers-500": (
        lambda: healthy(hub_answers=HubAnswers(healthy().hub_answers.health, Answer(500))),
        "hub_answers",
        "critical",
        "restart_hub",
        "status 500",
    ),
    "hub-does-not-answer": (
        lambda: healthy(hub_answers=HubAnswers(NoAnswer("timeout", "timed out"))),
        "hub_answers",
        "critical",
        "restart_hub",
        "timed out",
    ),
    "sign-in-leads-elsewhere": (
        lambda: healthy(
            hub_answers=HubAnswers(
                healthy().hub_answers.health,
                login_answer(SPEC_2019)._replace(location=Url("https", "evil.example.org", 443, "/oauth2/authorize")),
            )
        ),
        "hub_answers",
        "warning",
        "build_cluster",
        "evil.example.org",
    ),
    "redirect-loop": (lambda: healthy(hub_log=LOOP), "versions", "critical", None, "Notebook has jupyterhub version 1.0.0"),
    "mismatched-image": (
        lambda: healthy(notebook_image=NotebookImageFound(True, True, True, "1.0.0")),
        "versions",
        "critical",
        None,
        "has 1.0.0",
    ),
    "image-gone": (
        lambda: healthy(notebook_image=NotebookImageFound(True, True)),
        "versions",
        "critical",
        None,
        "not in the registry",
    ),
    "pdb-error": (
        lambda: healthy(failure=BuildFailure("InstallAutoscaler", "PodDisruptionBudgetImmutable", PDB)),
        "autoscaler",
        "warning",
        "repair_autoscaler",
        "PodDisruptionBudget",
    ),
    "no-autoscaler": (
        lambda: healthy(autoscaler_pods=()),
        "autoscaler",
        "warning",
        "repair_autoscaler",
        "does not run",
    ),
    "autoscaler-not-ready": (
        lambda: changed_autoscaler(ready=False, waiting=("CrashLoopBackOff", "exit 255")),
        "autoscaler",
        "warning",
        "repair_autoscaler",
        "exit 255",
    ),
    "autoscaler-without-rights": (
        lambda: healthy(autoscaler_log="E1125 10:00:00.000000 1 aws_manager.go:1] AccessDenied: not authorized\n"),
        "autoscaler",
        "warning",
        "build_cluster",
        "AccessDenied",
    ),
    "autoscaler-errors": (
        lambda: healthy(autoscaler_log="E1125 10:00:00.000000 1 static_autoscaler.go:598] failed to list\n" * 9),
        "autoscaler",
        "warning",
        None,
        "9 such lines",
    ),
    "degraded-node-group": (
        lambda: healthy(
            node_groups=(replace(healthy().node_groups[0], status="DEGRADED", issues=(("AccessDenied", "node role is gone"),)),)
        ),
        "nodes",
        "warning",
        None,
        "node role is gone",
    ),
    "node-not-ready": (
        lambda: healthy(nodes=(node(1), node(2, ready=False, ready_message="Kubelet stopped posting"))),
        "nodes",
        "warning",
        None,
        "Kubelet stopped posting",
    ),
    "node-out-of-disk": (
        lambda: healthy(nodes=(node(1), node(2, pressures=("DiskPressure",)))),
        "nodes",
        "warning",
        None,
        "DiskPressure",
    ),
    "full-node-group": (lambda: waits_for_room(full=True), "node_room", "critical", "build_cluster", "may have 2"),
    "zone-out-of-instances": (
        lambda: waits_for_room(full=False, failures=((NOW, "We currently do not have sufficient m5.2xlarge capacity"),)),
        "node_room",
        "critical",
        None,
        "do not have sufficient",
    ),
    "node-does-not-come": (
        lambda: replace(healthy(), pods=(*healthy().pods, waiting("new", NO_ROOM))),
        "node_room",
        "warning",
        None,
        "more than ten minutes",
    ),
    "wrong-zone-and-somebody-waits": (in_the_wrong_zone, "volume_mounts", "critical", "move_home", "lies in us-east-1a"),
    "wrong-zone": (lambda: in_the_wrong_zone(waits=False), "volume_mounts", "warning", "move_home", "home of moved"),
    "attachment-limit": (at_the_attachment_limit, "volume_mounts", "warning", None, "takes 2 volumes and holds 2"),
    "attached-to-a-node-that-is-gone": (stuck, "volume_mounts", "warning", "stop_server", "node-9, which is gone"),
    "mount-that-fails": (fails_to_mount, "volume_mounts", "warning", "stop_server", "unmounted volumes"),
    "full-home": (full_home, "full_homes", "warning", "expand_home", "unable to write index_file"),
    "image-not-pulled": (
        lambda: pending("ImagePullBackOff", "manifest unknown"),
        "pending_pods",
        "warning",
        None,
        "manifest unknown",
    ),
    "crashing-server": (lambda: pending("CrashLoopBackOff", "exit 1"), "pending_pods", "warning", None, "exit 1"),
    "claim-not-found": (
        lambda: replace(healthy(), pods=(*healthy().pods, waiting("new", 'persistentvolumeclaim "claim-new" not found'))),
        "pending_pods",
        "warning",
        None,
        "claim-new",
    ),
    "claim-without-its-volume": (without_volume, "storage_matches", "critical", None, "vol-user1, which does not exist"),
    "two-volumes-for-a-claim": (two_volumes, "storage_matches", "warning", None, "vol-again, vol-user0"),
    "snapshot-in-error": (failed_snapshot, "storage_matches", "notice", None, "snap-broken"),
    "nights-without-snapshots": (lambda: healthy(snapshots=()), "home_copies", "warning", "snapshot_volumes", "vol-user0"),
    "failed-build": (
        lambda: healthy(failure=BuildFailure("ChangeStack", "StackFailed", "LoadBalancer: limit reached")),
        "last_build",
        "warning",
        "build_cluster",
        "limit reached",
    ),
    "running-build": (
        lambda: replace(healthy(), status="BUILDING"),
        "last_build",
        "notice",
        None,
        "build of the cluster is running",
    ),
}
