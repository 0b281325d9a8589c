"""PlanImages with the layer that hub/Makefile makes: builds what is absent, and nothing twice."""

from __future__ import annotations

import importlib
import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

EVENT = json.loads(Path("events/plan_images.json").read_text())
BUCKET = "hubplane-artifacts"
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"


class World:
    """The function with moto's ECR and S3."""

    def __init__(self, handler: Any) -> None:
        self.handler, self.ecr, self.s3 = handler, boto3.client("ecr"), boto3.client("s3")

    def run(self, chart_version: str | None = "4.4.0", **notebook_image: Any) -> dict[str, Any]:
        spec = {**EVENT["spec"], "notebook_image": {**EVENT["spec"]["notebook_image"], **notebook_image}}
        chart = {**EVENT["hub_chart"], "version": chart_version}
        result: dict[str, Any] = self.handler({**EVENT, "spec": spec, "hub_chart": chart}, None)
        return result

    def push(self, image: str) -> None:
        name, _, tag = image.rpartition(":")
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": {"digest": f"sha256:{tag}"}, "layers": []}
        self.ecr.put_image(repositoryName=name.partition("/")[2], imageTag=tag, imageManifest=json.dumps(manifest))

    def sources(self) -> list[str]:
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


@pytest.fixture
def layer(tmp_path: Path) -> Iterator[Path]:
    """What ``sam build`` makes of hub/: the Makefile's target, run in a copy of the folder."""
    shutil.copytree("hub", tmp_path / "source")
    target = tmp_path / "artifacts"
    subprocess.run(["make", "-s", "-C", str(tmp_path / "source"), "build-HubImageLayer", f"ARTIFACTS_DIR={target}"], check=True)
    sys.path.insert(0, str(target / "python"))
    yield target / "python" / "hub_image"
    sys.path.remove(str(target / "python"))
    sys.modules.pop("hub_image", None)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, layer: Path) -> Iterator[World]:
    values = {
        "ARTIFACTS_BUCKET": BUCKET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
    }
    for key, value in values.items():
        monkeypatch.setenv(key, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        module = importlib.reload(importlib.import_module("functions.plan_images.app"))
        yield World(module.handler)


def test_the_first_build_makes_repository_source_and_build(world: World, layer: Path) -> None:
    result = world.run()
    assert result["hub_image"].startswith("123456789012.dkr.ecr.us-east-1.amazonaws.com/hubplane/opensarlab/hub:4.4.0-")
    (build,) = result["builds"]
    environment = {item["name"]: item["value"] for item in build["environment"]}
    assert f"{environment['IMAGE_REPOSITORY']}:{environment['IMAGE_TAG']}" == result["hub_image"]
    assert environment["BASE_IMAGE"] == "quay.io/jupyterhub/k8s-hub:4.4.0"
    assert build["source_location"] == f"{BUCKET}/{world.sources()[0]}"
    archive = world.s3.get_object(Bucket=BUCKET, Key=world.sources()[0])["Body"].read()
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        hooks = sorted(f"hubplane_hub/{path.name}" for path in Path("hub/hubplane_hub").glob("*.py"))
        assert sorted(opened.namelist()) == ["Dockerfile", *hooks, "requirements.txt"]
        assert opened.read("Dockerfile") == (layer / "Dockerfile").read_bytes()
    assert result["changes"] == ["made the ECR repository hubplane/opensarlab/hub", f"building {result['hub_image']}"]


def test_the_repository_is_immutable_scanned_encrypted_and_swept(world: World) -> None:
    world.run()
    (repository,) = world.ecr.describe_repositories(repositoryNames=["hubplane/opensarlab/hub"])["repositories"]
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
    assert repository["encryptionConfiguration"] == {"encryptionType": "AES256"}
    policy = json.loads(world.ecr.get_lifecycle_policy(repositoryName="hubplane/opensarlab/hub")["lifecyclePolicyText"])
    assert [rule["selection"]["tagStatus"] for rule in policy["rules"]] == ["untagged"]


def test_a_repeated_build_with_the_image_pushed_changes_nothing(world: World) -> None:
    first = world.run()
    world.push(first["hub_image"])
    second = world.run()
    assert (second["builds"], second["changes"], second["hub_image"]) == ([], [], first["hub_image"])


def test_an_interrupted_build_is_planned_again_with_the_same_source(world: World) -> None:
    assert world.run()["builds"] == world.run()["builds"]
    assert len(world.sources()) == 1


@pytest.mark.parametrize("changed", ["Dockerfile", "hubplane_hub/hooks.py"])
def test_a_changed_hub_folder_or_chart_is_another_tag(world: World, layer: Path, changed: str) -> None:
    first = world.run()["hub_image"]
    other_chart = world.run("4.3.5")["hub_image"]
    with (layer / changed).open("a") as file:
        file.write("# changed\n")
    assert len({first, other_chart, world.run()["hub_image"]}) == 3


def test_a_chart_in_a_folder_is_built_upon_the_default_version(world: World) -> None:
    assert ":4.4.0-" in world.run(None)["hub_image"]


def test_a_notebook_image_with_a_source_is_built_once(world: World) -> None:
    name = "123456789012.dkr.ecr.us-east-1.amazonaws.com/hubplane/opensarlab/notebook"
    source = {"name": name, "build": {"repository_url": "https://github.com/asf/labs", "ref": "main", "directory": "."}}
    first = world.run(**source)
    assert [build["name"] for build in first["builds"]] == ["hub", "notebook"]
    assert first["builds"][1]["source_location"] is None
    assert "made the ECR repository hubplane/opensarlab/notebook" in first["changes"]
    world.push(first["notebook_image"])
    assert [build["name"] for build in world.run(**source)["builds"]] == ["hub"]
