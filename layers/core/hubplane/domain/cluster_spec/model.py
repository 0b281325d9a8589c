"""The typed specification of one JupyterHub cluster.

Everything that ``build_cluster`` makes follows from one ``ClusterSpec``. Its JSON form is what the state machine carries
and what the Clusters table stores; ``schema.json`` beside this file says what each field may hold, and
``validation`` is the only way from untrusted input to a ``ClusterSpec``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import dacite

from hubplane.domain.diagnosis.policy import DiagnosisPolicy
from hubplane.domain.storage.policy import StoragePolicy

__all__ = [
    "AccessGrant",
    "ChartReference",
    "ClusterSpec",
    "DiagnosisPolicy",
    "Hub",
    "ImageBuild",
    "Network",
    "NodeGroup",
    "NotebookImage",
    "OAuth",
    "Storage",
    "StoragePolicy",
    "Taint",
    "spec_from_json",
    "spec_to_json",
]

DEFAULT_KUBERNETES_VERSION = "1.35"


@dataclass(frozen=True)
class Network:
    """Where the cluster lives. ``active_subnet_ids`` hold the nodes: all in one Availability Zone, which never changes."""

    vpc_id: str
    subnet_ids: tuple[str, ...]
    active_subnet_ids: tuple[str, ...]
    load_balancer_cidr: str = "0.0.0.0/0"


@dataclass(frozen=True)
class Taint:
    """A Kubernetes node taint; ``effect`` is one of NoSchedule, PreferNoSchedule, NoExecute."""

    key: str
    effect: str
    value: str = ""


@dataclass(frozen=True)
class NodeGroup:
    """One EKS managed node group. ``ami_id`` None means the image that EKS recommends for the Kubernetes version."""

    name: str = "main"
    instance_type: str = "m5.2xlarge"
    min_size: int = 2
    desired_size: int = 2
    max_size: int = 8
    volume_size_gib: int = 500
    ami_type: str = "AL2023_x86_64_STANDARD"
    ami_id: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()


@dataclass(frozen=True)
class ChartReference:
    """A Helm chart: ``source`` is a repository URL, an ``oci://`` reference or a folder; a folder needs no ``version``."""

    source: str
    version: str | None = None


@dataclass(frozen=True)
class Hub:
    """The hub as people meet it. ``url`` None means the load balancer's own name, known once the stack is built."""

    certificate_arn: str
    admin_users: tuple[str, ...]
    url: str | None = None
    node_port: int = 30052
    chart: ChartReference | None = None
    idle_cull_minutes: int = 60


@dataclass(frozen=True)
class OAuth:
    """Who signs people in. Both secret ARNs None means: Hubplane makes an app client in its own user pool."""

    domain_url: str
    client_id_secret_arn: str | None = None
    client_secret_secret_arn: str | None = None
    authorize_path: str = "/oauth2/authorize"
    token_path: str = "/oauth2/token"  # noqa: S105
    userinfo_path: str = "/oauth2/userInfo"
    username_claim: str = "username"
    scopes: tuple[str, ...] = ("openid",)


@dataclass(frozen=True)
class ImageBuild:
    """Where a notebook image is built from: a git repository over https, a commit, tag or branch, and a folder in it."""

    repository_url: str
    ref: str
    directory: str = "."


@dataclass(frozen=True)
class NotebookImage:
    """The image of a user server. ``build`` set: build it from source where the registry has no such tag."""

    name: str
    tag: str
    build: ImageBuild | None = None
    jupyterhub_version: str | None = None


@dataclass(frozen=True)
class Storage:
    """How a home is made, the StorageClass name and the size a new home gets; and how it is kept at night."""

    class_name: str = "gp3"
    home_size_gib: int = 500
    policy: StoragePolicy = field(default_factory=StoragePolicy)


@dataclass(frozen=True)
class AccessGrant:
    """Who may use the Kubernetes API of the cluster: an IAM principal and one of view, edit, admin."""

    principal_arn: str
    level: str


@dataclass(frozen=True)
class ClusterSpec:
    """One cluster, complete: every default is filled in and every rule of ``validation`` holds."""

    cluster_name: str
    network: Network
    hub: Hub
    oauth: OAuth
    notebook_image: NotebookImage
    kubernetes_version: str = DEFAULT_KUBERNETES_VERSION
    storage: Storage = field(default_factory=Storage)
    node_groups: tuple[NodeGroup, ...] = (NodeGroup(),)
    access: tuple[AccessGrant, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    log_retention_days: int = 90
    diagnosis: DiagnosisPolicy = field(default_factory=DiagnosisPolicy)


def spec_from_json(document: Mapping[str, Any]) -> ClusterSpec:
    """The ``ClusterSpec`` of a JSON document that ``validation`` has accepted. Raises ``dacite.DaciteError`` on any other."""
    return dacite.from_dict(ClusterSpec, dict(document), dacite.Config(cast=[tuple], strict=True))


def spec_to_json(spec: ClusterSpec) -> dict[str, Any]:
    """The JSON document of a specification: plain dicts, lists and scalars, every field written out."""
    document: dict[str, Any] = asdict(spec, dict_factory=lambda pairs: {key: _plain(value) for key, value in pairs})
    return document


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
