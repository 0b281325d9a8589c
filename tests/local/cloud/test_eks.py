"""EKS clusters exist in the Kubernetes stand-in, and node groups have instances that a load balancer can reach."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.cloud.lambda_functions import create as create_function
from tests.local.cloud.lambda_functions import invoke
from tests.local.cloud.running import ACCOUNT_ID, RunningCloud, running_cloud
from tests.local.cloud.test_control import ask

ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/cluster"
SUBNETS = ["subnet-39a09073", "subnet-4388e824"]
ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"


def code_and_words(call: Any, **arguments: Any) -> tuple[str, str]:
    """Error code and message of a call that must fail."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def make_cluster(cloud: RunningCloud, name: str, **more: Any) -> dict[str, Any]:
    """A cluster, once it is ACTIVE."""
    eks = cloud.client("eks")
    arguments = {
        "name": name,
        "version": "1.35",
        "roleArn": ROLE,
        "resourcesVpcConfig": {"subnetIds": SUBNETS},
        "accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
        **more,
    }
    assert eks.create_cluster(**arguments)["cluster"]["status"] == "CREATING"
    eks.get_waiter("cluster_active").wait(name=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    found: dict[str, Any] = eks.describe_cluster(name=name)["cluster"]
    return found


def make_group(cloud: RunningCloud, cluster: str, name: str = "nodes", **more: Any) -> dict[str, Any]:
    """A node group, once it is ACTIVE."""
    eks = cloud.client("eks")
    arguments = {
        "clusterName": cluster,
        "nodegroupName": name,
        "subnets": ["subnet-4388e824"],
        "nodeRole": ROLE,
        "instanceTypes": ["m5.2xlarge"],
        "scalingConfig": {"minSize": 1, "maxSize": 4, "desiredSize": 2},
        **more,
    }
    assert eks.create_nodegroup(**arguments)["nodegroup"]["status"] == "CREATING"

    def active() -> Any:
        found = eks.describe_nodegroup(clusterName=cluster, nodegroupName=name)["nodegroup"]
        return found if found["status"] == "ACTIVE" else None

    found: dict[str, Any] = cloud.wait("the node group", active)
    return found


def test_a_cluster_is_described_as_the_stand_in_made_it(cloud: RunningCloud) -> None:
    cluster = make_cluster(cloud, "described")
    assert cluster["endpoint"] == "https://127.0.0.1:1/described"
    assert cluster["certificateAuthority"]["data"] == "Q0E="
    assert cluster["resourcesVpcConfig"]["vpcId"] == "vpc-4da21e37"
    told = cloud.stand_in.clusters["described"]
    assert {key: told[key] for key in ("name", "version", "region", "account")} == {
        "name": "described",
        "version": "1.35",
        "region": "us-east-1",
        "account": ACCOUNT_ID,
    }
    group = cluster["resourcesVpcConfig"]["clusterSecurityGroupId"]
    assert cloud.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["VpcId"] == "vpc-4da21e37"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"resourcesVpcConfig": {"subnetIds": SUBNETS[:1]}}, "at least two different AZs", id="one-zone"),
        pytest.param({"resourcesVpcConfig": {"subnetIds": ["subnet-0", "subnet-1"]}}, "does not exist", id="unknown-subnet"),
        pytest.param({"version": "1.19"}, "unsupported Kubernetes version", id="version"),
    ],
)
def test_what_eks_refuses_is_refused(cloud: RunningCloud, change: dict[str, Any], words: str) -> None:
    arguments = {"name": "refused", "version": "1.35", "roleArn": ROLE, "resourcesVpcConfig": {"subnetIds": SUBNETS}, **change}
    code, message = code_and_words(cloud.client("eks").create_cluster, **arguments)
    assert code == "InvalidParameterException"
    assert words in message


def test_node_groups_grow_change_and_guard_their_cluster(cloud: RunningCloud) -> None:
    eks, scaling = cloud.client("eks"), cloud.client("autoscaling")
    make_cluster(cloud, "grown")
    taint = {"key": "gpu", "value": "yes", "effect": "NO_SCHEDULE"}
    group = make_group(cloud, "grown", labels={"profile": "sar"}, taints=[taint])
    name = group["resources"]["autoScalingGroups"][0]["name"]
    instances = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]["Instances"]
    told = cloud.stand_in.clusters["grown"]["groups"]["nodes"]
    assert told == {
        "desired": 2,
        "instance_type": "m5.2xlarge",
        "zone": "us-east-1d",
        "labels": {"eks.amazonaws.com/nodegroup": "nodes", "profile": "sar"},
        "taints": [taint],
        "instance_ids": [instance["InstanceId"] for instance in instances],
        "version": "1.35",
    }
    assert [instance["AvailabilityZone"] for instance in instances] == ["us-east-1d"] * 2
    found = cloud.client("ec2").describe_instances(InstanceIds=[instances[0]["InstanceId"]])["Reservations"][0]["Instances"][0]
    tags = {tag["Key"]: tag["Value"] for tag in found["Tags"]}
    assert (found["Placement"]["AvailabilityZone"], found["SubnetId"]) == ("us-east-1d", "subnet-4388e824")
    assert (tags["eks:cluster-name"], tags["kubernetes.io/cluster/grown"]) == ("grown", "owned")

    update = eks.update_nodegroup_config(
        clusterName="grown",
        nodegroupName="nodes",
        scalingConfig={"minSize": 1, "maxSize": 4, "desiredSize": 3},
        labels={"addOrUpdateLabels": {"extra": "1"}, "removeLabels": ["profile"]},
    )["update"]
    done = {"name": "grown", "updateId": update["id"]}
    cloud.wait("the update", lambda: eks.describe_update(**done)["update"]["status"] == "Successful")
    told = cloud.stand_in.clusters["grown"]["groups"]["nodes"]
    assert (told["desired"], told["labels"]) == (3, {"eks.amazonaws.com/nodegroup": "nodes", "extra": "1"})

    ec2 = cloud.client("ec2")
    volume = ec2.create_volume(AvailabilityZone="us-east-1d", Size=1)["VolumeId"]
    ec2.attach_volume(VolumeId=volume, InstanceId=instances[1]["InstanceId"], Device="/dev/xvdaa")
    scaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)
    assert ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["State"] == "available"
    assert cloud.stand_in.clusters["grown"]["groups"]["nodes"]["desired"] == 1
    sizes = eks.describe_nodegroup(clusterName="grown", nodegroupName="nodes")["nodegroup"]["scalingConfig"]
    assert sizes == {"minSize": 1, "maxSize": 4, "desiredSize": 1}

    assert code_and_words(eks.delete_cluster, name="grown")[0] == "ResourceInUseException"
    eks.delete_nodegroup(clusterName="grown", nodegroupName="nodes")
    assert scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"] == []
    eks.delete_cluster(name="grown")
    assert "grown" not in cloud.stand_in.clusters


def test_a_type_that_ec2_has_run_out_of_starts_no_node_until_there_are_some_again(cloud: RunningCloud) -> None:
    scaling = cloud.client("autoscaling")
    make_cluster(cloud, "short")
    name = make_group(cloud, "short")["resources"]["autoScalingGroups"][0]["name"]

    def activities() -> list[tuple[str, str]]:
        found = scaling.describe_scaling_activities(AutoScalingGroupName=name)["Activities"]
        return [(item["StatusCode"], item.get("StatusMessage", "")) for item in found]

    assert activities() == [("Successful", "")] * 2
    ask(cloud, "POST", "ec2/shortage", {"instance_type": "m5.2xlarge", "short": True})
    try:
        scaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=3)
        assert cloud.stand_in.clusters["short"]["groups"]["nodes"]["desired"] == 2
        status, words = activities()[0]
        assert status == "Failed"
        assert "sufficient m5.2xlarge capacity in the Availability Zone you requested (us-east-1d)" in words
    finally:
        ask(cloud, "POST", "ec2/shortage", {"instance_type": "m5.2xlarge", "short": False})
    assert cloud.stand_in.clusters["short"]["groups"]["nodes"]["desired"] == 3
    assert activities()[0][0] == "Successful"


def test_access_entries_reach_the_stand_in(cloud: RunningCloud) -> None:
    eks = cloud.client("eks")
    make_cluster(cloud, "entered")
    entry = {"clusterName": "entered", "principalArn": f"arn:aws:iam::{ACCOUNT_ID}:role/builder"}
    eks.create_access_entry(**entry, kubernetesGroups=["operators"])
    eks.associate_access_policy(**entry, policyArn=ADMIN, accessScope={"type": "cluster"})
    assert cloud.stand_in.clusters["entered"]["access"] == {
        entry["principalArn"]: {
            "principal_arn": entry["principalArn"],
            "policies": [ADMIN],
            "groups": ["operators"],
            "namespaces": None,
            "scoped": [],
        }
    }
    view = ADMIN.replace("ClusterAdmin", "View")
    eks.associate_access_policy(**entry, policyArn=view, accessScope={"type": "namespace", "namespaces": ["jupyter"]})
    told = cloud.stand_in.clusters["entered"]["access"][entry["principalArn"]]
    assert (told["policies"], told["namespaces"]) == ([ADMIN], None)
    assert told["scoped"] == [{"policy": view, "namespaces": ["jupyter"]}], "each policy keeps the scope that it was given"
    eks.disassociate_access_policy(**entry, policyArn=ADMIN)
    eks.update_access_entry(**entry, kubernetesGroups=[])
    told = cloud.stand_in.clusters["entered"]["access"][entry["principalArn"]]
    assert (told["policies"], told["namespaces"], told["groups"]) == ([view], ["jupyter"], [])
    assert eks.list_associated_access_policies(**entry)["associatedAccessPolicies"][0]["policyArn"] == view
    refused = ("InvalidParameterException", "The kubernetes group name system:masters is invalid, it cannot start with system:")
    assert code_and_words(eks.update_access_entry, **entry, kubernetesGroups=["system:masters"]) == refused
    assert eks.describe_access_entry(**entry)["accessEntry"]["kubernetesGroups"] == []
    eks.delete_access_entry(**entry)
    assert cloud.stand_in.clusters["entered"]["access"] == {}
    assert code_and_words(eks.create_access_entry, **entry, kubernetesGroups=["system:masters"]) == refused
    assert eks.list_access_entries(clusterName="entered")["accessEntries"] == []


def test_a_cluster_without_access_entries_refuses_them(cloud: RunningCloud) -> None:
    make_cluster(cloud, "mapped", accessConfig={"authenticationMode": "CONFIG_MAP"})
    entry = {"clusterName": "mapped", "principalArn": f"arn:aws:iam::{ACCOUNT_ID}:role/builder"}
    assert "authentication mode" in code_and_words(cloud.client("eks").create_access_entry, **entry)[1]
    eks = cloud.client("eks")
    eks.update_cluster_config(name="mapped", accessConfig={"authenticationMode": "API_AND_CONFIG_MAP"})
    cloud.wait("the update", lambda: eks.describe_cluster(name="mapped")["cluster"]["status"] == "ACTIVE")
    eks.create_access_entry(**entry)
    assert entry["principalArn"] in cloud.stand_in.clusters["mapped"]["access"]


def test_whoever_creates_a_cluster_is_let_in(cloud: RunningCloud) -> None:
    source = """
import boto3

def handler(event, context):
    boto3.client("eks").create_cluster(**event)
"""
    create_function(cloud, "creator", source, role=f"arn:aws:iam::{ACCOUNT_ID}:role/creator")
    access = {"authenticationMode": "API_AND_CONFIG_MAP"}
    event = {"name": "mine", "roleArn": ROLE, "resourcesVpcConfig": {"subnetIds": SUBNETS}, "accessConfig": access}
    assert invoke(cloud, "creator", event) == (None, None)
    role = f"arn:aws:iam::{ACCOUNT_ID}:role/creator"
    cloud.wait("the creator's entry", lambda: role in cloud.stand_in.clusters.get("mine", {}).get("access", {}))
    assert cloud.stand_in.clusters["mine"]["access"][role]["policies"] == [ADMIN]


def test_versions_and_add_ons(cloud: RunningCloud) -> None:
    eks = cloud.client("eks")
    versions = {item["clusterVersion"]: item["versionStatus"] for item in eks.describe_cluster_versions()["clusterVersions"]}
    assert set(versions) <= {"1.33", "1.34", "1.35", "1.36"}
    assert set(versions.values()) <= {"STANDARD_SUPPORT", "EXTENDED_SUPPORT"}
    only = eks.describe_cluster_versions(clusterVersions=["1.34", "1.35"])["clusterVersions"]
    assert [item["clusterVersion"] for item in only] == ["1.34", "1.35"]
    offered = eks.describe_addon_versions(kubernetesVersion="1.35", addonName="aws-ebs-csi-driver")["addons"]
    assert [item["addonName"] for item in offered] == ["aws-ebs-csi-driver"]
    make_cluster(cloud, "extended")
    assert eks.create_addon(clusterName="extended", addonName="aws-ebs-csi-driver")["addon"]["status"] == "CREATING"
    addon = {"clusterName": "extended", "addonName": "aws-ebs-csi-driver"}
    cloud.wait("the add-on", lambda: eks.describe_addon(**addon)["addon"]["status"] == "ACTIVE")
    assert code_and_words(eks.create_addon, clusterName="extended", addonName="nonsense")[0] == "InvalidParameterException"


def test_targets_are_healthy_only_when_something_answers(cloud: RunningCloud) -> None:
    balancing, scaling = cloud.client("elbv2"), cloud.client("autoscaling")
    make_cluster(cloud, "served")
    name = make_group(cloud, "served")["resources"]["autoScalingGroups"][0]["name"]
    group = balancing.create_target_group(Name="served-30080", Protocol="HTTP", Port=30080, VpcId="vpc-4da21e37")
    arn = group["TargetGroups"][0]["TargetGroupArn"]
    scaling.attach_load_balancer_target_groups(AutoScalingGroupName=name, TargetGroupARNs=[arn])
    attached = scaling.describe_load_balancer_target_groups(AutoScalingGroupName=name)["LoadBalancerTargetGroups"]
    assert [item["LoadBalancerTargetGroupARN"] for item in attached] == [arn]
    described = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]
    assert described["TargetGroupARNs"] == [arn]

    def health() -> list[tuple[str, str, int]]:
        found = balancing.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        return [(item["TargetHealth"]["State"], item["TargetHealth"].get("Reason", ""), item["Target"]["Port"]) for item in found]

    assert health() == [("unused", "Target.NotInUse", 30080)] * 2
    balancer = balancing.create_load_balancer(Name="served", Subnets=SUBNETS)["LoadBalancers"][0]["LoadBalancerArn"]
    forward = [{"Type": "forward", "TargetGroupArn": arn}]
    balancing.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=forward)
    assert health() == [("unhealthy", "Target.FailedHealthChecks", 30080)] * 2
    cloud.stand_in.node_ports["served", 30080] = ("127.0.0.1", 1)
    assert health() == [("healthy", "", 30080)] * 2
    scaling.detach_load_balancer_target_groups(AutoScalingGroupName=name, TargetGroupARNs=[arn])
    assert health() == []


def test_a_target_is_healthy_only_when_its_group_lets_the_load_balancer_in(cloud: RunningCloud) -> None:
    balancing, ec2 = cloud.client("elbv2"), cloud.client("ec2")
    groups = [
        ec2.create_security_group(GroupName=f"shut-{name}", Description=name, VpcId="vpc-4da21e37")["GroupId"]
        for name in ("balancer", "nodes")
    ]
    data = {"InstanceType": "m5.2xlarge", "SecurityGroupIds": [groups[1]]}
    template = ec2.create_launch_template(LaunchTemplateName="shut", LaunchTemplateData=data)["LaunchTemplate"]
    make_cluster(cloud, "shut")
    which = {"id": template["LaunchTemplateId"], "version": "1"}
    found = make_group(cloud, "shut", instanceTypes=[], launchTemplate=which)
    arn = balancing.create_target_group(Name="shut-30081", Protocol="HTTP", Port=30081, VpcId="vpc-4da21e37")["TargetGroups"][0][
        "TargetGroupArn"
    ]
    name = found["resources"]["autoScalingGroups"][0]["name"]
    cloud.client("autoscaling").attach_load_balancer_target_groups(AutoScalingGroupName=name, TargetGroupARNs=[arn])
    balancer = balancing.create_load_balancer(Name="shut", Subnets=SUBNETS)["LoadBalancers"][0]["LoadBalancerArn"]
    forward = [{"Type": "forward", "TargetGroupArn": arn}]
    balancing.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=forward)
    cloud.stand_in.node_ports["shut", 30081] = ("127.0.0.1", 1)

    def states() -> set[str]:
        described = balancing.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        return {item["TargetHealth"]["State"] for item in described}

    assert states() == {"unhealthy"}
    pairs = [{"GroupId": groups[0]}]
    rule = {"IpProtocol": "tcp", "FromPort": 30081, "ToPort": 30081, "UserIdGroupPairs": pairs}
    ec2.authorize_security_group_ingress(GroupId=groups[1], IpPermissions=[rule])
    assert states() == {"healthy"}


def test_the_stand_in_knows_which_role_a_service_account_s_pods_have(cloud: RunningCloud, tmp_path: Any) -> None:
    def told(running: RunningCloud) -> list[str]:
        return [item["roleArn"] for item in running.stand_in.clusters["pods"].get("identities", [])]

    make_cluster(cloud, "pods")
    eks = cloud.client("eks")
    one = {"clusterName": "pods", "namespace": "jupyter", "serviceAccount": "hub"}
    made = eks.create_pod_identity_association(**one, roleArn=ROLE)["association"]
    assert told(cloud) == [ROLE]
    eks.update_pod_identity_association(clusterName="pods", associationId=made["associationId"], roleArn=f"{ROLE}-2")
    assert told(cloud) == [f"{ROLE}-2"]
    eks.delete_pod_identity_association(clusterName="pods", associationId=made["associationId"])
    assert told(cloud) == []
    with running_cloud(tmp_path, skip_mends="pod_identities_reach_the_pods") as unmended:
        make_cluster(unmended, "pods")
        unmended.client("eks").create_pod_identity_association(**one, roleArn=ROLE)
        assert told(unmended) == []


def test_without_the_mends_the_faults_are_there(tmp_path: Any) -> None:
    skipped = "clusters_with_an_api,node_groups_have_nodes,access_entries_let_in,stacks_wait_for_eks"
    skipped += ",missing_eks_operations,add_ons_take_a_while,honest_target_health,attached_target_groups"
    with running_cloud(tmp_path, skip_mends=skipped) as unmended:
        eks = unmended.client("eks")
        eks.create_cluster(name="x", roleArn=ROLE, resourcesVpcConfig={"subnetIds": SUBNETS[:1]})
        unmended.wait("the cluster", lambda: eks.describe_cluster(name="x")["cluster"]["status"] == "ACTIVE")
        assert unmended.stand_in.clusters == {}
        group = {"clusterName": "x", "nodegroupName": "g", "subnets": SUBNETS, "nodeRole": ROLE}
        assert eks.create_nodegroup(**group)["nodegroup"]["status"] == "ACTIVE"
        assert unmended.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"] == []
        assert eks.create_addon(clusterName="x", addonName="nonsense")["addon"]["status"] == "ACTIVE"
        code_and_words(eks.describe_cluster_versions)
        eks.delete_cluster(name="x")
