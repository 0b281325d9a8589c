"""Auto Scaling: what became of launches, and instance types that EC2 has run out of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import autoscaling

from local.cloud import nodes
from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend, replace_action

MOST_RECORDS = 100


@mend
def scaling_activities(cloud: Cloud, gateway: Gateway) -> None:
    """``DescribeScalingActivities`` never has one. With this each launch is one, the newest first, a failed one with why."""
    describe = autoscaling._describe_scaling_activities

    def describe_noted(parameters: dict[str, Any]) -> Any:
        name = autoscaling._p(parameters, "AutoScalingGroupName")
        group = autoscaling._asgs.get(name)
        if name and group is None:
            return autoscaling._error("ValidationError", f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")
        groups = autoscaling._asgs.values() if group is None else [group]
        most = int(autoscaling._p(parameters, "MaxRecords") or MOST_RECORDS)
        noted = [(one["AutoScalingGroupName"], item) for one in groups for item in one.get(nodes.ACTIVITIES, ())]
        members = "".join(_member(owner, item) for owner, item in noted[:most])
        inner = f"<DescribeScalingActivitiesResult><Activities>{members}</Activities></DescribeScalingActivitiesResult>"
        return autoscaling._xml(200, "DescribeScalingActivitiesResponse", inner)

    replace_action(autoscaling, describe, describe_noted)


def set_shortage(instance_type: str, short: bool) -> list[str]:
    """From now on EC2 has no more of the type, or has them again, and groups get what they lack. The types that lack."""
    if short:
        nodes.short_types.add(instance_type)
    else:
        nodes.short_types.discard(instance_type)
        for group in list(autoscaling._asgs.values()):
            autoscaling._reconcile_instances(group)
    return sorted(nodes.short_types)


def _member(group: str, item: dict[str, Any]) -> str:
    at = datetime.fromtimestamp(item["StartTime"], UTC).isoformat()
    fields = {
        "ActivityId": item["ActivityId"],
        "AutoScalingGroupName": group,
        "Description": "Launching a new EC2 instance",
        "Cause": "an instance was started in response to a difference between desired and actual capacity",
        "StartTime": at,
        "EndTime": at,
        "StatusCode": item["StatusCode"],
        "StatusMessage": item["StatusMessage"],
        "Progress": "100",
    }
    return "<member>" + "".join(f"<{name}>{escape(text)}</{name}>" for name, text in fields.items() if text) + "</member>"
