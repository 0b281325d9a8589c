"""Security groups and network interfaces: found by what was asked for, with their tags, and kept while something uses them."""

from __future__ import annotations

from typing import Any

from ministack.services import ec2

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend, replace_action

INTERFACE = "NetworkInterfaceId"


@mend
def groups_by_id(cloud: Cloud, gateway: Gateway) -> None:
    """DescribeSecurityGroups takes the filter ``group-id`` and answers with every group. With this it answers with those."""
    describe = ec2._describe_security_groups

    def described(parameters: dict[str, Any]) -> Any:
        wanted = ec2._parse_filters(parameters).get("group-id")
        if wanted is None:
            return describe(parameters)
        found = [key for key in wanted if key in ec2._security_groups]
        if not found:
            return ec2._xml(200, "DescribeSecurityGroupsResponse", "<securityGroupInfo/>")
        return describe({**parameters, **_members("GroupId", found)})

    replace_action(ec2, describe, described)


@mend
def interfaces_by_filter(cloud: Cloud, gateway: Gateway) -> None:
    """DescribeNetworkInterfaces ignores every filter, and interfaces lose their tags: who deletes what it finds deletes them all.

    With this tags are kept, and the filters for ids, tags and status hold.
    """
    create, describe = ec2._create_network_interface, ec2._describe_network_interfaces

    def created(parameters: dict[str, Any]) -> Any:
        before = set(ec2._network_interfaces)
        answer = create(parameters)
        for key in set(ec2._network_interfaces) - before:
            ec2._parse_tag_specs(parameters, "network-interface", key)
        return answer

    def described(parameters: dict[str, Any]) -> Any:
        filters = ec2._parse_filters(parameters)
        found = [
            key
            for key, interface in ec2._network_interfaces.items()
            if ec2._resource_matches_tag_filters(key, filters)
            and key in filters.get("network-interface-id", [key])
            and interface["Status"] in filters.get("status", [interface["Status"]])
        ]
        if not found:
            return ec2._xml(200, "DescribeNetworkInterfacesResponse", "<networkInterfaceSet/>")
        asked = ec2._parse_member_list(parameters, INTERFACE)
        return describe({**parameters, **_members(INTERFACE, asked or found)}) if filters else describe(parameters)

    replace_action(ec2, create, created)
    replace_action(ec2, describe, described)


@mend
def groups_in_use_stay(cloud: Cloud, gateway: Gateway) -> None:
    """A security group that a network interface wears can be deleted. With this EC2 answers ``DependencyViolation``."""
    delete = ec2._delete_security_group

    def deleted(parameters: dict[str, Any]) -> Any:
        group_id = ec2._p(parameters, "GroupId")
        worn = [group["GroupId"] for interface in ec2._network_interfaces.values() for group in interface.get("Groups", [])]
        if group_id in worn:
            return ec2._error("DependencyViolation", f"resource {group_id} has a dependent object", 400)
        return delete(parameters)

    replace_action(ec2, delete, deleted)


def _members(name: str, values: list[str]) -> dict[str, list[str]]:
    return {f"{name}.{number}": [value] for number, value in enumerate(values, 1)}
