"""Templates that CloudFormation refuses, and failures that tests ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ministack.services.cloudformation import changesets, engine, handlers, stacks

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend, replace_action

_SUB_NAME = re.compile(r"\$\{([^!}][^}]*)\}")


@mend
def unresolved_references_fail(cloud: Cloud, gateway: Gateway) -> None:
    """A ``Ref``, ``Fn::GetAtt``, ``Fn::Sub`` or ``DependsOn`` of something that is not there passes as its own name.

    With this creating and updating, by change set or not, is refused as AWS does. Templates with a transform are left alone:
    it adds resources of its own.
    """
    parse = engine._parse_template

    def checked(body: str, *args: Any, **kwargs: Any) -> Any:
        template = parse(body, *args, **kwargs)
        missing = unresolved(template)
        if missing:
            names = ", ".join(missing)
            raise ValueError(
                f"Template format error: Unresolved resource dependencies [{names}] in the Resources block of the template"
            )
        return template

    for module in (changesets, handlers):
        replace_action(module, parse, checked)


@mend
def failures_on_demand(cloud: Cloud, gateway: Gateway) -> None:
    """Nothing on the emulator fails by itself. With this ``POST /_hubplane/faults`` lets a resource of a stack fail once."""
    provision, update = stacks._provision_resource, stacks._update_resource

    def provision_or_fail(kind: str, logical_id: str, props: Any, stack_name: str, *rest: Any) -> Any:
        _fail(cloud, kind, stack_name)
        return provision(kind, logical_id, props, stack_name, *rest)

    def update_or_fail(kind: str, physical_id: str, old: Any, new: Any, stack_name: str, *rest: Any) -> Any:
        if old != new:  # what does not differ is not touched
            _fail(cloud, kind, stack_name)
        return update(kind, physical_id, old, new, stack_name, *rest)

    stacks._provision_resource = provision_or_fail
    stacks._update_resource = update_or_fail


def _fail(cloud: Cloud, kind: str, stack_name: str) -> None:
    reason = cloud.faults.take(kind, stack_name)
    if reason:
        raise ValueError(reason)


def unresolved(template: dict[str, Any]) -> list[str]:
    """Names that the resources of a template refer to and nothing declares, sorted."""
    if not isinstance(template, dict) or template.get("Transform"):
        return []
    resources = template.get("Resources") or {}
    known = set(resources) | set(template.get("Parameters") or {})
    named: set[str] = set()
    for resource in resources.values():
        depends = resource.get("DependsOn") or []
        named |= set([depends] if isinstance(depends, str) else depends)
        named |= set(_references(resource.get("Properties") or {}))
    return sorted(name for name in named if name not in known and not name.startswith("AWS::"))


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        if key == "Ref" and isinstance(item, str):
            yield item
        elif key == "Fn::GetAtt":
            yield (item.split(".")[0] if isinstance(item, str) else item[0])
        elif key == "Fn::Sub":
            text, own = (item, {}) if isinstance(item, str) else (item[0], item[1])
            yield from (name.split(".")[0] for name in _SUB_NAME.findall(text) if name.split(".")[0] not in own)
            yield from _references(own)
        else:
            yield from _references(item)
