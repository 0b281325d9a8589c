"""Everything that the checks look at: one frozen ``ClusterFacts``, read once. All times are aware UTC.

Facts come in *aspects*, the fields of ``ClusterFacts`` from ``load_balancer`` on. What could not be read is named in ``unknown``
with the reason, and its field keeps a default that no check may take for an answer: ``judging`` sees to that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import Final

from hubplane.domain.account_check.facts import Certificate, NotebookImageFound
from hubplane.domain.cluster_spec.model import ClusterSpec
from hubplane.domain.hub_facts import Answer, Listener, LoadBalancer, NoAnswer, PortRules, Target
from hubplane.domain.storage.records import Snapshot, Volume
from hubplane.domain.upgrading.present import minor

__all__ = [
    "ASPECTS",
    "Attachment",
    "BuildFailure",
    "Claim",
    "ClusterFacts",
    "Event",
    "HubAnswers",
    "Listener",
    "Node",
    "NodeGroupState",
    "PersistentVolume",
    "Pod",
    "PortRules",
    "TaggedImage",
]


@dataclass(frozen=True, slots=True)
class BuildFailure:
    """How the last build ended, as the Clusters table keeps it."""

    stage: str
    error: str
    cause: str


@dataclass(frozen=True, slots=True)
class NodeGroupState:
    """A node group as EKS and its Auto Scaling group have it. ``failures``: what the last failed launches said, newest first."""

    name: str
    status: str
    min_size: int
    desired_size: int
    max_size: int
    zones: tuple[str, ...] = ()
    issues: tuple[tuple[str, str], ...] = ()
    target_group_arns: frozenset[str] = frozenset()
    failures: tuple[tuple[datetime, str], ...] = ()


@dataclass(frozen=True, slots=True)
class HubAnswers:
    """The hub's replies through the load balancer; a reply None was not asked for."""

    health: Answer | NoAnswer | None = None
    login: Answer | NoAnswer | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """A node. ``attach_limit``: how many EBS volumes the CSI driver says it takes, None where it does not say."""

    name: str
    zone: str
    group: str
    instance_type: str
    instance_id: str
    ready: bool
    ready_message: str = ""
    pressures: tuple[str, ...] = ()
    attach_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of the hub's or the autoscaler's namespace.

    ``component`` is the chart's label (``hub``, ``proxy``, ``singleuser-server``). ``waiting``: (reason, message) of the first
    container that waits, also (reason, message) of the last end of one that keeps ending. ``unschedulable``: the scheduler's
    message, "" for a pod that has a node. ``wanted_group``: the node group that its selector names, None for any.
    """

    namespace: str
    name: str
    uid: str
    component: str
    phase: str
    ready: bool
    created_at: datetime
    node: str | None = None
    username: str | None = None
    claims: tuple[str, ...] = ()
    ending: bool = False
    restarts: int = 0
    waiting: tuple[str, str] | None = None
    unschedulable: str = ""
    wanted_group: str | None = None

    @property
    def is_server(self) -> bool:
        """Whether it is a person's server."""
        return self.component == "singleuser-server"


@dataclass(frozen=True, slots=True)
class Event:
    """A warning about an object of one of the two namespaces."""

    about_uid: str
    about_name: str
    reason: str
    message: str
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """A persistent volume claim of the hub's namespace. ``volume_name``: the PersistentVolume that it names, if any.

    ``username``: whose home it is, where the hub wrote that on it.
    """

    name: str
    phase: str
    created_at: datetime
    volume_name: str | None = None
    ending: bool = False
    username: str | None = None


@dataclass(frozen=True, slots=True)
class PersistentVolume:
    """A PersistentVolume: its EBS volume, the zones that its affinity allows (empty: any), and the claim it is for."""

    name: str
    phase: str
    volume_id: str | None
    zones: tuple[str, ...] = ()
    claim: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A VolumeAttachment: which PersistentVolume is, or is to be, on which node."""

    volume_name: str
    node: str
    attached: bool
    created_at: datetime
    error: str = ""
    ending: bool = False


@dataclass(frozen=True, slots=True)
class TaggedImage:
    """Another tag in the notebook image's repository; ``jupyterhub_version`` None: the image does not say."""

    tag: str
    pushed_at: datetime
    jupyterhub_version: str | None


@dataclass(frozen=True)
class ClusterFacts:
    """All facts of one cluster at one moment.

    ``hub_log`` and ``autoscaler_log`` are the last lines of the pod's log, "" where there is no such pod. ``target_group_arn``
    is that of the last recorded release. ``pods`` are those of the hub's namespace, ``volumes`` and ``snapshots`` the cluster's.
    ``in_reach``: whether the load balancer lets the control plane in, so that the hub could be asked at all. ``notebook_tags``
    are looked at only where the notebook image does not fit: the newest first, up to the first that does. ``offered_types`` only
    where a zone has run out of a type: those of the same size that it offers. ``kubernetes_version``: of the control plane.
    """

    cluster_name: str
    now: datetime
    spec: ClusterSpec
    status: str | None
    failure: BuildFailure | None = None
    target_group_arn: str | None = None
    jupyterhub_version: str | None = None
    in_reach: bool = True
    unknown: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    load_balancer: LoadBalancer | None = None
    listeners: tuple[Listener, ...] = ()
    targets: tuple[Target, ...] = ()
    ports: PortRules | None = None
    certificate: Certificate | None = None
    node_groups: tuple[NodeGroupState, ...] = ()
    kubernetes_version: str | None = None
    hub_answers: HubAnswers = field(default_factory=HubAnswers)
    notebook_image: NotebookImageFound | None = None
    nodes: tuple[Node, ...] = ()
    pods: tuple[Pod, ...] = ()
    autoscaler_pods: tuple[Pod, ...] = ()
    hub_log: str = ""
    autoscaler_log: str = ""
    events: tuple[Event, ...] = ()
    claims: tuple[Claim, ...] = ()
    persistent_volumes: tuple[PersistentVolume, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    volumes: tuple[Volume, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    notebook_tags: tuple[TaggedImage, ...] = ()
    offered_types: tuple[str, ...] = ()

    @cached_property
    def claims_by_name(self) -> Mapping[str, Claim]:
        """The claims of the hub's namespace."""
        return {item.name: item for item in self.claims}

    @cached_property
    def bound_volumes(self) -> Mapping[str, PersistentVolume]:
        """The PersistentVolumes by name."""
        return {item.name: item for item in self.persistent_volumes}

    @cached_property
    def ebs_volumes(self) -> Mapping[str, Volume]:
        """The EBS volumes by id."""
        return {item.volume_id: item for item in self.volumes}

    @cached_property
    def events_by_uid(self) -> Mapping[str, list[Event]]:
        """The warnings about each object, the newest first."""
        found: dict[str, list[Event]] = {}
        for event in sorted(self.events, key=lambda item: item.last_at, reverse=True):
            found.setdefault(event.about_uid, []).append(event)
        return found

    @property
    def rose_to(self) -> str | None:
        """The control plane's version, where it is a later one than that of the last release; a build takes none back."""
        running, recorded = self.kubernetes_version, self.spec.kubernetes_version
        return running if running is not None and minor(running) > minor(recorded) else None

    @cached_property
    def node_zones(self) -> frozenset[str]:
        """The zones in which nodes are or may come."""
        may_come = {zone for group in self.node_groups for zone in group.zones}
        return frozenset(may_come | {node.zone for node in self.nodes if node.zone})

    def volume_of_claim(self, claim_name: str) -> PersistentVolume | None:
        """The PersistentVolume that a claim of the hub's namespace names; None where there is no such claim or volume."""
        claim = self.claims_by_name.get(claim_name)
        return self.bound_volumes.get(claim.volume_name or "") if claim else None


ASPECTS: Final = tuple(name for name in ClusterFacts.__dataclass_fields__)[9:]
"""The names under which ``unknown`` tells what could not be read."""
