# ruff: noqa: N803 - parameters are named as the API names them
"""The way in as a build sees it before it plans the cluster's stack."""

from __future__ import annotations

from typing import Any

import pytest

from hubplane.adapters.cluster_stack_facts import listening_ports, running_group, running_version
from hubplane.domain.cluster_stack.control_plane import RunningGroup
from hubplane.domain.errors import ProviderError
from tests.adapters.fake_aws import Refusal, fake_client

ARN = "arn:aws:elasticloadbalancing:us-east-1:553778890976:loadbalancer/app/sar/50dc6c495c0c9188"


class Backend:
    """A load balancer whose listeners come in two pages, or none, or nobody may look."""

    def __init__(self, refusal: str | None = None) -> None:
        self.refusal = refusal

    def describe_load_balancers(self, Names: list[str]) -> dict[str, Any]:
        assert Names == ["sar"]
        if self.refusal:
            raise Refusal(self.refusal)
        return {"LoadBalancers": [{"LoadBalancerArn": ARN}]}

    def describe_listeners(self, LoadBalancerArn: str, Marker: str = "") -> dict[str, Any]:
        assert LoadBalancerArn == ARN
        return {"Listeners": [{"Port": 443}]} if Marker else {"Listeners": [{"Port": 80}], "NextMarker": "more"}


def test_listeners_of_all_pages_are_found() -> None:
    assert listening_ports(fake_client("elbv2", Backend()), "sar") == {80, 443}


def test_a_load_balancer_that_is_gone_is_none_and_one_that_nobody_may_see_is_no_answer() -> None:
    assert listening_ports(fake_client("elbv2", Backend("LoadBalancerNotFound")), "sar") is None
    with pytest.raises(ProviderError):
        listening_ports(fake_client("elbv2", Backend("AccessDenied")), "sar")


class Eks:
    """A cluster with two node groups, one with an image of its own, of which EKS tells no version."""

    def describe_cluster(self, name: str) -> dict[str, Any]:
        if name != "sar":
            raise Refusal("ResourceNotFoundException" if name == "gone" else "AccessDeniedException")
        return {"cluster": {"version": "1.35"}}

    def describe_nodegroup(self, clusterName: str, nodegroupName: str) -> dict[str, Any]:
        self.describe_cluster(clusterName)
        version = {} if nodegroupName == "sar-own" else {"version": "1.34"}
        return {"nodegroup": {"scalingConfig": {"minSize": 1, "maxSize": 9, "desiredSize": 4}, **version}}


def test_what_runs_is_told_and_what_nobody_may_see_is_no_answer() -> None:
    eks = fake_client("eks", Eks())
    assert running_version(eks, "sar") == "1.35"
    assert running_version(eks, "gone") is None
    assert running_group(eks, "sar", "sar-main") == RunningGroup(4, "1.34")
    assert running_group(eks, "sar", "sar-own") == RunningGroup(4, None)
    assert running_group(eks, "gone", "gone-main") is None
    with pytest.raises(ProviderError):
        running_version(eks, "hidden")
    with pytest.raises(ProviderError):
        running_group(eks, "hidden", "hidden-main")
