"""Target groups: attached to Auto Scaling groups, and healthy only when something answers."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from ministack.services import alb, autoscaling

from local.cloud import targets
from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway, Request, Response
from local.cloud.mends import mend, replace_action


@mend
def honest_target_health(cloud: Cloud, gateway: Gateway) -> None:
    """Every registered target is healthy, whether or not anything is there.

    With this a target is ``unused`` without a listener, and ``unhealthy`` with ``Target.FailedHealthChecks`` unless the
    stand-in has a ready node port behind it.
    """

    async def answer(request: Request) -> Response | None:
        if request.service != "elasticloadbalancing" or request.parameter("Action") != "DescribeTargetHealth":
            return None
        arn = request.parameter("TargetGroupArn") or ""
        if arn not in alb._tgs:
            return None
        # Off the event loop: the stand-in may ask this emulator something before it answers.
        found = await asyncio.to_thread(targets.targets, cloud.stand_in, arn)
        members = "".join(_member(target, targets.in_use(arn)) for target in found)
        return alb._xml(200, "DescribeTargetHealth", f"<TargetHealthDescriptions>{members}</TargetHealthDescriptions>")

    gateway.intercept(answer)


def _member(target: targets.Target, used: bool) -> str:
    if not used:
        health = "<State>unused</State><Reason>Target.NotInUse</Reason>"
        health += "<Description>Target group is not configured to receive traffic from the load balancer</Description>"
    elif target.answers_at.reachable:
        health = "<State>healthy</State>"
    else:
        health = (
            "<State>unhealthy</State><Reason>Target.FailedHealthChecks</Reason><Description>Health checks failed</Description>"
        )
    return (
        f"<member><Target><Id>{target.instance_id}</Id><Port>{target.port}</Port></Target>"
        f"<HealthCheckPort>{target.port}</HealthCheckPort><TargetHealth>{health}</TargetHealth></member>"
    )


@mend
def attached_target_groups(cloud: Cloud, gateway: Gateway) -> None:
    """Auto Scaling groups cannot be attached to target groups. With this they can, and describe them."""
    describe = autoscaling._describe_asgs

    def attach(parameters: dict[str, Any]) -> Any:
        wanted = _arns(parameters)
        missing = [arn for arn in wanted if arn not in alb._tgs]
        if missing:
            return autoscaling._error(
                "ValidationError", f"Trying to update too many or unknown Load Balancers/Target Groups: {missing[0]}"
            )
        return _change(parameters, lambda present: [*present, *(arn for arn in wanted if arn not in present)], "Attach")

    def detach(parameters: dict[str, Any]) -> Any:
        gone = _arns(parameters)
        return _change(parameters, lambda present: [arn for arn in present if arn not in gone], "Detach")

    def describe_attached(parameters: dict[str, Any]) -> Any:
        group = autoscaling._asgs.get(autoscaling._p(parameters, "AutoScalingGroupName"))
        if group is None:
            return _unknown(parameters)
        members = "".join(
            f"<member><LoadBalancerTargetGroupARN>{arn}</LoadBalancerTargetGroupARN><State>InService</State></member>"
            for arn in group.get(targets.ATTACHED, [])
        )
        name = "DescribeLoadBalancerTargetGroups"
        inner = f"<{name}Result><LoadBalancerTargetGroups>{members}</LoadBalancerTargetGroups></{name}Result>"
        return autoscaling._xml(200, f"{name}Response", inner)

    def describe_groups(parameters: dict[str, Any]) -> Any:
        status, headers, content = describe(parameters)
        text = content.decode() if isinstance(content, bytes) else content
        for name, group in autoscaling._asgs.items():
            arns = "".join(f"<member>{arn}</member>" for arn in group.get(targets.ATTACHED, []))
            start = rf"(<member><AutoScalingGroupName>{re.escape(name)}</AutoScalingGroupName>)(?=<AutoScalingGroupARN>)"
            text = re.sub(start, rf"\1<TargetGroupARNs>{arns}</TargetGroupARNs>", text)
        return status, headers, text.encode()

    autoscaling._ACTION_MAP |= {
        "AttachLoadBalancerTargetGroups": attach,
        "DetachLoadBalancerTargetGroups": detach,
        "DescribeLoadBalancerTargetGroups": describe_attached,
    }
    replace_action(autoscaling, describe, describe_groups)


def _arns(parameters: dict[str, Any]) -> list[str]:
    return list(autoscaling._parse_member_list(parameters, "TargetGroupARNs"))


def _change(parameters: dict[str, Any], changed: Any, verb: str) -> Any:
    group = autoscaling._asgs.get(autoscaling._p(parameters, "AutoScalingGroupName"))
    if group is None:
        return _unknown(parameters)
    group[targets.ATTACHED] = changed(group.get(targets.ATTACHED, []))
    name = f"{verb}LoadBalancerTargetGroups"
    return autoscaling._xml(200, f"{name}Response", f"<{name}Result/>")


def _unknown(parameters: dict[str, Any]) -> Any:
    name = autoscaling._p(parameters, "AutoScalingGroupName")
    return autoscaling._error("ValidationError", f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")
