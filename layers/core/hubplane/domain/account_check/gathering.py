"""What is asked of the account and what need not be: no service is asked for an answer that nobody would judge.

The services are behind callables and a protocol, which ``functions/check_account`` fills with the adapters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from hubplane.domain.account_check.facts import ExistingCluster, NotebookImageFound, QuotaUse
from hubplane.domain.account_check.nodes import recommended_ami_parameter
from hubplane.domain.account_check.quotas import QUOTAS, quotas_asked
from hubplane.domain.cluster_spec.model import ClusterSpec, NotebookImage
from hubplane.domain.errors import ProviderError
from hubplane.domain.images import EcrImage, ecr_image, jupyterhub_version_of


class Registry(Protocol):
    """The questions to ECR; ``adapters.ecr.Ecr`` answers them."""

    def repository_uri(self, repository: str, registry_id: str | None = None) -> str | None:
        """Where the repository is; None where there is none."""

    def tag_exists(self, repository: str, tag: str, registry_id: str | None = None) -> bool:
        """Whether it holds an image of this tag."""

    def image_config(self, repository: str, tag: str, registry_id: str) -> tuple[Mapping[str, Any] | None, str]:
        """What the image says of itself, or None and why not."""


def subnets_asked(spec: ClusterSpec, existing: ExistingCluster | None) -> frozenset[str]:
    """The subnets that matter: those that are wanted, and where the cluster is already."""
    network = spec.network
    present = () if existing is None else (*existing.subnet_ids, *existing.node_subnet_ids)
    return frozenset((*network.subnet_ids, *network.active_subnet_ids, *present))


def ami_parameters_asked(spec: ClusterSpec) -> dict[str, str]:
    """By node group, the public parameter that names its recommended image; none for a group that pins one, or has no such."""
    paths = {
        group.name: recommended_ami_parameter(spec.kubernetes_version, group.ami_type)
        for group in spec.node_groups
        if group.ami_id is None
    }
    return {name: path for name, path in paths.items() if path is not None}


def certificate_asked(spec: ClusterSpec, region: str) -> str | None:
    """The ARN that Certificate Manager of this Region can tell of; None for one of another Region, or of IAM."""
    arn = spec.hub.certificate_arn
    return arn if arn.split(":")[3] == region else None


def find_notebook_image(
    image: NotebookImage, region: str, account_id: str, registry: Callable[[], Registry]
) -> NotebookImageFound:
    """What ECR says of the notebook image; registries that are not ECR of this Region, or closed to us, are not judged.

    Raises ``ProviderError`` only where our own registry refuses.
    """
    place = ecr_image(image.name)
    if place is None or place.region != region:
        return NotebookImageFound(checked=False, why_unknown="it is not in ECR of this Region")
    try:
        return _look_into(registry(), place, image.tag)
    except ProviderError as error:
        if place.account_id == account_id:
            raise
        return NotebookImageFound(checked=False, why_unknown=f"it is in account {place.account_id}, which answered: {error}")


def _look_into(registry: Registry, place: EcrImage, tag: str) -> NotebookImageFound:
    if registry.repository_uri(place.repository, place.account_id) is None:
        return NotebookImageFound(checked=True, why_unknown="it is not there yet")
    if not registry.tag_exists(place.repository, tag, place.account_id):
        return NotebookImageFound(checked=True, repository_exists=True, why_unknown="it is not there yet")
    config, why_unknown = registry.image_config(place.repository, tag, place.account_id)
    version = jupyterhub_version_of(config) if config is not None else None
    return NotebookImageFound(True, True, True, version, why_unknown)


def use_of_quotas(
    spec: ClusterSpec,
    limit_of: Callable[[str, str], tuple[float | None, str]],
    counts: Mapping[str, Callable[[], int]],
    vcpus_in_use: Callable[[], Mapping[str, int]],
) -> dict[str, QuotaUse]:
    """Limit and use of every quota that this cluster counts against; what is used is not counted where no limit is known.

    ``limit_of`` takes service and quota code and answers (limit, "") or (None, why); ``counts`` and ``vcpus_in_use`` go by
    the names in ``QUOTAS``, and the latter is asked once at most.
    """
    used_vcpus: Mapping[str, int] | None = None
    found = {}
    for key in quotas_asked(spec):
        limit, why_unknown = limit_of(QUOTAS[key].service_code, QUOTAS[key].quota_code)
        in_use = 0
        if limit is not None and key in counts:
            in_use = counts[key]()
        elif limit is not None:
            used_vcpus = vcpus_in_use() if used_vcpus is None else used_vcpus
            in_use = used_vcpus.get(key, 0)
        found[key] = QuotaUse(limit, in_use, why_unknown)
    return found
