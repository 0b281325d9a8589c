"""How long the names of a cluster and its node groups may be: every resource that they prefix has its own limit.

The names themselves stand in docs/architecture.md, "Names of what belongs to a cluster". The limits are those of the
services' API models (elbv2 CreateLoadBalancer and CreateTargetGroup ``Name``, iam ``roleNameType``, eks ``ClusterName``,
ec2 ``LaunchTemplateName``, cloudformation CreateStack ``StackName``, secretsmanager ``NameType``, logs ``LogGroupName``,
ecr ``RepositoryName``, cognito-idp ``ClientNameType``, ec2 CreateSecurityGroup ``GroupName``) and, for node groups,
https://docs.aws.amazon.com/eks/latest/userguide/create-managed-node-group.html.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LONGEST_ROLE_SUFFIX: Final = "autoscaler"


@dataclass(frozen=True, slots=True)
class NameLimit:
    """A resource, the pattern of its name and the longest name that its service accepts."""

    resource: str
    pattern: str
    longest: int

    def room_for(self, placeholder: str, **others: str) -> int:
        """How many characters are left for ``placeholder`` once the other parts of the name are known."""
        return self.longest - len(self.pattern.format(**{placeholder: ""}, **others))


CLUSTER_NAME_LIMITS: Final = (
    NameLimit("load balancer", "{cluster}", 32),
    NameLimit("target group", "{cluster}-{port}", 32),
    NameLimit("IAM role", f"hubplane-cluster-{{cluster}}-{LONGEST_ROLE_SUFFIX}", 64),
    NameLimit("EKS cluster", "{cluster}", 100),
    NameLimit("CloudFormation stack", "hubplane-cluster-{cluster}", 128),
    NameLimit("app client", "{cluster}", 128),
    NameLimit("security group", "{cluster}-load-balancer", 255),
    NameLimit("ECR repository", "hubplane/{cluster}/hub", 256),
    NameLimit("secret", "hubplane/{cluster}/oauth-client", 512),
    NameLimit("log group", "/aws/eks/{cluster}/cluster", 512),
)
GROUP_NAME_LIMITS: Final = (
    NameLimit("EKS node group", "{cluster}-{group}", 63),
    NameLimit("launch template", "{cluster}-{group}", 128),
)


def tightest_cluster_limit(node_port: int) -> tuple[int, NameLimit]:
    """The longest cluster name that every resource can carry, and the resource that sets it."""
    return min(
        ((limit.room_for("cluster", port=str(node_port)), limit) for limit in CLUSTER_NAME_LIMITS), key=lambda pair: pair[0]
    )


def tightest_group_limit(cluster_name: str) -> tuple[int, NameLimit]:
    """The longest node group name in this cluster, and the resource that sets it."""
    return min(((limit.room_for("group", cluster=cluster_name), limit) for limit in GROUP_NAME_LIMITS), key=lambda pair: pair[0])
