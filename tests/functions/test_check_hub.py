"""CheckHub from event to result, against a TLS listener that plays the load balancer."""

from __future__ import annotations

import importlib
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import trustme
from botocore.stub import Stubber

from hubplane.adapters.hub_http import Address
from hubplane.domain.errors import HubUnhealthy
from tests.adapters.tls_hub import Listener, listening

EVENT = json.loads((Path(__file__).parents[2] / "events" / "check_hub.json").read_text())
HOST = "opensarlab.asf.alaska.edu"
CLIENT_ID = "1h57kf5cpq17m0eml12EXAMPLE"
AUTHORIZE = (
    "https://opensarlab.auth.us-east-1.amazoncognito.com/oauth2/authorize?response_type=code&state=nonce"
    f"&redirect_uri=https%3A%2F%2F{HOST}%2Fhub%2Foauth_callback&client_id={CLIENT_ID}&scope=openid"
)
VERSION = {"X-JupyterHub-Version": "5.5.0"}


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    for name, value in (("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("HUB_CONNECT_TO", raising=False)
    return importlib.reload(importlib.import_module("functions.check_hub.app"))


@pytest.fixture
def cloud(app: ModuleType) -> Iterator[Stubber]:
    """An active load balancer with one healthy node; refuses calls in another order or with other arguments."""
    balancer = {"DNSName": EVENT["load_balancer_dns_name"], "State": {"Code": "active"}}
    healthy = {"Target": {"Id": "i-1", "Port": 30052}, "TargetHealth": {"State": "healthy"}}
    with Stubber(app.client("elbv2")) as stub:
        stub.add_response("describe_load_balancers", {"LoadBalancers": [balancer]}, {"Names": ["opensarlab"]})
        arguments = {"TargetGroupArn": EVENT["target_group_arn"]}
        stub.add_response("describe_target_health", {"TargetHealthDescriptions": [healthy]}, arguments)
        yield stub


@pytest.fixture(autouse=True)
def secret(app: ModuleType) -> Iterator[dict[str, str]]:
    """The secret of the hub's OAuth client; a test may put another client into it."""
    document = {"client_id": CLIENT_ID, "client_secret": "planted-client-secret"}

    class Manager:
        def get_secret_value(self, SecretId: str, VersionStage: str) -> dict[str, str]:  # noqa: N803
            assert (SecretId, VersionStage) == (EVENT["oauth_secret_arn"], "AWSCURRENT")
            return {"SecretString": json.dumps(document)}

    balancing = app.client("elbv2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "client", {"elbv2": balancing, "secretsmanager": Manager()}.__getitem__)
        yield document


@pytest.fixture
def hub(app: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """The hub behind its load balancer: TLS for 443, and a redirect on 80."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    replies = {"/hub/health": (200, VERSION, ""), "/hub/oauth_login": (302, VERSION | {"Location": AUTHORIZE}, "")}
    to_https = {"/hub/health": (301, {"Location": f"https://{HOST}:443/hub/health"}, "")}
    with listening(replies, context) as secure, listening(to_https) as plain:
        monkeypatch.setattr(app, "CONNECT_TO", {443: secure.address, 80: plain.address})
        yield secure


def call(app: ModuleType, **changes: Any) -> dict[str, Any]:
    answer: dict[str, Any] = app.handler(EVENT | changes, None)
    return answer


def spec_with(**network: str) -> dict[str, Any]:
    return EVENT["spec"] | {"network": EVENT["spec"]["network"] | network}


def test_a_healthy_hub_is_healthy_changes_nothing_and_can_be_written_as_json(
    app: ModuleType, cloud: Stubber, hub: Listener
) -> None:
    result = call(app, expected_jupyterhub_version="5.5.0")
    assert json.loads(json.dumps(result)) == {
        "healthy": True,
        "jupyterhub_version": "5.5.0",
        "notes": [],
        "changes": [],
        "reason": f"1 of 1 targets are healthy; https://{HOST}/ answers and sends sign-ins to {AUTHORIZE.partition('?')[0]}",
    }
    assert hub.paths == ["/hub/health", "/hub/oauth_login"]
    assert set(hub.hosts) == set(hub.server_names) == {HOST}
    cloud.assert_no_pending_responses()


def test_every_finding_is_in_the_error(app: ModuleType, cloud: Stubber, hub: Listener, secret: dict[str, str]) -> None:
    secret["client_id"] = "another"
    hub.replies["/hub/oauth_login"] = (302, {"Location": AUTHORIZE.replace("scope=openid", "scope=email")}, "")
    with pytest.raises(HubUnhealthy) as caught:
        call(app, expected_jupyterhub_version="6.0.0")
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert all(line.startswith("- ") for line in lines)
    assert [word in text for word, text in zip(["client_id", "scopes", "6.0.0"], lines, strict=True)] == [True] * 3
    assert "nonce" not in str(caught.value)
    assert "planted-client-secret" not in str(caught.value)


def test_a_closed_load_balancer_is_judged_by_its_targets_alone(app: ModuleType, cloud: Stubber, hub: Listener) -> None:
    result = call(app, spec=spec_with(load_balancer_cidr="137.229.0.0/16"))
    assert result["jupyterhub_version"] is None
    assert result["reason"].endswith("the public address was not tried, for it lets in 137.229.0.0/16 only")
    assert hub.paths == []


def test_a_hub_without_a_url_is_asked_by_the_load_balancer_s_name_whose_certificate_cannot_match(
    app: ModuleType, cloud: Stubber, hub: Listener
) -> None:
    name = EVENT["load_balancer_dns_name"]
    hub.replies["/hub/oauth_login"] = (302, {"Location": AUTHORIZE.replace(HOST, name)}, "")
    app.CONNECT_TO.pop(80)
    result = call(app, hub_url=None, spec=EVENT["spec"] | {"hub": EVENT["spec"]["hub"] | {"url": None}})
    assert result["healthy"] is True
    assert ["was not verified" in result["notes"][0], "port 80 was not tried" in result["notes"][1]] == [True, True]
    assert set(hub.hosts) == {name}


def test_a_certificate_for_another_name_is_found_before_anything_is_asked(app: ModuleType, cloud: Stubber, hub: Listener) -> None:
    app.CONNECT_TO.pop(80)
    with pytest.raises(HubUnhealthy, match=r"the certificate is not for other\.example\.org"):
        call(app, hub_url="https://other.example.org")
    assert hub.paths == []


def test_without_a_setting_the_load_balancer_itself_is_asked(
    app: ModuleType, cloud: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def get(url: Any, address: Address, **_: Any) -> Any:
        asked.append((url.scheme, url.host, address.host, address.port))
        return app.NoAnswer("timeout", "no network in tests")

    monkeypatch.setattr(app, "get", get)
    with pytest.raises(HubUnhealthy, match="load_balancer_cidr"):
        call(app)
    name = EVENT["load_balancer_dns_name"]
    assert asked == [("http", HOST, name, 80), ("https", HOST, name, 443)]
