"""Every trouble of the 2019 README is made here: a diagnosis names it and only it, and what it proposes mends it."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from local.guide import processes
from local.guide.follow import Outcome
from local.guide.round_trip import start
from tests.e2e.conftest import Hubplane
from tests.e2e.control import fail_kubernetes, mend_kubernetes, set_shortage
from tests.e2e.spawning import newcomer
from tests.e2e.test_diagnosis import NAME, Standing, new_findings, standing
from tests.e2e.test_restore_home import HomeOf, new_home

pytestmark = pytest.mark.e2e
__all__ = ["new_home", "standing"]  # fixtures: homes that are planted and bound, troubles that were there before

Built = tuple[dict[str, Any], Outcome]
GNUTLS = "[E 2026-11-25 15:00:00 JupyterHub web:1871] gnutls_handshake() failed: An unexpected TLS packet was received."
PDB = (
    'PodDisruptionBudget.policy "autoscaler-aws-cluster-autoscaler" is invalid: spec: Forbidden: updates to poddisruptionbudget '
    "spec are forbidden."
)
GITPULLER = "Exec lifecycle hook failed - error: command 'gitpuller' exited with 128: fatal: unable to write index_file"
SECONDS = 60


def only(hubplane: Hubplane, standing: Standing, check: str, machine: str | None) -> dict[str, Any]:
    """The one finding that is new: of this check, mended by this machine."""
    findings = new_findings(hubplane, standing)
    assert [(item["check"], (item["mend"] or {}).get("machine")) for item in findings] == [(check, machine)], findings
    found: dict[str, Any] = findings[0]
    return found


def carry_out(hubplane: Hubplane, finding: dict[str, Any]) -> Outcome:
    """The proposed execution, as it is proposed, and that it ends well."""
    mend = finding["mend"]
    machine = "".join(word.capitalize() for word in mend["machine"].split("_"))
    outcome = hubplane.follow(hubplane.start_machine(machine, mend["input"]))
    assert outcome.status == "SUCCEEDED", f"{outcome.error}: {outcome.cause}"
    return outcome


def all_is_well(hubplane: Hubplane, standing: Standing) -> None:
    assert new_findings(hubplane, standing) == []


def pods(hubplane: Hubplane, selector: str) -> dict[str, dict[str, Any]]:
    """The pods of the hub's namespace with these labels, by name."""
    listed = json.loads(hubplane.run(NAME, "kubectl", "-n", "jupyter", "get", "pods", "-l", selector, "-o", "json"))["items"]
    return {item["metadata"]["name"]: item for item in listed}


def apply(hubplane: Hubplane, *manifests: dict[str, Any]) -> None:
    path = hubplane.folder / "manifests.yaml"
    path.write_text("\n---\n".join(map(json.dumps, manifests)))
    hubplane.run(NAME, "kubectl", "apply", "-f", str(path))


def server(person: str, **spec: Any) -> dict[str, Any]:
    """A person's server as KubeSpawner makes it, of an image that the stand-in only pretends to run."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"jupyter-{person}",
            "namespace": "jupyter",
            "labels": {"component": "singleuser-server", "app": "jupyterhub"},
            "annotations": {"hub.jupyter.org/username": person},
        },
        "spec": {"containers": [{"name": "notebook", "image": "notebook:1", **spec.pop("container", {})}], **spec},
    }


def remove_servers(hubplane: Hubplane) -> None:
    for name in pods(hubplane, "component=singleuser-server"):
        hubplane.run(NAME, "kubectl", "-n", "jupyter", "delete", "pod", name, "--wait=true")


def until_ready(hubplane: Hubplane, name: str) -> None:
    hubplane.run(NAME, "kubectl", "-n", "jupyter", "wait", "--for=condition=Ready", f"pod/{name}", f"--timeout={SECONDS}s")


@pytest.fixture
def built(hubplane: Hubplane, built_2019: Built, standing: Standing) -> dict[str, Any]:
    """The cluster of 2019, and that nothing was wrong with it before."""
    all_is_well(hubplane, standing)
    return copy.deepcopy(built_2019[0])


def test_gnutls_in_the_hubs_log(hubplane: Hubplane, standing: Standing, built: dict[str, Any]) -> None:
    apply(hubplane, server("ada"), server("ben"))
    for person in ("ada", "ben"):
        until_ready(hubplane, f"jupyter-{person}")
    running = {name: pod["metadata"]["uid"] for name, pod in pods(hubplane, "component=singleuser-server").items()}
    [hub] = pods(hubplane, "component=hub").values()
    fail_kubernetes(hubplane.cloud, NAME, {"id": "gnutls", "uid": hub["metadata"]["uid"], "log": GNUTLS})
    try:
        finding = only(hubplane, standing, "hub_log", "restart_hub")
        assert "gnutls_handshake() failed" in finding["evidence"][0]
        outcome = carry_out(hubplane, finding)
        assert outcome.result["changes"] == [f"deleted pod {hub['metadata']['name']}"]
        assert "2 server(s) run" in outcome.result["reason"]
        after = {name: pod["metadata"]["uid"] for name, pod in pods(hubplane, "component=singleuser-server").items()}
        assert after == running
        all_is_well(hubplane, standing)
        assert "lock" not in hubplane.record(NAME)
        assert hubplane.record(NAME)["status"]["S"] == "ACTIVE"
    finally:
        mend_kubernetes(hubplane.cloud, NAME, "gnutls")
        remove_servers(hubplane)


def test_the_load_balancers_rule_is_missing(hubplane: Hubplane, standing: Standing, built: dict[str, Any]) -> None:
    ec2 = hubplane.client("ec2")
    [group] = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": [f"{NAME}-nodes"]}])["SecurityGroups"]
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group["GroupId"]]}])["SecurityGroupRules"]
    inwards = [rule["SecurityGroupRuleId"] for rule in rules if not rule["IsEgress"]]
    ec2.revoke_security_group_ingress(GroupId=group["GroupId"], SecurityGroupRuleIds=inwards)
    finding = only(hubplane, standing, "entrance", "build_cluster")
    assert "30052" in finding["sentence"]
    [group] = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": [f"{NAME}-load-balancer"]}])[
        "SecurityGroups"
    ]
    ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=group["IpPermissions"])
    people, nodes = new_findings(hubplane, standing)
    assert (people["sentence"], nodes["sentence"]) == (
        "The load balancer's security group shuts people out.",
        finding["sentence"],
    )
    assert people["mend"] == nodes["mend"] == finding["mend"]
    changes = carry_out(hubplane, finding).result["changes"]
    for words in ("let the load balancer in on node port 30052 again", "in on port 80 again", "in on port 443 again"):
        assert any(words in change for change in changes)
    all_is_well(hubplane, standing)
    assert hubplane.build(built).result["changed"] is False


def test_the_load_balancer_or_its_listener_is_removed(hubplane: Hubplane, standing: Standing, built: dict[str, Any]) -> None:
    elb = hubplane.client("elbv2")

    def balancer() -> dict[str, Any]:
        found: dict[str, Any] = elb.describe_load_balancers(Names=[NAME])["LoadBalancers"][0]
        return found

    former = balancer()
    listeners = elb.describe_listeners(LoadBalancerArn=former["LoadBalancerArn"])["Listeners"]
    [https] = [item["ListenerArn"] for item in listeners if item["Port"] == 443]
    elb.delete_listener(ListenerArn=https)
    finding = only(hubplane, standing, "entrance", "build_cluster")
    assert finding["evidence"] == ["no listener on 443"]
    carry_out(hubplane, finding)
    assert balancer()["LoadBalancerArn"] == former["LoadBalancerArn"]
    all_is_well(hubplane, standing)
    elb.delete_load_balancer(LoadBalancerArn=former["LoadBalancerArn"])
    finding = only(hubplane, standing, "entrance", "build_cluster")
    assert finding["evidence"] == [f"no load balancer is named {NAME}"]
    outcome = carry_out(hubplane, finding)
    assert f"creates load balancer {NAME}" in outcome.result["changes"]
    assert outcome.result["outputs"]["LoadBalancerArn"] == balancer()["LoadBalancerArn"] != former["LoadBalancerArn"]
    all_is_well(hubplane, standing)
    assert hubplane.build(built).result["changed"] is False


def test_the_autoscalers_budget_cannot_be_changed(hubplane: Hubplane, standing: Standing, built: dict[str, Any]) -> None:
    chart = str(processes.REPOSITORY / "local/charts/cluster-autoscaler")
    hubplane.run(NAME, "helm", "upgrade", "autoscaler", chart, "-n", "autoscaler", "--reuse-values", "--set", "replicaCount=2")
    for verb in ("create", "patch"):
        fault = {"verb": verb, "resource": "poddisruptionbudgets", "namespace": "autoscaler", "status": 422, "message": PDB}
        fail_kubernetes(hubplane.cloud, NAME, {"id": f"pdb-{verb}", **fault})
    try:
        assert hubplane.fail(built).error == "PodDisruptionBudgetImmutable"
    finally:
        for verb in ("create", "patch"):
            mend_kubernetes(hubplane.cloud, NAME, f"pdb-{verb}")
    finding = only(hubplane, standing, "autoscaler", "repair_autoscaler")
    assert "PodDisruptionBudget" in finding["evidence"][0]
    carry_out(hubplane, finding)
    all_is_well(hubplane, standing)
    assert hubplane.record(NAME)["status"]["S"] == "ACTIVE"
    assert hubplane.releases(NAME)["autoscaler"]["status"] == "deployed"
    assert hubplane.build(built).result["changed"] is False


def node_group(hubplane: Hubplane, name: str = "main") -> dict[str, Any]:
    """A node group of the cluster as EKS has it."""
    answer = hubplane.client("eks").describe_nodegroup(clusterName=NAME, nodegroupName=f"{NAME}-{name}")
    found: dict[str, Any] = answer["nodegroup"]
    return found


def set_size(hubplane: Hubplane, size: int) -> None:
    """The autoscaler's part that is not played: it takes nodes away that were idle for ten minutes."""
    [name] = [item["name"] for item in node_group(hubplane)["resources"]["autoScalingGroups"]]
    hubplane.client("autoscaling").set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=size)


def start_servers(hubplane: Hubplane, count: int) -> list[str]:
    """As many people start a server each of which takes most of a node's eight CPUs."""
    needs = {"container": {"resources": {"requests": {"cpu": "7"}}}}
    people = [f"user{number}" for number in range(count)]
    apply(hubplane, *(server(person, **copy.deepcopy(needs)) for person in people))
    return people


def test_the_node_group_is_full(hubplane: Hubplane, standing: Standing, built: dict[str, Any]) -> None:
    small = copy.deepcopy(built)
    small["parameters"]["NodeAutoScalingGroupMaxSize"] = "3"
    hubplane.restore(small)
    try:
        people = start_servers(hubplane, 4)
        until(lambda: node_group(hubplane)["scalingConfig"]["desiredSize"] == 3, "the autoscaler brings the third node")
        until(lambda: _without_node(hubplane) == 1, "three servers have a node, and one waits for the fourth")
        finding = only(hubplane, standing, "node_room", "build_cluster")
        assert "has 3 nodes and may have 3" in finding["evidence"][0]
        carry_out(hubplane, finding)
        for person in people:
            until_ready(hubplane, f"jupyter-{person}")
        assert node_group(hubplane)["scalingConfig"]["desiredSize"] == 4
        all_is_well(hubplane, standing)
    finally:
        remove_servers(hubplane)
        hubplane.restore(built)
        set_size(hubplane, 2)


def test_the_zone_has_run_out_of_an_instance_type(hubplane: Hubplane, standing: Standing, built: dict[str, Any]) -> None:
    set_shortage(hubplane.cloud, "m5.2xlarge", short=True)
    try:
        people = start_servers(hubplane, 3)
        until(lambda: node_group(hubplane)["scalingConfig"]["desiredSize"] == 3, "the autoscaler asks for the third node")
        finding = only(hubplane, standing, "node_room", "build_cluster")
        assert "We currently do not have sufficient m5.2xlarge capacity" in finding["evidence"][0]
        assert "us-east-1d has no m5.2xlarge left" in finding["sentence"]
        running = {name: pod["metadata"]["uid"] for name, pod in pods(hubplane, "component=singleuser-server").items()}
        outcome = carry_out(hubplane, finding)
        assert f"creates node group {NAME}-main-m6i" in outcome.result["changes"]
        for person in people:
            until_ready(hubplane, f"jupyter-{person}")
        after = {name: pod["metadata"]["uid"] for name, pod in pods(hubplane, "component=singleuser-server").items()}
        assert after == running
        all_is_well(hubplane, standing)
    finally:
        set_shortage(hubplane.cloud, "m5.2xlarge", short=False)
        remove_servers(hubplane)
        hubplane.restore(built)
        set_size(hubplane, 2)


def _without_node(hubplane: Hubplane) -> int:
    """How many servers the scheduler has no node for."""
    listed = pods(hubplane, "component=singleuser-server").values()
    states = [one for pod in listed for one in pod["status"].get("conditions", ()) if one["type"] == "PodScheduled"]
    return sum(one["status"] == "False" for one in states)


def home_of(home: HomeOf) -> list[dict[str, Any]]:
    """The volumes of a server with this home."""
    return [{"name": "home", "persistentVolumeClaim": {"claimName": home.claim_name}}]


def test_a_home_lies_in_another_zone(
    hubplane: Hubplane, standing: Standing, built: dict[str, Any], new_home: Callable[..., HomeOf]
) -> None:
    home = new_home("cleo", "us-east-1a")
    try:
        apply(hubplane, server("cleo", volumes=home_of(home)))
        until(lambda: _without_node(hubplane), "the server waits for a node that could mount the home")
        finding = only(hubplane, standing, "volume_mounts", "move_home")
        assert finding["severity"] == "critical"
        assert "cleo lies in us-east-1a and the cluster's nodes in us-east-1d" in finding["sentence"]
        assert any("volume node affinity conflict" in line for line in finding["evidence"])
        remove_servers(hubplane)  # as the hub does when a start takes too long, which nobody waits for here
        carry_out(hubplane, finding)
        apply(hubplane, server("cleo", volumes=home_of(home)))  # cleo starts again, as the mail about the move says
        until_ready(hubplane, "jupyter-cleo")
        all_is_well(hubplane, standing)
    finally:
        remove_servers(hubplane)


def test_a_notebook_image_has_another_jupyterhub(hubplane: Hubplane, standing: Standing, built: dict[str, Any]) -> None:
    release = json.loads(hubplane.record(NAME)["release"]["S"])
    image, registry, builds = release["spec"]["notebook_image"], hubplane.client("ecr"), hubplane.client("codebuild")
    repository = image["name"].partition("/")[2]
    [project] = [item for item in builds.list_projects()["projects"] if "ImageBuild" in item]

    def push(version: str, tag: str) -> None:
        """An image with this JupyterHub in it, in the place of what was under the tag, as an image build pushes it."""
        registry.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": tag}])
        values = {"IMAGE_REPOSITORY": image["name"], "IMAGE_TAG": tag, "JUPYTERHUB_VERSION": version}
        given = [{"name": key, "value": value, "type": "PLAINTEXT"} for key, value in values.items()]
        build_id = builds.start_build(projectName=project, environmentVariablesOverride=given)["build"]["id"]
        until(lambda: builds.batch_get_builds(ids=[build_id])["builds"][0]["buildStatus"] == "SUCCEEDED", "the image is pushed")

    push("1.0.0", image["tag"])
    try:
        finding = only(hubplane, standing, "versions", None)
        assert f"image {image['name']}:{image['tag']} has 1.0.0" in finding["evidence"][0]
        assert f"Publish {image['name']} with JupyterHub {release['jupyterhub_version']}" in finding["sentence"]
        push(release["jupyterhub_version"], "2026-11-25-published")  # what the sentence asks of a person
        finding = only(hubplane, standing, "versions", "build_cluster")
        assert "tag 2026-11-25-published, pushed" in finding["evidence"][1]
        carry_out(hubplane, finding)
        all_is_well(hubplane, standing)
        registry.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "2026-11-25-published"}])
        push(release["jupyterhub_version"], image["tag"])
        finding = only(hubplane, standing, "versions", "build_cluster")
        assert "2026-11-25-published does not exist" in finding["evidence"][0]
        carry_out(hubplane, finding)
        assert json.loads(hubplane.record(NAME)["release"]["S"])["spec"] == release["spec"]
    finally:
        push(release["jupyterhub_version"], image["tag"])
    all_is_well(hubplane, standing)


def test_a_home_is_full(hubplane: Hubplane, standing: Standing, built: dict[str, Any]) -> None:
    trip = newcomer(hubplane, "dora")
    visit = trip.visit()
    start(visit)
    volume = trip.volume()
    assert volume is not None
    pod = pods(hubplane, "component=singleuser-server")["jupyter-dora"]
    about = {"kind": "Pod", "namespace": "jupyter", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "jupyter-dora.17f", "namespace": "jupyter"},
        "involvedObject": about,
        "type": "Warning",
        "reason": "FailedPostStartHook",
        "message": GITPULLER,
        "lastTimestamp": pod["metadata"]["creationTimestamp"],
    }
    apply(hubplane, event)  # the kubelet's words about a disk that is full: no container is run here
    finding = only(hubplane, standing, "full_homes", "expand_home")
    assert finding["sentence"].startswith("The home of dora is full")
    assert "unable to write index_file" in finding["evidence"][0]
    assert finding["mend"]["input"]["size_gib"] == volume["Size"] * 3 // 2
    carry_out(hubplane, finding)
    assert not visit.servers()
    start(visit)  # dora again: the hub has stopped the server so that the home could grow
    all_is_well(hubplane, standing)
    visit.stop()


def until(holds: Any, what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if holds():
            return
        time.sleep(0.3)
    pytest.fail(f"never came true: {what}")
