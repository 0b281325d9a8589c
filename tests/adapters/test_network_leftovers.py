"""Load balancers that go while they are looked at: Elastic Load Balancing lists them a while longer, and finds no tags."""

from __future__ import annotations

from typing import Any

import pytest

from hubplane.adapters.network_leftovers import ClassicBalancerPlace, LoadBalancerPlace
from hubplane.domain.deletion.things import Kind, Thing
from hubplane.domain.errors import HubplaneError, NotYet
from tests.adapters.fake_aws import Refusal, fake_client

ARN = "arn:aws:elasticloadbalancing:us-east-1:553778890976:loadbalancer/net/sar/0123456789abcdef"
GROUP = "arn:aws:elasticloadbalancing:us-east-1:553778890976:targetgroup/sar-30052/6d0ecf831eec9f09"


class Going:
    """Both versions of the API: everything is listed still, and nothing of it is found."""

    def __init__(self, code: str) -> None:
        self.code = code

    def describe_load_balancers(self) -> dict[str, Any]:
        return {"LoadBalancers": [{"LoadBalancerArn": ARN}], "LoadBalancerDescriptions": [{"LoadBalancerName": "a1b2"}]}

    def describe_target_groups(self) -> dict[str, Any]:
        return {"TargetGroups": [{"TargetGroupArn": GROUP}]}

    def describe_tags(self, **_: Any) -> None:
        raise Refusal(self.code)


PLACES = [
    pytest.param(LoadBalancerPlace, "elbv2", Kind.LOAD_BALANCER, ARN, "LoadBalancerNotFound", id="load balancer"),
    pytest.param(LoadBalancerPlace, "elbv2", Kind.TARGET_GROUP, GROUP, "TargetGroupNotFound", id="target group"),
    pytest.param(ClassicBalancerPlace, "elb", Kind.CLASSIC_LOAD_BALANCER, "a1b2", "LoadBalancerNotFound", id="classic"),
]


@pytest.mark.parametrize(("place", "service", "kind", "name", "code"), PLACES)
def test_what_is_listed_and_not_found_is_gone(place: Any, service: str, kind: Kind, name: str, code: str) -> None:
    assert place(fake_client(service, Going(code))).again(Thing(kind, name)) is None


@pytest.mark.parametrize("code", ["ServiceUnavailable", "InternalFailure", "AccessDenied", "Throttling"])
def test_what_cannot_be_looked_at_is_not_called_gone(code: str) -> None:
    with pytest.raises(HubplaneError):
        ClassicBalancerPlace(fake_client("elb", Going(code))).again(Thing(Kind.CLASSIC_LOAD_BALANCER, "a1b2"))


@pytest.mark.parametrize(("place", "service", "kind", "name", "code"), PLACES)
def test_nothing_is_called_found_where_another_one_went_meanwhile(
    place: Any, service: str, kind: Kind, name: str, code: str
) -> None:
    with pytest.raises(NotYet):
        list(place(fake_client(service, Going(code))).find("sar"))
