"""Elastic Load Balancing v2: what a load balancer and its targets are like now. Reads only."""

from __future__ import annotations

from typing import Any

from hubplane.domain.hub_facts import LoadBalancer, Target
from hubplane.domain.provider_errors import error_code, translated


def target_health(client: Any, target_group_arn: str) -> tuple[Target, ...]:
    """Every target of the group, by id and port; the call has no pages. ``client`` is a boto3 ``elbv2`` client.

    Raises ``ProviderError`` where the group does not exist.
    """
    with translated(f"describe the targets of {target_group_arn}"):
        found = client.describe_target_health(TargetGroupArn=target_group_arn)["TargetHealthDescriptions"]
    targets = [
        Target(
            target_id=item["Target"]["Id"],
            port=int(item["Target"]["Port"]),
            state=item["TargetHealth"]["State"],
            reason=item["TargetHealth"].get("Reason", ""),
            description=item["TargetHealth"].get("Description", ""),
        )
        for item in found
    ]
    return tuple(sorted(targets, key=lambda target: (target.target_id, target.port)))


def load_balancer(client: Any, name: str) -> LoadBalancer | None:
    """The load balancer of this name, None where there is none. Names are unique in a Region, so there are no pages."""
    with translated(f"describe load balancer {name}"):
        try:
            found = client.describe_load_balancers(Names=[name])["LoadBalancers"]
        except Exception as error:
            if error_code(error) == "LoadBalancerNotFound":
                return None
            raise
    for item in found:
        return LoadBalancer(item["DNSName"], item["State"]["Code"], item["State"].get("Reason", ""))
    return None
