"""The Recycle Bin's retention rules: a service that the emulator does not have."""

from __future__ import annotations

import base64
import json
import random
import re
import string
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region
from ministack.services.cloudformation import provisioners

from local.cloud.cloud import Cloud
from local.cloud.control import json_response
from local.cloud.gateway import Gateway, Request, Response
from local.cloud.mends import mend

RESOURCE_TYPES = ("EBS_SNAPSHOT", "EC2_IMAGE", "EBS_VOLUME")
LONGEST_RETENTION_DAYS = 3650
LARGEST_PAGE = 1000
# botocore's model of rbin: most entries of ResourceTags and of ExcludeResourceTags.
MOST_TAGS = {"ResourceTags": 50, "ExcludeResourceTags": 5}
SHOWN = ("Identifier", "Description", "ResourceType", "RetentionPeriod", *MOST_TAGS, "Status", "RuleArn")
LISTED = ("Identifier", "Description", "RetentionPeriod", "RuleArn")
SETTABLE = ("Description", "RetentionPeriod", *MOST_TAGS)
RULE_TYPE = "AWS::Rbin::Rule"

_rules: Any = AccountRegionScopedDict()
_ARN = re.compile(r"/tags/arn:[^/]+:rule/(?P<identifier>[0-9a-zA-Z]{11})\Z")


class _Refused(Exception):
    """An answer in rbin's words: HTTP status, exception, its reason, message."""

    def __init__(self, status: int, name: str, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.name, self.reason = status, name, reason


@mend
def recycle_bin(cloud: Cloud, gateway: Gateway) -> None:
    """There is no Recycle Bin. With this its retention rules can be made, read, listed in pages, changed, tagged and deleted.

    Only the rules: what is deleted is gone here, whatever they say. Locks are not there.
    """

    async def answer(request: Request) -> Response | None:
        if request.service != "rbin":
            return None
        try:
            return _answer(request)
        except _Refused as refused:
            content = {"Message": str(refused), "Reason": refused.reason}
            status, headers, body = json_response(refused.status, content)
            return status, {**headers, "x-amzn-errortype": refused.name}, body

    gateway.intercept(answer)


@mend
def stacks_have_recycle_bin_rules(cloud: Cloud, gateway: Gateway) -> None:
    """``AWS::Rbin::Rule`` is unrecognised, and with it the whole template. With this stacks make, change and delete rules."""

    def create(logical_id: str, props: dict[str, Any], stack_name: str) -> tuple[str, dict[str, Any]]:
        return _as_resource(_words_of_stacks(_create, _as_request(props)))

    def update(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str, logical_id: str
    ) -> tuple[str, dict[str, Any]]:
        identifier = physical_id.rsplit("/", 1)[-1]
        wanted = _as_request(new)
        left = {name: "" if name == "Description" else [] for name in SETTABLE if name in old and name not in wanted}
        return _as_resource(_words_of_stacks(_update, identifier, {**left, **wanted}))

    def delete(physical_id: str, props: dict[str, Any]) -> None:
        _rules.pop(physical_id.rsplit("/", 1)[-1], None)

    provisioners._RESOURCE_HANDLERS[RULE_TYPE] = {
        "create": create,
        "update": update,
        "update_with_logical_id": True,
        "delete": delete,
    }


def _answer(request: Request) -> Response:
    body = json.loads(request.body or b"{}")
    path = unquote(request.path)
    tagged = _ARN.match(path)
    match (request.method, path.strip("/").split("/")):
        case ("POST", ["list-rules"]):
            return json_response(200, _list(body))
        case ("POST", ["rules"]):
            return json_response(201, {**_shown(_create(body)), "Tags": body.get("Tags", [])})
        case ("GET", ["rules", identifier]):
            return json_response(200, _shown(_rule(identifier)))
        case ("PATCH", ["rules", identifier]):
            return json_response(200, _shown(_update(identifier, body)))
        case ("DELETE", ["rules", identifier]):
            del _rules[_rule(identifier)["Identifier"]]
            return json_response(204, {})
        case (method, ["tags", *_]) if tagged:
            return _tags(method, _rule(tagged["identifier"]), body, request.query.get("tagKeys", []))
    raise _Refused(400, "ValidationException", "INVALID_PARAMETER_VALUE", f"{request.method} {path} is not supported here")


def _create(given: Mapping[str, Any]) -> dict[str, Any]:
    for name in ("ResourceType", "RetentionPeriod"):
        if name not in given:
            raise _invalid(f"{name} is required")
    identifier = "".join(random.choices(string.ascii_letters + string.digits, k=11))  # noqa: S311  a name, not a secret
    rule = {
        "Identifier": identifier,
        "ResourceType": _resource_type(given),
        "Description": "",
        **_settings(given),
        "Status": "available",
        "RuleArn": f"arn:aws:rbin:{get_region()}:{get_account_id()}:rule/{identifier}",
        "Tags": {tag["Key"]: tag["Value"] for tag in given.get("Tags") or []},
    }
    _refuse_tags_and_exclusions(rule)
    _rules[identifier] = rule
    return rule


def _update(identifier: str, given: Mapping[str, Any]) -> dict[str, Any]:
    rule = _rule(identifier)
    if given.get("ResourceType", rule["ResourceType"]) != rule["ResourceType"]:
        raise _invalid("The resource type of a retention rule can't be changed")
    changed = {**rule, **_settings(given)}
    _refuse_tags_and_exclusions(changed)
    _rules[identifier] = changed
    return changed


def _list(given: Mapping[str, Any]) -> dict[str, Any]:
    kind, size = _resource_type(given), given.get("MaxResults", LARGEST_PAGE)
    if type(size) is not int or not 1 <= size <= LARGEST_PAGE:
        raise _invalid(f"MaxResults: {size!r} is not from 1 to {LARGEST_PAGE}")
    after = _after(given.get("NextToken"))
    wanted = {name: _pairs(given[name]) for name in MOST_TAGS if given.get(name)}
    found = [
        rule
        for identifier, rule in sorted(_rules.items())
        if identifier > after
        and rule["ResourceType"] == kind
        and all(pairs <= _pairs(rule.get(name, [])) for name, pairs in wanted.items())
    ]
    page = [{name: rule[name] for name in LISTED} for rule in found[:size]]
    more = {"NextToken": base64.b64encode(page[-1]["Identifier"].encode()).decode()} if len(found) > size else {}
    return {"Rules": page, **more}


def _tags(method: str, rule: dict[str, Any], body: Mapping[str, Any], keys: list[str]) -> Response:
    match method:
        case "POST":
            rule["Tags"].update({tag["Key"]: tag["Value"] for tag in body.get("Tags", [])})
            return json_response(201, {})
        case "DELETE":
            for key in keys:
                rule["Tags"].pop(key, None)
            return json_response(204, {})
    return json_response(200, {"Tags": [{"Key": key, "Value": value} for key, value in rule["Tags"].items()]})


def _settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a rule can be set to, checked; those that are not given are left out."""
    settings = {name: given[name] for name in SETTABLE if given.get(name) is not None}
    period = settings.get("RetentionPeriod")
    if period is not None:
        days = period.get("RetentionPeriodValue")
        if period.get("RetentionPeriodUnit") != "DAYS" or type(days) is not int or not 1 <= days <= LONGEST_RETENTION_DAYS:
            raise _invalid(f"RetentionPeriod: {json.dumps(period)} is not 1 to {LONGEST_RETENTION_DAYS} DAYS")
    for name, most in MOST_TAGS.items():
        if len(settings.get(name, [])) > most:
            raise _invalid(f"{name}: {len(settings[name])} tags are more than {most}")
    return settings


def _refuse_tags_and_exclusions(rule: Mapping[str, Any]) -> None:
    # Only a Region-level rule has exclusion tags (EBS User Guide, "Create a Recycle Bin retention rule").
    if rule.get("ResourceTags") and rule.get("ExcludeResourceTags"):
        raise _invalid("ResourceTags and ExcludeResourceTags can't both be given")


def _resource_type(given: Mapping[str, Any]) -> str:
    kind = given.get("ResourceType")
    if kind not in RESOURCE_TYPES:
        raise _invalid(f"ResourceType: {kind!r} is none of {', '.join(RESOURCE_TYPES)}")
    return str(kind)


def _rule(identifier: str) -> dict[str, Any]:
    rule: dict[str, Any] | None = _rules.get(identifier)
    if rule is None:
        raise _Refused(404, "ResourceNotFoundException", "RULE_NOT_FOUND", f"Rule {identifier} not found")
    return rule


def _shown(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {name: rule[name] for name in SHOWN if name in rule}


def _pairs(tags: list[dict[str, str]]) -> set[tuple[str, str]]:
    return {(tag["ResourceTagKey"], tag.get("ResourceTagValue", "")) for tag in tags}


def _after(token: str | None) -> str:
    try:
        return base64.b64decode(token, validate=True).decode() if token else ""
    except ValueError:
        message = "The page token is not one that ListRules gave"
        raise _Refused(400, "ValidationException", "INVALID_PAGE_TOKEN", message) from None


def _invalid(message: str) -> _Refused:
    return _Refused(400, "ValidationException", "INVALID_PARAMETER_VALUE", message)


def _as_request(props: Mapping[str, Any]) -> dict[str, Any]:
    """A stack's properties as CreateRule takes them; parameters of a template are texts, also where they are numbers."""
    wanted = dict(props)
    period = props.get("RetentionPeriod")
    if isinstance(period, Mapping) and str(period.get("RetentionPeriodValue", "")).isdigit():
        wanted["RetentionPeriod"] = {**period, "RetentionPeriodValue": int(period["RetentionPeriodValue"])}
    return wanted


def _as_resource(rule: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    return rule["RuleArn"], {"Arn": rule["RuleArn"], "Identifier": rule["Identifier"]}


def _words_of_stacks(call: Any, *arguments: Any) -> dict[str, Any]:
    try:
        rule: dict[str, Any] = call(*arguments)
    except _Refused as refused:
        code = {404: "NotFound"}.get(refused.status, "InvalidRequest")
        message = f'"{refused} (Service: Rbin, Status Code: {refused.status})" (HandlerErrorCode: {code})'
        raise ValueError(f"Resource handler returned message: {message}") from None
    return rule
