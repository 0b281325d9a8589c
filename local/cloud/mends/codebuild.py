"""CodeBuild: builds take a moment and end in an image, or in a phase that says why not."""

from __future__ import annotations

import json
import time
from typing import Any

from ministack.services import codebuild, ecr, s3

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend
from local.cloud.scoped import later
from local.cloud.seed import push_image

BUILD_SECONDS = 1.0
PHASES = ("SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE", "INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD", "FINALIZING")
VERSION_LABEL = "hubplane.jupyterhub-version"  # what hub/buildspec.yml puts on the images it builds


class BuildFailed(Exception):
    """A phase failed; carries the phase, the status code and the message CodeBuild would show."""

    def __init__(self, phase: str, code: str, message: str) -> None:
        super().__init__(message)
        self.phase, self.code = phase, code


@mend
def builds_end_in_images(cloud: Cloud, gateway: Gateway) -> None:
    """A build is SUCCEEDED at once, its overrides are ignored, and no image appears.

    No container is run here either: instead, the image that the variables ``IMAGE_REPOSITORY`` and ``IMAGE_TAG`` name is put
    into ECR, as the project's buildspec would push it. A tag with "broken" in it fails in phase BUILD, a source that is not
    in S3 in DOWNLOAD_SOURCE.
    """
    start = codebuild._start_build

    def start_build(given: dict[str, Any]) -> Any:
        status, headers, content = start(given)
        if status >= 400:
            return status, headers, content
        build = codebuild._builds[json.loads(content)["build"]["id"]]
        environment = dict(build["environment"])
        overrides = given.get("environmentVariablesOverride") or []
        named = {item["name"]: item for item in [*(environment.get("environmentVariables") or []), *overrides]}
        environment["environmentVariables"] = list(named.values())
        source = {**build["source"]}
        for field, override in (("type", "sourceTypeOverride"), ("location", "sourceLocationOverride")):
            if given.get(override):
                source[field] = given[override]
        build.update(
            environment=environment, source=source, buildStatus="IN_PROGRESS", currentPhase="QUEUED", buildComplete=False
        )
        build["phases"] = _phases(build, until="QUEUED")
        build.pop("endTime", None)
        later(lambda: _run(build))
        return codebuild.json_response({"build": build})

    codebuild._start_build = start_build


@mend
def image_configurations_can_be_read(cloud: Cloud, gateway: Gateway) -> None:
    """``GetDownloadUrlForLayer`` answers a host that is not this emulator. With this the URL leads to the blob."""
    original = ecr._get_download_url_for_layer

    def answer(given: dict[str, Any]) -> Any:
        status, headers, content = original(given)
        if status >= 400:
            return status, headers, content
        name, digest = given["repositoryName"], given["layerDigest"]
        if digest not in ecr._layer_blobs.get(name, {}):
            return ecr.error_response_json("LayersNotFoundException", f"The layer with digest '{digest}' does not exist", 400)
        url = f"{cloud.endpoint_url}/v2/{name}/blobs/{digest}"
        return ecr.json_response({"downloadUrl": url, "layerDigest": digest})

    ecr._get_download_url_for_layer = answer


def _run(build: dict[str, Any]) -> None:
    time.sleep(BUILD_SECONDS)
    if build["buildStatus"] != "IN_PROGRESS":
        return
    try:
        _download(build["source"])
        _build(build)
    except BuildFailed as error:
        build["phases"] = _phases(build, until=error.phase, failure=error)
        build["buildStatus"] = "FAILED"
    else:
        build["phases"] = _phases(build, until="FINALIZING")
        build["buildStatus"] = "SUCCEEDED"
    build.update(endTime=int(time.time()), currentPhase="COMPLETED", buildComplete=True)


def _download(source: dict[str, Any]) -> None:
    if source.get("type") != "S3":
        return
    bucket, _, key = str(source.get("location", "")).partition("/")
    if s3._get_object(bucket, key, {}, {})[0] >= 400:
        message = (
            f"CLIENT_ERROR: NoSuchKey: The specified key does not exist. for primary source and source version {bucket}/{key}"
        )
        raise BuildFailed("DOWNLOAD_SOURCE", "YAML_FILE_ERROR", message)


def _build(build: dict[str, Any]) -> None:
    variables = {item["name"]: item["value"] for item in build["environment"]["environmentVariables"]}
    name, tag = variables.get("IMAGE_REPOSITORY", ""), variables.get("IMAGE_TAG", "")
    if not name or not tag:
        return
    if "broken" in tag:
        message = "Error while executing command: docker build. Reason: exit status 1"
        raise BuildFailed("BUILD", "COMMAND_EXECUTION_ERROR", message)
    repository = repository_of(name)
    present = [image for image in ecr._images.get(repository, []) if tag in image.get("imageTags", [])]
    if present:
        return
    labels = {"org.opencontainers.image.version": tag}
    if variables.get("JUPYTERHUB_VERSION"):
        labels[VERSION_LABEL] = variables["JUPYTERHUB_VERSION"]
    if variables.get("GIT_REPOSITORY_URL"):
        labels["org.opencontainers.image.source"] = variables["GIT_REPOSITORY_URL"]
    try:
        push_image(repository, tag, labels)
    except ValueError as error:
        message = f"Error while executing command: docker push {name}:{tag}. Reason: {error}"
        raise BuildFailed("BUILD", "COMMAND_EXECUTION_ERROR", message) from error


def repository_of(name: str) -> str:
    """The repository in an image name: without the registry's host, if there is one (as docker tells them apart)."""
    first, _, rest = name.partition("/")
    return rest if rest and ("." in first or ":" in first) else name


def _phases(build: dict[str, Any], until: str, failure: BuildFailed | None = None) -> list[dict[str, Any]]:
    now = int(time.time())
    reached = PHASES[: PHASES.index(until) + 1]
    phases: list[dict[str, Any]] = [
        {"phaseType": phase, "phaseStatus": "SUCCEEDED", "startTime": build["startTime"], "endTime": now, "durationInSeconds": 0}
        for phase in reached
    ]
    if failure:
        context = {"statusCode": failure.code, "message": str(failure)}
        phases[-1] |= {"phaseStatus": "FAILED", "contexts": [context]}
    if until not in ("SUBMITTED", "QUEUED"):
        phases.append({"phaseType": "COMPLETED", "startTime": now})
    return phases
