"""The notebook image and the hub: does the image exist, and do the two speak the same JupyterHub?

The hub and the user servers talk over JupyterHub's own API. Another major version on one side ends in errors that
people meet at spawn or at log-in; another minor version works with a warning in the server's log
(jupyterhub/_version.py, ``_check_version``).
"""

from __future__ import annotations

from hubplane.domain.account_check.facts import AccountFacts
from hubplane.domain.account_check.findings import Findings
from hubplane.domain.cluster_spec.model import ClusterSpec
from hubplane.domain.images import HubChart, ecr_image, own_repositories


def judge_notebook_image(spec: ClusterSpec, facts: AccountFacts, chart: HubChart, account_id: str, findings: Findings) -> None:
    """Presence in the registry (unless it will be built) and the version beside the hub's."""
    image, found = spec.notebook_image, facts.notebook_image
    if image.build is not None:
        _judge_build_target(spec, facts, account_id, findings)
    elif not found.checked:
        findings.note(f"notebook image {image.name}:{image.tag} was not looked for: {found.why_unknown}")
    elif not found.repository_exists:
        findings.fault(
            f"notebook image {image.name}: there is no such repository in ECR; correct notebook_image.name, or push the "
            "image first"
        )
    elif not found.tag_exists:
        findings.fault(
            f"notebook image {image.name} has no tag {image.tag}: push it, name a tag that exists, or set notebook_image.build"
        )
    _judge_versions(spec, facts, chart, findings)


def _judge_build_target(spec: ClusterSpec, facts: AccountFacts, account_id: str, findings: Findings) -> None:
    name, own_prefix = spec.notebook_image.name, own_repositories(spec.cluster_name)
    target = ecr_image(name)
    if target is None or target.account_id != account_id or target.region != facts.region:
        findings.fault(
            f"notebook image {name}: images are built into ECR of this account and Region only "
            f"({account_id}.dkr.ecr.{facts.region}…); "
            "name a repository there, or leave notebook_image.build out"
        )
    elif not facts.notebook_image.repository_exists and not target.repository.startswith(own_prefix):
        findings.fault(
            f"notebook image {name}: the ECR repository {target.repository} does not exist, and Hubplane makes only those "
            "that start "
            f"with {own_prefix}; create it or name one such"
        )


def _judge_versions(spec: ClusterSpec, facts: AccountFacts, chart: HubChart, findings: Findings) -> None:
    in_image = spec.notebook_image.jupyterhub_version or facts.notebook_image.jupyterhub_version
    in_hub = chart.jupyterhub_version
    if in_hub is None:
        findings.note(
            f"which JupyterHub chart version {chart.version} brings is not known here; it was not compared with the image's"
        )
        return
    if in_image is None:
        why = facts.notebook_image.why_unknown or "it does not say"
        findings.note(
            f"which JupyterHub the notebook image has is not known ({why}); the hub runs {in_hub}. Set "
            "notebook_image.jupyterhub_version to have it compared"
        )
        return
    hub_parts, image_parts = in_hub.split("."), in_image.split(".")
    if hub_parts[0] != image_parts[0]:
        findings.fault(
            f"notebook image {spec.notebook_image.name}:{spec.notebook_image.tag} has JupyterHub {in_image}, the hub of chart "
            f"{chart.base_image_version} runs {in_hub}: the major versions must be equal, so choose another tag or "
            "hub.chart.version"
        )
    elif hub_parts[:2] != image_parts[:2]:
        findings.note(
            f"the notebook image has JupyterHub {in_image}, the hub runs {in_hub}: servers log a warning; renew the image"
        )
