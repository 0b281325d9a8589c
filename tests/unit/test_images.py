"""Images: names, versions, and a tag that follows from the content."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from typing import Any

import pytest

from hubplane.domain.archive import zip_files
from hubplane.domain.cluster_spec.model import ChartReference, ClusterSpec, Hub, ImageBuild, Network, NotebookImage, OAuth
from hubplane.domain.images import (
    JUPYTERHUB_OF_CHART,
    EcrImage,
    HubChart,
    chart_of,
    content_digest,
    ecr_image,
    hub_build,
    hub_repository,
    hub_tag,
    jupyterhub_version_of,
    notebook_build,
)
from hubplane.domain.releases.charts import DEFAULT_JUPYTERHUB_CHART

SPEC = ClusterSpec(
    cluster_name="lab",
    network=Network("vpc-1", ("subnet-a", "subnet-d"), ("subnet-d",)),
    hub=Hub("arn:aws:acm:us-east-1:111122223333:certificate/c", ("admin",)),
    oauth=OAuth("https://lab.example"),
    notebook_image=NotebookImage("111122223333.dkr.ecr.us-east-1.amazonaws.com/hubplane/lab/notebook", "v1"),
)
REPOSITORY = "https://hub.jupyter.org/helm-chart/"
FILES = {"Dockerfile": b"FROM x\n", "requirements.txt": b"boto3\n"}


def with_chart(source: str, version: str | None) -> ClusterSpec:
    return replace(SPEC, hub=replace(SPEC.hub, chart=ChartReference(source, version)))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("111122223333.dkr.ecr.us-east-1.amazonaws.com/a/b", EcrImage("111122223333", "us-east-1", "a/b"), id="ecr"),
        pytest.param(
            "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/a", EcrImage("111122223333", "cn-north-1", "a"), id="china"
        ),
        pytest.param("111122223333.dkr-ecr.eu-west-1.on.aws/a", EcrImage("111122223333", "eu-west-1", "a"), id="dual-stack"),
        pytest.param("quay.io/jupyter/base-notebook", None, id="quay"),
        pytest.param("jupyter/base-notebook", None, id="docker-hub"),
        pytest.param("public.ecr.aws/x/y", None, id="public-ecr"),
        pytest.param("111122223333.dkr.ecr.us-east-1.amazonaws.com.evil.example/a", None, id="look-alike"),
        pytest.param("111122223333.dkr.ecr.us-east-1.amazonaws.com", None, id="no-repository"),
    ],
)
def test_private_ecr_is_told_from_all_other_registries(name: str, expected: EcrImage | None) -> None:
    assert ecr_image(name) == expected


@pytest.mark.parametrize(
    ("spec", "source", "version", "expected"),
    [
        pytest.param(SPEC, "", "", HubChart(REPOSITORY, DEFAULT_JUPYTERHUB_CHART.version), id="pinned-default"),
        pytest.param(SPEC, REPOSITORY, "4.4.0", HubChart(REPOSITORY, "4.4.0"), id="the-deployments"),
        pytest.param(SPEC, "/charts/jupyterhub", "", HubChart("/charts/jupyterhub", None), id="a-folder-brings-its-version"),
        pytest.param(
            with_chart("oci://r/jh", "3.3.8"), REPOSITORY, "4.4.0", HubChart("oci://r/jh", "3.3.8"), id="the-clusters-own"
        ),
    ],
)
def test_the_clusters_chart_comes_before_the_deployments(
    spec: ClusterSpec, source: str, version: str, expected: HubChart
) -> None:
    assert chart_of(spec, source, version) == expected


def test_a_folder_is_built_upon_the_default_charts_hub_image() -> None:
    chart = HubChart("/charts/jupyterhub", None)
    assert chart.base_image_version == DEFAULT_JUPYTERHUB_CHART.version
    assert chart.jupyterhub_version == JUPYTERHUB_OF_CHART[chart.base_image_version]


@pytest.mark.parametrize(
    ("version", "jupyterhub"), [("4.4.0", "5.5.0"), ("4.3.3", "5.4.4"), ("4.0.0", "5.2.1"), ("3.3.8", "4.1.6"), ("9.9.9", None)]
)
def test_the_charts_jupyterhub_is_known_or_none(version: str, jupyterhub: str | None) -> None:
    assert HubChart(REPOSITORY, version).jupyterhub_version == jupyterhub


@pytest.mark.parametrize(
    ("config", "version"),
    [
        pytest.param({"config": {"Labels": {"hubplane.jupyterhub-version": "5.5.0"}}}, "5.5.0", id="our-label"),
        pytest.param({"config": {"Env": ["PATH=/bin", "JUPYTERHUB_VERSION=1.0.0"]}}, "1.0.0", id="variable"),
        pytest.param({"config": {"Env": ["JUPYTERHUB_VERSION=v4.1.6"]}}, "4.1.6", id="leading-v"),
        pytest.param({"history": [{"created_by": "RUN pip install jupyterhub==0.9.4 notebook"}]}, "0.9.4", id="pip"),
        pytest.param(
            {"history": [{"created_by": "RUN mamba install 'jupyterhub-singleuser=5.2.1' 'nbclassic'"}]}, "5.2.1", id="conda"
        ),
        pytest.param({"history": [{"created_by": "ARG JUPYTERHUB_VERSION=5.3.0"}]}, "5.3.0", id="build-argument"),
        pytest.param(
            {
                "history": [
                    {"created_by": "RUN pip install jupyterhub==1.0.0"},
                    {},
                    {"created_by": "RUN pip install jupyterhub==2.3.1"},
                ]
            },
            "2.3.1",
            id="the-last-install-is-left",
        ),
        pytest.param({"history": [{"created_by": "RUN pip install jupyterhub-idle-culler==1.4.0"}]}, None, id="another-package"),
        pytest.param({"config": {"Labels": None, "Env": None}, "history": None}, None, id="nulls"),
        pytest.param({"config": {"Labels": {"hubplane.jupyterhub-version": "latest"}}}, None, id="no-version-in-the-label"),
        pytest.param({}, None, id="empty"),
    ],
)
def test_an_image_tells_its_jupyterhub_or_nothing(config: dict[str, Any], version: str | None) -> None:
    assert jupyterhub_version_of(config) == version


def test_the_digest_changes_with_every_change_and_with_nothing_else() -> None:
    digest = content_digest(FILES, "base:1")
    assert content_digest(dict(reversed(FILES.items())), "base:1") == digest
    others = [
        content_digest(FILES, "base:2"),
        content_digest({**FILES, "Dockerfile": b"FROM y\n"}, "base:1"),
        content_digest({"Dockerfile2": FILES["Dockerfile"], "requirements.txt": FILES["requirements.txt"]}, "base:1"),
        content_digest({**FILES, "empty": b""}, "base:1"),
        content_digest({"Dockerfile": b"FROM x\nrequirements.txt", "": b"boto3\n"}, "base:1"),
    ]
    assert len({digest, *others}) == 6


def test_the_tag_shows_chart_and_content() -> None:
    assert hub_tag(HubChart(REPOSITORY, "4.4.0"), "0123456789abcdef" * 4) == "4.4.0-0123456789ab"
    assert hub_tag(HubChart(REPOSITORY, "4.3.4-0.dev.git.1+h1"), "0" * 64) == "4.3.4-0.dev.git.1_h1-000000000000"


def test_the_archive_is_the_same_for_the_same_files_and_holds_them() -> None:
    archive = zip_files(FILES)
    assert zip_files(dict(reversed(FILES.items()))) == archive
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert {name: opened.read(name) for name in opened.namelist()} == FILES


def test_the_hubs_build_is_told_all_that_the_buildspec_reads() -> None:
    plan = hub_build("r/hubplane/lab/hub", "4.4.0-abc", HubChart(REPOSITORY, "4.4.0"), "bucket/key.zip")
    assert plan.environment == {
        "IMAGE_REPOSITORY": "r/hubplane/lab/hub",
        "IMAGE_TAG": "4.4.0-abc",
        "BASE_IMAGE": "quay.io/jupyterhub/k8s-hub:4.4.0",
        "JUPYTERHUB_VERSION": "5.5.0",
    }
    assert (plan.source_location, hub_repository("lab")) == ("bucket/key.zip", "hubplane/lab/hub")


def test_a_notebook_image_is_built_only_from_a_named_source() -> None:
    assert notebook_build(SPEC) is None
    plan = notebook_build(
        replace(SPEC, notebook_image=replace(SPEC.notebook_image, build=ImageBuild("https://git.example/x", "v1", "images/lab")))
    )
    assert plan is not None
    assert plan.source_location is None
    assert {key: plan.environment[key] for key in ("GIT_REPOSITORY_URL", "GIT_REF", "SOURCE_DIRECTORY")} == {
        "GIT_REPOSITORY_URL": "https://git.example/x",
        "GIT_REF": "v1",
        "SOURCE_DIRECTORY": "images/lab",
    }
