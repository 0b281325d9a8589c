"""PlanImages: which images the registry lacks, and everything that CodeBuild needs to build them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import boto3

from hubplane.adapters.ecr import Ecr
from hubplane.adapters.s3 import put_once
from hubplane.domain.archive import zip_files
from hubplane.domain.cluster_spec.model import ClusterSpec, spec_from_json
from hubplane.domain.images import (
    HubChart,
    ImageBuildPlan,
    content_digest,
    ecr_image,
    hub_base_image,
    hub_build,
    hub_repository,
    hub_tag,
    notebook_build,
    own_repositories,
)
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    artifacts_bucket: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # a client costs 0.1 s, so each is made when it is first asked for


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    spec, chart = spec_from_json(event["spec"]), HubChart(event["hub_chart"]["source"], event["hub_chart"]["version"])
    ecr = Ecr(client("ecr"))
    changes: list[str] = []
    hub_image, hub_plan = plan_hub(spec, chart, ecr, changes)
    plans = [plan for plan in (hub_plan, plan_notebook(spec, ecr, changes)) if plan is not None]
    changes += [f"building {plan.environment['IMAGE_REPOSITORY']}:{plan.environment['IMAGE_TAG']}" for plan in plans]
    return {
        "builds": [
            {
                "name": plan.name,
                "environment": [{"name": key, "value": value} for key, value in plan.environment.items()],
                "source_location": plan.source_location,
            }
            for plan in plans
        ],
        "hub_image": hub_image,
        "notebook_image": f"{spec.notebook_image.name}:{spec.notebook_image.tag}",
        "changes": changes,
        "notes": [],
        "reason": "; ".join(plan.reason for plan in plans) or "every image is in the registry",
    }


def plan_hub(spec: ClusterSpec, chart: HubChart, ecr: Ecr, changes: list[str]) -> tuple[str, ImageBuildPlan | None]:
    """The hub image as ``name:tag``, and its build where the registry lacks it; the source is stored then."""
    context = read_folder(files("hub_image"))
    digest = content_digest(context, hub_base_image(chart))
    tag = hub_tag(chart, digest)
    repository = ensure_repository(spec, hub_repository(spec.cluster_name), ecr, changes)
    if ecr.tag_exists(hub_repository(spec.cluster_name), tag):
        return f"{repository}:{tag}", None
    key = f"hub-image/{digest}.zip"
    put_once(client("s3"), SETTINGS.artifacts_bucket, key, zip_files(context))
    return f"{repository}:{tag}", hub_build(repository, tag, chart, f"{SETTINGS.artifacts_bucket}/{key}")


def plan_notebook(spec: ClusterSpec, ecr: Ecr, changes: list[str]) -> ImageBuildPlan | None:
    """The build of the notebook image; None where there is nothing to build it from or its tag is in the registry."""
    plan, place = notebook_build(spec), ecr_image(spec.notebook_image.name)
    if plan is None or place is None:
        return None
    if place.repository.startswith(own_repositories(spec.cluster_name)):
        ensure_repository(spec, place.repository, ecr, changes)
    return None if ecr.tag_exists(place.repository, spec.notebook_image.tag, place.account_id) else plan


def ensure_repository(spec: ClusterSpec, name: str, ecr: Ecr, changes: list[str]) -> str:
    """The URI of the repository, which is made if it is absent."""
    uri, is_new = ecr.ensure_repository(name, {**spec.tags, "hubplane:cluster": spec.cluster_name})
    if is_new:
        changes.append(f"made the ECR repository {name}")
    return uri


def read_folder(folder: Traversable, prefix: str = "") -> dict[str, bytes]:
    """Every file below the folder, by its path in it."""
    found: dict[str, bytes] = {}
    for item in folder.iterdir():
        if item.is_file():
            found[prefix + item.name] = item.read_bytes()
        elif item.name != "__pycache__":
            found |= read_folder(item, f"{prefix}{item.name}/")
    return found
