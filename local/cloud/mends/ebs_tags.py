"""Tags of volumes and snapshots: what EC2 refuses."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import ec2

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend, replace_action

# EC2 User Guide, "Tag your Amazon EC2 resources", Restrictions.
LARGEST_COUNT, LONGEST_KEY, LONGEST_VALUE = 50, 128, 256
_KEY = re.compile(r"(?:TagSpecification\.(\d+)\.)?Tag\.\d+\.Key\Z")


@mend
def tags_are_checked(cloud: Cloud, gateway: Gateway) -> None:
    """Any tag is taken, also of things that are not there.

    With this CreateTags, CreateSnapshot and CreateVolume refuse keys that begin with ``aws:``, keys and values that are too
    long and a 51st tag, and CreateTags a volume or snapshot that does not exist.
    """
    for action in ("CreateTags", "CreateSnapshot", "CreateVolume"):
        handler = ec2._ACTION_MAP[action]
        replace_action(ec2, handler, _checking(handler))


def _checking(handler: Any) -> Any:
    def handle(parameters: dict[str, Any]) -> Any:
        refused = _refusal(parameters)
        return ec2._error(*refused, 400) if refused else handler(parameters)

    return handle


def _refusal(parameters: dict[str, Any]) -> tuple[str, str] | None:
    given: dict[str, dict[str, str]] = {}
    for name in parameters:
        if found := _KEY.match(name):
            value = ec2._p(parameters, f"{name.removesuffix('Key')}Value")
            given.setdefault(found[1] or "", {})[ec2._p(parameters, name)] = value
    for tags in given.values():
        for key, value in tags.items():
            if key.lower().startswith("aws:"):
                return "InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use"
            if len(key) > LONGEST_KEY or len(value) > LONGEST_VALUE:
                message = f"Tag {escape(key[:LONGEST_KEY])} exceeds {LONGEST_KEY} characters, or its value {LONGEST_VALUE}"
                return "InvalidParameterValue", message
        if len(tags) > LARGEST_COUNT:
            return _too_many()
    return _refused_resource(ec2._parse_member_list(parameters, "ResourceId"), given.get("", {}))


def _refused_resource(resource_ids: Iterable[str], tags: dict[str, str]) -> tuple[str, str] | None:
    for resource_id in resource_ids:
        for prefix, records, kind in (("vol-", ec2._volumes, "Volume"), ("snap-", ec2._snapshots, "Snapshot")):
            if resource_id.startswith(prefix) and resource_id not in records:
                return f"Invalid{kind}.NotFound", f"The {kind.lower()} '{escape(resource_id)}' does not exist."
        present = {tag["Key"] for tag in ec2._tags.get(resource_id, []) if not tag["Key"].startswith("aws:")}
        if len(present | set(tags)) > LARGEST_COUNT:
            return _too_many()
    return None


def _too_many() -> tuple[str, str]:
    return "TagLimitExceeded", "The maximum number of Tags for a resource has been reached."
