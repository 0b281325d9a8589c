"""A pod's service account reaches Kubernetes clients that cannot read /var/run."""

import json

import pytest

from local.kubelet.kubeconfig import SERVICE_ACCOUNT, cluster_key, service_account_kubeconfig

ADDRESS = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "6443"}
ACCOUNT = {f"{SERVICE_ACCOUNT}/token": b"t", f"{SERVICE_ACCOUNT}/ca.crt": b"c", f"{SERVICE_ACCOUNT}/namespace": b"jupyter"}


def test_token_authority_and_namespace_are_carried_over() -> None:
    text = service_account_kubeconfig(ADDRESS, ACCOUNT)
    assert text is not None
    document = json.loads(text)
    assert document["clusters"][0]["cluster"] == {
        "server": "https://127.0.0.1:6443",
        "certificate-authority": f"{SERVICE_ACCOUNT}/ca.crt",
    }
    assert document["users"][0]["user"] == {"tokenFile": f"{SERVICE_ACCOUNT}/token"}
    assert document["contexts"][0]["context"]["namespace"] == "jupyter"


@pytest.mark.parametrize(
    ("environment", "files"),
    [pytest.param({}, ACCOUNT, id="no address"), pytest.param(ADDRESS, {}, id="no token")],
)
def test_a_pod_without_an_account_gets_none(environment: dict[str, str], files: dict[str, bytes]) -> None:
    assert service_account_kubeconfig(environment, files) is None


def test_claims_of_two_clusters_are_kept_apart_by_their_authorities() -> None:
    other = ACCOUNT | {f"{SERVICE_ACCOUNT}/ca.crt": b"another"}
    assert cluster_key(ACCOUNT) == cluster_key(dict(ACCOUNT))
    assert len({cluster_key(ACCOUNT), cluster_key(other), cluster_key({})}) == 3
