"""The 24 parameters of 2019 are accepted as they stand, and their faults are told by the names of 2019."""

from __future__ import annotations

from typing import Any

import pytest

from hubplane.domain.cluster_spec.legacy import PARAMETERS
from hubplane.domain.cluster_spec.model import spec_to_json
from tests.unit.cluster_spec.examples import (
    TAKEN_OUT,
    accepted,
    broken,
    legacy_input,
    only_fault,
    refusal,
    secret_arn,
    typed_input,
)

# The names, defaults and "(required)" of the 2019 README, section "parameter overrides", in its order.
README_2019 = {
    "VpcId": None,
    "Subnets": None,
    "ActiveSubnets": None,
    "CodeBuildServiceRoleArn": None,
    "AdminUserName": None,
    "OAuthDnsName": None,
    "OAuthClientId": None,
    "OAuthClientSecret": None,
    "HubAWSId": "",
    "HubAWSSecret": "",
    "JupyterHubURL": "",
    "ImageName": "553778890976.dkr.ecr.us-east-1.amazonaws.com/asf-franz-labs",
    "ImageTag": None,
    "NodeImageId": "",
    "NodeInstanceType": "m5.2xlarge",
    "NodeAutoScalingGroupMinSize": "2",
    "NodeAutoScalingGroupMaxSize": "8",
    "NodeAutoScalingGroupDesiredCapacity": "2",
    "NodeVolumeSize": "500",
    "NodeAccessKeyId": "",
    "NodeSecretKey": "",
    "LoadBalancerCidrBlock": "0.0.0.0/0",
    "CertificateArn": "arn:aws:acm:us-east-1:553778890976:certificate/10791780-75d2-4ef0-bfbc-2c074e94b92b",
    "NodeProxyPort": "30052",
}
REQUIRED = [name for name, default in README_2019.items() if default is None]

CASES: list[tuple[str, dict[str, Any], str, str]] = [
    ("port", {"NodeProxyPort": "30"}, 'NodeProxyPort = "30"', "from 30000 to 32767"),
    ("port in words", {"NodeProxyPort": "abc"}, 'NodeProxyPort = "abc"', "must be a whole number"),
    (
        "port as number",
        {"NodeProxyPort": 30052},
        "NodeProxyPort = 30052",
        'must be a string, as all 2019 parameters are: write "30052"',
    ),
    ("port null", {"NodeProxyPort": None}, "NodeProxyPort = null", "must be a string"),
    ("port with space", {"NodeProxyPort": " 30052"}, 'NodeProxyPort = " 30052"', "must be a whole number"),
    ("port in other digits", {"NodeProxyPort": "٣٠٠٥٢"}, 'NodeProxyPort = "٣٠٠٥٢"', "must be a whole number"),
    (
        "min",
        {"NodeAutoScalingGroupMinSize": "3"},
        'NodeAutoScalingGroupMinSize = "3"',
        "than NodeAutoScalingGroupDesiredCapacity, which is 2",
    ),
    (
        "max",
        {"NodeAutoScalingGroupMaxSize": "2"},
        'NodeAutoScalingGroupMaxSize = "2"',
        "one more than NodeAutoScalingGroupDesiredCapacity",
    ),
    ("negative", {"NodeAutoScalingGroupMinSize": "-1"}, 'NodeAutoScalingGroupMinSize = "-1"', "from 0 to 450"),
    ("volume", {"NodeVolumeSize": "5"}, 'NodeVolumeSize = "5"', "from 20 to 16384"),
    ("a list for a string", {"VpcId": ["vpc-4da21e37"]}, "VpcId = (a list of 1)", "must be a string"),
    ("one subnet", {"Subnets": "subnet-4388e824"}, 'Subnets = "subnet-4388e824"', "at least two different subnet ids"),
    ("subnet twice", {"Subnets": "subnet-4388e824,subnet-4388e824"}, 'Subnets = "subnet-4388e824"', "stands there twice"),
    ("comma at the end", {"Subnets": "subnet-4388e824,subnet-39a09073,"}, 'Subnets = ""', "must be a subnet id"),
    ("no active subnet", {"ActiveSubnets": ""}, 'ActiveSubnets = ""', "at least one of the cluster's subnets"),
    (
        "active subnet elsewhere",
        {"ActiveSubnets": "subnet-00000000"},
        'ActiveSubnets = "subnet-00000000"',
        "is not among Subnets",
    ),
    ("cidr", {"LoadBalancerCidrBlock": "10.0.0.1/8"}, 'LoadBalancerCidrBlock = "10.0.0.1/8"', "write 10.0.0.0/8"),
    ("url", {"JupyterHubURL": "https://hub.example.org/hub"}, "JupyterHubURL = ", "leave out what follows the name"),
    ("oauth dns name", {"OAuthDnsName": "opensarlab.auth.us-east-1.amazoncognito.com"}, "OAuthDnsName = ", "https:// is missing"),
    ("admin", {"AdminUserName": "a b"}, 'AdminUserName = "a b"', "must be a user name"),
    ("admin empty", {"AdminUserName": ""}, 'AdminUserName = ""', "must be a user name"),
    ("role", {"CodeBuildServiceRoleArn": "a role"}, 'CodeBuildServiceRoleArn = "a role"', "name or the ARN of an IAM role"),
    ("image with tag", {"ImageName": "quay.io/x/y:1"}, 'ImageName = "quay.io/x/y:1"', "tag's field"),
    ("image empty", {"ImageName": ""}, 'ImageName = ""', "as registries have it"),
    ("tag", {"ImageTag": "a b"}, 'ImageTag = "a b"', "must be an image tag"),
    ("certificate", {"CertificateArn": "arn:aws:acm:us-east-1"}, 'CertificateArn = "arn:aws:acm:us-east-1"', "ACM certificate"),
    ("node image", {"NodeImageId": "ami-x"}, 'NodeImageId = "ami-x"', "must be an AMI id"),
    (
        "node image of 2019",
        {"NodeImageId": "ami-0eeeef929db40543c"},
        "NodeImageId = ",
        "is the default of 2019 and fits no Kubernetes version",
    ),
    ("instance", {"NodeInstanceType": "M5.2XLARGE"}, 'NodeInstanceType = "M5.2XLARGE"', "in lower case"),
    ("ARM instance", {"NodeInstanceType": "m7g.large"}, 'NodeInstanceType = "m7g.large"', "has ARM processors"),
    ("name in other case", {"vpcid": "vpc-4da21e37"}, 'vpcid = "vpc-4da21e37"', "did you mean VpcId?"),
    ("name misspelt", {"NodeVolumesize_": "500"}, 'NodeVolumesize_ = "500"', "did you mean NodeVolumeSize?"),
    ("name of the typed form", {"node_port": "30052"}, 'node_port = "30052"', "in this form it is called NodeProxyPort"),
    ("path of the typed form", {"hub.node_port": "1"}, '"hub.node_port" = "1"', "in this form it is called NodeProxyPort"),
    ("typed form only", {"kubernetes_version": "1.35"}, 'kubernetes_version = "1.35"', "belongs to the typed form only"),
    ("name from nowhere", {"zzz": "1"}, 'zzz = "1"', "take it out"),
    ("cluster name", {"cluster_name": "x" * 27}, "cluster_name = ", "may have 26"),
]


def test_names_defaults_and_required_are_those_of_2019() -> None:
    assert {parameter.name: parameter.default for parameter in PARAMETERS} == README_2019
    assert len(PARAMETERS) == 24


@pytest.mark.parametrize(("changes", "start", "part"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_fault_is_told_by_the_2019_name(changes: dict[str, Any], start: str, part: str) -> None:
    line = only_fault(broken(legacy_input(), changes))
    assert line.startswith(start)
    assert part in line


def required_alone() -> dict[str, Any]:
    return {name: value for name, value in legacy_input()["parameters"].items() if name in REQUIRED}


@pytest.mark.parametrize("name", REQUIRED)
def test_a_required_parameter_is_missed_once(name: str) -> None:
    line = only_fault(
        {"cluster_name": "opensarlab", "parameters": {key: value for key, value in required_alone().items() if key != name}}
    )
    assert line.startswith(f"{name} = (missing): is required")


def test_all_required_parameters_are_missed_at_once() -> None:
    assert sorted(fault.field for fault in refusal({"cluster_name": "opensarlab", "parameters": {}}).faults) == sorted(REQUIRED)


def test_the_required_parameters_alone_make_the_cluster_of_2019() -> None:
    validated = accepted({"cluster_name": "opensarlab", "parameters": required_alone()})
    assert validated.spec.hub.url is None
    assert validated.spec.hub.node_port == 30052
    assert validated.spec.node_groups[0].ami_id is None
    assert (validated.spec.node_groups[0].min_size, validated.spec.node_groups[0].max_size) == (2, 8)
    assert validated.spec.network.load_balancer_cidr == "0.0.0.0/0"


def test_both_forms_of_the_same_cluster_give_the_same_specification() -> None:
    assert accepted(legacy_input()).spec == accepted(typed_input()).spec


def test_every_parameter_reaches_its_field() -> None:
    changes = {
        "VpcId": "vpc-00000001",
        "Subnets": "subnet-00000001, subnet-00000002",
        "ActiveSubnets": "subnet-00000002",
        "AdminUserName": "boss",
        "OAuthDnsName": "https://login.example.org",
        "OAuthClientId": secret_arn("other-id"),
        "OAuthClientSecret": secret_arn("other-secret"),
        "JupyterHubURL": "https://other.example.org",
        "ImageName": "quay.io/x/y",
        "ImageTag": "v1",
        "NodeImageId": "ami-0123456789abcdef0",
        "NodeInstanceType": "r5.large",
        "NodeAutoScalingGroupMinSize": "1",
        "NodeAutoScalingGroupMaxSize": "9",
        "NodeAutoScalingGroupDesiredCapacity": "3",
        "NodeVolumeSize": "100",
        "LoadBalancerCidrBlock": "137.229.0.0/16",
        "CertificateArn": "arn:aws:acm:us-west-2:553778890976:certificate/abc",
        "NodeProxyPort": "31000",
    }
    assert set(changes) == {parameter.name for parameter in PARAMETERS if parameter.path}
    document = spec_to_json(accepted(broken(legacy_input(), changes)).spec)
    for parameter in PARAMETERS:
        value = document
        for part in parameter.path:
            value = value[part]  # type: ignore[index]
        if parameter.path:
            given = changes[parameter.name]
            as_list = [item.strip() for item in given.split(",")]
            assert value in (given, as_list, int(given) if given.isdigit() else None), parameter.name


@pytest.mark.parametrize("role", ["jupyter-hub-build", "arn:aws:iam::553778890976:role/service/jupyter-hub-build"])
def test_the_build_role_may_be_a_name_or_an_arn_and_is_noted_as_unused(role: str) -> None:
    notes = accepted(broken(legacy_input(), {"CodeBuildServiceRoleArn": role})).notes
    assert sum("CodeBuildServiceRoleArn is no longer used" in note for note in notes) == 1


@pytest.mark.parametrize("name", ["HubAWSId", "HubAWSSecret", "NodeAccessKeyId", "NodeSecretKey"])
def test_the_keys_of_2019_are_noted_as_unused_and_to_be_rotated(name: str) -> None:
    notes = [note for note in accepted(legacy_input()).notes if note.startswith(name)]
    assert len(notes) == 1
    assert "EKS Pod Identity" in notes[0]
    assert "Rotate and delete" in notes[0]
    for empty in ("", TAKEN_OUT):
        assert not [note for note in accepted(broken(legacy_input(), {name: empty})).notes if note.startswith(name)]


def test_a_fault_of_one_parameter_hides_no_other() -> None:
    changes = {
        "VpcId": 1,
        "NodeProxyPort": "x",
        "NodeAutoScalingGroupMinSize": "7",
        "HubAWSId": "****",
        "Foo": "1",
        "OAuthClientId": "p",
    }
    fields = [fault.field for fault in refusal(broken(legacy_input(), changes)).faults]
    assert sorted(fields) == sorted(changes)


@pytest.mark.parametrize(
    ("document", "start", "part"),
    [
        ([], "input = (no object)", "cluster_name and either parameters or spec"),
        ({"cluster_name": "lab"}, "spec = (missing)", "is missing, and so is parameters"),
        ({"cluster_name": "lab", "spec": {}, "parameters": {}}, "spec = (an object of 0)", "must not stand beside parameters"),
        ({"cluster_name": "lab", "parameters": "x"}, "parameters = (hidden)", "must be an object"),
        ({"cluster_name": "lab", "spec": 5}, "spec = (hidden)", "must be an object, or one as YAML or JSON text"),
        ({**legacy_input(), "Parameters": {}}, "Parameters = (an object of 0)", "did you mean parameters?"),
        ({**legacy_input(), "VpcId": "vpc-4da21e37"}, 'VpcId = "vpc-4da21e37"', "it belongs into parameters"),
        ({**legacy_input(), "network": {}}, "network = (an object of 0)", "it belongs into spec, as network"),
        ({**legacy_input(), 5: 1}, "input = (hidden)", "a name that is no text"),
        (
            broken(typed_input(), {}) | {"spec": {**typed_input()["spec"], "cluster_name": "other"}},
            "cluster_name = ",
            "differs from spec's own",
        ),
    ],
    ids=[
        "list",
        "neither",
        "both",
        "parameters text",
        "spec number",
        "capital",
        "2019 name",
        "typed name",
        "number as name",
        "two names",
    ],
)
def test_the_input_itself_has_exactly_one_form(document: Any, start: str, part: str) -> None:
    line = only_fault(document)
    assert line.startswith(start)
    assert part in line


def test_a_storage_policy_may_stand_beside_the_parameters() -> None:
    document = legacy_input() | {"storage_policy": {"prune": True, "volume_idle_days": 30}}
    policy = accepted(document).spec.storage.policy
    assert (policy.prune, policy.volume_idle_days, policy.snapshot_hour) == (True, 30, 10)
    assert not accepted(legacy_input()).spec.storage.policy.prune, "without a word nothing is deleted"


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        pytest.param({"prune": "True"}, 'storage_policy.prune = "True": must be true or false', id="as a string"),
        pytest.param({"idle_days": 5}, "storage_policy.idle_days = 5: is no field of storage.policy", id="unknown"),
        pytest.param({"end_of_retention_days": 9}, "more than 10 days, storage_policy.volume_idle_days 5", id="too short"),
        pytest.param(None, "storage_policy = null", id="null"),
    ],
)
def test_faults_of_the_policy_are_told_by_the_name_that_was_used(policy: Any, said: str) -> None:
    assert said in only_fault(legacy_input() | {"storage_policy": policy})


def test_the_typed_form_has_its_policy_inside() -> None:
    assert "as storage.policy" in only_fault(typed_input() | {"storage_policy": {"prune": True}})
