"""The control API: clusters, node groups, faults, counts."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from tests.local.kubernetes.aws import ACCOUNT, REGION
from tests.local.kubernetes.running import Cluster, StandIn, until

BODY = {"name": "twice", "version": "1.35", "region": REGION, "account": ACCOUNT}


def test_a_cluster_is_made_once_and_deleted_once(stand_in: StandIn) -> None:
    first, again = stand_in.ask("POST", "/clusters", BODY), stand_in.ask("POST", "/clusters", BODY)
    assert first.body == again.body
    assert first.body["endpoint"].startswith("https://127.0.0.1:")
    assert "twice" in [one["name"] for one in stand_in.ask("GET", "/clusters").body["clusters"]]
    assert stand_in.ask("DELETE", "/clusters/twice").status == 200
    assert stand_in.ask("DELETE", "/clusters/twice").status == 404
    port = int(first.body["endpoint"].rpartition(":")[2])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_every_cluster_has_an_authority_of_its_own(make_cluster: Callable[..., Cluster]) -> None:
    one, other = make_cluster(), make_cluster()
    assert one.certificate != other.certificate
    swapped = Cluster(one.stand_in, one.name, one.endpoint, other.certificate)
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        swapped.ask("GET", "/version")


def test_it_says_its_version(cluster: Cluster) -> None:
    found = cluster.get("/version")
    assert (found["major"], found["minor"]) == ("1", "35")


def test_nodes_are_labelled_as_a_managed_node_groups_are(make_cluster: Callable[..., Cluster]) -> None:
    cluster = make_cluster()
    cluster.node_group("main", 2, zone="us-east-1d", labels={"team": "one"})
    nodes = cluster.get("/api/v1/nodes")["items"]
    assert len(nodes) == 2
    labels = nodes[0]["metadata"]["labels"]
    wanted = {
        "topology.kubernetes.io/zone": "us-east-1d",
        "topology.ebs.csi.aws.com/zone": "us-east-1d",
        "topology.kubernetes.io/region": REGION,
        "node.kubernetes.io/instance-type": "m5.2xlarge",
        "eks.amazonaws.com/nodegroup": "main",
        "team": "one",
    }
    assert wanted.items() <= labels.items()
    assert nodes[0]["status"]["allocatable"] == {"cpu": "8", "memory": "32Gi", "pods": "110", "ephemeral-storage": "500Gi"}
    kept = nodes[0]["metadata"]["name"]
    cluster.node_group("main", 3)
    assert kept in [node["metadata"]["name"] for node in cluster.get("/api/v1/nodes")["items"]]
    assert cluster.stand_in.ask("DELETE", f"{cluster.path}/nodegroups/main").status == 200
    assert cluster.get("/api/v1/nodes")["items"] == []
    assert cluster.stand_in.ask("DELETE", f"{cluster.path}/nodegroups/main").status == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "reason"),
    [
        ("POST", "/clusters", {"name": "x"}, 400, "version: found None; it must be a string"),
        ("PUT", "/clusters/nosuch/access", {"principal_arn": "a"}, 404, "there is no cluster nosuch"),
        ("PUT", "{cluster}/nodegroups/g", {"desired": -1}, 400, "desired: found -1; it must be a whole number from 0"),
        (
            "PUT",
            "{cluster}/nodegroups/g",
            {"desired": 1, "instance_type": "m5.large"},
            400,
            "zone: found None; it must be a string",
        ),
        ("PUT", "{cluster}/access", {}, 400, "principal_arn: found None; it must be a string"),
        ("DELETE", "{cluster}/faults/nosuch", None, 404, "there is no fault 'nosuch'"),
        ("POST", "{cluster}/faults", {"id": "x", "verb": "patch"}, 400, "a fault needs id, verb, resource, status and message"),
        ("GET", "{cluster}/nodeports/http", None, 400, "port: found 'http'; it must be a number"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(
    cluster: Cluster, method: str, path: str, body: Any, status: int, reason: str
) -> None:
    answer = cluster.stand_in.ask(method, path.format(cluster=cluster.path), body)
    assert answer.status == status
    assert answer.body["reason"].startswith(reason)


@pytest.mark.parametrize(
    ("where", "hit"),
    [
        (("patch", "faulty", "one"), True),
        (("patch", "faulty", "two"), False),
        (("get", "faulty", "one"), False),
        (("patch", "default", "one"), False),
    ],
    ids=["as described", "another name", "another verb", "another namespace"],
)
def test_a_fault_hits_what_it_describes_and_nothing_else(cluster: Cluster, where: tuple[str, str, str], hit: bool) -> None:
    verb, namespace, name = where
    if cluster.ask("GET", "/api/v1/namespaces/faulty").status == 404:
        cluster.namespace("faulty")
    fault = {
        "id": "one",
        "verb": "patch",
        "resource": "configmaps",
        "namespace": "faulty",
        "name": "one",
        "status": 503,
        "message": "no",
    }
    cluster.fault(**fault)
    path = f"/api/v1/namespaces/{namespace}/configmaps/{name}"
    merge = "application/merge-patch+json"
    answer = cluster.ask("GET", path) if verb == "get" else cluster.ask("PATCH", path, {}, content_type=merge)
    assert (answer.status, answer.body["message"]) == (503, "no") if hit else answer.status == 404
    assert cluster.stand_in.ask("DELETE", f"{cluster.path}/faults/one").status == 200
    assert cluster.ask("PATCH", path, {}, content_type=merge).status == 404


def test_an_image_fault_can_be_taken_out_again(cluster: Cluster) -> None:
    cluster.fault(id="pull", image="registry/", reason="ErrImagePull", message="no such image")
    body = {"metadata": {"name": "pulls"}, "spec": {"containers": [{"name": "c", "image": "registry/c:1"}]}}
    cluster.create("/api/v1/namespaces/default/pods", body)

    def status() -> Any:
        return cluster.get("/api/v1/namespaces/default/pods/pulls")["status"]

    waiting = until(lambda: status().get("containerStatuses"), "the pod waits")[0]["state"]["waiting"]
    assert waiting == {"reason": "ErrImagePull", "message": "no such image"}
    cluster.stand_in.ask("DELETE", f"{cluster.path}/faults/pull")
    until(lambda: status()["phase"] == "Running", "the pod runs")


def test_requests_are_counted_by_verb_and_resource(make_cluster: Callable[..., Cluster]) -> None:
    cluster = make_cluster()
    cluster.ask("GET", "/api/v1/namespaces/default/configmaps")
    cluster.ask("GET", "/api/v1/namespaces/default/configmaps")
    cluster.ask("GET", "/apis/apps/v1/namespaces/default/deployments/x")
    assert cluster.stand_in.ask("GET", f"{cluster.path}/requests").body == {"get deployments.apps": 1, "list configmaps": 2}


def test_the_log_names_requests_but_no_token_and_no_secret(cluster: Cluster) -> None:
    token = cluster.token()
    body = {"metadata": {"name": "hush"}, "stringData": {"password": "correct-horse-battery"}}
    assert cluster.ask("POST", "/api/v1/namespaces/default/secrets", body, token=token).status == 201
    cluster.ask("GET", "/api/v1/namespaces", token="k8s-aws-v1.bm90LWEtdG9rZW4")
    log = (cluster.stand_in.directory / "log" / "kubernetes.log").read_text()
    assert "POST /api/v1/namespaces/default/secrets -> 201" in log
    for hidden in ("correct-horse-battery", token, "bm90LWEtdG9rZW4"):
        assert hidden not in log
