"""CloudFormation's role for clusters may do what its handlers of our resource types do, or this page says why not.

The handlers' permissions are those that AWS publishes with each resource type; cfn-lint carries them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode import decode
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

REPOSITORY = Path(__file__).resolve().parents[2]
VERBS = ("create", "read", "update", "delete")  # a stack never lists
# What a handler does only for properties that cluster.yaml never sets: its beginning -> the property.
NOT_NEEDED = {
    "eks:CreateAccessEntry": "bootstrapClusterCreatorAdminPermissions, which is off",
    "eks:ActivateCertificateAuthority": "rotation of a cluster's certificate authority",
    "iam:AddRoleToInstanceProfile": "EKS Auto Mode",
    "iam:CreateInstanceProfile": "EKS Auto Mode",
    "iam:DeleteInstanceProfile": "EKS Auto Mode",
    "iam:GetInstanceProfile": "EKS Auto Mode",
    "iam:RemoveRoleFromInstanceProfile": "EKS Auto Mode",
    "iam:TagInstanceProfile": "EKS Auto Mode",
    "kms:": "a key of one's own for Kubernetes secrets",
    "ec2:DescribeKeyPairs": "ssh into nodes",
    "ec2:DescribeIpamPools": "addresses from a pool",
    "cognito-idp:": "sign-in at the load balancer",
    "elasticloadbalancing:ModifyCapacityReservation": "reserved capacity",
    "elasticloadbalancing:ModifyIpPools": "addresses from a pool",
    "elasticloadbalancing:SetIpAddressType": "dual-stack addresses",
    "iam:DeleteRolePermissionsBoundary": "permissions boundaries",
    "iam:PutRolePermissionsBoundary": "permissions boundaries",
    "firehose:": "log delivery",
    "s3:": "log delivery",
    "logs:CreateLogDelivery": "log delivery",
    "logs:PutBearerTokenAuthentication": "log ingestion over HTTP",
    "logs:PutDataProtectionPolicy": "data protection policies",
    "logs:DeleteDataProtectionPolicy": "data protection policies",
    "logs:PutIndexPolicy": "index policies",
    "logs:DeleteIndexPolicy": "index policies",
    "logs:PutResourcePolicy": "resource policies",
    "logs:DeleteResourcePolicy": "resource policies",
    "logs:AssociateKmsKey": "a key of one's own for logs",
    "logs:DisassociateKmsKey": "a key of one's own for logs",
    "logs:PutLogGroupDeletionProtection": "deletion protection of log groups",
}


def load(path: str) -> dict[str, Any]:
    document, _ = decode(str(REPOSITORY / path))
    found: dict[str, Any] = document
    return found


def granted() -> set[str]:
    actions: set[str] = set()
    for policy in load("template.yaml")["Resources"]["ClusterStackRole"]["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            listed = statement["Action"]
            actions.update(action.lower() for action in (listed if isinstance(listed, list) else [listed]))
    return actions


KINDS = sorted({item["Type"] for item in load("functions/plan_stack_change/cluster.yaml")["Resources"].values()})


@pytest.mark.parametrize("kind", KINDS)
def test_the_role_may_do_what_the_handlers_of_a_type_do(kind: str) -> None:
    handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema["handlers"]
    needed = {action for verb in VERBS for action in handlers.get(verb, {}).get("permissions", [])}
    assert needed
    missing = {action for action in needed if action.lower() not in granted() and "*" not in action}
    assert not {action for action in missing if not action.startswith(tuple(NOT_NEEDED))}
