"""The rendered template of a cluster: accepted by CloudFormation, named and tagged as promised, granting no more than needed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from cfnlint.api import ManualArgs, lint

from hubplane.domain.cluster_spec.model import ClusterSpec, NodeGroup, spec_from_json, spec_to_json
from hubplane.domain.cluster_stack.substitution import PLACEHOLDER
from hubplane.domain.cluster_stack.template import (
    LARGEST_TEMPLATE_BYTES,
    SERVICE_CIDRS,
    StackFacts,
    choose_service_cidr,
    deployed_service_cidr,
    render_cluster_template,
    template_body,
)
from hubplane.domain.errors import AccountNotReady, SpecInvalid
from tests.unit.cluster_stack.specs import (
    BASE,
    FACTS,
    GPU,
    HUB_FUNCTIONS,
    OWN_AMI,
    ROOT,
    SPEC_2019,
    SPECS,
    TWO_GROUPS,
    with_group,
)

# docs/architecture.md, "Names of what belongs to a cluster".
OUTPUTS = {
    "ClusterName",
    "ClusterSecurityGroupId",
    "NodeSecurityGroupId",
    "LoadBalancerDnsName",
    "LoadBalancerArn",
    "TargetGroupArn",
    "NodeRoleArn",
    "EbsCsiRoleArn",
    "AutoscalerRoleArn",
    "HubRoleArn",
    "NodeGroupNames",
}
EVERY_SPEC = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())


def render(spec: ClusterSpec, facts: StackFacts = FACTS) -> dict[str, Any]:
    return render_cluster_template(BASE, spec, facts)


def properties(spec: ClusterSpec, logical_id: str) -> dict[str, Any]:
    found: dict[str, Any] = render(spec)["Resources"][logical_id]["Properties"]
    return found


def every_node(node: Any) -> Iterator[Any]:
    yield node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from every_node(child)


def cfn_lint(text: str) -> list[str]:
    return [f"{found.rule.id} {found.message}" for found in lint(text, config=ManualArgs(regions=["us-east-1"]))]


@EVERY_SPEC
def test_cfn_lint_accepts_the_rendered_template(spec: ClusterSpec) -> None:
    assert cfn_lint(template_body(render(spec))) == []


def test_cfn_lint_accepts_the_base_itself() -> None:
    assert cfn_lint((ROOT / "functions/plan_stack_change/cluster.yaml").read_text("utf-8")) == []


def test_cfn_lint_would_notice_a_fault() -> None:
    template = render(SPEC_2019)
    del template["Resources"]["Cluster"]["Properties"]["RoleArn"]
    assert cfn_lint(json.dumps(template)) == ["E3003 'RoleArn' is a required property"]


@EVERY_SPEC
def test_the_same_specification_gives_the_same_bytes(spec: ClusterSpec) -> None:
    again = spec_from_json(json.loads(json.dumps(spec_to_json(spec))))
    shuffled = replace(again, tags=dict(reversed(again.tags.items())))
    assert template_body(render(spec)) == template_body(render(shuffled))


def test_rendering_leaves_the_base_as_it_was() -> None:
    before = json.dumps(BASE, sort_keys=True)
    render(TWO_GROUPS)
    assert json.dumps(BASE, sort_keys=True) == before


@EVERY_SPEC
def test_nothing_refers_to_a_parameter_any_more(spec: ClusterSpec) -> None:
    template = render(spec)
    assert "Parameters" not in template
    known = {*template["Resources"], "AWS::Partition", "AWS::Region", "AWS::AccountId"}
    for node in every_node(template):
        if isinstance(node, dict) and node.keys() == {"Ref"}:
            assert node["Ref"] in known
        if isinstance(node, dict) and node.keys() == {"Fn::GetAtt"}:
            assert node["Fn::GetAtt"][0] in known
        if isinstance(node, str):
            assert {name.partition(".")[0] for name in PLACEHOLDER.findall(node)} <= known


@EVERY_SPEC
def test_names_and_outputs_are_those_of_the_architecture(spec: ClusterSpec) -> None:
    template = render(spec)
    assert set(template["Outputs"]) == OUTPUTS
    resources = template["Resources"]
    names = {
        value
        for resource in resources.values()
        for key, value in resource["Properties"].items()
        if key in {"RoleName", "GroupName", "Name", "LogGroupName", "LaunchTemplateName", "NodegroupName"}
    }
    groups = {f"opensarlab-{group.name}" for group in spec.node_groups}
    roles = {f"hubplane-cluster-opensarlab-{role}" for role in ("cluster", "node", "ebs-csi", "autoscaler", "hub")}
    others = {"opensarlab", "opensarlab-30052", "opensarlab-load-balancer", "opensarlab-nodes", "/aws/eks/opensarlab/cluster"}
    assert names == groups | roles | others
    assert template["Outputs"]["NodeGroupNames"]["Value"] == ",".join(f"opensarlab-{group.name}" for group in spec.node_groups)


@EVERY_SPEC
def test_everything_carries_the_tags_and_only_what_may_carries_the_cluster_tag(spec: ClusterSpec) -> None:
    common = {"hubplane:cluster": "opensarlab", "osl-billing": "opensarlab"}
    owned = {"kubernetes.io/cluster/opensarlab": "owned"}
    found: dict[str, dict[str, str]] = {}
    for logical_id, resource in render(spec)["Resources"].items():
        own = resource["Properties"]
        if resource["Type"] == "AWS::EC2::LaunchTemplate":
            for item in [*own["TagSpecifications"], *own["LaunchTemplateData"]["TagSpecifications"]]:
                tags = {tag["Key"]: tag["Value"] for tag in item["Tags"]}
                if item["ResourceType"] != "launch-template":
                    assert tags.pop("Name") == own["LaunchTemplateName"]
                found[f"{logical_id}/{item['ResourceType']}"] = tags
        else:
            tags = own["Tags"]
            found[logical_id] = tags if isinstance(tags, dict) else {tag["Key"]: tag["Value"] for tag in tags}
    for what, tags in found.items():
        # A second tagged group on a node breaks Kubernetes' load balancers; a tagged node disk would pass for a home.
        without = what == "NodeSecurityGroup" or what.endswith("/volume")
        assert tags == (common if without else common | owned), what


def test_tags_of_the_specification_never_replace_those_that_the_system_goes_by() -> None:
    spec = replace(SPEC_2019, tags={"hubplane:cluster": "other", "kubernetes.io/cluster/opensarlab": "shared"})
    tags = {tag["Key"]: tag["Value"] for tag in properties(spec, "Cluster")["Tags"]}
    assert tags == {"hubplane:cluster": "opensarlab", "kubernetes.io/cluster/opensarlab": "owned"}


def test_no_policy_has_a_wildcard_action_and_only_looking_is_allowed_everywhere() -> None:
    for node in every_node(render(TWO_GROUPS)):
        if not (isinstance(node, dict) and node.get("Effect") == "Allow"):
            continue
        actions = [node["Action"]] if isinstance(node["Action"], str) else node["Action"]
        assert not [action for action in actions if "*" in action]
        if node.get("Resource") == "*":
            assert all(re.fullmatch(r"\w+:(Describe|Get)\w+", action) for action in actions)


def test_the_autoscaler_may_scale_only_groups_of_this_cluster() -> None:
    statements = properties(SPEC_2019, "AutoscalerRole")["Policies"][0]["PolicyDocument"]["Statement"]
    scale = next(statement for statement in statements if "autoscaling:SetDesiredCapacity" in statement["Action"])
    assert scale["Condition"] == {"StringEquals": {"aws:ResourceTag/k8s.io/cluster-autoscaler/opensarlab": "owned"}}


@pytest.mark.parametrize("role", ["EbsCsiRole", "AutoscalerRole", "HubRole"])
def test_pods_of_this_cluster_alone_may_take_on_a_pods_role(role: str) -> None:
    (statement,) = properties(SPEC_2019, role)["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert statement["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    assert statement["Condition"] == {"StringEquals": {"aws:RequestTag/eks-cluster-name": "opensarlab"}}


def test_the_hub_role_may_invoke_exactly_the_two_functions_that_look_after_homes() -> None:
    role = properties(SPEC_2019, "HubRole")
    assert "ManagedPolicyArns" not in role
    (policy,) = role["Policies"]
    assert policy["PolicyDocument"]["Statement"] == [
        {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": list(HUB_FUNCTIONS)}
    ]


def test_only_the_load_balancer_reaches_the_hubs_port_and_only_the_cidr_reaches_the_load_balancer() -> None:
    spec = replace(SPEC_2019, network=replace(SPEC_2019.network, load_balancer_cidr="137.229.0.0/16"))
    nodes = properties(spec, "NodeSecurityGroup")["SecurityGroupIngress"]
    assert [(rule["FromPort"], rule["ToPort"], rule["SourceSecurityGroupId"]) for rule in nodes] == [
        (30052, 30052, {"Fn::GetAtt": ["LoadBalancerSecurityGroup", "GroupId"]})
    ]
    doors = properties(spec, "LoadBalancerSecurityGroup")["SecurityGroupIngress"]
    assert {(rule["FromPort"], rule["ToPort"], rule["CidrIp"]) for rule in doors} == {
        (80, 80, "137.229.0.0/16"),
        (443, 443, "137.229.0.0/16"),
    }


def test_the_log_group_is_there_before_the_cluster_and_outlives_it_under_a_name_that_can_be_taken_over() -> None:
    resources = render(SPEC_2019)["Resources"]
    assert resources["Cluster"]["DependsOn"] == "ClusterLogGroup"
    assert resources["ClusterLogGroup"]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert resources["ClusterLogGroup"]["UpdateReplacePolicy"] == "Retain"
    assert resources["ClusterLogGroup"]["Properties"]["LogGroupName"] == "/aws/eks/opensarlab/cluster"
    assert resources["ClusterLogGroup"]["Properties"]["RetentionInDays"] == 90
    # ImportExistingResources takes over whatever is retained, so nothing else may be.
    assert [name for name, resource in resources.items() if "DeletionPolicy" in resource] == ["ClusterLogGroup"]


def test_control_plane_is_pinned_and_nobody_is_admin_by_having_made_it() -> None:
    cluster = properties(SPEC_2019, "Cluster")
    assert cluster["Version"] == "1.35"
    assert cluster["AccessConfig"] == {"AuthenticationMode": "API", "BootstrapClusterCreatorAdminPermissions": False}
    assert cluster["ResourcesVpcConfig"]["SubnetIds"] == ["subnet-39a09073", "subnet-4388e824"]
    assert properties(SPEC_2019, "NodeGroupMain")["Subnets"] == ["subnet-4388e824"]


@pytest.mark.parametrize("spec", [SPEC_2019, OWN_AMI], ids=["EKS image", "own AMI"])
def test_nodes_keep_their_rights_and_their_disk_to_themselves(spec: ClusterSpec) -> None:
    data = properties(spec, "NodeLaunchTemplateMain")["LaunchTemplateData"]
    assert data["MetadataOptions"] == {"HttpTokens": "required", "HttpPutResponseHopLimit": 1, "HttpEndpoint": "enabled"}
    (disk,) = data["BlockDeviceMappings"]
    assert disk["Ebs"] == {"VolumeType": "gp3", "VolumeSize": 500, "Encrypted": True, "DeleteOnTermination": True}
    # A launch template that names groups replaces EKS's own choice, so the cluster's group has to be among them.
    assert {"Fn::GetAtt": ["Cluster", "ClusterSecurityGroupId"]} in data["SecurityGroupIds"]


def test_without_an_ami_eks_chooses_image_and_user_data() -> None:
    data = properties(SPEC_2019, "NodeLaunchTemplateMain")["LaunchTemplateData"]
    assert not {"ImageId", "UserData"} & set(data)
    group = properties(SPEC_2019, "NodeGroupMain")
    assert (group["AmiType"], group["Version"]) == ("AL2023_x86_64_STANDARD", "1.35")


def test_with_an_ami_the_node_is_told_its_cluster_labels_and_taints() -> None:
    suffix = next(name for name in render(OWN_AMI)["Resources"] if name.startswith("NodeGroupGpuLarge")).removeprefix("NodeGroup")
    data = properties(OWN_AMI, f"NodeLaunchTemplate{suffix}")["LaunchTemplateData"]
    assert data["ImageId"] == "ami-0123456789abcdef0"
    assert not {"AmiType", "Version"} & set(properties(OWN_AMI, f"NodeGroup{suffix}"))
    text = data["UserData"]["Fn::Base64"]["Fn::Sub"]
    for line in (
        "name: opensarlab",
        "apiServerEndpoint: ${Cluster.Endpoint}",
        "certificateAuthority: ${Cluster.CertificateAuthorityData}",
        "cidr: 10.100.0.0/16",
        'flags: ["--node-labels=eks.amazonaws.com/nodegroup=opensarlab-gpu-large,hub.jupyter.org/node-purpose=user,profile=gpu", '
        '"--register-with-taints=nvidia.com/gpu=present:NoSchedule,spot=:PreferNoSchedule"]',
    ):
        assert f"{line}\n" in text


def test_labels_and_taints_reach_the_node_group_in_the_words_of_eks() -> None:
    group = next(r["Properties"] for name, r in render(TWO_GROUPS)["Resources"].items() if name.startswith("NodeGroupGpu"))
    assert group["Labels"] == GPU.labels
    assert group["Taints"] == [
        {"Key": "nvidia.com/gpu", "Effect": "NO_SCHEDULE", "Value": "present"},
        {"Key": "spot", "Effect": "PREFER_NO_SCHEDULE"},
    ]


def test_each_node_group_uses_its_own_launch_template_at_its_latest_version() -> None:
    resources = render(TWO_GROUPS)["Resources"]
    groups = {name: r["Properties"] for name, r in resources.items() if r["Type"] == "AWS::EKS::Nodegroup"}
    assert len(groups) == 2
    for name, group in groups.items():
        launch_template = name.replace("NodeGroup", "NodeLaunchTemplate")
        assert group["LaunchTemplate"] == {
            "Id": {"Ref": launch_template},
            "Version": {"Fn::GetAtt": [launch_template, "LatestVersionNumber"]},
        }
        assert resources[launch_template]["Properties"]["LaunchTemplateName"] == group["NodegroupName"]


def test_a_node_group_that_exists_declares_the_settled_size() -> None:
    scaling = render(SPEC_2019, replace(FACTS, desired_sizes={"main": 5}))["Resources"]["NodeGroupMain"]["Properties"][
        "ScalingConfig"
    ]
    assert scaling == {"MinSize": 2, "DesiredSize": 5, "MaxSize": 8}


def test_no_secret_and_no_secret_arn_is_in_the_template() -> None:
    body = template_body(render(SPEC_2019))
    oauth = SPEC_2019.oauth
    assert oauth.client_secret_secret_arn and oauth.client_id_secret_arn
    assert oauth.client_secret_secret_arn not in body
    assert oauth.client_id_secret_arn not in body


def many_groups(count: int) -> ClusterSpec:
    return replace(SPEC_2019, node_groups=tuple(NodeGroup(name=f"group{number}") for number in range(count)))


def test_a_dozen_node_groups_fit_into_a_request() -> None:
    assert len(template_body(render(many_groups(12))).encode()) <= LARGEST_TEMPLATE_BYTES


def test_too_many_node_groups_are_refused_before_cloudformation_does() -> None:
    with pytest.raises(SpecInvalid, match=r"has \d+ bytes, CloudFormation takes 51200: node_groups and tags"):
        template_body(render(many_groups(60)))


@pytest.mark.parametrize(
    ("vpc", "expected"),
    [
        pytest.param(["172.31.0.0/16"], "10.100.0.0/16", id="default VPC"),
        pytest.param(["10.0.0.0/8"], "172.20.0.0/16", id="overlaps with the first"),
        pytest.param(["10.100.3.0/24", "172.16.0.0/12"], "192.168.0.0/16", id="a second range counts too"),
    ],
)
def test_services_get_a_range_that_the_vpc_does_not_use(vpc: list[str], expected: str) -> None:
    assert choose_service_cidr(vpc) == expected


def test_a_vpc_that_uses_every_range_is_refused_with_what_was_tried() -> None:
    with pytest.raises(AccountNotReady, match=SERVICE_CIDRS[0]):
        choose_service_cidr(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"])


def test_the_range_of_a_deployed_cluster_is_read_back_from_its_template() -> None:
    assert deployed_service_cidr(render(SPEC_2019, replace(FACTS, service_cidr="172.20.0.0/16"))) == "172.20.0.0/16"
    assert deployed_service_cidr(None) is None


def test_a_change_of_instance_type_stays_within_the_launch_template() -> None:
    before, after = render(SPEC_2019)["Resources"], render(with_group(SPEC_2019, instance_type="m6i.4xlarge"))["Resources"]
    assert [name for name in before if before[name] != after[name]] == ["NodeLaunchTemplateMain"]
