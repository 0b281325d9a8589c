"""What a request body holds: JSON, YAML or Protobuf, whatever the client chose."""

from __future__ import annotations

import json
from typing import Any

import yaml

from local.kubernetes.api.errors import ApiError, bad_request
from local.kubernetes.api.patches import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH
from local.kubernetes.api.protobuf import MAGIC, decode

PROTOBUF = "application/vnd.kubernetes.protobuf"
_PATCH_TYPES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH)


def decoded(body: bytes, content_type: str) -> Any:
    """The object of a POST, PUT or DELETE body. A missing Content-Type means JSON, as the Python client assumes."""
    media = content_type.partition(";")[0].strip().lower()
    if body.startswith(MAGIC):
        return decode(body)
    if media in ("", "application/json"):
        return _json(body)
    if media in ("application/yaml", "application/x-yaml"):
        return _yaml(body)
    raise ApiError(
        415,
        "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, "
        f"{PROTOBUF}",
    )


def decoded_patch(body: bytes, content_type: str) -> tuple[str, Any]:
    """Media type and content of a PATCH body."""
    media = content_type.partition(";")[0].strip().lower()
    if media not in _PATCH_TYPES:
        raise ApiError(415, "415: Unsupported Media Type", details={})
    return media, _yaml(body) if media == APPLY_PATCH else _json(body)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise bad_request(f"couldn't get version/kind; json parse error: {error}") from error


def _yaml(body: bytes) -> Any:
    try:
        return json.loads(body)  # "YAML" of helm and kubectl is JSON, and json is a hundred times faster
    except ValueError:
        pass
    try:
        return yaml.safe_load(body)
    except yaml.YAMLError as error:
        raise bad_request(f"error decoding YAML: {error}") from error
