"""ECR: repositories, tags and what an image says of itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import urllib3

from hubplane.domain.errors import NotYet
from hubplane.domain.provider_errors import error_code, translated

MANIFEST_TYPES = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)
# A configuration is some 10 kB; a larger blob is not one, and not worth the memory.
MAX_CONFIG_BYTES = 1_000_000
FETCH_SECONDS = 10.0
# Untagged images are left-overs of interrupted pushes. Tagged ones stay: a tag may be the one that a hub runs.
LIFECYCLE_POLICY = {
    "rules": [
        {
            "rulePriority": 1,
            "description": "Left-overs of interrupted pushes",
            "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14},
            "action": {"type": "expire"},
        }
    ]
}


def fetch(url: str) -> bytes:
    """The bytes behind a presigned URL. Raises ``urllib3.exceptions.HTTPError`` or ``ValueError`` where there are none."""
    with urllib3.PoolManager() as pool:
        answer = pool.request("GET", url, timeout=FETCH_SECONDS, retries=False, preload_content=False)
        try:
            if answer.status != 200:
                raise ValueError(f"HTTP {answer.status}")
            return answer.read(MAX_CONFIG_BYTES)
        finally:
            answer.release_conn()


def _of(registry_id: str | None) -> dict[str, str]:
    return {} if registry_id is None else {"registryId": registry_id}


class Ecr:
    """Private registries of one Region; ``registry_id`` is the account that owns the repository, None for one's own."""

    def __init__(self, client: Any, fetch: Callable[[str], bytes] = fetch) -> None:
        self._client = client
        self._fetch = fetch

    def repository_uri(self, repository: str, registry_id: str | None = None) -> str | None:
        """``<registry host>/<repository>``; None where there is no such repository."""
        with translated(f"describe repository {repository}"):
            try:
                found = self._client.describe_repositories(repositoryNames=[repository], **_of(registry_id))["repositories"]
            except Exception as error:
                if error_code(error) == "RepositoryNotFoundException":
                    return None
                raise
        return next((item["repositoryUri"] for item in found), None)

    def tag_exists(self, repository: str, tag: str, registry_id: str | None = None) -> bool:
        """Whether the repository holds an image of this tag; False also where there is no such repository."""
        image_ids = [{"imageTag": tag}]
        with translated(f"describe image {repository}:{tag}"):
            try:
                found = self._client.describe_images(repositoryName=repository, imageIds=image_ids, **_of(registry_id))
            except Exception as error:
                if error_code(error) in ("ImageNotFoundException", "RepositoryNotFoundException"):
                    return False
                raise
        return bool(found["imageDetails"])

    def newest_tags(self, repository: str, most: int, registry_id: str | None = None) -> tuple[tuple[str, datetime], ...]:
        """(tag, pushed at) of the newest images, one tag each, the newest first; () also where there is no such repository.

        ECR answers in no order, so all pages are read (1,000 images each). ``latest`` is named only for an image with no other
        tag: it is another image tomorrow.
        """
        with translated(f"list the images of repository {repository}"):
            try:
                pages = self._client.get_paginator("describe_images").paginate(
                    repositoryName=repository,
                    filter={"tagStatus": "TAGGED"},
                    PaginationConfig={"PageSize": 1000},
                    **_of(registry_id),
                )
                images = [image for page in pages for image in page["imageDetails"] if image.get("imageTags")]
            except Exception as error:
                if error_code(error) == "RepositoryNotFoundException":
                    return ()
                raise
        images.sort(key=lambda image: image["imagePushedAt"], reverse=True)
        return tuple(
            (min(image["imageTags"], key=lambda tag: (tag == "latest", tag)), image["imagePushedAt"].astimezone(UTC))
            for image in images[:most]
        )

    def ensure_repository(self, repository: str, tags: Mapping[str, str]) -> tuple[str, bool]:
        """(URI, whether it was made) of a repository of one's own registry. Repeatable.

        Tags of images are immutable (a tag is never another image than the one that was checked), pushes are scanned, and
        the layers encrypted.
        """
        uri, made = self.repository_uri(repository), False
        if uri is None:
            made = self._create_repository(repository, tags)
            uri = self.repository_uri(repository)
        if uri is None:
            raise NotYet(f"repository {repository} was made and is not visible yet: try again")
        if not self._has_lifecycle_policy(repository):
            with translated(f"write the lifecycle policy of repository {repository}"):
                self._client.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=json.dumps(LIFECYCLE_POLICY))
        return uri, made

    def _create_repository(self, repository: str, tags: Mapping[str, str]) -> bool:
        with translated(f"create repository {repository}"):
            try:
                self._client.create_repository(
                    repositoryName=repository,
                    imageTagMutability="IMMUTABLE",
                    imageScanningConfiguration={"scanOnPush": True},
                    encryptionConfiguration={"encryptionType": "AES256"},
                    tags=[{"Key": key, "Value": value} for key, value in sorted(tags.items())],
                )
            except Exception as error:
                if error_code(error) == "RepositoryAlreadyExistsException":
                    return False
                raise
        return True

    def _has_lifecycle_policy(self, repository: str) -> bool:
        with translated(f"read the lifecycle policy of repository {repository}"):
            try:
                self._client.get_lifecycle_policy(repositoryName=repository)
            except Exception as error:
                if error_code(error) == "LifecyclePolicyNotFoundException":
                    return False
                raise
        return True

    def image_config(self, repository: str, tag: str, registry_id: str) -> tuple[Mapping[str, Any] | None, str]:
        """(configuration, "") of an image, or (None, why): what it says of itself is a courtesy, so its lack is no error.

        Of an image for several platforms, the configuration for linux/amd64, else the first.
        """
        try:
            manifest = self._manifest(repository, registry_id, {"imageTag": tag})
            if "manifests" in manifest:
                choices = manifest["manifests"]
                amd64 = [item for item in choices if item.get("platform", {}).get("architecture") == "amd64"]
                manifest = self._manifest(repository, registry_id, {"imageDigest": (amd64 or choices)[0]["digest"]})
            url = self._client.get_download_url_for_layer(
                registryId=registry_id, repositoryName=repository, layerDigest=manifest["config"]["digest"]
            )["downloadUrl"]
            config = json.loads(self._fetch(url))
        except (urllib3.exceptions.HTTPError, ValueError, LookupError) as error:
            return None, f"its configuration could not be read: {type(error).__name__}"
        except Exception as error:
            if error_code(error) is None:
                raise
            return None, f"its configuration could not be read: {error_code(error)}"
        return (config, "") if isinstance(config, dict) else (None, "its configuration could not be read: not a JSON object")

    def _manifest(self, repository: str, registry_id: str, image_id: dict[str, str]) -> dict[str, Any]:
        answer = self._client.batch_get_image(
            registryId=registry_id, repositoryName=repository, imageIds=[image_id], acceptedMediaTypes=list(MANIFEST_TYPES)
        )
        manifest: dict[str, Any] = json.loads(answer["images"][0]["imageManifest"])
        return manifest
