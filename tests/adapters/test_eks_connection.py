"""The connection to a cluster's Kubernetes API: what EKS's authenticator checks in the token."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from hubplane.adapters.eks import cluster_connection
from hubplane.domain.errors import NotYet, ProviderError


class EksOfOneCluster:
    """DescribeCluster of a single cluster; any other name is refused in EKS's words."""

    def __init__(self, **cluster: Any) -> None:
        self.cluster = {"name": "lab", "status": "ACTIVE", **cluster}

    def describe_cluster(self, name: str) -> dict[str, Any]:
        if name != self.cluster["name"]:
            from botocore.exceptions import ClientError

            raise ClientError(
                {"Error": {"Code": "ResourceNotFoundException", "Message": f"No cluster found for name: {name}."}},
                "DescribeCluster",
            )
        return {"cluster": self.cluster}


READY = EksOfOneCluster(endpoint="https://lab.example", certificateAuthority={"data": "Q0E="})


def session(region: str = "eu-west-1") -> Any:
    return boto3.Session("AKIDEXAMPLE", "planted-secret-key", "planted-session-token", region)


def signed_url(token: str) -> str:
    prefix, encoded = token.split(".", 1)
    assert prefix == "k8s-aws-v1"
    assert "=" not in encoded
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()


@pytest.fixture(autouse=True)
def no_endpoint_override(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL_STS", raising=False)


def test_the_connection_carries_endpoint_and_authority_of_the_cluster() -> None:
    connection = cluster_connection(READY, session(), "lab")
    assert (connection.cluster_name, connection.endpoint, connection.certificate_authority_data) == (
        "lab",
        "https://lab.example",
        "Q0E=",
    )


def test_the_token_never_shows_in_the_repr() -> None:
    connection = cluster_connection(READY, session(), "lab")
    assert connection.token not in repr(connection)


def test_the_token_is_a_signed_caller_identity_url_bound_to_the_cluster() -> None:
    url = urlsplit(signed_url(cluster_connection(READY, session(), "lab").token))
    query = {key: values[0] for key, values in parse_qs(url.query).items()}
    assert (query["Action"], query["Version"]) == ("GetCallerIdentity", "2011-06-15")
    assert query["X-Amz-Expires"] == "60"
    assert query["X-Amz-SignedHeaders"] == "host;x-k8s-aws-id"
    assert query["X-Amz-Security-Token"] == "planted-session-token"
    assert query["X-Amz-Credential"].endswith("/eu-west-1/sts/aws4_request")


def test_the_signature_differs_from_cluster_to_cluster() -> None:
    other = EksOfOneCluster(name="other", endpoint="https://o.example", certificateAuthority={"data": "Q0E="})
    first = signed_url(cluster_connection(READY, session(), "lab").token)
    second = signed_url(cluster_connection(other, session(), "other").token)
    assert parse_qs(urlsplit(first).query)["X-Amz-Signature"] != parse_qs(urlsplit(second).query)["X-Amz-Signature"]


@pytest.mark.parametrize(
    ("region", "host"),
    [
        pytest.param("us-east-1", "sts.us-east-1.amazonaws.com", id="regional-even-in-us-east-1"),
        pytest.param("eu-west-1", "sts.eu-west-1.amazonaws.com", id="regional"),
        pytest.param("cn-north-1", "sts.cn-north-1.amazonaws.com.cn", id="china"),
        pytest.param("us-gov-west-1", "sts.us-gov-west-1.amazonaws.com", id="govcloud"),
    ],
)
def test_the_token_names_the_sts_of_its_own_region(region: str, host: str) -> None:
    assert urlsplit(signed_url(cluster_connection(READY, session(region), "lab").token)).netloc == host


def test_the_token_follows_the_endpoint_override(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4999")
    assert urlsplit(signed_url(cluster_connection(READY, session(), "lab").token))[:2] == ("http", "127.0.0.1:4999")


@pytest.mark.parametrize(
    "cluster",
    [
        pytest.param({"status": "CREATING"}, id="no-endpoint-at-all"),
        pytest.param({"status": "CREATING", "endpoint": "https://lab.example", "certificateAuthority": {}}, id="no-authority"),
        pytest.param(
            {"status": "CREATING", "endpoint": "https://lab.example", "certificateAuthority": {"data": ""}}, id="empty-authority"
        ),
    ],
)
def test_a_cluster_without_endpoint_is_waited_for(cluster: dict[str, Any]) -> None:
    with pytest.raises(NotYet, match="EKS cluster lab is CREATING"):
        cluster_connection(EksOfOneCluster(**cluster), session(), "lab")


def test_an_absent_cluster_is_named() -> None:
    with pytest.raises(ProviderError, match=r"describe EKS cluster nowhere: .*No cluster found"):
        cluster_connection(READY, session(), "nowhere")
