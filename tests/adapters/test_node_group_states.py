"""Node groups with what Auto Scaling says of their launches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hubplane.adapters.node_group_states import node_group_states
from tests.adapters.fake_aws import fake_client

AT = datetime(2026, 11, 25, 15, 0, tzinfo=UTC)
NO_CAPACITY = "We currently do not have sufficient m5.2xlarge capacity in the Availability Zone you requested (us-east-1d)."


def activity(status: str, minutes_ago: int, message: str = "") -> dict[str, Any]:
    return {
        "ActivityId": str(minutes_ago),
        "AutoScalingGroupName": "eks-main-1",
        "Cause": "a change",
        "StartTime": AT - timedelta(minutes=minutes_ago),
        "StatusCode": status,
        **({"StatusMessage": message} if message else {}),
    }


class Backend:
    """One node group, one Auto Scaling group, one subnet; ``activities`` newest first."""

    def __init__(self, *activities: dict[str, Any]) -> None:
        self.activities = list(activities)

    def list_nodegroups(self, **_: Any) -> dict[str, Any]:
        return {"nodegroups": ["sar-main"]}

    def describe_nodegroup(self, **_: Any) -> dict[str, Any]:
        group = {
            "nodegroupName": "sar-main",
            "status": "DEGRADED",
            "scalingConfig": {"minSize": 1, "desiredSize": 2, "maxSize": 8},
            "subnets": ["subnet-1"],
            "resources": {"autoScalingGroups": [{"name": "eks-main-1"}]},
            "health": {"issues": [{"code": "AsgInstanceLaunchFailures", "message": "no capacity"}]},
        }
        return {"nodegroup": group}

    def describe_subnets(self, **_: Any) -> dict[str, Any]:
        return {"Subnets": [{"SubnetId": "subnet-1", "AvailabilityZone": "us-east-1d"}]}

    def describe_scaling_activities(self, **_: Any) -> dict[str, Any]:
        return {"Activities": self.activities}

    def describe_load_balancer_target_groups(self, **_: Any) -> dict[str, Any]:
        going = {"LoadBalancerTargetGroupARN": "arn:old", "State": "Removing"}
        return {"LoadBalancerTargetGroups": [{"LoadBalancerTargetGroupARN": "arn:new", "State": "InService"}, going]}


def states(*activities: dict[str, Any]) -> Any:
    backend = Backend(*activities)
    clients = (fake_client(name, backend) for name in ("eks", "autoscaling", "ec2"))
    [found] = node_group_states(*clients, "sar")
    return found


def test_sizes_zones_issues_and_target_groups() -> None:
    found = states()
    assert (found.name, found.min_size, found.desired_size, found.max_size) == ("sar-main", 1, 2, 8)
    assert (found.zones, found.issues) == (("us-east-1d",), (("AsgInstanceLaunchFailures", "no capacity"),))
    assert found.target_group_arns == {"arn:new"}
    assert found.failures == ()


def test_launches_that_failed_since_the_last_good_one() -> None:
    found = states(
        activity("InProgress", 1), activity("Failed", 2, NO_CAPACITY), activity("Successful", 3), activity("Failed", 4, "older")
    )
    assert found.failures == ((AT - timedelta(minutes=2), NO_CAPACITY),)
    assert states(activity("Successful", 1), activity("Failed", 2, NO_CAPACITY)).failures == ()
