"""EKS Pod Identity: a pod has the role of its service account, and no other pod has it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from local.kubernetes.access.pod_identity import TOKEN_FILE, PodIdentities
from local.kubernetes.access.service_accounts import ServiceAccountTokens

ROLE = "arn:aws:iam::553778890976:role/hubplane-cluster-opensarlab-hub"
HUB, USER = ("jupyter", "hub"), ("jupyter", "default")


class FakeSts:
    """Answers AssumeRole."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def assume_role(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        ends = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
        return {"Credentials": {"AccessKeyId": "ASIA", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": ends}}


@pytest.fixture
def sts() -> FakeSts:
    return FakeSts()


@pytest.fixture
def identities(sts: FakeSts) -> PodIdentities:
    made = PodIdentities("opensarlab", "us-east-1", ServiceAccountTokens(), lambda: sts, "http://127.0.0.1:1/credentials")
    made.roles = {HUB: ROLE}
    return made


def test_only_pods_of_an_associated_service_account_are_told_where_credentials_are(identities: PodIdentities) -> None:
    assert identities.environment(*HUB) == {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": TOKEN_FILE,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    assert identities.files(*HUB, "token") == {TOKEN_FILE: b"token"}
    assert (identities.environment(*USER), identities.files(*USER, "token")) == ({}, {})


def test_the_agent_gives_the_role_to_its_service_account_s_token_alone(identities: PodIdentities, sts: FakeSts) -> None:
    hub, _ = identities.tokens.issue(*HUB)
    user, _ = identities.tokens.issue(*USER)
    found = asyncio.run(identities.credentials(hub))
    assert found == {"AccessKeyId": "ASIA", "SecretAccessKey": "s", "Token": "t", "Expiration": "2026-11-25T18:00:00Z"}
    (asked,) = sts.asked
    assert (asked["RoleArn"], asked["Tags"]) == (ROLE, [{"Key": "eks-cluster-name", "Value": "opensarlab"}])
    assert asyncio.run(identities.credentials(user)) is None
    assert asyncio.run(identities.credentials("forged")) is None
    identities.roles = {}
    assert asyncio.run(identities.credentials(hub)) is None
    assert len(sts.asked) == 1
