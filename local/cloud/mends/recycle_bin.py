"""The Recycle Bin: its rules by API and by stack, and what deleted snapshots and volumes do under them."""

from __future__ import annotations

import json
import secrets
import string
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from ministack.services import ec2
from ministack.services.cloudformation import provisioners

from local.cloud.cloud import Cloud
from local.cloud.control import json_response
from local.cloud.ebs_seed import ec2_time
from local.cloud.gateway import Gateway, Request, Response
from local.cloud.mends import mend, replace_action
from local.cloud.options import ACCOUNT_ID, REGION

# Recycle Bin User Guide, "Quotas" and "Considerations": days that a rule can keep something.
LONGEST_DAYS = {"EBS_SNAPSHOT": 365, "EC2_IMAGE": 365, "EBS_VOLUME": 7}
_CHARACTERS = string.ascii_letters + string.digits
_rules: dict[str, dict[str, Any]] = {}


class RuleRefused(Exception):
    """A rule is malformed; the message says why, in the words of the service."""


@mend
def recycle_bin_rules(cloud: Cloud, gateway: Gateway) -> None:
    """There is no Recycle Bin. With this its rules can be made, read, listed, changed and deleted, as rbin does."""

    async def answer(request: Request) -> Response | None:
        if request.service != "rbin":
            return None
        try:
            return _answer(request.method, unquote(request.path).strip("/").split("/"), json.loads(request.body or b"{}"))
        except RuleRefused as error:
            return _error(400, "ValidationException", str(error))

    gateway.intercept(answer)


@mend
def recycle_bin_in_stacks(cloud: Cloud, gateway: Gateway) -> None:
    """``AWS::Rbin::Rule`` is refused as an unknown resource type."""

    def create(logical_id: str, props: dict[str, Any], stack_name: str) -> tuple[str, dict[str, Any]]:
        return _in_stack(_create(_typed(props)))

    def update(arn: str, old: dict[str, Any], new: dict[str, Any], stack_name: str) -> tuple[str, dict[str, Any]]:
        return _in_stack(_update(_rules[arn.rpartition("/")[2]], _typed(new)))

    def delete(arn: str, props: dict[str, Any]) -> None:
        _rules.pop(arn.rpartition("/")[2], None)

    provisioners._RESOURCE_HANDLERS["AWS::Rbin::Rule"] = {"create": create, "update": update, "delete": delete}


@mend
def deleted_goes_to_the_bin(cloud: Cloud, gateway: Gateway) -> None:
    """What is deleted is gone. With this it lies in the Recycle Bin where a rule says so, is listed there and comes back."""
    snapshots = _Bin("EBS_SNAPSHOT", ec2._snapshots, "Snapshot")
    volumes = _Bin("EBS_VOLUME", ec2._volumes, "Volume")
    for bin_, delete in ((snapshots, ec2._delete_snapshot), (volumes, ec2._delete_volume)):
        replace_action(ec2, delete, bin_.deleting(delete))
        ec2._ACTION_MAP[f"List{bin_.kind}sInRecycleBin"] = bin_.list_content
        ec2._ACTION_MAP[f"Restore{bin_.kind}FromRecycleBin"] = bin_.restore


@dataclass
class _Bin:
    """What was deleted of one resource type, by id, with the times of entering and leaving."""

    resource_type: str
    records: Any
    kind: str
    content: dict[str, tuple[dict[str, Any], datetime, datetime]] = field(default_factory=dict)

    def deleting(self, delete: Any) -> Any:
        """``delete`` that keeps the record here where a rule matches it."""

        def delete_into_bin(parameters: dict[str, Any]) -> Any:
            record_id = ec2._p(parameters, f"{self.kind}Id")
            record, days = self.records.get(record_id), _days_kept(self.resource_type, record_id)
            answer = delete(parameters)
            if record and answer[0] == 200 and days:
                now = datetime.now(UTC)
                self.content[record_id] = (record, now, now + timedelta(days=days))
            return answer

        return delete_into_bin

    def list_content(self, parameters: dict[str, Any]) -> Any:
        wanted = ec2._parse_member_list(parameters, f"{self.kind}Id")
        items = "".join(
            f"<item><{self.kind.lower()}Id>{record_id}</{self.kind.lower()}Id>"
            f"<recycleBinEnterTime>{ec2_time(entered)}</recycleBinEnterTime>"
            f"<recycleBinExitTime>{ec2_time(leaves)}</recycleBinExitTime>"
            + (f"<volumeId>{record['VolumeId']}</volumeId>" if self.kind == "Snapshot" else f"<size>{record['Size']}</size>")
            + "</item>"
            for record_id, (record, entered, leaves) in self.content.items()
            if leaves > datetime.now(UTC) and record_id in (wanted or [record_id])
        )
        set_name = f"{self.kind.lower()}Set"
        return ec2._xml(200, f"List{self.kind}sInRecycleBinResponse", f"<{set_name}>{items}</{set_name}>")

    def restore(self, parameters: dict[str, Any]) -> Any:
        record_id = ec2._p(parameters, f"{self.kind}Id")
        found = self.content.pop(record_id, None)
        if found is None:
            message = f"The {self.kind.lower()} '{record_id}' does not exist in the Recycle Bin."
            return ec2._error(f"Invalid{self.kind}.NotFound", message, 400)
        self.records[record_id] = found[0]
        inner = ec2._snapshot_inner_xml(found[0]) if self.kind == "Snapshot" else "<return>true</return>"
        return ec2._xml(200, f"Restore{self.kind}FromRecycleBinResponse", inner)


def _days_kept(resource_type: str, record_id: str) -> int:
    tags = {(tag["Key"], tag.get("Value", "")) for tag in ec2._tags.get(record_id, [])}

    def carries(listed: list[dict[str, str]]) -> bool:
        return any(
            key == tag["ResourceTagKey"] and tag.get("ResourceTagValue", value) == value for tag in listed for key, value in tags
        )

    matching = [
        rule["RetentionPeriod"]["RetentionPeriodValue"]
        for rule in _rules.values()
        if rule["ResourceType"] == resource_type
        and (carries(rule["ResourceTags"]) if rule["ResourceTags"] else not carries(rule["ExcludeResourceTags"]))
    ]
    return max(matching, default=0)


def _answer(method: str, parts: list[str], given: dict[str, Any]) -> Response:
    if (method, parts) == ("POST", ["rules"]):
        return json_response(201, _create(given))
    if (method, parts) == ("POST", ["list-rules"]):
        return _list(given)
    rule = _rules.get(parts[1]) if parts[0] == "rules" and len(parts) == 2 else None
    if rule is None:
        return _error(404, "ResourceNotFoundException", "Rule not found.")
    if method == "PATCH":
        return json_response(200, _update(rule, given))
    if method == "DELETE":
        del _rules[rule["Identifier"]]
        return 204, {}, b""
    return json_response(200, rule)


def _list(given: dict[str, Any]) -> Response:
    shown = ("Identifier", "Description", "RetentionPeriod", "LockState", "RuleArn")
    found = [rule for _, rule in sorted(_rules.items()) if rule["ResourceType"] == given.get("ResourceType")]
    start, size = int(given.get("NextToken") or 0), int(given.get("MaxResults") or 1000)
    page = [{name: rule[name] for name in shown} for rule in found[start : start + size]]
    more = {"NextToken": str(start + size)} if start + size < len(found) else {}
    return json_response(200, {"Rules": page, **more})


def _create(given: dict[str, Any]) -> dict[str, Any]:
    identifier = "".join(secrets.choice(_CHARACTERS) for _ in range(11))
    rule = {
        "Identifier": identifier,
        "RuleArn": f"arn:aws:rbin:{REGION}:{ACCOUNT_ID}:rule/{identifier}",
        "Status": "available",
        "LockState": "unlocked",
        "Description": "",
        "ResourceTags": [],
        "ExcludeResourceTags": [],
    }
    _update(rule, given)
    _rules[identifier] = rule
    return rule


def _update(rule: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """``rule`` with what is given; nothing of it where something is malformed."""
    names = ("ResourceType", "RetentionPeriod", "Description", "ResourceTags", "ExcludeResourceTags")
    wanted = {**rule, **{name: given[name] for name in names if given.get(name) is not None}}
    kind, period = wanted.get("ResourceType"), wanted.get("RetentionPeriod") or {}
    if kind not in LONGEST_DAYS:
        raise RuleRefused(f"ResourceType {kind!r} must be one of {', '.join(sorted(LONGEST_DAYS))}")
    days = period.get("RetentionPeriodValue")
    if period.get("RetentionPeriodUnit") != "DAYS" or not isinstance(days, int) or not 1 <= days <= LONGEST_DAYS[kind]:
        raise RuleRefused(f"RetentionPeriod for {kind} must be between 1 and {LONGEST_DAYS[kind]} DAYS")
    if wanted["ResourceTags"] and wanted["ExcludeResourceTags"]:
        raise RuleRefused("ResourceTags and ExcludeResourceTags cannot be given together")
    rule.update(wanted)
    return rule


def _typed(props: dict[str, Any]) -> dict[str, Any]:
    """A template's properties with numbers as numbers, which a ``Ref`` makes texts."""
    period = props.get("RetentionPeriod") or {}
    value = str(period.get("RetentionPeriodValue", ""))
    return {**props, "RetentionPeriod": {**period, "RetentionPeriodValue": int(value) if value.isdigit() else value}}


def _in_stack(rule: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return rule["RuleArn"], {"Arn": rule["RuleArn"], "Identifier": rule["Identifier"], "LockState": rule["LockState"]}


def _error(status: int, code: str, message: str) -> Response:
    _, headers, body = json_response(status, {"Message": message})
    return status, {**headers, "x-amzn-errortype": code}, body
