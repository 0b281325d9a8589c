"""Real kubectl against the stand-in."""

from __future__ import annotations

import json

import pytest

from tests.local.kubernetes.running import Cluster, Commands, until

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: kube}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "web:1"}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: kube}
spec: {type: NodePort, selector: {app: web}, ports: [{name: http, port: 80, nodePort: 31111}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: kube}
spec: {accessModes: [ReadWriteOnce], storageClassName: gp3, resources: {requests: {storage: 1Gi}}}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: gp3}
provisioner: example.com/none
volumeBindingMode: WaitForFirstConsumer
allowVolumeExpansion: true
"""


@pytest.fixture(scope="module")
def kubectl(commands: Commands) -> Commands:
    """kubectl on a cluster where DEPLOYMENT was applied."""
    commands.kubectl("create", "namespace", "kube")
    assert "deployment.apps/web created" in commands.kubectl("apply", "-f", "-", stdin=DEPLOYMENT)
    commands.kubectl("rollout", "status", "deployment/web", "-n", "kube", "--timeout=10s")
    return commands


@pytest.mark.parametrize(
    ("arguments", "headings", "cells"),
    [
        (("pods", "-o", "wide"), ["NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE"], ["1/1", "Running"]),
        (("deployments", "-o", "wide"), ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "IMAGES"], ["2/2", "web:1"]),
        (("services",), ["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)"], ["NodePort", "80:31111/TCP"]),
        (("nodes",), ["NAME", "STATUS", "ROLES", "AGE", "VERSION"], ["Ready", "v1.35.0-eks-standin"]),
        (("pvc",), ["NAME", "STATUS", "VOLUME", "CAPACITY", "ACCESS MODES", "STORAGECLASS"], ["Pending", "gp3"]),
        (
            ("sc",),
            ["NAME", "PROVISIONER", "RECLAIMPOLICY", "VOLUMEBINDINGMODE", "ALLOWVOLUMEEXPANSION"],
            ["WaitForFirstConsumer", "true"],
        ),
        (("all",), ["NAME", "DESIRED"], ["deployment.apps/web", "service/web", "pod/web-", "replicaset.apps/web-"]),
        (("events",), ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"], ["ScalingReplicaSet"]),
        (("endpoints",), ["NAME", "ENDPOINTS"], ["web"]),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_get_prints_useful_columns(kubectl: Commands, arguments: tuple[str, ...], headings: list[str], cells: list[str]) -> None:
    printed = kubectl.kubectl("get", *arguments, "-n", "kube")
    for text in (*headings, *cells):
        assert text in printed, printed


def test_apply_changes_what_changed_and_nothing_else(kubectl: Commands) -> None:
    again = kubectl.kubectl("apply", "-f", "-", stdin=DEPLOYMENT)
    assert again.splitlines() == [
        "deployment.apps/web unchanged",
        "service/web unchanged",
        "persistentvolumeclaim/data unchanged",
        "storageclass.storage.k8s.io/gp3 unchanged",
    ]
    changed = kubectl.kubectl("apply", "-f", "-", stdin=DEPLOYMENT.replace("web:1", "web:2"))
    assert "deployment.apps/web configured" in changed
    kubectl.kubectl("rollout", "status", "deployment/web", "-n", "kube", "--timeout=10s")
    images = kubectl.kubectl("get", "pods", "-n", "kube", "-l", "app=web", "-o", "jsonpath={.items[*].spec.containers[0].image}")
    assert images == "web:2 web:2"
    kubectl.kubectl("rollout", "undo", "deployment/web", "-n", "kube")
    kubectl.kubectl("rollout", "status", "deployment/web", "-n", "kube", "--timeout=10s")
    assert "web:1" in kubectl.kubectl("get", "deployment", "web", "-n", "kube", "-o", "wide")


def test_server_side_apply_tells_whose_field_it_is(kubectl: Commands) -> None:
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: owned, namespace: kube}\ndata: {b: '%s'}\n"
    kubectl.kubectl("apply", "--server-side", "-f", "-", stdin=config % "2")
    error = kubectl.kubectl("apply", "--server-side", "--field-manager=other", "-f", "-", stdin=config % "3", fails=True)
    assert 'Apply failed with 1 conflict: conflict with "kubectl": .data.b' in error
    kubectl.kubectl("apply", "--server-side", "--field-manager=other", "--force-conflicts", "-f", "-", stdin=config % "3")
    assert kubectl.kubectl("get", "cm", "owned", "-n", "kube", "-o", "jsonpath={.data.b}") == "3"


def test_client_side_objects_can_be_taken_over_server_side(kubectl: Commands) -> None:
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: taken, namespace: kube}\ndata: {%s}\n"
    kubectl.kubectl("apply", "-f", "-", stdin=config % "a: '1', b: '1'")
    kubectl.kubectl("apply", "--server-side", "-f", "-", stdin=config % "b: '2'")
    assert json.loads(kubectl.kubectl("get", "cm", "taken", "-n", "kube", "-o", "jsonpath={.data}")) == {"b": "2"}


def test_an_unknown_field_is_refused(kubectl: Commands) -> None:
    wrong = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: wrong, namespace: kube}\nbogus: 1\n"
    assert 'strict decoding error: unknown field "bogus"' in kubectl.kubectl("apply", "-f", "-", stdin=wrong, fails=True)
    inside = DEPLOYMENT.replace("replicas: 2", "replicaz: 2").replace("name: web,", "name: wrong,")
    assert 'unknown field "spec.replicaz"' in kubectl.kubectl("apply", "-f", "-", stdin=inside, fails=True)
    applied = kubectl.kubectl("apply", "--server-side", "-f", "-", stdin=wrong, fails=True)
    assert "failed to create typed patch object (kube/wrong; v1, Kind=ConfigMap): .bogus: field not declared in schema" in applied


def test_waiting_for_what_comes_and_what_does_not(kubectl: Commands) -> None:
    kubectl.kubectl("wait", "--for=condition=Available", "deployment/web", "-n", "kube", "--timeout=5s")
    kubectl.kubectl("wait", "--for=condition=Ready", "pod", "-l", "app=web", "-n", "kube", "--timeout=5s")
    error = kubectl.kubectl("wait", "--for=jsonpath={.status.phase}=Bound", "pvc/data", "-n", "kube", "--timeout=1s", fails=True)
    assert "timed out waiting for the condition" in error


def test_a_pod_runs_logs_and_goes(kubectl: Commands) -> None:
    kubectl.kubectl("run", "lone", "--image=busybox:1", "-n", "kube")
    kubectl.kubectl("wait", "--for=condition=Ready", "pod/lone", "-n", "kube", "--timeout=5s")
    assert (
        kubectl.kubectl("logs", "lone", "-n", "kube") == "the stand-in only pretends to run container lone of image busybox:1\n"
    )
    assert "Successfully assigned kube/lone" in kubectl.kubectl("describe", "pod", "lone", "-n", "kube")
    kubectl.kubectl("delete", "pod", "lone", "-n", "kube", "--timeout=10s")
    assert '"lone" not found' in kubectl.kubectl("get", "pod", "lone", "-n", "kube", fails=True)


def test_scaling_and_restarting(kubectl: Commands, cluster: Cluster) -> None:
    kubectl.kubectl("scale", "deployment/web", "--replicas=3", "-n", "kube")
    kubectl.kubectl("rollout", "restart", "deployment/web", "-n", "kube")
    kubectl.kubectl("rollout", "status", "deployment/web", "-n", "kube", "--timeout=10s")
    status = cluster.get("/apis/apps/v1/namespaces/kube/deployments/web")["status"]
    assert (status["replicas"], status["updatedReplicas"], status["availableReplicas"]) == (3, 3, 3)


def test_questions_about_rights(kubectl: Commands) -> None:
    assert kubectl.kubectl("auth", "can-i", "create", "deployments", "-n", "kube") == "yes\n"
    assert "assumed-role/admin/session" in kubectl.kubectl("auth", "whoami")


def test_created_with_protobuf_bodies(kubectl: Commands, cluster: Cluster) -> None:
    kubectl.kubectl("create", "serviceaccount", "robot", "-n", "kube")
    kubectl.kubectl("create", "configmap", "made", "--from-literal=a=b", "-n", "kube")
    kubectl.kubectl("create", "secret", "generic", "hidden", "--from-literal=a=b", "-n", "kube")
    kubectl.kubectl("create", "role", "reader", "--verb=get,list", "--resource=pods", "-n", "kube")
    kubectl.kubectl("create", "rolebinding", "reads", "--role=reader", "--serviceaccount=kube:robot", "-n", "kube")
    kubectl.kubectl("create", "deployment", "idle", "--image=idle:1", "--replicas=0", "-n", "kube")
    assert cluster.get("/api/v1/namespaces/kube/configmaps/made")["data"] == {"a": "b"}
    assert cluster.get("/api/v1/namespaces/kube/secrets/hidden")["data"] == {"a": "Yg=="}
    role = cluster.get("/apis/rbac.authorization.k8s.io/v1/namespaces/kube/roles/reader")
    assert role["rules"] == [{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}]
    binding = cluster.get("/apis/rbac.authorization.k8s.io/v1/namespaces/kube/rolebindings/reads")
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "robot", "namespace": "kube"}]
    assert cluster.get("/apis/apps/v1/namespaces/kube/deployments/idle")["spec"]["replicas"] == 0


def test_a_namespace_takes_everything_with_it(kubectl: Commands, cluster: Cluster) -> None:
    cluster.namespace("doomed")
    kubectl.kubectl("create", "deployment", "web", "--image=web:1", "-n", "doomed")
    until(lambda: cluster.get("/api/v1/namespaces/doomed/pods")["items"], "a pod runs in the namespace")
    kubectl.kubectl("delete", "namespace", "doomed", "--timeout=20s")
    assert cluster.ask("GET", "/api/v1/namespaces/doomed").status == 404
    assert cluster.get("/api/v1/namespaces/doomed/pods")["items"] == []


def test_draining_a_node_moves_its_pods(kubectl: Commands, cluster: Cluster) -> None:
    node = cluster.get("/api/v1/nodes")["items"][0]["metadata"]["name"]
    kubectl.kubectl("drain", node, "--ignore-daemonsets", "--force", "--timeout=20s")
    kubectl.kubectl("rollout", "status", "deployment/web", "-n", "kube", "--timeout=10s")
    where = {pod["spec"]["nodeName"] for pod in cluster.get("/api/v1/namespaces/kube/pods?labelSelector=app%3Dweb")["items"]}
    assert node not in where
    kubectl.kubectl("uncordon", node)
