"""Bad inputs are refused with every fault named, before anything is touched; other good ones are built as well."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from local.guide.follow import Outcome, follow
from tests.e2e.conftest import Hubplane

pytestmark = pytest.mark.e2e

Built = tuple[dict[str, Any], Outcome]

# One fault each, in the 2019 form: (what is typed, what the person reads of it).
FAULTS: dict[str, tuple[dict[str, str | None], str]] = {
    "vpc-id": ({"VpcId": "4da21e37"}, "VpcId"),
    "vpc-missing": ({"VpcId": None}, "VpcId"),
    "subnet-id": ({"Subnets": "subnet-39a09073,net-1"}, "Subnets"),
    "one-subnet": ({"Subnets": "subnet-4388e824"}, "Subnets"),
    "subnet-twice": ({"Subnets": "subnet-39a09073,subnet-4388e824,subnet-39a09073"}, "Subnets"),
    "active-subnet-elsewhere": ({"ActiveSubnets": "subnet-00000000"}, "ActiveSubnets"),
    "role": ({"CodeBuildServiceRoleArn": "not a role!"}, "CodeBuildServiceRoleArn"),
    "admin": ({"AdminUserName": ""}, "AdminUserName"),
    "url-without-https": ({"JupyterHubURL": "http://opensarlab.asf.alaska.edu"}, "JupyterHubURL"),
    "url-with-path": ({"JupyterHubURL": "https://opensarlab.asf.alaska.edu/hub"}, "JupyterHubURL"),
    "oauth-domain": ({"OAuthDnsName": "opensarlab.auth.us-east-1.amazoncognito.com"}, "OAuthDnsName"),
    "plain-secret": ({"OAuthClientSecret": "planted-plain-secret-0123456789"}, "create-secret"),
    "placeholder": ({"OAuthClientSecret": "****"}, "OAuthClientSecret"),
    "half-a-client": ({"OAuthClientId": None}, "OAuthClientId"),
    "plain-access-key": ({"HubAWSId": "AKIAIOSFODNN7EXAMPLE"}, "HubAWSId"),
    "image-name": ({"ImageName": "UPPER/case:tag"}, "ImageName"),
    "image-tag": ({"ImageTag": "no spaces"}, "ImageTag"),
    "tag-missing": ({"ImageTag": None}, "ImageTag"),
    "ami": ({"NodeImageId": "ami-xyz"}, "NodeImageId"),
    "instance-type": ({"NodeInstanceType": "huge"}, "NodeInstanceType"),
    "min-not-a-number": ({"NodeAutoScalingGroupMinSize": "two"}, "NodeAutoScalingGroupMinSize"),
    "min-above-desired": ({"NodeAutoScalingGroupMinSize": "3"}, "NodeAutoScalingGroupMinSize"),
    "max-too-near": ({"NodeAutoScalingGroupMaxSize": "2"}, "NodeAutoScalingGroupMaxSize"),
    "disk": ({"NodeVolumeSize": "5"}, "NodeVolumeSize"),
    "cidr": ({"LoadBalancerCidrBlock": "10.0.0.1/8"}, "LoadBalancerCidrBlock"),
    "certificate": ({"CertificateArn": "arn:aws:iam::1:server-certificate/x"}, "CertificateArn"),
    "port": ({"NodeProxyPort": "443"}, "NodeProxyPort"),
    "unknown-name": ({"NodeProxyPrt": "30052"}, "NodeProxyPort"),
}


@pytest.mark.parametrize(("typed", "told"), FAULTS.values(), ids=list(FAULTS))
def test_a_fault_ends_the_build_with_its_message(hubplane: Hubplane, typed: dict[str, str | None], told: str) -> None:
    document = hubplane.input_2019()
    for parameter, value in typed.items():
        if value is None:
            del document["parameters"][parameter]
        else:
            document["parameters"][parameter] = value
    before = hubplane.record("opensarlab")
    outcome = hubplane.fail(document)
    assert outcome.error == "SpecInvalid"
    assert told in outcome.cause
    assert "planted-plain-secret" not in outcome.cause
    assert hubplane.record("opensarlab") == before


def test_all_faults_come_at_once(hubplane: Hubplane) -> None:
    document = hubplane.input_2019()
    document["parameters"] |= {"NodeProxyPort": "443", "VpcId": "x", "NodeAutoScalingGroupMaxSize": "2"}
    outcome = hubplane.fail(document)
    for told in ("NodeProxyPort", "VpcId", "NodeAutoScalingGroupMaxSize"):
        assert told in outcome.cause


@pytest.mark.parametrize(
    "document", [{}, {"cluster_name": 5}, {"cluster_name": "x"}, []], ids=["empty", "number", "no-spec", "list"]
)
def test_an_input_of_any_shape_ends_with_words(hubplane: Hubplane, document: Any) -> None:
    states = hubplane.client("stepfunctions")
    machine = hubplane.control_plane.outputs["BuildClusterStateMachineArn"]
    started = states.start_execution(stateMachineArn=machine, input=json.dumps(document))
    outcome = follow(states, started["executionArn"], lambda _: None, pace_seconds=0.2)
    assert outcome.status == "FAILED"
    assert "ValidateSpec failed" in outcome.cause


def typed_spec(name: str, **hub: Any) -> dict[str, Any]:
    return {
        "cluster_name": name,
        "spec": {
            "network": {
                "vpc_id": "vpc-4da21e37",
                "subnet_ids": ["subnet-39a09073", "subnet-4388e824"],
                "active_subnet_ids": ["subnet-4388e824"],
            },
            "hub": {
                "certificate_arn": "arn:aws:acm:us-east-1:553778890976:certificate/10791780-75d2-4ef0-bfbc-2c074e94b92b",
                "admin_users": ["ada"],
                "node_port": 30071,
                **hub,
            },
            "oauth": {"domain_url": "https://opensarlab.auth.us-east-1.amazoncognito.com"},
            "notebook_image": {
                "name": "553778890976.dkr.ecr.us-east-1.amazonaws.com/asf-franz-labs",
                "tag": "2019-08-10-00-15-33",
            },
        },
    }


def test_two_node_groups_without_an_address_of_its_own(hubplane: Hubplane) -> None:
    document = typed_spec("gpulab")
    document["spec"]["node_groups"] = [
        {"name": "main", "min_size": 1, "desired_size": 1, "max_size": 3},
        {
            "name": "gpu",
            "instance_type": "g4dn.xlarge",
            "ami_type": "AL2023_x86_64_NVIDIA",
            "min_size": 0,
            "desired_size": 0,
            "max_size": 2,
            "taints": [{"key": "nvidia.com/gpu", "effect": "NoSchedule", "value": "true"}],
        },
    ]
    outcome = hubplane.build(document)
    assert outcome.result["hub_url"] == f"https://{outcome.result['outputs']['LoadBalancerDnsName']}"
    groups = hubplane.client("eks").list_nodegroups(clusterName="gpulab")["nodegroups"]
    assert set(groups) == {"gpulab-main", "gpulab-gpu"}
    values = json.loads(hubplane.run("gpulab", "helm", "-n", "jupyter", "get", "values", "jupyterhub", "-o", "json"))
    assert len(values["singleuser"]["profileList"]) == 2
    secret = hubplane.client("secretsmanager").get_secret_value(SecretId="hubplane/gpulab/oauth-client")
    client_id = json.loads(secret["SecretString"])["client_id"]
    pool = hubplane.control_plane.outputs["UserPoolId"]
    details = hubplane.client("cognito-idp").describe_user_pool_client(UserPoolId=pool, ClientId=client_id)
    assert details["UserPoolClient"]["CallbackURLs"] == [f"{outcome.result['hub_url']}/hub/oauth_callback"]
    assert hubplane.build(document).result["changed"] is False


def test_a_kubernetes_version_is_never_taken_back(hubplane: Hubplane, built_2019: Built) -> None:
    document = typed_spec("opensarlab", node_port=30052, url="https://opensarlab.asf.alaska.edu")
    document["spec"]["kubernetes_version"] = "1.34"
    outcome = hubplane.fail(copy.deepcopy(document))
    assert outcome.error == "AccountNotReady"
    assert "1.34" in outcome.cause
    assert "1.35" in outcome.cause
