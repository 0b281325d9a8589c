"""Elastic Load Balancing v2: load balancers and target groups by their names, which are unique in a Region. Reads only."""

from __future__ import annotations

from typing import Any

from hubplane.domain.account_check.facts import TargetGroup
from hubplane.domain.hub_facts import LoadBalancer, Target
from hubplane.domain.provider_errors import error_code, translated


class ElasticLoadBalancing:
    """Questions to one Region; ``client`` is a boto3 ``elbv2`` client."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def load_balancer(self, name: str) -> LoadBalancer | None:
        """Where the load balancer of this name is and what it is like; None where there is none."""
        item = self._named(name)
        if item is None:
            return None
        return LoadBalancer(item["DNSName"], item["State"]["Code"], item["State"].get("Reason", ""))

    def load_balancer_vpc(self, name: str) -> str | None:
        """The VPC of the load balancer of this name; None where there is none."""
        item = self._named(name)
        return item["VpcId"] if item is not None else None

    def _named(self, name: str) -> Any:
        with translated(f"describe load balancer {name}"):
            try:
                found = self._client.describe_load_balancers(Names=[name])["LoadBalancers"]
            except Exception as error:
                if error_code(error) == "LoadBalancerNotFound":
                    return None
                raise
        return next(iter(found), None)

    def target_group(self, name: str) -> TargetGroup | None:
        """The target group of this name with the names of the load balancers that use it; None where there is none."""
        with translated(f"describe target group {name}"):
            try:
                found = self._client.describe_target_groups(Names=[name])["TargetGroups"]
            except Exception as error:
                if error_code(error) == "TargetGroupNotFound":
                    return None
                raise
        for item in found:
            # arn:aws:elasticloadbalancing:<region>:<account>:loadbalancer/app/<name>/<id>
            users = tuple(arn.split("/")[-2] for arn in item.get("LoadBalancerArns", []))
            return TargetGroup(name, item.get("VpcId"), item.get("Port"), users)
        return None

    def target_health(self, target_group_arn: str) -> tuple[Target, ...]:
        """Every target of the group, by id and port; the call has no pages. ``ProviderError`` where there is no such group."""
        with translated(f"describe the targets of {target_group_arn}"):
            found = self._client.describe_target_health(TargetGroupArn=target_group_arn)["TargetHealthDescriptions"]
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

    def count_application_load_balancers(self) -> int:
        """All application load balancers of the account in this Region."""
        with translated("describe load balancers"):
            pages = self._client.get_paginator("describe_load_balancers").paginate()
            return sum(1 for page in pages for item in page["LoadBalancers"] if item.get("Type") == "application")
