"""Stacks behave as on AWS in what ChangeStack relies on."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.cloud.running import ACCOUNT_ID, RunningCloud, running_cloud
from tests.local.cloud.test_eks import make_group

ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/cluster"
SUBNETS = ["subnet-39a09073", "subnet-4388e824"]


def cluster_template(name: str, **changes: Any) -> dict[str, Any]:
    """Security group, cluster, launch template, node group, target group and load balancer of one cluster."""
    values = {"desired": 1, "type": "m5.2xlarge", "disk": 100, "port": 30080, "version": "1.35", "subnets": SUBNETS[1:]} | changes
    forward = [{"Type": "forward", "TargetGroupArn": {"Ref": "Targets"}}]
    get = "Fn::GetAtt"
    return {
        "Resources": {
            "Group": {
                "Type": "AWS::EC2::SecurityGroup",
                "Properties": {"GroupName": f"{name}-lb", "GroupDescription": "hub", "VpcId": "vpc-4da21e37"},
            },
            "Cluster": {
                "Type": "AWS::EKS::Cluster",
                "Properties": {
                    "Name": name,
                    "Version": values["version"],
                    "RoleArn": ROLE,
                    "ResourcesVpcConfig": {"SubnetIds": SUBNETS},
                    "AccessConfig": {"AuthenticationMode": "API", "BootstrapClusterCreatorAdminPermissions": False},
                },
            },
            "Template": {
                "Type": "AWS::EC2::LaunchTemplate",
                "Properties": {
                    "LaunchTemplateName": f"{name}-nodes",
                    "LaunchTemplateData": {
                        "InstanceType": values["type"],
                        "UserData": {"Fn::Base64": {"Fn::Sub": "${Cluster.Endpoint} ${Cluster.CertificateAuthorityData}"}},
                        "SecurityGroupIds": [{get: ["Cluster", "ClusterSecurityGroupId"]}],
                        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": values["disk"]}}],
                    },
                },
            },
            "Nodes": {
                "Type": "AWS::EKS::Nodegroup",
                "Properties": {
                    "ClusterName": {"Ref": "Cluster"},
                    "NodegroupName": f"{name}-nodes",
                    "NodeRole": ROLE,
                    "Subnets": values["subnets"],
                    "ScalingConfig": {"MinSize": 0, "MaxSize": 5, "DesiredSize": values["desired"]},
                    "Labels": {"profile": "sar"},
                    "LaunchTemplate": {"Id": {"Ref": "Template"}, "Version": {get: ["Template", "LatestVersionNumber"]}},
                },
            },
            "Targets": {
                "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
                "Properties": {
                    "Name": f"{name}-{values['port']}",
                    "Port": values["port"],
                    "Protocol": "HTTP",
                    "VpcId": "vpc-4da21e37",
                },
            },
            "Balancer": {
                "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
                "Properties": {"Name": name, "Subnets": SUBNETS, "SecurityGroups": [{get: ["Group", "GroupId"]}]},
            },
            "Listener": {
                "Type": "AWS::ElasticLoadBalancingV2::Listener",
                "Properties": {
                    "LoadBalancerArn": {"Ref": "Balancer"},
                    "Port": 80,
                    "Protocol": "HTTP",
                    "DefaultActions": forward,
                },
            },
        },
        "Outputs": {
            key: {"Value": {get: ["Cluster", key]}}
            for key in ("Endpoint", "CertificateAuthorityData", "ClusterSecurityGroupId", "OpenIdConnectIssuerUrl")
        },
    }


def settled(cloud: RunningCloud, name: str) -> dict[str, Any]:
    """The stack's description once it is no longer in progress."""

    def description() -> Any:
        found = cloud.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        return None if found["StackStatus"].endswith("IN_PROGRESS") else found

    found: dict[str, Any] = cloud.wait(f"stack {name}", description)
    return found


def change(cloud: RunningCloud, stack: str, template: dict[str, Any], kind: str = "UPDATE", **more: str) -> dict[str, Any]:
    """A change set, described."""
    formation = cloud.client("cloudformation")
    made = formation.create_change_set(
        StackName=stack, ChangeSetName=f"c{time.monotonic_ns()}", ChangeSetType=kind, TemplateBody=json.dumps(template), **more
    )["Id"]
    cloud.wait("the change set", lambda: formation.describe_change_set(ChangeSetName=made)["Status"] not in ("CREATE_PENDING",))
    found: dict[str, Any] = formation.describe_change_set(ChangeSetName=made)
    return found


def carried_out(cloud: RunningCloud, stack: str, template: dict[str, Any], kind: str = "UPDATE") -> dict[str, Any]:
    """Create a change set and execute it; the settled stack."""
    formation = cloud.client("cloudformation")
    formation.execute_change_set(ChangeSetName=change(cloud, stack, template, kind)["ChangeSetId"])
    status = formation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    assert status.endswith("_IN_PROGRESS"), status
    return settled(cloud, stack)


def events(cloud: RunningCloud, stack: str) -> list[tuple[str, str, str]]:
    """Logical id, status and reason, oldest first."""
    found = cloud.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    return [(item["LogicalResourceId"], item["ResourceStatus"], item.get("ResourceStatusReason", "")) for item in reversed(found)]


def fault(cloud: RunningCloud, **content: str) -> None:
    """Ask for a failure."""
    body = json.dumps(content).encode()
    with urllib.request.urlopen(
        urllib.request.Request(f"{cloud.endpoint_url}/_hubplane/faults", body, method="POST")
    ) as response:
        assert response.status == 200


def test_a_cluster_stack_from_first_to_last(cloud: RunningCloud) -> None:
    stack = carried_out(cloud, "whole", cluster_template("whole"), "CREATE")
    assert stack["StackStatus"] == "CREATE_COMPLETE", events(cloud, "whole")
    outputs = {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}
    assert outputs["Endpoint"] == "https://127.0.0.1:1/whole"
    assert outputs["CertificateAuthorityData"] == "Q0E="
    assert outputs["ClusterSecurityGroupId"].startswith("sg-")
    assert "/id/" in outputs["OpenIdConnectIssuerUrl"]
    told = cloud.stand_in.clusters["whole"]
    assert told["access"] == {}
    nodes = told["groups"]["whole-nodes"]
    assert (nodes["desired"], nodes["instance_type"], nodes["zone"]) == (1, "m5.2xlarge", "us-east-1d")
    order = [(item, status) for item, status, _ in events(cloud, "whole") if item in ("Cluster", "Nodes")]
    assert order == [
        ("Cluster", "CREATE_IN_PROGRESS"),
        ("Cluster", "CREATE_COMPLETE"),
        ("Nodes", "CREATE_IN_PROGRESS"),
        ("Nodes", "CREATE_COMPLETE"),
    ]
    same = change(cloud, "whole", cluster_template("whole"))
    assert same["Status"] == "FAILED"
    assert "didn't contain changes" in same["StatusReason"]

    assert carried_out(cloud, "whole", cluster_template("whole", desired=3))["StackStatus"] == "UPDATE_COMPLETE"
    assert cloud.stand_in.clusters["whole"]["groups"]["whole-nodes"]["desired"] == 3

    formation = cloud.client("cloudformation")
    formation.delete_stack(StackName="whole")

    def gone() -> bool:
        try:
            return bool(formation.describe_stacks(StackName="whole")["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE")
        except ClientError:
            return True

    cloud.wait("the stack's end", gone)
    assert "whole" not in cloud.stand_in.clusters


@pytest.fixture(scope="module")
def planned(cloud: RunningCloud) -> str:
    """A stack for change sets that are never executed."""
    assert carried_out(cloud, "planned", cluster_template("planned"), "CREATE")["StackStatus"] == "CREATE_COMPLETE"
    return "planned"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"desired": 2}, {"Nodes": "False"}, id="size"),
        pytest.param({"version": "1.36"}, {"Cluster": "False"}, id="kubernetes-version"),
        pytest.param({"disk": 200}, {"Template": "False", "Nodes": "False"}, id="disk-in-the-launch-template"),
        pytest.param({"type": "m5.4xlarge"}, {"Template": "False", "Nodes": "False"}, id="type-in-the-launch-template"),
        pytest.param({"subnets": SUBNETS[:1]}, {"Nodes": "True"}, id="zone-of-the-nodes"),
        pytest.param({"port": 30081}, {"Targets": "True"}, id="node-port"),
    ],
)
def test_change_sets_say_what_is_replaced(cloud: RunningCloud, planned: str, changes: Any, expected: dict[str, str]) -> None:
    found = change(cloud, planned, cluster_template("planned", **changes))["Changes"]
    said = {item["ResourceChange"]["LogicalResourceId"]: item["ResourceChange"]["Replacement"] for item in found}
    assert {name: said.get(name) for name in expected} == expected
    assert "Conditional" not in {said[name] for name in said if name in ("Cluster", "Nodes", "Targets", "Template")}


def test_another_name_replaces_everything_that_carries_it(cloud: RunningCloud, planned: str) -> None:
    found = change(cloud, planned, cluster_template("renamed"))["Changes"]
    said = {item["ResourceChange"]["LogicalResourceId"]: item["ResourceChange"]["Replacement"] for item in found}
    assert {said[name] for name in ("Group", "Cluster", "Template", "Nodes", "Targets", "Balancer")} == {"True"}


def test_a_failure_rolls_back_and_the_first_cause_is_first(cloud: RunningCloud) -> None:
    fault(cloud, resource_type="AWS::EKS::Nodegroup", stack_name="failing", reason="instances failed to join")
    stack = carried_out(cloud, "failing", cluster_template("failing"), "CREATE")
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    failures = [(item, reason) for item, status, reason in events(cloud, "failing") if status.endswith("FAILED")]
    assert failures[0] == ("Nodes", "instances failed to join")
    assert "failing" not in cloud.stand_in.clusters


def test_a_failed_update_takes_the_nodes_back(cloud: RunningCloud) -> None:
    assert carried_out(cloud, "returned", cluster_template("returned"), "CREATE")["StackStatus"] == "CREATE_COMPLETE"
    fault(cloud, resource_type="AWS::ElasticLoadBalancingV2::Listener", stack_name="returned", reason="no more listeners")
    wanted = cluster_template("returned", desired=4)
    wanted["Resources"]["Listener"]["Properties"]["Port"] = 8080
    stack = carried_out(cloud, "returned", wanted)
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert ("Listener", "UPDATE_FAILED", "no more listeners") in events(cloud, "returned")
    assert cloud.stand_in.clusters["returned"]["groups"]["returned-nodes"]["desired"] == 1


def test_a_stack_does_not_delete_a_cluster_that_still_has_other_nodes(cloud: RunningCloud) -> None:
    template = cluster_template("kept")
    carried_out(cloud, "kept", {"Resources": {"Cluster": template["Resources"]["Cluster"]}}, "CREATE")
    make_group(cloud, "kept", "made-by-hand")
    cloud.client("cloudformation").delete_stack(StackName="kept")
    assert settled(cloud, "kept")["StackStatus"] == "DELETE_FAILED"
    assert any("Cluster has nodegroups attached: made-by-hand" in reason for _, _, reason in events(cloud, "kept"))
    assert "kept" in cloud.stand_in.clusters


def test_a_clashing_cluster_name_fails_in_the_words_of_eks(cloud: RunningCloud, planned: str) -> None:
    template = cluster_template("planned")
    only = {"Resources": {"Cluster": template["Resources"]["Cluster"]}}
    assert carried_out(cloud, "clashing", only, "CREATE")["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = [reason for item, status, reason in events(cloud, "clashing") if (item, status) == ("Cluster", "CREATE_FAILED")]
    assert "Cluster already exists with name: planned" in reasons[0]
    assert "HandlerErrorCode: AlreadyExists" in reasons[0]
    assert "planned" in cloud.stand_in.clusters


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"Ref": "Nobody"}, id="ref"),
        pytest.param({"Fn::GetAtt": ["Nobody", "Arn"]}, id="get-att"),
        pytest.param({"Fn::Sub": "x-${Nobody.Arn}"}, id="sub"),
    ],
)
def test_references_to_nothing_are_refused(cloud: RunningCloud, value: Any) -> None:
    topic = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": value}}}}
    with pytest.raises(ClientError, match=r"Unresolved resource dependencies \[Nobody\]"):
        change(cloud, "dangling", topic, "CREATE")


def test_without_the_mends_the_faults_are_there(tmp_path: Any) -> None:
    skipped = "stacks_wait_for_eks,stacks_take_time,unresolved_references_fail,failures_on_demand,replacement_by_type"
    with running_cloud(tmp_path, skip_mends=skipped) as unmended:
        formation = unmended.client("cloudformation")
        template = cluster_template("x")
        cluster = {"Resources": {"Cluster": template["Resources"]["Cluster"]}, "Outputs": template["Outputs"]}
        fault(unmended, resource_type="AWS::EKS::Cluster", reason="never happens")
        formation.create_stack(StackName="x", TemplateBody=json.dumps(cluster))
        stack = settled(unmended, "x")
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        assert stack["Outputs"][1].get("OutputValue", "") in ("", "Q0E=") and "Q0E=" not in str(stack["Outputs"])
        cluster["Resources"]["Cluster"]["Properties"]["Name"] = "y"
        said = change(unmended, "x", cluster)["Changes"][0]["ResourceChange"]["Replacement"]
        assert said == "Conditional"
        topic = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "Nobody"}}}}}
        assert change(unmended, "dangling", topic, "CREATE")["Status"] == "CREATE_COMPLETE"
