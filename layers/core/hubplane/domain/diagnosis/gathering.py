"""What is asked for a diagnosis, aspect by aspect, and what need not be: only where a check would judge the answer.

The services are behind ``Sources``, which ``functions/examine_cluster`` fills with the adapters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, TypeVar

from hubplane.domain.account_check.facts import Certificate, NotebookImageFound
from hubplane.domain.account_check.gathering import Registry as ImageRegistry
from hubplane.domain.account_check.gathering import find_notebook_image
from hubplane.domain.cluster_spec.model import ClusterSpec
from hubplane.domain.diagnosis import seen
from hubplane.domain.diagnosis.causes import autoscaler_pods, hub_pods
from hubplane.domain.diagnosis.checks.node_room import short_group
from hubplane.domain.diagnosis.checks.versions import is_image_wanted
from hubplane.domain.diagnosis.facts import (
    BuildFailure,
    ClusterFacts,
    HubAnswers,
    Listener,
    NodeGroupState,
    Pod,
    PortRules,
)
from hubplane.domain.diagnosis.looking import Looking
from hubplane.domain.diagnosis.notebook_image import Tags, read_tags
from hubplane.domain.diagnosis.other_instances import siblings
from hubplane.domain.hub_facts import HEALTH_PATH, LOGIN_PATH, Answer, LoadBalancer, NoAnswer, Target
from hubplane.domain.hub_health import control_plane_may_enter
from hubplane.domain.releases.charts import AUTOSCALER, JUPYTERHUB
from hubplane.domain.storage.ec2_pages import Page
from hubplane.domain.storage.records import Snapshot, Volume
from hubplane.domain.storage.tags import carries_cluster

__all__ = ["ClusterApi", "Recorded", "Registry", "Sources", "gather"]

# A trouble that is over for an hour is over: what stays broken says so again and again.
LOG_SECONDS: Final = 3600
HUB_LOG_LINES, AUTOSCALER_LOG_LINES = 500, 200
ASKED: Final = (
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
Tagged = TypeVar("Tagged", Volume, Snapshot)
# The storage day takes a snapshot a day; those of four days show whether it still does.
SNAPSHOT_DAYS: Final = 4


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the Clusters table keeps of the cluster, as in ``ClusterFacts``."""

    spec: ClusterSpec
    status: str | None
    failure: BuildFailure | None
    target_group_arn: str | None
    jupyterhub_version: str | None


class ClusterApi(Protocol):
    """The cluster's own API; ``adapters.kubernetes.Kubernetes`` is one."""

    def list(self, kind: str, namespace: str | None = None, **selectors: str) -> Iterable[Mapping[str, Any]]:
        """All objects of a kind, of one namespace or of all."""

    def log(self, namespace: str, name: str, *, lines: int, since_seconds: int) -> str:
        """The end of a pod's log."""


class Registry(ImageRegistry, Tags, Protocol):
    """The questions to ECR; ``adapters.ecr.Ecr`` answers them."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Whoever is asked, each a function that raises ``HubplaneError`` where it gets no answer.

    ``targets`` takes the ARN of a target group, ``ports`` a VPC and a node port, ``certificate`` an ARN, ``offered_types`` types
    and a zone, ``hub_says`` a path and the load balancer. Pages are those of everything with the cluster's tag.
    """

    region: str
    load_balancer: Callable[[], tuple[LoadBalancer | None, tuple[Listener, ...]]]
    targets: Callable[[str], Iterable[Target]]
    ports: Callable[[str, int], PortRules]
    certificate: Callable[[str], Certificate | None]
    node_groups: Callable[[], tuple[NodeGroupState, ...]]
    kubernetes_version: Callable[[], str | None]
    account_id: Callable[[], str]
    registry: Callable[[], Registry]
    offered_types: Callable[[Iterable[str], str], tuple[str, ...]]
    volume_pages: Callable[[], Iterable[Page[Volume]]]
    volumes_by_id: Callable[[set[str]], Iterable[Volume]]
    snapshot_pages: Callable[[], Iterable[Page[Snapshot]]]
    hub_says: Callable[[str, LoadBalancer], Answer | NoAnswer]
    cluster_api: Callable[[], ClusterApi]


def gather(cluster_name: str, now: datetime, recorded: Recorded, sources: Sources) -> ClusterFacts:
    """All facts. What could not be read is in ``unknown``; raises ``Throttled``, for asking for less would be no diagnosis."""
    looking, spec = Looking(), recorded.spec
    balancer, listeners = looking.at(("load_balancer", "listeners"), sources.load_balancer, (None, ()))
    in_reach = control_plane_may_enter(spec.network.load_balancer_cidr)
    arn, target_group = spec.hub.certificate_arn, recorded.target_group_arn
    is_ours = arn.split(":")[2:4] == ["acm", sources.region]
    of_cluster = _of_cluster(sources, looking)
    bound = {item.volume_id for item in of_cluster.get("persistent_volumes", ()) if item.volume_id}
    facts = ClusterFacts(
        cluster_name=cluster_name,
        now=now,
        spec=spec,
        status=recorded.status,
        failure=recorded.failure,
        target_group_arn=target_group,
        jupyterhub_version=recorded.jupyterhub_version,
        in_reach=in_reach,
        unknown=looking.unknown,
        load_balancer=balancer,
        listeners=listeners,
        targets=looking.at(("targets",), lambda: tuple(sources.targets(target_group)), ()) if target_group else (),
        ports=looking.at(("ports",), lambda: sources.ports(spec.network.vpc_id, spec.hub.node_port), None),
        certificate=looking.at(("certificate",), lambda: sources.certificate(arn), None) if is_ours else None,
        node_groups=looking.at(("node_groups",), sources.node_groups, ()),
        kubernetes_version=looking.at(("kubernetes_version",), sources.kubernetes_version, None),
        notebook_image=looking.at(("notebook_image",), lambda: _image(spec, sources), None),
        volumes=looking.at(("volumes",), lambda: _volumes(cluster_name, sources, bound), ()),
        snapshots=looking.at(("snapshots",), lambda: _snapshots(cluster_name, sources, now), ()),
        hub_answers=_answers(sources, balancer) if balancer is not None and in_reach else HubAnswers(),
        **of_cluster,
    )
    return _with_what_mends(facts, sources, looking)


def _with_what_mends(facts: ClusterFacts, sources: Sources, looking: Looking) -> ClusterFacts:
    """What only helps to choose a mend is looked at where there is something to mend."""
    if is_image_wanted(facts):
        facts = replace(
            facts, notebook_tags=looking.at(("notebook_tags",), lambda: read_tags(facts, sources.region, sources.registry()), ())
        )
    short = short_group(facts)
    zones = {zone for group in facts.node_groups for zone in group.zones}
    if short is not None and len(zones) == 1:
        others, zone = siblings(short.instance_type), next(iter(zones))
        offered = looking.at(("offered_types",), lambda: sources.offered_types(others, zone), ()) if others else ()
        facts = replace(facts, offered_types=offered)
    return facts


def _image(spec: ClusterSpec, sources: Sources) -> NotebookImageFound:
    return find_notebook_image(spec.notebook_image, sources.region, sources.account_id(), sources.registry)


def _volumes(cluster_name: str, sources: Sources, bound: set[str]) -> tuple[Volume, ...]:
    """The cluster's volumes with those that its claims are bound to, whatever their tags."""
    tagged = _mine(cluster_name, sources.volume_pages())
    return (*tagged, *sources.volumes_by_id(bound - {volume.volume_id for volume in tagged}))


def _snapshots(cluster_name: str, sources: Sources, now: datetime) -> tuple[Snapshot, ...]:
    since = now - timedelta(days=SNAPSHOT_DAYS)
    return tuple(item for item in _mine(cluster_name, sources.snapshot_pages()) if item.started_at >= since)


def _mine(cluster_name: str, pages: Iterable[Page[Tagged]]) -> tuple[Tagged, ...]:
    return tuple(record for page in pages for record in page.records if carries_cluster(record.tags, cluster_name))


def _answers(sources: Sources, balancer: LoadBalancer) -> HubAnswers:
    health = sources.hub_says(HEALTH_PATH, balancer)
    return HubAnswers(health, sources.hub_says(LOGIN_PATH, balancer) if isinstance(health, Answer) else None)


def _of_cluster(sources: Sources, looking: Looking) -> dict[str, Any]:
    """What the cluster's own API says, in lists; of logs, the hub's and the autoscaler's."""
    api = looking.at(ASKED, sources.cluster_api, None)
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
    scaler_log = looking.at(of_scaler, lambda: _log_of(api, autoscaler_pods(scaler_pods), AUTOSCALER_LOG_LINES), "")
    return {
        "pods": pods,
        "autoscaler_pods": scaler_pods,
        "hub_log": looking.at(("hub_log",), lambda: _log_of(api, hub_pods(pods), HUB_LOG_LINES), ""),
        "autoscaler_log": scaler_log,
        "nodes": looking.at(("nodes",), lambda: seen.nodes_of(api.list("Node"), api.list("CSINode")), ()),
        "events": (*looking.at(("events",), warnings(hub), ()), *scaler_events),
        "claims": looking.at(("claims",), listed("PersistentVolumeClaim", seen.claim_of, hub), ()),
        "persistent_volumes": looking.at(("persistent_volumes",), listed("PersistentVolume", seen.persistent_volume_of), ()),
        "attachments": looking.at(("attachments",), listed("VolumeAttachment", seen.attachment_of), ()),
    }


def _log_of(api: ClusterApi, pods: list[Pod], lines: int) -> str:
    """The end of the log of the first pod that has a node."""
    placed = [pod for pod in pods if pod.node is not None]
    return api.log(placed[0].namespace, placed[0].name, lines=lines, since_seconds=LOG_SECONDS) if placed else ""
