"""ExamineCluster: everything that a diagnosis looks at, read once, and what the checks make of it. Changes nothing.

Event: ``input`` as a person or the schedule gave it. Result: ``cluster_name``, ``mend`` (never or policy), ``healthy``,
``findings`` with the gravest first, ``counts``, ``unseen``, ``seconds``, ``reason``. Calls grow with the pages of what is there,
never with people.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3

from hubplane.adapters import ebs_sweep
from hubplane.adapters.acm import certificate
from hubplane.adapters.cluster_release import ClusterRelease, read_release
from hubplane.adapters.ecr import Ecr
from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.elasticloadbalancing import ElasticLoadBalancing
from hubplane.adapters.entrance import Entrance
from hubplane.adapters.hub_http import Address, get, parse_connect_to, parse_url
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.adapters.node_group_states import node_group_states
from hubplane.adapters.sts import caller
from hubplane.domain.account_check.gathering import find_notebook_image
from hubplane.domain.diagnosis import seen
from hubplane.domain.diagnosis.causes import autoscaler_pods, hub_pods
from hubplane.domain.diagnosis.checks import versions
from hubplane.domain.diagnosis.facts import ClusterFacts, HubAnswers, PersistentVolume, Pod, TaggedImage
from hubplane.domain.diagnosis.inputs import read_diagnosis_input
from hubplane.domain.diagnosis.judging import diagnose, diagnosis_to_json
from hubplane.domain.diagnosis.looking import Looking
from hubplane.domain.diagnosis.notebook_image import read_tags
from hubplane.domain.hub_facts import HEALTH_PATH, LOGIN_PATH, Answer, LoadBalancer, NoAnswer, Url
from hubplane.domain.hub_health import control_plane_may_enter
from hubplane.domain.releases.charts import AUTOSCALER, JUPYTERHUB
from hubplane.domain.storage.tags import carries_cluster, is_for_planners
from hubplane.entrypoint import task
from hubplane.settings import read_settings

# A trouble that is over for an hour is over: what stays broken says so again and again.
LOG_SECONDS = 3600
HUB_LOG_LINES, AUTOSCALER_LOG_LINES = 500, 200
ASKED = (
    "nodes",
    "pods",
    "autoscaler_pods",
    "events",
    "claims",
    "persistent_volumes",
    "attachments",
    "hub_log",
    "autoscaler_log",
)
# The storage day takes a snapshot a day; those of four days show whether it still does.
SNAPSHOT_DAYS = 4


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    hub_connect_to: str = ""


SETTINGS = read_settings(Settings)
CONNECT_TO = parse_connect_to(SETTINGS.hub_connect_to)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    cluster_name, mend = read_diagnosis_input(event["input"])
    started, now, looking = time.monotonic(), datetime.now(UTC), Looking()
    release = read_release(client("dynamodb"), SETTINGS.clusters_table_name, cluster_name)
    aws, kubernetes = aws_facts(cluster_name, release, looking), kubernetes_facts(cluster_name, looking)
    facts = ClusterFacts(
        cluster_name=cluster_name,
        now=now,
        spec=release.spec,
        status=release.status,
        failure=release.failure,
        target_group_arn=release.outputs.get("TargetGroupArn"),
        jupyterhub_version=release.document.get("jupyterhub_version"),
        in_reach=control_plane_may_enter(release.spec.network.load_balancer_cidr),
        **aws,
        **kubernetes,
        **storage_facts(cluster_name, release, now, kubernetes.get("persistent_volumes", ()), looking),
        hub_answers=hub_answers(release, aws["load_balancer"]),
        unknown=looking.unknown,
    )
    if versions.is_image_wanted(facts):
        facts = replace(facts, notebook_tags=looking.at(("notebook_tags",), lambda: tags_of(facts), ()))
    result = diagnosis_to_json(facts, diagnose(facts))
    seconds = round(time.monotonic() - started, 1)
    return {"cluster_name": cluster_name, "mend": mend, **result, "seconds": seconds, "changes": []}


def aws_facts(cluster_name: str, release: ClusterRelease, looking: Looking) -> dict[str, Any]:
    """What AWS says of the way in, the node groups and the notebook image."""
    spec, region, elbv2, ec2 = release.spec, client("ec2").meta.region_name, client("elbv2"), client("ec2")
    entrance, target_group = Entrance(elbv2, ec2, cluster_name), release.outputs.get("TargetGroupArn")
    balancer, listeners = looking.at(("load_balancer", "listeners"), entrance.load_balancer, (None, ()))
    arn, image = spec.hub.certificate_arn, spec.notebook_image
    is_ours = arn.split(":")[2:4] == ["acm", region]

    def health() -> Any:
        return ElasticLoadBalancing(elbv2).target_health(target_group) if target_group else ()

    return {
        "load_balancer": balancer,
        "listeners": listeners,
        "targets": looking.at(("targets",), health, ()),
        "ports": looking.at(("ports",), lambda: entrance.port_rules(spec.network.vpc_id, spec.hub.node_port), None),
        "certificate": looking.at(("certificate",), lambda: certificate(client("acm"), arn), None) if is_ours else None,
        "node_groups": looking.at(
            ("node_groups",), lambda: node_group_states(client("eks"), client("autoscaling"), ec2, cluster_name), ()
        ),
        "notebook_image": looking.at(
            ("notebook_image",),
            lambda: find_notebook_image(image, region, caller(client("sts")).account_id, lambda: Ecr(client("ecr"))),
            None,
        ),
    }


def tags_of(facts: ClusterFacts) -> tuple[TaggedImage, ...]:
    return read_tags(facts, client("ecr").meta.region_name, Ecr(client("ecr")))


def storage_facts(
    cluster_name: str, release: ClusterRelease, now: datetime, bound: Iterable[PersistentVolume], looking: Looking
) -> dict[str, Any]:
    """The cluster's volumes with those that its claims are bound to, whatever their tags; its snapshots of the last days."""
    protection_tag = release.spec.storage.policy.protection_tag
    sweep = ebs_sweep.sweep_client(lambda key: is_for_planners(key, protection_tag))
    since = now - timedelta(days=SNAPSHOT_DAYS)

    def mine(pages: Any) -> Any:
        return tuple(record for page in pages for record in page.records if carries_cluster(record.tags, cluster_name))

    def volumes() -> Any:
        tagged = mine(ebs_sweep.volume_pages(sweep, cluster_name))
        others = {item.volume_id for item in bound if item.volume_id} - {volume.volume_id for volume in tagged}
        return (*tagged, *ebs_sweep.volumes_by_id(sweep, others))

    def snapshots() -> Any:
        found = mine(ebs_sweep.tagged_snapshot_pages(sweep, cluster_name))
        return tuple(snapshot for snapshot in found if snapshot.started_at >= since)

    return {"volumes": looking.at(("volumes",), volumes, ()), "snapshots": looking.at(("snapshots",), snapshots, ())}


def kubernetes_facts(cluster_name: str, looking: Looking) -> dict[str, Any]:
    """What the cluster's own API says, in lists; of logs, the hub's and the autoscaler's."""
    api = looking.at(ASKED, lambda: Kubernetes(cluster_connection(client("eks"), boto3.Session(), cluster_name)), None)
    if api is None:
        return {}
    hub, scaler = JUPYTERHUB.namespace, AUTOSCALER.namespace

    def listed(kind: str, read: Callable[[Any], Any], namespace: str | None = None, **selectors: str) -> Callable[[], Any]:
        return lambda: tuple(read(item) for item in api.list(kind, namespace, **selectors))

    def warnings(namespace: str) -> Callable[[], Any]:
        return listed("Event", seen.event_of, namespace, field_selector="type=Warning")

    pods: tuple[Pod, ...] = looking.at(("pods", "hub_log"), listed("Pod", seen.pod_of, hub), ())
    # A namespace of its own, with rights of its own: where it cannot be looked at, the hub still can.
    of_scaler = ("autoscaler_pods", "autoscaler_log")
    scaler_pods: tuple[Pod, ...] = looking.at(of_scaler, listed("Pod", seen.pod_of, scaler), ())
    scaler_events = looking.at(of_scaler, warnings(scaler), ())
    scaler_log = looking.at(of_scaler, lambda: log_of(api, autoscaler_pods(scaler_pods), AUTOSCALER_LOG_LINES), "")
    return {
        "pods": pods,
        "autoscaler_pods": scaler_pods,
        "hub_log": looking.at(("hub_log",), lambda: log_of(api, hub_pods(pods), HUB_LOG_LINES), ""),
        "autoscaler_log": scaler_log,
        "nodes": looking.at(("nodes",), lambda: seen.nodes_of(api.list("Node"), api.list("CSINode")), ()),
        "events": (*looking.at(("events",), warnings(hub), ()), *scaler_events),
        "claims": looking.at(("claims",), listed("PersistentVolumeClaim", seen.claim_of, hub), ()),
        "persistent_volumes": looking.at(("persistent_volumes",), listed("PersistentVolume", seen.persistent_volume_of), ()),
        "attachments": looking.at(("attachments",), listed("VolumeAttachment", seen.attachment_of), ()),
    }


def log_of(api: Kubernetes, pods: list[Pod], lines: int) -> str:
    """The end of the log of the first pod that has a node."""
    placed = [pod for pod in pods if pod.node is not None]
    return api.log(placed[0].namespace, placed[0].name, lines=lines, since_seconds=LOG_SECONDS) if placed else ""


def hub_answers(release: ClusterRelease, balancer: LoadBalancer | None) -> HubAnswers:
    """The hub's replies through its load balancer; none where that is gone or lets the control plane not in."""
    if balancer is None or not control_plane_may_enter(release.spec.network.load_balancer_cidr):
        return HubAnswers()
    hub = parse_url(release.hub_url)
    address = CONNECT_TO.get(443, Address(balancer.dns_name, 443))
    verify = hub.host != balancer.dns_name.lower()

    def ask(path: str) -> Answer | NoAnswer:
        return get(Url("https", hub.host, 443, path), address, verify_host_name=verify)

    health = ask(HEALTH_PATH)
    return HubAnswers(health, ask(LOGIN_PATH) if isinstance(health, Answer) else None)
