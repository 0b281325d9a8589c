"""What is wanted of EKS for one cluster, and what is there: plain values, comparable.

Named tuples, not dataclasses: they cost a cold start a tenth of the time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from hubplane.domain.cluster_spec.model import ClusterSpec
    from hubplane.domain.hub_facts import PortRules

MANAGED_TAG = "hubplane:managed"
HUB_NAMESPACE = "jupyter"
STORAGE_READER, STORAGE_PRUNER = "hubplane:storage-reader", "hubplane:storage-pruner"
HOME_KEEPER = "hubplane:home-keeper"
CLUSTER_READER = "hubplane:cluster-reader"
HUB_RESTARTER = "hubplane:hub-restarter"
SERVER_WATCHER = "hubplane:server-watcher"
GROWTH_PLANNER, HOME_GROWER = "hubplane:growth-planner", "hubplane:home-grower"
HOME_MOVER = "hubplane:home-mover"
HOME_DRILLER = "hubplane:home-driller"
"""Groups of access entries; ``storage_access`` says what they may do. EKS refuses a name that begins with ``system:``."""

ADDONS = (
    "eks-pod-identity-agent",  # first: the others' identities depend on it
    "vpc-cni",
    "kube-proxy",
    "coredns",
    "aws-ebs-csi-driver",
    "snapshot-controller",
)


class PolicyGrant(NamedTuple):
    """An EKS access policy by name, over the whole cluster (no namespaces) or over namespaces."""

    policy_name: str
    namespaces: tuple[str, ...] = ()


class Access(NamedTuple):
    """What a principal may do: by EKS access policies, and by groups that RBAC objects inside the cluster give rights to."""

    grants: frozenset[PolicyGrant] = frozenset()
    groups: frozenset[str] = frozenset()


class Association(NamedTuple):
    """A service account of the cluster and the IAM role that its pods get."""

    namespace: str
    service_account: str
    role_arn: str


class WantedSettings(NamedTuple):
    """``access`` by principal ARN. ``addon_versions``: add-on to the version that EKS recommends.

    ``volume_tags``: what the EBS CSI driver puts on every volume it makes, beside Kubernetes' own tags. ``load_balancer_cidr``:
    whom the load balancer lets in, None where that is not looked after.
    """

    access: Mapping[str, Access]
    addon_versions: Mapping[str, str]
    associations: tuple[Association, ...]
    target_group_arn: str
    auto_scaling_groups: tuple[str, ...]
    volume_tags: Mapping[str, str] = MappingProxyType({})
    node_port: int = 30052
    load_balancer_cidr: str | None = None


class PresentEntry(NamedTuple):
    """An access entry. ``is_managed``: Hubplane made it (its tag says so), so Hubplane may take grants and groups from it.

    ``kind`` other than STANDARD is a node's; EKS gives such an entry neither policies nor groups, and never changes a kind.
    """

    grants: frozenset[PolicyGrant]
    is_managed: bool
    groups: frozenset[str] = frozenset()
    kind: str = "STANDARD"


class PresentAddon(NamedTuple):
    """An add-on as EKS describes it; ``configuration`` is JSON or YAML, as whoever set it wrote it, "" for none."""

    version: str
    status: str
    configuration: str = ""


class PresentAssociation(NamedTuple):
    """A Pod Identity association and its id."""

    association_id: str
    role_arn: str


class PresentSettings(NamedTuple):
    """``associations`` by (namespace, service account); ``target_groups`` by Auto Scaling group; ``ports`` None: not asked."""

    entries: Mapping[str, PresentEntry]
    addons: Mapping[str, PresentAddon]
    associations: Mapping[tuple[str, str], PresentAssociation]
    target_groups: Mapping[str, frozenset[str]]
    ports: PortRules | None = None


# https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html. An admin of a hub works in its namespace and
# has to see the rest (nodes' pods, storage, the autoscaler) to understand it; AmazonEKSViewPolicy shows no Secret anywhere.
GRANTS_OF_LEVEL: Mapping[str, frozenset[PolicyGrant]] = {
    "view": frozenset({PolicyGrant("AmazonEKSViewPolicy", (HUB_NAMESPACE,))}),
    "edit": frozenset({PolicyGrant("AmazonEKSEditPolicy", (HUB_NAMESPACE,))}),
    "admin": frozenset({PolicyGrant("AmazonEKSAdminPolicy", (HUB_NAMESPACE,)), PolicyGrant("AmazonEKSViewPolicy")}),
}
CLUSTER_ADMIN = frozenset({PolicyGrant("AmazonEKSClusterAdminPolicy")})


def arns_in(listed: str) -> list[str]:
    """The ARNs of a text that separates them by commas."""
    return [arn.strip() for arn in listed.split(",") if arn.strip()]


GROUPS_OF_ROLE: Mapping[str, frozenset[str]] = {
    "storage_reader": frozenset({STORAGE_READER}),
    "storage_pruner": frozenset({STORAGE_READER, STORAGE_PRUNER}),  # it reads first
    "home_keeper": frozenset({HOME_KEEPER}),
    "cluster_reader": frozenset({CLUSTER_READER}),
    "hub_restarter": frozenset({HUB_RESTARTER}),
    "server_watcher": frozenset({SERVER_WATCHER}),
    "growth_planner": frozenset({GROWTH_PLANNER}),
    "home_grower": frozenset({HOME_GROWER}),
    "home_mover": frozenset({HOME_MOVER}),
    "home_driller": frozenset({HOME_DRILLER}),
}
"""The Kubernetes groups of each part that functions have; whoever is named in two is in the groups of the later one."""


def wanted_access(
    spec: ClusterSpec, cluster_admin_arns: Collection[str], arns_of_role: Mapping[str, Collection[str]] = MappingProxyType({})
) -> dict[str, Access]:
    """What each principal gets: what builds a cluster and the deployment's admins see to it all, the storage day's functions
    what a spawn asks and what diagnoses are in groups that may do next to nothing, others as specified.

    EKS keeps one grant per policy and principal, so a principal that is named twice gets the union, and a policy over the
    whole cluster stands for the same one over a namespace.
    """
    grants: dict[str, set[PolicyGrant]] = {arn: set(CLUSTER_ADMIN) for arn in cluster_admin_arns}
    for item in spec.access:
        grants.setdefault(item.principal_arn, set()).update(GRANTS_OF_LEVEL[item.level])
    groups = {arn: mine for role, mine in GROUPS_OF_ROLE.items() for arn in arns_of_role.get(role, ())}
    return {arn: Access(_widest(grants.get(arn, ())), groups.get(arn, frozenset())) for arn in {**grants, **groups}}


def _widest(grants: Collection[PolicyGrant]) -> frozenset[PolicyGrant]:
    return frozenset(item for item in grants if not item.namespaces or PolicyGrant(item.policy_name) not in grants)


def wanted_volume_tags(spec: ClusterSpec) -> dict[str, str]:
    """Tags of homes: what they cost is most of a cluster's bill, so they carry the specification's tags.

    The driver takes them as ``key=value`` separated by commas (``--extra-volume-tags``), so that a name with ``=`` or a value
    with a comma cannot be among them.
    """
    tags = {**spec.tags, "hubplane:cluster": spec.cluster_name}
    return {key: value for key, value in sorted(tags.items()) if "=" not in key and "," not in key + value}


def wanted_associations(ebs_csi_role_arn: str, autoscaler_role_arn: str, hub_role_arn: str) -> tuple[Association, ...]:
    """The three service accounts of a cluster whose pods call AWS."""
    return (
        Association("kube-system", "ebs-csi-controller-sa", ebs_csi_role_arn),
        Association("autoscaler", "cluster-autoscaler", autoscaler_role_arn),
        Association(HUB_NAMESPACE, "hub", hub_role_arn),
    )
