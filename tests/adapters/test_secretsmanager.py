"""Secrets: made once, read as text, never lost to a race or to a pending deletion."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hubplane.adapters.secretsmanager import SecretsManager
from hubplane.domain.errors import ProviderError

TAGS = {"hubplane:cluster": "lab"}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield boto3.client("secretsmanager", "us-east-1", aws_access_key_id="x", aws_secret_access_key="y")


def never() -> str:
    raise AssertionError("a value was made although the secret exists")


def test_an_absent_secret_reads_as_none(client: Any) -> None:
    assert SecretsManager(client).read("hubplane/lab/proxy-token") is None


def test_a_secret_is_made_once_and_keeps_its_first_value(client: Any) -> None:
    secrets = SecretsManager(client)
    arn, created = secrets.create_once("hubplane/lab/proxy-token", lambda: "first", TAGS)
    assert created
    assert secrets.create_once("hubplane/lab/proxy-token", never, TAGS) == (arn, False)
    assert secrets.read(arn) == secrets.read("hubplane/lab/proxy-token") == "first"
    assert client.describe_secret(SecretId=arn)["Tags"] == [{"Key": "hubplane:cluster", "Value": "lab"}]


def test_a_writer_that_loses_the_race_gets_the_winners_secret(client: Any) -> None:
    secrets = SecretsManager(client)

    def winner_comes_first() -> str:
        client.create_secret(Name="raced", SecretString="winner")
        return "loser"

    arn, created = secrets.create_once("raced", winner_comes_first, TAGS)
    assert not created
    assert secrets.read(arn) == "winner"


def test_a_secret_that_waits_for_deletion_reads_as_none_and_is_taken_back(client: Any) -> None:
    secrets = SecretsManager(client)
    arn, _ = secrets.create_once("token", lambda: "kept", TAGS)
    client.delete_secret(SecretId="token", RecoveryWindowInDays=7)
    assert secrets.read("token") is None
    assert secrets.create_once("token", never, TAGS) == (arn, False)
    assert secrets.read("token") == "kept"


def test_put_changes_the_current_text(client: Any) -> None:
    secrets = SecretsManager(client)
    secrets.create_once("token", lambda: "old", TAGS)
    secrets.put("token", "new")
    assert secrets.read("token") == "new"


def test_put_to_an_absent_secret_is_refused_without_showing_the_value(client: Any) -> None:
    with pytest.raises(ProviderError, match="write secret absent") as refusal:
        SecretsManager(client).put("absent", "planted-value")
    assert "planted-value" not in str(refusal.value)


def test_a_binary_secret_is_refused(client: Any) -> None:
    client.create_secret(Name="binary", SecretBinary=b"\x00\x01")
    with pytest.raises(ProviderError, match="secret binary holds binary data"):
        SecretsManager(client).read("binary")
