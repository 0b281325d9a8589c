"""Which property changes replace a resource."""

from __future__ import annotations

from ministack.services.cloudformation import provisioners

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend

# "Update requires: Replacement" in the CloudFormation template reference, one page per type:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/ . Subnets and security groups of a cluster are
# updated in place since 2024 (https://github.com/aws/aws-cdk/pull/30114).
REPLACING = {
    "AWS::EKS::Cluster": ("Name", "RoleArn", "EncryptionConfig", "OutpostConfig", "BootstrapSelfManagedAddons"),
    "AWS::EKS::Nodegroup": (
        "ClusterName",
        "NodegroupName",
        "NodeRole",
        "Subnets",
        "InstanceTypes",
        "AmiType",
        "CapacityType",
        "DiskSize",
        "RemoteAccess",
    ),
    "AWS::EC2::LaunchTemplate": ("LaunchTemplateName",),
    "AWS::EC2::SecurityGroup": ("GroupName", "GroupDescription", "VpcId"),
    "AWS::EC2::SecurityGroupIngress": ("GroupId", "CidrIp", "IpProtocol", "FromPort", "ToPort", "SourceSecurityGroupId"),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": ("Name", "Scheme", "Type"),
    "AWS::ElasticLoadBalancingV2::TargetGroup": (
        "Name",
        "Port",
        "Protocol",
        "ProtocolVersion",
        "TargetType",
        "VpcId",
        "IpAddressType",
    ),
    "AWS::ElasticLoadBalancingV2::Listener": ("LoadBalancerArn",),
    "AWS::IAM::Role": ("RoleName", "Path"),
    "AWS::IAM::InstanceProfile": ("InstanceProfileName", "Path"),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName", "Path", "Description"),
    "AWS::IAM::Policy": (),
    "AWS::Logs::LogGroup": ("LogGroupName",),
    "AWS::ECR::Repository": ("RepositoryName", "EncryptionConfiguration"),
}
# Parts of these are create-only, parts are not.
CONDITIONALLY_REPLACING = {"AWS::EKS::Cluster": ("AccessConfig", "KubernetesNetworkConfig")}


@mend
def replacement_by_type(cloud: Cloud, gateway: Gateway) -> None:
    """Change sets say ``Conditional`` for every change of the types in a cluster's stack. With this they say what AWS says."""
    provisioners._REPLACING_PROPERTIES.update(REPLACING)
    provisioners._CONDITIONALLY_REPLACING_PROPERTIES.update(CONDITIONALLY_REPLACING)
