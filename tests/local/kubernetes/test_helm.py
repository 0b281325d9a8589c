"""Real helm against the stand-in: install, upgrade, rollback, waiting, failing, uninstalling."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.local.kubernetes.running import Cluster, Commands, until

CHART = str(Path(__file__).parent / "chart")
PDB_MESSAGE = (
    'PodDisruptionBudget.policy "app-pdb" is invalid: spec: Forbidden: updates to poddisruptionbudget spec are forbidden.'
)


def upgrade(commands: Commands, namespace: str, *arguments: str, fails: bool = False) -> str:
    """``helm upgrade --install`` of the test chart."""
    return commands.helm("upgrade", "--install", "app", CHART, "-n", namespace, "--create-namespace", *arguments, fails=fails)


def revisions(commands: Commands, namespace: str) -> list[tuple[int, str]]:
    """Number and status of each revision."""
    history = json.loads(commands.helm("history", "app", "-n", namespace, "-o", "json"))
    return [(one["revision"], one["status"]) for one in history]


@pytest.mark.parametrize("side", ["true", "false"], ids=["server-side", "client-side"])
def test_a_release_lives_from_install_to_uninstall(commands: Commands, cluster: Cluster, side: str) -> None:
    namespace = f"life-{side}"
    path = f"/api/v1/namespaces/{namespace}/configmaps/app-cm"
    chosen = (f"--server-side={side}", "--wait", "--timeout", "20s", "--set", "pvc=false")
    upgrade(commands, namespace, *chosen)
    assert cluster.get(path)["data"] == {"greeting": "hello", "only-first": "yes"}
    upgrade(commands, namespace, *chosen, "--set", "greeting=bye,replicas=3")
    assert cluster.get(path)["data"] == {"greeting": "bye"}
    deployment = cluster.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/app-dep")
    assert (deployment["status"]["readyReplicas"], deployment["status"]["observedGeneration"]) == (
        3,
        deployment["metadata"]["generation"],
    )
    commands.helm("rollback", "app", "1", "-n", namespace, f"--server-side={side}", "--wait", "--timeout", "20s")
    assert cluster.get(path)["data"] == {"greeting": "hello", "only-first": "yes"}
    assert revisions(commands, namespace) == [(1, "superseded"), (2, "superseded"), (3, "deployed")]
    assert [one["name"] for one in json.loads(commands.helm("list", "-n", namespace, "-o", "json"))] == ["app"]
    commands.helm("uninstall", "app", "-n", namespace, "--wait", "--timeout", "10s")
    assert cluster.ask("GET", path).status == 404
    pods = f"/api/v1/namespaces/{namespace}/pods"
    until(lambda: not cluster.get(pods)["items"], "the release's pods are gone")


def test_a_repeated_upgrade_changes_no_object(commands: Commands, cluster: Cluster) -> None:
    upgrade(commands, "same", "--wait", "--timeout", "20s", "--set", "pvc=false")
    paths = [
        "/api/v1/namespaces/same/configmaps/app-cm",
        "/api/v1/namespaces/same/services/app-svc",
        "/apis/policy/v1/namespaces/same/poddisruptionbudgets/app-pdb",
        "/apis/apps/v1/namespaces/same/deployments/app-dep",
    ]
    before = [cluster.get(path)["metadata"]["resourceVersion"] for path in paths]
    upgrade(commands, "same", "--wait", "--timeout", "20s", "--set", "pvc=false")
    assert [cluster.get(path)["metadata"]["resourceVersion"] for path in paths] == before


def test_an_upgrade_that_the_api_refuses_fails_with_its_words_and_can_be_rolled_back(commands: Commands) -> None:
    upgrade(commands, "refused", "--set", "pvc=false")
    error = upgrade(commands, "refused", "--set", "pvc=false,badPort=true", fails=True)
    words = 'Service "app-svc" is invalid: spec.ports[0].port: Invalid value: 99999: must be between 1 and 65535, inclusive'
    assert words in error
    error = upgrade(
        commands, "refused", "--set", "pvc=false,badPort=true", "--rollback-on-failure", "--timeout", "10s", fails=True
    )
    assert "has been rolled back" in error
    assert [status for _, status in revisions(commands, "refused")] == ["superseded", "failed", "failed", "deployed"]


def test_waiting_fails_while_a_pod_never_becomes_ready(commands: Commands, cluster: Cluster) -> None:
    cluster.fault(id="image", image="nosuch/", reason="ImagePullBackOff")
    upgrade(commands, "waiting", "--set", "pvc=false", "--wait", "--timeout", "20s")
    error = upgrade(commands, "waiting", "--set", "pvc=false,image=nosuch/hub:1", "--wait", "--timeout", "3s", fails=True)
    assert "Deployment/waiting/app-dep" in error
    assert "ImagePullBackOff" in commands.kubectl("get", "pods", "-n", "waiting")
    assert cluster.get("/apis/apps/v1/namespaces/waiting/deployments/app-dep")["status"]["availableReplicas"] == 2
    upgrade(commands, "waiting", "--set", "pvc=false", "--wait", "--timeout", "20s")
    assert "ImagePullBackOff" not in commands.kubectl("get", "pods", "-n", "waiting")


def test_a_budget_that_may_not_change_is_cured_by_a_new_namespace(commands: Commands, cluster: Cluster) -> None:
    upgrade(commands, "budget", "--set", "pvc=false")
    fault = {"verb": "patch", "resource": "poddisruptionbudgets", "namespace": "budget", "name": None, "status": 422}
    cluster.fault(id="pdb", message=PDB_MESSAGE, until_namespace_deleted=True, **fault)
    assert PDB_MESSAGE in upgrade(commands, "budget", "--set", "pvc=false", fails=True)
    commands.kubectl("delete", "namespace", "budget", "--timeout=20s")
    upgrade(commands, "budget", "--set", "pvc=false", "--wait", "--timeout", "20s")
    assert revisions(commands, "budget") == [(1, "deployed")]


def test_a_node_port_is_given_once(commands: Commands) -> None:
    upgrade(commands, "port-a", "--set", "pvc=false,nodePort=30052")
    error = upgrade(commands, "port-b", "--set", "pvc=false,nodePort=30052", fails=True)
    assert (
        'Service "app-svc" is invalid: spec.ports[0].nodePort: Invalid value: 30052: provided port is already allocated' in error
    )
    error = upgrade(commands, "port-b", "--set", "pvc=false,nodePort=80", fails=True)
    assert "provided port is not in the valid range. The range of valid ports is 30000-32767" in error


def test_a_release_may_move_between_client_side_and_server_side_apply(commands: Commands, cluster: Cluster) -> None:
    for greeting, side in (("one", "false"), ("two", "true"), ("three", "false"), ("four", "true")):
        upgrade(commands, "moved", f"--server-side={side}", "--set", f"pvc=false,greeting={greeting}")
        assert cluster.get("/api/v1/namespaces/moved/configmaps/app-cm")["data"] == {"greeting": greeting}


def test_waiting_is_over_soon_after_the_pods_are_ready(commands: Commands) -> None:
    began = time.monotonic()
    upgrade(commands, "quick", "--set", "pvc=false", "--wait", "--timeout", "30s")
    assert time.monotonic() - began < 10
