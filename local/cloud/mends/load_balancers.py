"""Load balancers: in the zones and the VPC of their subnets."""

from __future__ import annotations

import re
from typing import Any

from ministack.services import acm, alb, ec2
from ministack.services.cloudformation import provisioners

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend, replace_action

MAX_NAME_LENGTH = 32


@mend
def load_balancers_in_their_zones(cloud: Cloud, gateway: Gateway) -> None:
    """Every load balancer says zone a and the default VPC, one subnet is enough, names may have any length and be taken.

    Rules: CreateLoadBalancer and CreateTargetGroup in the Elastic Load Balancing API reference. They hold for stacks as well.
    """
    create, xml, create_group = alb._create_lb, alb._lb_xml, alb._create_tg
    create_in_stack = provisioners._elbv2_load_balancer_create

    def create_checked(parameters: dict[str, Any]) -> Any:
        subnets = alb._parse_member_list(parameters, "Subnets")
        refusal = _refusal(alb._p(parameters, "Name"), subnets)
        if refusal:
            return alb._error(*refusal)
        return create({**parameters, "VpcId": [ec2._subnets[subnets[0]]["VpcId"]]})

    def create_checked_in_stack(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        subnets = provisioners._elbv2_as_list(props.get("Subnets"))
        refusal = _refusal(props.get("Name") or "unnamed", subnets)
        if refusal is None and any(props.get("Name") == item["LoadBalancerName"] for item in alb._lbs.values()):
            refusal = "AlreadyExists", f"A load balancer with the same name '{props['Name']}' exists, but with different settings"
        if refusal:
            raise ValueError(f'Resource handler returned message: "{refusal[1]}" (HandlerErrorCode: {refusal[0]})')
        return create_in_stack(logical_id, {**props, "VpcId": ec2._subnets[subnets[0]]["VpcId"]}, stack_name)

    def create_group_checked(parameters: dict[str, Any]) -> Any:
        refusal = _name_refusal(alb._p(parameters, "Name"))
        return alb._error("ValidationError", refusal) if refusal else create_group(parameters)

    def described(balancer: dict[str, Any]) -> str:
        text: str = xml(balancer)
        for subnet in balancer.get("Subnets", []):
            zone = ec2._subnets.get(subnet, {}).get("AvailabilityZone", "")
            text = re.sub(rf"<ZoneName>[^<]*</ZoneName>(?=<SubnetId>{subnet}<)", f"<ZoneName>{zone}</ZoneName>", text)
        return text

    replace_action(alb, create, create_checked)
    replace_action(alb, create_group, create_group_checked)
    replace_action(alb, xml, described)
    _in_stacks("AWS::ElasticLoadBalancingV2::LoadBalancer", create_in_stack, create_checked_in_stack)


@mend
def listeners_need_their_certificate(cloud: Cloud, gateway: Gateway) -> None:
    """A listener takes a certificate that does not exist. With this it is ``CertificateNotFound``, in stacks as well."""
    create, create_in_stack = alb._create_listener, provisioners._elbv2_listener_create

    def create_checked(parameters: dict[str, Any]) -> Any:
        missing = _missing(alb._parse_certificate_arns(parameters))
        return alb._error("CertificateNotFound", missing) if missing else create(parameters)

    def create_checked_in_stack(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        missing = _missing([item.get("CertificateArn") for item in props.get("Certificates") or []])
        if missing:
            raise ValueError(f'Resource handler returned message: "{missing}" (HandlerErrorCode: NotFound)')
        return create_in_stack(logical_id, props, stack_name)

    replace_action(alb, create, create_checked)
    _in_stacks("AWS::ElasticLoadBalancingV2::Listener", create_in_stack, create_checked_in_stack)


def _in_stacks(kind: str, original: Any, replacement: Any) -> None:
    replace_action(provisioners, original, replacement)
    provisioners._RESOURCE_HANDLERS[kind] |= {"create": replacement}


def _missing(certificate_arns: list[Any]) -> str | None:
    for arn in certificate_arns:
        if arn not in acm._certificates:
            return f"Certificate ARN '{arn}' is not valid"
    return None


def _refusal(name: str, subnets: list[str]) -> tuple[str, str] | None:
    named = _name_refusal(name)
    if named:
        return "ValidationError", named
    missing = [subnet for subnet in subnets if subnet not in ec2._subnets]
    if missing:
        return "SubnetNotFound", f"The subnet ID '{missing[0]}' does not exist"
    if len({ec2._subnets[subnet]["AvailabilityZone"] for subnet in subnets}) < 2:
        return "InvalidConfigurationRequest", "At least two subnets in two different Availability Zones must be specified"
    return None


def _name_refusal(name: str) -> str | None:
    if len(name) > MAX_NAME_LENGTH:
        return f"1 validation error detected: '{name}' cannot be longer than '{MAX_NAME_LENGTH}' characters"
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?", name):
        return f"The name '{name}' can only contain characters that are alphanumeric characters and hyphens(-)"
    return None
