"""What is known of the account before a build: plain values that adapters collect and ``judging`` reads.

Named tuples, not dataclasses: fourteen frozen dataclasses would take 10 ms of every cold start, these take one.
None or absence always means "looked and not found"; what could not be looked up is said by ``unknown`` texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple


class Subnet(NamedTuple):
    """``availability_zone_id`` is the physical zone, the same in every account; ``free_addresses`` are IPv4."""

    subnet_id: str
    vpc_id: str
    availability_zone: str
    availability_zone_id: str
    free_addresses: int


class InstanceType(NamedTuple):
    """``availability_zones`` of this Region that offer it; ``addresses_per_interface`` are IPv4."""

    name: str
    vcpus: int
    architectures: tuple[str, ...]
    addresses_per_interface: int
    availability_zones: frozenset[str]


class Ami(NamedTuple):
    """A machine image; ``state`` is EC2's (only ``available`` starts nodes). ``root_device`` "" and 0 GiB: it does not say."""

    ami_id: str
    name: str
    description: str
    state: str
    architecture: str
    tags: Mapping[str, str] = MappingProxyType({})
    root_device: str = ""
    root_size_gib: int = 0


class Certificate(NamedTuple):
    """An ACM certificate; ``domain_names`` with its wildcards as ACM lists them."""

    arn: str
    status: str
    domain_names: tuple[str, ...]
    not_after: datetime | None
    renewal_eligibility: str | None = None


class KubernetesVersion(NamedTuple):
    """One version that EKS knows; ``status`` is STANDARD_SUPPORT, EXTENDED_SUPPORT or UNSUPPORTED."""

    version: str
    status: str
    standard_support_ends_at: datetime | None


class ExistingCluster(NamedTuple):
    """The EKS cluster of this name: the subnets of its control plane and those of all its node groups.

    ``is_ours``: it carries the tag ``hubplane:cluster`` with its own name, as every cluster of a Hubplane stack does.
    """

    version: str
    status: str
    subnet_ids: tuple[str, ...]
    node_subnet_ids: tuple[str, ...]
    is_ours: bool


class NotebookImageFound(NamedTuple):
    """What the registry says of the notebook image.

    ``checked`` False: a registry that Hubplane cannot ask. ``jupyterhub_version`` None: the image does not say.
    """

    checked: bool
    repository_exists: bool = False
    tag_exists: bool = False
    jupyterhub_version: str | None = None
    why_unknown: str = ""


class TargetGroup(NamedTuple):
    """A target group in this Region that has the name this cluster's would get."""

    name: str
    vpc_id: str | None
    port: int | None
    load_balancer_names: tuple[str, ...]


class QuotaUse(NamedTuple):
    """A limit and what is used of it by others than this cluster. ``limit`` None: it could not be read, for this reason."""

    limit: float | None
    in_use: int
    why_unknown: str = ""


class AccountFacts(NamedTuple):
    """Everything ``judge_account`` looks at, all of one account and Region."""

    region: str
    subnets: Mapping[str, Subnet]  # those of the specification and of an existing cluster
    instance_types: Mapping[str, InstanceType]
    amis: Mapping[str, Ami]
    recommended_ami_ids: Mapping[str, str | None]  # node group -> id, None where SSM names none; absent where no name is known
    certificate: Certificate | None
    kubernetes_version: KubernetesVersion | None
    existing_cluster: ExistingCluster | None
    notebook_image: NotebookImageFound
    target_group: TargetGroup | None
    load_balancer_vpc_id: str | None  # of the load balancer that has this cluster's name already
    volume_availability_zones: Mapping[str, int]  # zone -> how many volumes the cluster has there
    quotas: Mapping[str, QuotaUse]  # by the names in ``quotas.QUOTAS``
