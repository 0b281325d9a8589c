"""What the controllers make of workloads, and where pods go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.local.kubernetes.running import Cluster, until

APPS, BATCH, CORE = "/apis/apps/v1/namespaces/work", "/apis/batch/v1/namespaces/work", "/api/v1/namespaces/work"
MERGE = "application/merge-patch+json"


@pytest.fixture(scope="module")
def work(cluster: Cluster) -> Cluster:
    """A cluster with two nodes in us-east-1d, one tainted node group, and a namespace."""
    cluster.namespace("work")
    taint = {"key": "gpu", "value": "yes", "effect": "NO_SCHEDULE"}
    cluster.node_group("gpu", 1, zone="us-east-1a", labels={"kind": "gpu"}, taints=[taint], instance_type="g5.xlarge")
    return cluster


def workload(name: str, image: str = "c:1", **spec: Any) -> dict[str, Any]:
    """A Deployment, StatefulSet or DaemonSet."""
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": image}]}}
    return {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": {"app": name}}, "template": template, **spec}}


def pods(cluster: Cluster, name: str) -> list[Any]:
    """The pods labelled ``app=name``."""
    return list(cluster.get(f"{CORE}/pods?labelSelector=app%3D{name}")["items"])


def status(cluster: Cluster, kind: str, name: str) -> Any:
    """The status of a workload."""
    return cluster.get(f"{APPS}/{kind}/{name}")["status"]


def change(cluster: Cluster, path: str, patch: Any) -> Any:
    """A merge patch that must be taken."""
    answer = cluster.ask("PATCH", path, patch, content_type=MERGE)
    assert answer.status == 200, answer
    return answer.body


def test_a_rolling_update_never_goes_below_what_it_may(work: Cluster) -> None:
    work.create(f"{APPS}/deployments", workload("roll", replicas=4))
    until(lambda: status(work, "deployments", "roll").get("availableReplicas") == 4, "four pods are available")
    work.fault(id="bad", image="bad:")
    change(work, f"{APPS}/deployments/roll", {"spec": {"template": workload("roll", "bad:1")["spec"]["template"]}})
    found = until(
        lambda: status(work, "deployments", "roll").get("updatedReplicas") == 2 and status(work, "deployments", "roll"),
        "it begins",
    )
    assert (found["availableReplicas"], found["replicas"], found["unavailableReplicas"]) == (3, 5, 2)
    conditions = {one["type"]: (one["status"], one["reason"]) for one in found["conditions"]}
    assert conditions["Available"] == ("True", "MinimumReplicasAvailable")
    assert conditions["Progressing"] == ("True", "ReplicaSetUpdated")
    change(work, f"{APPS}/deployments/roll", {"spec": {"template": workload("roll", "c:2")["spec"]["template"]}})
    until(lambda: status(work, "deployments", "roll").get("updatedReplicas") == 4 == len(pods(work, "roll")), "it is complete")
    assert {pod["spec"]["containers"][0]["image"] for pod in pods(work, "roll")} == {"c:2"}


def test_recreate_starts_nothing_before_the_old_pods_are_gone(work: Cluster) -> None:
    work.create(f"{APPS}/deployments", workload("again", replicas=1, strategy={"type": "Recreate"}))
    until(lambda: status(work, "deployments", "again").get("readyReplicas") == 1, "it is ready")
    since = work.get(f"{CORE}/pods")["metadata"]["resourceVersion"]
    change(work, f"{APPS}/deployments/again", {"spec": {"template": workload("again", "c:2")["spec"]["template"]}})
    until(lambda: [pod["spec"]["containers"][0]["image"] for pod in pods(work, "again")] == ["c:2"], "the new pod is there")
    answer = work.ask("GET", f"{CORE}/pods?watch=true&timeoutSeconds=1&resourceVersion={since}&labelSelector=app%3Dagain")
    told = [line.partition('"type": "')[2].partition('"')[0] for line in str(answer.body).splitlines()]
    assert told.index("DELETED") < told.index("ADDED")


def test_a_deployment_that_makes_no_progress_says_so(work: Cluster) -> None:
    work.fault(id="never", image="never:")
    work.create(f"{APPS}/deployments", workload("late", "never:1", progressDeadlineSeconds=1))

    def reason() -> str:
        conditions = status(work, "deployments", "late").get("conditions", ())
        return str(next((one["reason"] for one in conditions if one["type"] == "Progressing"), ""))

    until(lambda: reason() == "ProgressDeadlineExceeded", "the deadline has passed", 6)


def test_a_stateful_set_numbers_its_pods_and_claims(work: Cluster) -> None:
    work.create(f"{CORE}/services", {"metadata": {"name": "db"}, "spec": {"clusterIP": "None", "selector": {"app": "db"}}})
    template = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    volume = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}}
    for number in range(2):
        work.create("/api/v1/persistentvolumes", {"metadata": {"name": f"db-{number}"}, "spec": volume})
    made = workload("db", replicas=2, serviceName="db", volumeClaimTemplates=[template])
    work.create(f"{APPS}/statefulsets", made)
    until(lambda: status(work, "statefulsets", "db").get("readyReplicas") == 2, "both are ready")
    assert [pod["metadata"]["name"] for pod in pods(work, "db")] == ["db-0", "db-1"]
    claims = [one["metadata"]["name"] for one in work.get(f"{CORE}/persistentvolumeclaims?labelSelector=app%3Ddb")["items"]]
    assert claims == ["data-db-0", "data-db-1"]
    change(work, f"{APPS}/statefulsets/db", {"spec": {"template": workload("db", "c:2")["spec"]["template"]}})

    def updated() -> bool:
        found = status(work, "statefulsets", "db")
        return bool(
            found["updatedReplicas"] == 2 == found.get("readyReplicas") and found["currentRevision"] == found["updateRevision"]
        )

    until(updated, "both are replaced")
    change(work, f"{APPS}/statefulsets/db", {"spec": {"replicas": 1}})
    until(lambda: [pod["metadata"]["name"] for pod in pods(work, "db")] == ["db-0"], "the last one went first")


def test_a_daemon_set_runs_where_it_may(work: Cluster) -> None:
    work.create(f"{APPS}/daemonsets", workload("agent"))
    until(lambda: status(work, "daemonsets", "agent").get("numberReady") == 2, "one pod per untainted node")
    assert status(work, "daemonsets", "agent")["desiredNumberScheduled"] == 2
    tolerant = workload("agent", "c:2")["spec"]["template"]
    tolerant["spec"]["tolerations"] = [{"operator": "Exists"}]
    change(work, f"{APPS}/daemonsets/agent", {"spec": {"template": tolerant}})

    def everywhere() -> bool:
        found = status(work, "daemonsets", "agent")
        return bool(found["numberReady"] == found["updatedNumberScheduled"] == found["desiredNumberScheduled"] == 3)

    until(everywhere, "one pod per node")


def test_a_job_completes_and_is_forgotten_when_asked(work: Cluster) -> None:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "c:1"}]}}
    work.create(f"{BATCH}/jobs", {"metadata": {"name": "once"}, "spec": {"template": template}})
    found = until(lambda: work.get(f"{BATCH}/jobs/once")["status"].get("conditions"), "the job ends")
    assert {one["type"] for one in found if one["status"] == "True"} == {"SuccessCriteriaMet", "Complete"}
    spec = {"template": template, "ttlSecondsAfterFinished": 0}
    work.create(f"{BATCH}/jobs", {"metadata": {"name": "gone"}, "spec": spec})
    until(lambda: work.ask("GET", f"{BATCH}/jobs/gone").status == 404, "the job is forgotten")
    until(lambda: not work.get(f"{CORE}/pods?labelSelector=job-name%3Dgone")["items"], "its pods too")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"nodeSelector": {"kind": "gpu"}},
            "0/3 nodes are available: 2 node(s) didn't match Pod's node affinity/selector, "
            "1 node(s) had untolerated taint {gpu: yes}.",
        ),
        (
            {"nodeSelector": {"kind": "none"}, "tolerations": [{"key": "gpu", "operator": "Exists"}]},
            "0/3 nodes are available: 3 node(s) didn't match",
        ),
        (
            {"containers": [{"name": "c", "image": "c:1", "resources": {"requests": {"cpu": "64"}}}]},
            "0/3 nodes are available: 2 Insufficient cpu, 1 node(s) had untolerated taint {gpu: yes}.",
        ),
        (
            {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "nosuch"}}]},
            'persistentvolumeclaim "nosuch" not found',
        ),
    ],
    ids=["taint", "selector", "cpu", "claim"],
)
def test_a_pod_that_fits_nowhere_says_why(
    work: Cluster, spec: dict[str, Any], message: str, request: pytest.FixtureRequest
) -> None:
    name = f"stuck-{request.node.callspec.id}"
    body = {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "c:1"}], **spec}}
    work.create(f"{CORE}/pods", body)
    condition = until(lambda: work.get(f"{CORE}/pods/{name}")["status"].get("conditions"), "the scheduler has looked")[0]
    assert (condition["type"], condition["status"], condition["reason"]) == ("PodScheduled", "False", "Unschedulable")
    assert condition["message"].startswith(message)
    events = work.get(f"{CORE}/events?fieldSelector=involvedObject.name%3D{name}")["items"]
    assert [(one["reason"], one["type"]) for one in events] == [("FailedScheduling", "Warning")]


def test_a_tolerating_pod_goes_to_the_tainted_group(work: Cluster) -> None:
    spec = {
        "containers": [{"name": "c", "image": "c:1"}],
        "nodeSelector": {"kind": "gpu"},
        "tolerations": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}],
    }
    work.create(f"{CORE}/pods", {"metadata": {"name": "notebook"}, "spec": spec})
    until(lambda: work.get(f"{CORE}/pods/notebook")["status"]["phase"] == "Running", "it runs")
    node = work.get(f"/api/v1/nodes/{work.get(f'{CORE}/pods/notebook')['spec']['nodeName']}")
    labels = node["metadata"]["labels"]
    assert (labels["topology.kubernetes.io/zone"], labels["eks.amazonaws.com/nodegroup"]) == ("us-east-1a", "gpu")


@pytest.mark.parametrize(
    ("policy", "left"),
    [("Background", 0), ("Foreground", 0), ("Orphan", 2)],
)
def test_deleting_an_owner_does_to_its_dependents_what_was_asked(work: Cluster, policy: str, left: int) -> None:
    name = f"owner-{policy.lower()}"
    work.create(f"{APPS}/deployments", workload(name, replicas=2))
    until(lambda: status(work, "deployments", name).get("readyReplicas") == 2, "it is ready")
    work.ask("DELETE", f"{APPS}/deployments/{name}", {"propagationPolicy": policy})
    until(lambda: work.ask("GET", f"{APPS}/deployments/{name}").status == 404, "the deployment is gone")
    until(lambda: len(pods(work, name)) == left, f"{left} pods are left")
    sets = work.get(f"{APPS}/replicasets?labelSelector=app%3D{name}")["items"]
    assert [one["metadata"].get("ownerReferences", []) for one in sets] == [[]] * (1 if left else 0)


def test_endpoints_follow_the_ready_pods(work: Cluster) -> None:
    work.create(
        f"{CORE}/services",
        {"metadata": {"name": "front"}, "spec": {"selector": {"app": "front"}, "ports": [{"port": 80, "targetPort": 8000}]}},
    )
    work.create(f"{APPS}/deployments", workload("front", replicas=2))

    def addresses() -> int:
        subsets = work.ask("GET", f"{CORE}/endpoints/front").body.get("subsets") or [{}]
        return len(subsets[0].get("addresses") or ())

    until(lambda: addresses() == 2, "both pods are endpoints")
    change(work, f"{APPS}/deployments/front", {"spec": {"replicas": 0}})
    until(lambda: addresses() == 0, "no endpoint is left")


def test_an_eviction_respects_the_budget(work: Cluster) -> None:
    work.create(f"{APPS}/deployments", workload("safe", replicas=1))
    until(lambda: status(work, "deployments", "safe").get("readyReplicas") == 1, "it is ready")
    budget = {"metadata": {"name": "safe"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "safe"}}}}
    work.create("/apis/policy/v1/namespaces/work/poddisruptionbudgets", budget)
    path = "/apis/policy/v1/namespaces/work/poddisruptionbudgets/safe"
    until(lambda: work.get(path)["status"].get("observedGeneration") == 1, "the budget is counted")
    assert work.get(path)["status"]["disruptionsAllowed"] == 0
    (pod,) = pods(work, "safe")
    answer = work.ask("POST", f"{CORE}/pods/{pod['metadata']['name']}/eviction", {"metadata": {"name": pod["metadata"]["name"]}})
    assert (answer.status, answer.body["message"]) == (429, "Cannot evict pod as it would violate the pod's disruption budget.")
    instance = work.get(f"/api/v1/nodes/{pod['spec']['nodeName']}")["spec"]["providerID"].rpartition("/")[2]
    held = work.stand_in.ask("GET", f"{work.path}/nodes/{instance}/held")
    assert (held.status, held.body) == (200, {"pods": [f"work/{pod['metadata']['name']}"]})


def test_a_removed_node_takes_its_pods_along_and_they_come_back_elsewhere(make_cluster: Callable[..., Cluster]) -> None:
    cluster = make_cluster(nodes=2)
    cluster.namespace("work")
    cluster.create(f"{APPS}/deployments", workload("moving", replicas=4))
    until(lambda: status(cluster, "deployments", "moving").get("readyReplicas") == 4, "all run on two nodes")
    cluster.node_group("main", 1)
    (node,) = cluster.get("/api/v1/nodes")["items"]

    def gathered() -> bool:
        found = pods(cluster, "moving")
        places = {pod["spec"].get("nodeName") for pod in found if pod["status"]["phase"] == "Running"}
        return len(found) == 4 and places == {node["metadata"]["name"]}

    until(gathered, "all run on the node that is left")
    cluster.node_group("main", 0)
    until(lambda: {pod["status"]["phase"] for pod in pods(cluster, "moving")} == {"Pending"}, "nothing runs without nodes")
