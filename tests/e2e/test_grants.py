"""Every call a function made in the other tests is granted, and every grant was used or has its reason here."""

from __future__ import annotations

import json
import re
import urllib.request
from typing import Any

import pytest

from local.guide.follow import Outcome
from tests.e2e.conftest import Hubplane
from tests.template.test_control_plane import resources

pytestmark = pytest.mark.e2e

# Needs no grant: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
FREE = {"sts:GetCallerIdentity"}
# A transaction needs what its items need: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
AS_ITEMS = {
    "dynamodb:TransactWriteItems": {"dynamodb:PutItem", "dynamodb:UpdateItem"},
    "dynamodb:TransactGetItems": {"dynamodb:GetItem"},
}
# IAM knows one action for both: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
AS_ONE = {"sqs:SendMessageBatch": "sqs:SendMessage"}
# What single functions call in rare states only.
RARE = {
    "PreAuthenticationFunction": (
        {"dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:Scan", "dynamodb:UpdateItem", "ec2:DescribeTags"},
        "the first sign-in of an account that an admin made: its record is written then",
    ),
    "ApplyDeletionsFunction": ({"ec2:CreateSnapshot"}, "a proof that is started in place of a delete"),
    "EnsureStorageScheduleFunction": ({"scheduler:UpdateSchedule"}, "a policy with another hour"),
    "SweepDrillFunction": ({"ec2:DeleteVolume"}, "a drill that was killed before its volume had a claim to go with"),
    "EnsureDiagnosisScheduleFunction": ({"scheduler:UpdateSchedule"}, "a policy with other hours"),
    "StageSecretsFunction": ({"cognito-idp:DeleteUserPoolClientSecret"}, "a secret that a killed run could not store"),
}
# Granted, but not called as such on the embedded cloud: permissions that go with another call, and paths of rare states.
UNSEEN = {
    "ec2:CreateTags": "goes with CreateSnapshot",
    "ecr:TagResource": "goes with CreateRepository",
    "eks:TagResource": "goes with the Create calls",
    "secretsmanager:TagResource": "goes with CreateSecret",
    "cloudformation:TagResource": "goes with CreateChangeSet",
    "iam:PassRole": "goes with CreateChangeSet and CreatePodIdentityAssociation",
    "iam:GetRole": "goes with CreatePodIdentityAssociation",
    "s3:ListBucket": "lets GetObject answer that there is no such key",
    "secretsmanager:RestoreSecret": "a secret that waits for its deletion",
    "secretsmanager:PutSecretValue": "a client whose secret differs from what is kept",
    "cognito-idp:UpdateUserPoolClient": "a client whose settings differ",
    "ec2:DescribeImages": "a specification with an image of its own",
    "servicequotas:GetAWSDefaultServiceQuota": "a quota that this account has no value of its own for",
    "cloudformation:DeleteStack": "a stack whose first build failed",
    "cloudformation:DescribeStackEvents": "a stack that failed",
    "cloudformation:DescribeStacks": "ExecuteStackChange asks only where its change set is gone",
    "eks:DeleteAccessEntry": "a grant taken back",
    "eks:DisassociateAccessPolicy": "a grant taken back",
    "eks:UpdateAccessEntry": "an entry whose groups differ",
    "eks:UpdateAddon": "a newer add-on",
    "eks:UpdatePodIdentityAssociation": "another role",
    "autoscaling:DetachLoadBalancerTargetGroups": "another node port",
    "states:SendTaskSuccess": "an answer that is known before it is asked for",
    "kms:CreateGrant": "an encrypted copy: EBS calls it in the name of who asks for a volume of it",
    "kms:Decrypt": "as CreateGrant",
    "kms:DescribeKey": "as CreateGrant",
    "kms:GenerateDataKeyWithoutPlaintext": "as CreateGrant",
    "kms:ReEncryptFrom": "as CreateGrant",
    "kms:ReEncryptTo": "as CreateGrant",
    "ecr:GetDownloadUrlForLayer": "an image that may say its JupyterHub version",
}


def called(hubplane: Hubplane) -> dict[str, set[str]]:
    """Function -> the AWS operations it called so far."""
    with urllib.request.urlopen(f"{hubplane.cloud.endpoint_url}/_hubplane/calls", timeout=10) as answer:
        by_caller = json.load(answer)["by_caller"]
    found: dict[str, set[str]] = {}
    for caller, operations in by_caller.items():
        match = re.fullmatch(r"hubplane-(\w+Function)-\w+", caller)
        if match:
            for operation in operations:
                found.setdefault(match[1], set()).update(AS_ITEMS.get(operation, {AS_ONE.get(operation, operation)}))
    return found


def granted(properties: dict[str, Any]) -> set[str]:
    actions: set[str] = set()
    for policy in properties.get("Policies", []):
        for statement in policy["Statement"]:
            listed = statement["Action"]
            actions.update(listed if isinstance(listed, list) else [listed])
    return actions


@pytest.mark.last
def test_every_call_is_granted_and_every_grant_is_used(hubplane: Hubplane, built_2019: tuple[dict[str, Any], Outcome]) -> None:
    calls = called(hubplane)
    assert len(calls) > 15
    faults = []
    for name, item in resources("AWS::Serverless::Function").items():
        made, allowed = calls.get(name, set()) - FREE, granted(item["Properties"])
        if made - allowed:
            faults.append(f"{name} calls {sorted(made - allowed)} without a grant")
        rare, _ = RARE.get(name, (set(), ""))
        idle = allowed - made - UNSEEN.keys() - rare
        if name in calls and idle:
            faults.append(f"{name} is granted {sorted(idle)}, which it never called")
    assert not faults, "\n".join(faults)
