"""Healthy clusters of many kinds as facts, and what tests change about them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hubplane.domain.account_check.facts import Certificate, NotebookImageFound
from hubplane.domain.cluster_spec.model import ClusterSpec, NodeGroup, OAuth, Taint
from hubplane.domain.cluster_spec.validation import validate
from hubplane.domain.diagnosis.facts import (
    Attachment,
    Claim,
    ClusterFacts,
    Event,
    HubAnswers,
    Listener,
    Node,
    NodeGroupState,
    PersistentVolume,
    Pod,
    PortRules,
)
from hubplane.domain.hub_facts import Answer, LoadBalancer, Target, Url
from hubplane.domain.storage.records import Snapshot, Volume

NOW = datetime(2026, 11, 25, 15, 0, tzinfo=UTC)
LONG_AGO, JUST_NOW = NOW - timedelta(days=9), NOW - timedelta(minutes=2)
ZONE, OTHER_ZONE = "us-east-1d", "us-east-1a"
TARGET_GROUP = "arn:aws:elasticloadbalancing:us-east-1:553778890976:targetgroup/opensarlab-30052/73e2d6bc24d8a067"
EVENTS = Path(__file__).resolve().parents[3] / "events"
SPEC_2019 = validate(json.loads((EVENTS / "build_cluster.json").read_text())).spec
HOST = "opensarlab.asf.alaska.edu"


def gpu_spec() -> ClusterSpec:
    """A second group with GPUs, which repels what asks for none."""
    gpu = NodeGroup("gpu", "g5.2xlarge", 0, 1, 4, ami_type="AL2023_x86_64_NVIDIA", taints=(Taint("gpu", "NoSchedule"),))
    return replace(SPEC_2019, node_groups=(*SPEC_2019.node_groups, gpu))


def external_spec() -> ClusterSpec:
    """People sign in at somebody else's."""
    oauth = OAuth(
        "https://login.example.org", "arn:id", "arn:secret", "/authorize", "/token", "/userinfo", "sub", ("openid", "email")
    )
    return replace(SPEC_2019, oauth=oauth)


def login_answer(spec: ClusterSpec) -> Answer:
    """The redirect with which a sound hub starts a sign-in."""
    host = spec.oauth.domain_url.removeprefix("https://")
    query = {
        "client_id": "1h57kf5cpq17m0eml12EXAMPLE",
        "redirect_uri": f"https://{HOST}/hub/oauth_callback",
        "scope": " ".join(spec.oauth.scopes),
    }
    return Answer(302, location=Url("https", host, 443, spec.oauth.authorize_path, query))


def pod(name: str, component: str = "", **fields: Any) -> Pod:
    """A ready pod of long ago on the first node."""
    given: dict[str, Any] = {
        "namespace": "jupyter",
        "uid": f"uid-{name}",
        "phase": "Running",
        "ready": True,
        "created_at": LONG_AGO,
    }
    return Pod(name=name, component=component, **{**given, "node": "node-1", **fields})


def server(person: str, **fields: Any) -> Pod:
    """A person's running server."""
    return pod(f"jupyter-{person}", "singleuser-server", **{"username": person, "claims": (f"claim-{person}",), **fields})


def waiting(person: str, message: str, **fields: Any) -> Pod:
    """A server that the scheduler has no node for."""
    return server(person, **{"phase": "Pending", "ready": False, "node": None, "unschedulable": message, **fields})


def home(person: str, zone: str = ZONE, attached: bool = True) -> tuple[Claim, PersistentVolume, Volume, Snapshot]:
    """A home with last night's snapshot."""
    volume_id, name = f"vol-{person}", f"claim-{person}"
    tags = {
        "kubernetes.io/cluster/opensarlab": "owned",
        "kubernetes.io/created-for/pvc/name": name,
        "kubernetes.io/created-for/pvc/namespace": "jupyter",
    }
    return (
        Claim(name, "Bound", LONG_AGO, f"pv-{person}", username=person),
        PersistentVolume(f"pv-{person}", "Bound", volume_id, (zone,), ("jupyter", name)),
        Volume(volume_id, 500, "in-use" if attached else "available", LONG_AGO, tags, attached, zone=zone),
        Snapshot(f"snap-{person}", volume_id, "completed", NOW - timedelta(hours=5), 500, "553778890976", tags),
    )


def node(number: int, **fields: Any) -> Node:
    """A ready node of the main group."""
    given = {"zone": ZONE, "group": "opensarlab-main", "instance_type": "m5.2xlarge", "ready": True, "attach_limit": 26}
    return Node(name=f"node-{number}", instance_id=f"i-{number:017x}", **{**given, **fields})


def healthy(spec: ClusterSpec = SPEC_2019, people: int = 3, running: int | None = None, **fields: Any) -> ClusterFacts:
    """A sound cluster with so many people, so many of whom have a server; any fact can be given otherwise."""
    names = [f"user{number}" for number in range(people)]
    served = names[: people if running is None else running]
    homes = [home(name, attached=name in served) for name in names]
    count = max(2, 1 + len(served) // 20)
    states = [
        NodeGroupState(f"opensarlab-{group.name}", "ACTIVE", group.min_size, group.desired_size, group.max_size, (ZONE,))
        for group in spec.node_groups
    ]
    states[0] = replace(states[0], desired_size=count, max_size=max(8, count + 1), target_group_arns=frozenset({TARGET_GROUP}))
    nodes = tuple(node(number + 1) for number in range(count))
    arn = spec.hub.certificate_arn
    given: dict[str, Any] = {
        "target_group_arn": TARGET_GROUP,
        "jupyterhub_version": "5.5.0",
        "load_balancer": LoadBalancer("opensarlab-1.us-east-1.elb.amazonaws.com", "active"),
        "listeners": (Listener(80, "HTTP", redirects=True), Listener(443, "HTTPS", arn, (TARGET_GROUP,))),
        "targets": tuple(Target(item.instance_id, 30052, "healthy") for item in nodes),
        "ports": PortRules(frozenset({80, 443}), True, "sg-nodes", "sg-balancer"),
        "certificate": Certificate(arn, "ISSUED", (HOST, "*.alaska.edu"), NOW + timedelta(days=200), "ELIGIBLE"),
        "node_groups": tuple(states),
        "hub_answers": HubAnswers(Answer(200, {"x-jupyterhub-version": "5.5.0"}), login_answer(spec)),
        "notebook_image": NotebookImageFound(True, True, True, "5.4.1"),
        "nodes": nodes,
        "pods": (
            pod("hub-7c9", "hub", claims=("hub-db-dir",)),
            pod("proxy-5d8", "proxy"),
            *(server(name, node=nodes[index % count].name) for index, name in enumerate(served)),
        ),
        "autoscaler_pods": (pod("autoscaler-6f5", namespace="autoscaler"),),
        "hub_log": "[I 2026-11-25 14:59:59.000 JupyterHub app:3400] Running JupyterHub version 5.5.0\n",
        "autoscaler_log": "I1125 14:59:50.000000       1 static_autoscaler.go:274] Starting main loop\n" * 20,
        "claims": (Claim("hub-db-dir", "Bound", LONG_AGO, "pv-hub"), *(item[0] for item in homes)),
        "persistent_volumes": (
            PersistentVolume("pv-hub", "Bound", "vol-hub", (ZONE,), ("jupyter", "hub-db-dir")),
            *(item[1] for item in homes),
        ),
        "volumes": (Volume("vol-hub", 1, "in-use", LONG_AGO, {}, True, zone=ZONE), *(item[2] for item in homes)),
        "snapshots": tuple(item[3] for item in homes),
        "attachments": tuple(
            Attachment(f"pv-{name}", nodes[index % count].name, True, LONG_AGO) for index, name in enumerate(served)
        ),
    }
    return ClusterFacts("opensarlab", NOW, spec, "ACTIVE", **{**given, **fields})


def event(about: Pod, reason: str, message: str) -> Event:
    """A warning about a pod, a minute ago."""
    return Event(about.uid, about.name, reason, message, NOW - timedelta(minutes=1))
