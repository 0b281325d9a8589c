"""Pods that run for real: what they are given, when they count as ready, how they end."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local.kubernetes.aws import Sts
from tests.local.kubernetes.running import Cluster, StandIn, running_stand_in, until

RUNTIME = "tests.local.kubernetes.sample_runtime:make"
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@pytest.fixture(scope="module")
def real(sts: Sts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """A stand-in with the sample runtime."""
    with running_stand_in(sts, tmp_path_factory.mktemp("real"), runtime=RUNTIME) as running:
        yield running


@pytest.fixture(scope="module")
def hub(real: StandIn) -> Cluster:
    """A cluster with a real ``hub`` behind node port 30052 and a real ``proxy`` that knows it, and what they mount."""
    cluster = real.cluster("hubs", nodes=1)
    cluster.namespace("jupyter")
    base = "/api/v1/namespaces/jupyter"
    cluster.create(f"{base}/secrets", {"metadata": {"name": "hub"}, "stringData": {"token": "s3cret", "values.yaml": "a: 1"}})
    cluster.create(f"{base}/configmaps", {"metadata": {"name": "settings"}, "data": {"mode": "fast", "x.py": "print(1)"}})
    for name, node_port in (("hub", 30052), ("proxy-api", None)):
        port = {"port": 8081, "targetPort": "http"} | ({"nodePort": node_port} if node_port else {})
        component = name.partition("-")[0]
        spec = {"selector": {"component": component}, "ports": [port], "type": "NodePort" if node_port else "ClusterIP"}
        cluster.create(f"{base}/services", {"metadata": {"name": name}, "spec": spec})
    for name in ("hub", "proxy"):
        cluster.create("/apis/apps/v1/namespaces/jupyter/deployments", deployment(name))
    for name in ("hub", "proxy"):
        until(lambda name=name: ready(cluster, name), f"{name} is ready", 15)
    return cluster


def deployment(name: str, **environment: str) -> dict[str, Any]:
    """A deployment of one real pod."""
    labels = {"component": name, "real": "yes"}
    container = {
        "name": name,
        "image": f"{name}:1",
        "ports": [{"name": "http", "containerPort": 8000}],
        "env": [
            {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token"}}},
            {"name": "MODE", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "mode"}}},
            {"name": "NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
            {"name": "ABSENT", "valueFrom": {"configMapKeyRef": {"name": "nosuch", "key": "x", "optional": True}}},
            *({"name": key, "value": value} for key, value in environment.items()),
        ],
        "volumeMounts": [
            {"name": "config", "mountPath": "/etc/hub"},
            {"name": "config", "mountPath": "/srv/x.py", "subPath": "x.py"},
            {"name": "secret", "mountPath": "/etc/secret"},
        ],
    }
    volumes = [
        {"name": "config", "configMap": {"name": "settings"}},
        {"name": "secret", "secret": {"secretName": "hub", "items": [{"key": "values.yaml", "path": "deep/values.yaml"}]}},
    ]
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container], "volumes": volumes}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template, "strategy": {"type": "Recreate"}}
    return {"metadata": {"name": name}, "spec": spec}


def ready(cluster: Cluster, name: str) -> bool:
    """Whether the deployment's pod is ready."""
    return bool(cluster.get(f"/apis/apps/v1/namespaces/jupyter/deployments/{name}")["status"].get("readyReplicas"))


def pods(cluster: Cluster, name: str) -> list[Any]:
    """The deployment's pods."""
    return list(cluster.get(f"/api/v1/namespaces/jupyter/pods?labelSelector=component%3D{name}")["items"])


def behind(cluster: Cluster, port: int = 30052) -> dict[str, Any]:
    """What the process behind a node port answers."""
    where = cluster.stand_in.ask("GET", f"{cluster.path}/nodeports/{port}")
    assert where.status == 200, where
    with _OPENER.open(f"http://{where.body['host']}:{where.body['port']}/", timeout=5) as response:
        return dict(json.load(response))


def test_a_real_pod_gets_its_environment_and_files(hub: Cluster) -> None:
    given = behind(hub)
    environment, files = given["environment"], given["files"]
    assert (environment["TOKEN"], environment["MODE"], environment["NAMESPACE"]) == ("s3cret", "fast", "jupyter")
    assert "ABSENT" not in environment
    assert files["/etc/hub/mode"] == "fast"
    assert files["/srv/x.py"] == "print(1)"
    assert files["/etc/secret/deep/values.yaml"] == "a: 1"
    assert "/etc/secret/token" not in files


def test_a_real_pod_can_ask_its_own_cluster(hub: Cluster) -> None:
    given = behind(hub)
    environment, account = given["environment"], "/var/run/secrets/kubernetes.io/serviceaccount"
    assert f"https://{environment['KUBERNETES_SERVICE_HOST']}:{environment['KUBERNETES_SERVICE_PORT']}" == hub.endpoint
    assert given["files"][f"{account}/ca.crt"] == hub.certificate
    answer = hub.ask("GET", "/api/v1/namespaces/jupyter/pods", token=given["files"][f"{account}/token"])
    assert 'User "system:serviceaccount:jupyter:default" cannot list' in answer.body["message"]


def test_two_pods_are_told_of_each_other_before_either_runs(hub: Cluster) -> None:
    at_hub = behind(hub)
    assert at_hub["environment"]["HUB_SERVICE_HOST"] == "127.0.0.1"
    assert at_hub["environment"]["HUB_SERVICE_PORT"] == str(at_hub["ports"]["8000"])
    proxy_url = f"http://127.0.0.1:{at_hub['environment']['PROXY_API_SERVICE_PORT']}/"
    with _OPENER.open(proxy_url, timeout=5) as response:
        at_proxy = json.load(response)
    assert at_proxy["pod"].startswith("proxy-")
    assert at_proxy["environment"]["HUB_SERVICE_PORT"] == str(at_hub["ports"]["8000"])


def test_its_log_is_served(hub: Cluster) -> None:
    (pod,) = pods(hub, "hub")
    log = hub.ask("GET", f"/api/v1/namespaces/jupyter/pods/{pod['metadata']['name']}/log")
    assert log.body == f"serving {pod['metadata']['name']}\n"


def test_a_new_template_replaces_the_process(hub: Cluster) -> None:
    before = behind(hub)
    changed = deployment("hub", GREETING="new")
    patch = {"spec": {"template": changed["spec"]["template"]}}
    assert (
        hub.ask(
            "PATCH", "/apis/apps/v1/namespaces/jupyter/deployments/hub", patch, content_type="application/merge-patch+json"
        ).status
        == 200
    )

    def replaced() -> bool:
        where = hub.stand_in.ask("GET", f"{hub.path}/nodeports/30052")
        return where.status == 200 and behind(hub)["environment"].get("GREETING") == "new"

    until(replaced, "the new hub answers", 15)
    assert behind(hub)["ports"] == before["ports"], "others would not find the hub any more"
    assert not _alive(before["pid"])


def test_a_rolling_update_hands_the_port_over(hub: Cluster) -> None:
    made = deployment("roller")
    made["spec"]["strategy"] = {"type": "RollingUpdate"}
    base = "/api/v1/namespaces/jupyter"
    spec = {
        "selector": {"component": "roller"},
        "ports": [{"port": 80, "targetPort": "http", "nodePort": 30060}],
        "type": "NodePort",
    }
    hub.create(f"{base}/services", {"metadata": {"name": "roller"}, "spec": spec})
    hub.create("/apis/apps/v1/namespaces/jupyter/deployments", made)
    until(lambda: ready(hub, "roller"), "the first pod is ready", 15)
    before = behind(hub, 30060)
    patch = {"spec": {"template": deployment("roller", STEP="2")["spec"]["template"]}}
    hub.ask("PATCH", "/apis/apps/v1/namespaces/jupyter/deployments/roller", patch, content_type="application/merge-patch+json")

    def handed_over() -> bool:
        where = hub.stand_in.ask("GET", f"{hub.path}/nodeports/30060")
        return where.status == 200 and behind(hub, 30060)["environment"].get("STEP") == "2" and len(pods(hub, "roller")) == 1

    until(handed_over, "the new pod answers on the old port", 15)
    assert behind(hub, 30060)["ports"] == before["ports"]


def test_a_deleted_pod_hands_its_ports_to_the_one_that_follows(hub: Cluster) -> None:
    base = "/api/v1/namespaces/jupyter"
    spec = {
        "selector": {"component": "follower"},
        "ports": [{"port": 80, "targetPort": "http", "nodePort": 30061}],
        "type": "NodePort",
    }
    hub.create(f"{base}/services", {"metadata": {"name": "follower"}, "spec": spec})
    hub.create("/apis/apps/v1/namespaces/jupyter/deployments", deployment("follower"))
    until(lambda: ready(hub, "follower"), "the first pod is ready", 15)
    for _ in range(3):
        before, [old] = behind(hub, 30061), pods(hub, "follower")
        hub.ask("DELETE", f"{base}/pods/{old['metadata']['name']}")

        def followed(uid: str = old["metadata"]["uid"]) -> bool:
            where = hub.stand_in.ask("GET", f"{hub.path}/nodeports/30061")
            return where.status == 200 and [one["metadata"]["uid"] for one in pods(hub, "follower")] != [uid]

        until(followed, "another pod answers", 15)
        assert behind(hub, 30061)["ports"] == before["ports"]


def test_a_process_that_ends_is_restarted_and_never_ready(hub: Cluster) -> None:
    hub.create("/apis/apps/v1/namespaces/jupyter/deployments", deployment("broken", FAIL="1"))

    def crashing() -> Any:
        return [
            status
            for pod in pods(hub, "broken")
            for status in pod["status"].get("containerStatuses", ())
            if status["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff" and status["restartCount"] >= 2
        ]

    (status,) = until(crashing, "the container crashes again and again", 15)
    assert status["state"]["waiting"]["message"] == "ended with exit code 1"
    (pod,) = pods(hub, "broken")
    assert "told to fail" in hub.ask("GET", f"/api/v1/namespaces/jupyter/pods/{pod['metadata']['name']}/log").body
    assert not ready(hub, "broken")
    hub.ask("DELETE", "/apis/apps/v1/namespaces/jupyter/deployments/broken")
    until(lambda: not pods(hub, "broken"), "the crashing pod is gone", 10)


@pytest.mark.parametrize(
    ("port", "reason"),
    [
        (31999, "no Service of this cluster has node port 31999"),
        (30070, "Service jupyter/nobody selects no pod"),
        (30071, "Service jupyter/pretended has ready pods, but they only pretend to run: no runtime has a process for them"),
        (30072, "Service jupyter/waits has no ready pod: waits is Pending"),
    ],
)
def test_a_node_port_without_a_process_says_why(hub: Cluster, port: int, reason: str) -> None:
    base = "/api/v1/namespaces/jupyter"
    names = {30070: "nobody", 30071: "pretended", 30072: "waits"}
    if port in names:
        name = names[port]
        spec = {"selector": {"app": name}, "ports": [{"port": 80, "nodePort": port}], "type": "NodePort"}
        hub.create(f"{base}/services", {"metadata": {"name": name}, "spec": spec})
        if name != "nobody":
            hub.fault(id="waits", image="waits:", reason="ErrImagePull")
            body = {
                "metadata": {"name": name, "labels": {"app": name}},
                "spec": {"containers": [{"name": "c", "image": f"{name}:1"}]},
            }
            hub.create(f"{base}/pods", body)

    def answer() -> bool:
        found = hub.stand_in.ask("GET", f"{hub.path}/nodeports/{port}")
        return found.status == 404 and found.body == {"reason": reason}

    until(answer, reason, 5)


def test_a_missing_secret_keeps_a_pod_waiting_until_it_is_there(hub: Cluster) -> None:
    base = "/api/v1/namespaces/jupyter"
    variable = {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "late", "key": "k"}}}
    spec = {"containers": [{"name": "c", "image": "c:1", "env": [variable]}]}
    hub.create(f"{base}/pods", {"metadata": {"name": "late"}, "spec": spec})

    def waiting() -> Any:
        statuses = hub.get(f"{base}/pods/late")["status"].get("containerStatuses") or [{}]
        return statuses[0].get("state", {}).get("waiting")

    assert until(waiting, "the pod waits") == {"reason": "CreateContainerConfigError", "message": 'secret "late" not found'}
    hub.create(f"{base}/secrets", {"metadata": {"name": "late"}, "stringData": {"k": "v"}})
    until(lambda: hub.get(f"{base}/pods/late")["status"]["phase"] == "Running", "the pod runs")


def test_a_deleted_cluster_stops_its_processes(real: StandIn) -> None:
    cluster = real.cluster("short", nodes=1)
    pid = _server(cluster)
    assert real.ask("DELETE", cluster.path).status == 200
    assert not _alive(pid)


def test_nothing_outlives_the_stand_in(sts: Sts, tmp_path: Path) -> None:
    with running_stand_in(sts, tmp_path, runtime=RUNTIME) as running:
        pid = _server(running.cluster("last", nodes=1))
        assert _alive(pid)
        assert (
            str(pid)
            in subprocess.run(
                ["ps", "--ppid", str(running.process.pid), "-o", "pid="], capture_output=True, text=True, check=True
            ).stdout
        )
    assert running.process.returncode == 0
    assert not _alive(pid)


def _server(cluster: Cluster) -> int:
    """The process id of a real pod in a new namespace."""
    cluster.namespace("one")
    spec = {"selector": {"app": "one"}, "ports": [{"port": 80, "nodePort": 30090}], "type": "NodePort"}
    cluster.create("/api/v1/namespaces/one/services", {"metadata": {"name": "one"}, "spec": spec})
    labels = {"app": "one", "real": "yes"}
    body = {"metadata": {"name": "one", "labels": labels}, "spec": {"containers": [{"name": "c", "image": "c:1"}]}}
    cluster.create("/api/v1/namespaces/one/pods", body)
    until(lambda: cluster.stand_in.ask("GET", f"{cluster.path}/nodeports/30090").status == 200, "the pod answers", 10)
    return int(behind(cluster, 30090)["pid"])


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
