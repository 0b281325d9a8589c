"""The main job on the embedded cloud: the 2019 cluster, built, repeated and changed."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from local.guide.follow import Outcome
from local.guide.show import instance_type
from tests.e2e.conftest import Hubplane

pytestmark = pytest.mark.e2e

Built = tuple[dict[str, Any], Outcome]
NAME = "opensarlab"


def test_the_first_build_ends_active_and_says_what_it_made(hubplane: Hubplane, built_2019: Built) -> None:
    _, outcome = built_2019
    assert outcome.result["status"] == "ACTIVE"
    assert outcome.result["changed"] is True
    assert outcome.result["hub_url"] == "https://opensarlab.asf.alaska.edu"
    assert outcome.result["availability_zone"] == "us-east-1d"
    record = hubplane.record(NAME)
    assert record["status"]["S"] == "ACTIVE"
    assert "lock" not in record
    assert record["availability_zone"]["S"] == "us-east-1d"


def test_the_stack_holds_what_the_2019_one_made(hubplane: Hubplane, built_2019: Built) -> None:
    stack = f"hubplane-cluster-{NAME}"
    resources = hubplane.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    kinds = {item["ResourceType"] for item in resources}
    assert kinds >= {
        "AWS::EKS::Cluster",
        "AWS::EKS::Nodegroup",
        "AWS::EC2::LaunchTemplate",
        "AWS::EC2::SecurityGroup",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "AWS::ElasticLoadBalancingV2::Listener",
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "AWS::IAM::Role",
        "AWS::Logs::LogGroup",
    }
    group = hubplane.client("eks").describe_nodegroup(clusterName=NAME, nodegroupName=f"{NAME}-main")["nodegroup"]
    assert group["scalingConfig"] == {"minSize": 2, "maxSize": 8, "desiredSize": 2}
    assert instance_type(hubplane.cloud, group) == "m5.2xlarge"


def test_kubectl_and_helm_agree_on_what_runs(hubplane: Hubplane, built_2019: Built) -> None:
    releases = hubplane.releases(NAME)
    assert {name: (item["namespace"], item["status"]) for name, item in releases.items()} == {
        "jupyterhub": ("jupyter", "deployed"),
        "autoscaler": ("autoscaler", "deployed"),
    }
    service = json.loads(hubplane.run(NAME, "kubectl", "-n", "jupyter", "get", "service", "proxy-public", "-o", "json"))
    assert service["spec"]["type"] == "NodePort"
    assert 30052 in [port.get("nodePort") for port in service["spec"]["ports"]]
    everything = hubplane.run(NAME, "kubectl", "-n", "jupyter", "get", "all")
    assert "deployment.apps/hub" in everything
    storage_class = json.loads(hubplane.run(NAME, "kubectl", "get", "storageclass", "gp3", "-o", "json"))
    assert storage_class["allowVolumeExpansion"] is True


def test_people_sign_in_through_the_user_pool_with_the_hubs_callback(hubplane: Hubplane, built_2019: Built) -> None:
    cognito, pool = hubplane.client("cognito-idp"), hubplane.control_plane.outputs["UserPoolId"]
    clients = cognito.list_user_pool_clients(UserPoolId=pool, MaxResults=60)["UserPoolClients"]
    own = [item for item in clients if item["ClientName"] == NAME]
    assert len(own) == 1
    details = cognito.describe_user_pool_client(UserPoolId=pool, ClientId=own[0]["ClientId"])["UserPoolClient"]
    assert details["CallbackURLs"] == ["https://opensarlab.asf.alaska.edu/hub/oauth_callback"]
    assert details["LogoutURLs"] == ["https://opensarlab.asf.alaska.edu"]
    assert details["AllowedOAuthFlows"] == ["code"]


def test_starting_again_changes_nothing(hubplane: Hubplane, built_2019: Built) -> None:
    document, _ = built_2019
    before = {name: item["revision"] for name, item in hubplane.releases(NAME).items()}
    stack = f"hubplane-cluster-{NAME}"
    updated = hubplane.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0].get("LastUpdatedTime")
    outcome = hubplane.build(document)
    assert (outcome.result["changed"], outcome.result["changes"]) == (False, [])
    assert "nothing to change" in outcome.result["reason"]
    assert {name: item["revision"] for name, item in hubplane.releases(NAME).items()} == before
    stacks = hubplane.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    assert stacks[0].get("LastUpdatedTime") == updated


@pytest.mark.parametrize(
    ("parameter", "value", "changed_release", "changed_stack"),
    [
        pytest.param("ImageTag", "2019-09-01-00-00-00", True, False, id="image-tag-changes-the-release-only"),
        pytest.param("NodeAutoScalingGroupMaxSize", "9", False, True, id="largest-size-changes-the-stack-only"),
    ],
)
def test_a_changed_input_changes_just_that(
    hubplane: Hubplane, built_2019: Built, parameter: str, value: str, changed_release: bool, changed_stack: bool
) -> None:
    document = copy.deepcopy(built_2019[0])
    if parameter == "ImageTag":
        put_image(hubplane, value)
    before = hubplane.releases(NAME)["jupyterhub"]["revision"]
    document["parameters"][parameter] = value
    outcome = hubplane.build(document)
    assert outcome.result["changed"] is True
    after = hubplane.releases(NAME)["jupyterhub"]["revision"]
    assert (after != before) is changed_release, outcome.result["changes"]
    assert any("NodeGroup" in change or "node group" in change for change in outcome.result["changes"]) is changed_stack
    back = hubplane.restore(built_2019[0])
    assert back.result["changed"] is True


def put_image(hubplane: Hubplane, tag: str) -> None:
    """The image of the seeded tag under another one."""
    ecr = hubplane.client("ecr")
    image = ecr.batch_get_image(repositoryName="asf-franz-labs", imageIds=[{"imageTag": "2019-08-10-00-15-33"}])["images"][0]
    ecr.put_image(repositoryName="asf-franz-labs", imageManifest=image["imageManifest"], imageTag=tag)
