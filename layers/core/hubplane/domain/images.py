"""The two images of a cluster: which chart runs the hub, what the hub image is made of, and which builds are due.

An image is built when its tag is absent from the registry. The hub image's tag follows from its content, so that a
changed hub is a new tag and an unchanged one needs nothing; the notebook image's tag is the operator's.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from hubplane.domain.cluster_spec.model import ClusterSpec
from hubplane.domain.releases.charts import DEFAULT_JUPYTERHUB_CHART, choose_chart

# Chart version -> JupyterHub in its hub image, from https://z2jh.jupyter.org/en/latest/changelog.html
# (jupyterhub/zero-to-jupyterhub-k8s, docs/source/changelog.md, entries 2.0.0 to 4.4.0).
JUPYTERHUB_OF_CHART: Mapping[str, str] = {
    "4.4.0": "5.5.0",
    "4.3.5": "5.4.6",
    "4.3.4": "5.4.5",
    "4.3.3": "5.4.4",
    "4.3.2": "5.4.3",
    "4.3.1": "5.4.1",
    "4.3.0": "5.4.0",
    "4.2.0": "5.3.0",
    "4.1.0": "5.2.1",
    "4.0.0": "5.2.1",
    "3.3.8": "4.1.6",
    "3.0.0": "4.0.2",
    "2.0.0": "3.0.0",
}
HUB_BASE_REPOSITORY = "quay.io/jupyterhub/k8s-hub"  # hub.image.name in the chart's values.yaml; its tag is the chart's version

ECR_HOST = r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)"
# What images say of the JupyterHub in them: a label (hub/Dockerfile and hub/buildspec.yml write the first), a variable, or
# the command that installed it, as pip and conda pin it.
VERSION_LABELS = ("hubplane.jupyterhub-version", "jupyterhub.version", "jupyterhub_version", "JUPYTERHUB_VERSION")
VERSION_VARIABLE = "JUPYTERHUB_VERSION"
VERSION_TEXT = r"v?(\d+\.\d+(?:\.\d+)?)(?:[abrc.+-].*)?"
INSTALLED = r"\b(?:jupyterhub(?:-base|-singleuser)?={1,2}|JUPYTERHUB_VERSION=)['\"]?(\d+\.\d+(?:\.\d+)?)"


class EcrImage(NamedTuple):
    """A repository in a private ECR registry."""

    account_id: str
    region: str
    repository: str


class HubChart(NamedTuple):
    """The chart that installs the hub. ``version`` None: a folder, which brings its own."""

    source: str
    version: str | None

    @property
    def base_image_version(self) -> str:
        """The version whose hub image is built upon; a folder's Chart.yaml is out of reach here, so it gets the default."""
        return self.version or DEFAULT_JUPYTERHUB_CHART.version or next(iter(JUPYTERHUB_OF_CHART))

    @property
    def jupyterhub_version(self) -> str | None:
        """JupyterHub in the hub, None for a chart version that is not in the table."""
        return JUPYTERHUB_OF_CHART.get(self.base_image_version)


class ImageBuildPlan(NamedTuple):
    """One CodeBuild run: its environment, and the ``bucket/key`` of its source or None where the build clones it."""

    name: str
    environment: Mapping[str, str]
    source_location: str | None
    reason: str


def chart_of(spec: ClusterSpec, default_source: str, default_version: str) -> HubChart:
    """The chart that the specification names, or else the control plane's; "" for both means the pinned default."""
    chosen = choose_chart(spec.hub.chart, default_source, default_version, DEFAULT_JUPYTERHUB_CHART)
    is_published = "://" in chosen.source
    return HubChart(chosen.source, chosen.version or (DEFAULT_JUPYTERHUB_CHART.version if is_published else None))


def ecr_image(name: str) -> EcrImage | None:
    """The ECR repository that an image name without tag points to; None for every other registry."""
    host, _, repository = name.partition("/")
    found = re.fullmatch(ECR_HOST, host)
    if found is None or not repository:
        return None
    return EcrImage(found["account"], found["region"], repository)


def jupyterhub_version_of(config: Mapping[str, Any]) -> str | None:
    """The JupyterHub version in an image's configuration (labels, environment, history); None: it does not say.

    Shape: https://github.com/opencontainers/image-spec/blob/main/config.md. Of several installs in the history the last
    one holds, for it is the one that is left.
    """
    inner = config.get("config") or {}
    labels = inner.get("Labels") or {}
    variables = dict(item.partition("=")[::2] for item in inner.get("Env") or [])
    for text in (*(labels.get(key, "") for key in VERSION_LABELS), variables.get(VERSION_VARIABLE, "")):
        found = re.fullmatch(VERSION_TEXT, text)
        if found:
            return found[1]
    installs = [match for step in config.get("history") or [] for match in re.finditer(INSTALLED, step.get("created_by", ""))]
    return installs[-1][1] if installs else None


def own_repositories(cluster_name: str) -> str:
    """What the names of the ECR repositories begin with that Hubplane makes for a cluster."""
    return f"hubplane/{cluster_name}/"


def hub_repository(cluster_name: str) -> str:
    """The ECR repository of a cluster's hub image."""
    return f"{own_repositories(cluster_name)}hub"


def hub_base_image(chart: HubChart) -> str:
    """The chart's own hub image, on which the cluster's is built."""
    return f"{HUB_BASE_REPOSITORY}:{chart.base_image_version}"


def content_digest(files: Mapping[str, bytes], base_image: str) -> str:
    """64 hex digits that change whenever a file's path or content or the base image changes, and never otherwise."""
    digest = hashlib.sha256(base_image.encode())
    for path in sorted(files):
        digest.update(f"\0{len(path)}:{path}\0{len(files[path])}:".encode())
        digest.update(files[path])
    return digest.hexdigest()


def hub_tag(chart: HubChart, digest: str) -> str:
    """A tag that tells people the chart's version and tells builds the content: ``4.4.0-0123456789ab``."""
    return f"{chart.base_image_version}-{digest[:12]}".replace("+", "_")


def hub_build(registry_name: str, tag: str, chart: HubChart, source_location: str) -> ImageBuildPlan:
    """The build of the hub image: the chart's own hub image and what hub/ adds."""
    environment = {
        "IMAGE_REPOSITORY": registry_name,
        "IMAGE_TAG": tag,
        "BASE_IMAGE": hub_base_image(chart),
        "JUPYTERHUB_VERSION": chart.jupyterhub_version or "",
    }
    return ImageBuildPlan("hub", environment, source_location, f"the hub image {registry_name}:{tag} is not in the registry yet")


def notebook_build(spec: ClusterSpec) -> ImageBuildPlan | None:
    """The build of the notebook image from its git repository; None where the specification names no source."""
    image = spec.notebook_image
    if image.build is None:
        return None
    environment = {
        "IMAGE_REPOSITORY": image.name,
        "IMAGE_TAG": image.tag,
        "BASE_IMAGE": "",
        "JUPYTERHUB_VERSION": image.jupyterhub_version or "",
        "GIT_REPOSITORY_URL": image.build.repository_url,
        "GIT_REF": image.build.ref,
        "SOURCE_DIRECTORY": image.build.directory,
    }
    return ImageBuildPlan(
        "notebook", environment, None, f"the notebook image {image.name}:{image.tag} is not in the registry yet"
    )
