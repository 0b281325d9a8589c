"""What the load balancer's API says, as facts."""

from __future__ import annotations

import boto3
import pytest
from botocore.stub import Stubber

from hubplane.adapters.elasticloadbalancing import ElasticLoadBalancing
from hubplane.domain.errors import ProviderError, Throttled
from hubplane.domain.hub_facts import LoadBalancer, Target

GROUP = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/opensarlab-30052/6d0ecf831eec9f09"


@pytest.fixture
def client() -> object:
    credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client("elbv2", region_name="us-east-1", **credentials)


def test_targets_come_sorted_with_state_and_reason(client: object) -> None:
    described = [
        {
            "Target": {"Id": "i-2", "Port": 30052},
            "TargetHealth": {"State": "unhealthy", "Reason": "Target.Timeout", "Description": "Request timed out"},
        },
        {"Target": {"Id": "i-1", "Port": 30052}, "TargetHealth": {"State": "healthy"}},
    ]
    with Stubber(client) as stub:
        stub.add_response("describe_target_health", {"TargetHealthDescriptions": described}, {"TargetGroupArn": GROUP})
        assert ElasticLoadBalancing(client).target_health(GROUP) == (
            Target("i-1", 30052, "healthy"),
            Target("i-2", 30052, "unhealthy", "Target.Timeout", "Request timed out"),
        )


def test_a_load_balancer_is_found_by_its_name(client: object) -> None:
    described = {
        "LoadBalancers": [{"DNSName": "a.elb.amazonaws.com", "State": {"Code": "failed", "Reason": "no address is free"}}]
    }
    with Stubber(client) as stub:
        stub.add_response("describe_load_balancers", described, {"Names": ["opensarlab"]})
        assert ElasticLoadBalancing(client).load_balancer("opensarlab") == LoadBalancer(
            "a.elb.amazonaws.com", "failed", "no address is free"
        )


def test_no_load_balancer_is_a_fact(client: object) -> None:
    with Stubber(client) as stub:
        stub.add_client_error("describe_load_balancers", "LoadBalancerNotFound", http_status_code=400)
        assert ElasticLoadBalancing(client).load_balancer("opensarlab") is None


@pytest.mark.parametrize(
    ("code", "error"),
    [
        pytest.param("TargetGroupNotFound", ProviderError, id="no such group"),
        pytest.param("AccessDenied", ProviderError, id="not allowed"),
        pytest.param("Throttling", Throttled, id="too fast"),
    ],
)
def test_other_errors_are_translated_and_say_what_was_done(client: object, code: str, error: type[Exception]) -> None:
    with Stubber(client) as stub:
        stub.add_client_error("describe_target_health", code, "the provider's words")
        with pytest.raises(error, match=r"describe the targets of arn:.*the provider's words"):
            ElasticLoadBalancing(client).target_health(GROUP)
        stub.add_client_error("describe_load_balancers", code, "the provider's words")
        with pytest.raises(error, match=r"describe load balancer opensarlab: .*the provider's words"):
            ElasticLoadBalancing(client).load_balancer("opensarlab")
