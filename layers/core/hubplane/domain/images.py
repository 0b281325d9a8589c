"""The two images of a cluster: which chart runs the hub, what the hub image is made of, and which builds are due.

An image is built when its tag is absent from the registry. The hub image's tag follows from its content, so that a
changed hub is a new tag and an unchanged one needs nothing; the notebook image's tag is the operator's.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hubplane.domain.cluster_spec.model import ClusterSpec

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
DEFAULT_CHART_VERSION = "4.4.0"  # the newest in the table, a security release of 2026-06-10
HUB_BASE_REPOSITORY = "quay.io/jupyterhub/k8s-hub"  # hub.image.name in the chart's values.yaml; its tag is the chart's version

ECR_HOST = re.compile(r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)")
# What images say of the JupyterHub in them: a label (hub/Dockerfile and hub/buildspec.yml write the first), a variable, or
# the command that installed it, as pip and conda pin it.
VERSION_LABELS = ("hubplane.jupyterhub-version", "jupyterhub.version", "jupyterhub_version", "JUPYTERHUB_VERSION")
VERSION_VARIABLE = "JUPYTERHUB_VERSION"
VERSION_TEXT = re.compile(r"v?(\d+\.\d+(?:\.\d+)?)(?:[abrc.+-].*)?")
INSTALLED = re.compile(
    r"\bjupyterhub(?:-base|-singleuser)?={1,2}['\"]?(\d+\.\d+(?:\.\d+)?)|JUPYTERHUB_VERSION=['\"]?(\d+\.\d+(?:\.\d+)?)"
)
ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can hold: the archive's bytes depend on the content alone


@dataclass(frozen=True, slots=True)
class EcrImage:
    """A repository in a private ECR registry."""

    account_id: str
    region: str
    repository: str


@dataclass(frozen=True, slots=True)
class HubChart:
    """The chart that installs the hub. ``version`` None: a folder, which brings its own."""

    source: str
    version: str | None

    @property
    def base_image_version(self) -> str:
        """The version whose hub image is built upon; a folder's Chart.yaml is out of reach here, so it gets the default."""
        return self.version or DEFAULT_CHART_VERSION

    @property
    def jupyterhub_version(self) -> str | None:
        """JupyterHub in the hub, None for a chart version that is not in the table."""
        return JUPYTERHUB_OF_CHART.get(self.base_image_version)


@dataclass(frozen=True, slots=True)
class ImageBuildPlan:
    """One CodeBuild run: its environment, and the ``bucket/key`` of its source or None where the build clones it."""

    name: str
    environment: Mapping[str, str]
    source_location: str | None
    reason: str


def chart_of(spec: ClusterSpec, default_source: str, default_version: str) -> HubChart:
    """The chart that the specification names, or else the control plane's. ``default_version`` "" means: the newest known."""
    if spec.hub.chart is not None:
        return HubChart(spec.hub.chart.source, spec.hub.chart.version or _version_unless_folder(spec.hub.chart.source))
    return HubChart(default_source, default_version or _version_unless_folder(default_source))


def _version_unless_folder(source: str) -> str | None:
    return DEFAULT_CHART_VERSION if "://" in source else None


def ecr_image(name: str) -> EcrImage | None:
    """The ECR repository that an image name without tag points to; None for every other registry."""
    host, _, repository = name.partition("/")
    found = ECR_HOST.fullmatch(host)
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
        found = VERSION_TEXT.fullmatch(text)
        if found:
            return found[1]
    installs = [match for step in config.get("history") or [] for match in INSTALLED.finditer(step.get("created_by", ""))]
    return (installs[-1][1] or installs[-1][2]) if installs else None


def hub_repository(cluster_name: str) -> str:
    """The ECR repository of a cluster's hub image."""
    return f"hubplane/{cluster_name}/hub"


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


def zip_files(files: Mapping[str, bytes]) -> bytes:
    """A zip archive of the files: same files, same bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, ZIP_TIME)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[path])
    return target.getvalue()


def hub_build(registry_name: str, tag: str, chart: HubChart, source_location: str) -> ImageBuildPlan:
    """The build of the hub image: the chart's own hub image and what hub/ adds."""
    environment = {
        "IMAGE_REPOSITORY": registry_name,
        "IMAGE_TAG": tag,
        "BASE_IMAGE": f"{HUB_BASE_REPOSITORY}:{chart.base_image_version}",
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
