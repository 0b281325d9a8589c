"""A cluster of its own goes from Kubernetes 1.33 to 1.36: planned, stopped at its gate, failed, killed, and finished."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.cloud.seed import eks_images
from local.guide.follow import Outcome
from local.guide.processes import REPOSITORY, TOOLS
from tests.e2e.chart_repository import URL, served
from tests.e2e.conftest import Hubplane
from tests.e2e.control import fail_stack_resource, post
from tests.e2e.storage import mails
from tests.e2e.test_build_cluster import put_image
from tests.e2e.test_mail import wait_for

pytestmark = pytest.mark.e2e

NAME = "rising"
STACK = f"hubplane-cluster-{NAME}"
FORMER_TAG, NEXT_TAG = "2019-08-10-00-15-33", "2026-11-25-upgraded"


def image(version: str) -> str:
    """EKS's own image for a Kubernetes version, which a group may pin."""
    return next(found.image_id for found in eks_images() if f"x86_64-standard-{version}-" in found.name)


# What the last step changes besides the version.
WITH_IT = {"chart_version": "4.4.1", "notebook_image_tag": NEXT_TAG}
WANTED = {"cluster_name": NAME, "kubernetes_version": "1.36", "ami_ids": {"pinned": image("1.36")}, **WITH_IT}
EVICTION = (
    'Resource handler returned message: "[ErrorDetail(ErrorCode=PodEvictionFailure, ErrorMessage=Reached max retries while '
    f'trying to evict pods from nodes in node group {NAME}-main, ResourceIds=[ip-10-0-1-2.ec2.internal])]"'
)
GONE = {
    "id": "insight-flows",
    "name": "Deprecated APIs removed in Kubernetes v1.34",
    "category": "UPGRADE_READINESS",
    "kubernetesVersion": "1.34",
    "insightStatus": {"status": "ERROR", "reason": "Deprecated API usage detected within last 30 days."},
    "recommendation": "Update manifests and API clients to use newer Kubernetes APIs.",
    "categorySpecificSummary": {
        "deprecationDetails": [
            {
                "usage": "/apis/example.io/v1beta1/widgets",
                "replacedWith": "/apis/example.io/v1/widgets",
                "stopServingVersion": "1.34",
                "clientStats": [{"userAgent": "hand-made", "numberOfRequestsLast30Days": 7}],
            }
        ]
    },
}


def upgrade(hubplane: Hubplane, **more: Any) -> Outcome:
    return hubplane.follow(hubplane.start_machine("UpgradeCluster", {**WANTED, **more}))


def plant(hubplane: Hubplane, *insights: dict[str, Any]) -> None:
    document = {"cluster": NAME, "insights": list(insights)}
    post(f"{hubplane.cloud.endpoint_url}/_hubplane/eks/insights", document)


def versions(hubplane: Hubplane) -> dict[str, str]:
    """What EKS, and what the cluster itself, say of their versions; a node by its name."""
    eks, group = hubplane.client("eks"), f"{NAME}-main"
    nodes = json.loads(hubplane.run(NAME, "kubectl", "get", "nodes", "-o", "json"))["items"]
    served = json.loads(hubplane.run(NAME, "kubectl", "version", "-o", "json"))["serverVersion"]
    return {
        "control plane": eks.describe_cluster(name=NAME)["cluster"]["version"],
        "node group": eks.describe_nodegroup(clusterName=NAME, nodegroupName=group)["nodegroup"]["version"],
        "kube-proxy": eks.describe_addon(clusterName=NAME, addonName="kube-proxy")["addon"]["addonVersion"],
        "API": served["gitVersion"],
        **{node["metadata"]["name"]: node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes},
    }


@pytest.fixture(scope="module")
def rising(
    hubplane: Hubplane, built_2019: tuple[dict[str, Any], Outcome], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hubplane]:
    """The 2019 cluster's specification under another name, three minor versions behind what is wanted, with its chart from a
    repository and a second node group that pins its image."""
    spec = json.loads(hubplane.record(built_2019[0]["cluster_name"])["release"]["S"])["spec"]
    chart = {"source": URL, "version": "4.4.0"}
    spec |= {"cluster_name": NAME, "kubernetes_version": "1.33"}
    spec["hub"] |= {"url": f"https://{NAME}.asf.alaska.edu", "chart": chart}
    sizes = {"name": "pinned", "min_size": 1, "desired_size": 1, "max_size": 2}
    spec["node_groups"].append({**spec["node_groups"][0], **sizes, "ami_id": image("1.33")})
    put_image(hubplane, NEXT_TAG)
    folder, helm = tmp_path_factory.mktemp("charts"), TOOLS / "bin/helm"
    with served(helm, REPOSITORY / "local/charts/jupyterhub", ("4.4.0", "4.4.1"), folder) as finding, uses(hubplane, finding):
        hubplane.build({"cluster_name": NAME, "spec": spec})
        yield hubplane


@contextlib.contextmanager
def uses(hubplane: Hubplane, helm: Path) -> Iterator[None]:
    """The hub is installed by this helm."""
    functions = hubplane.client("lambda")
    pages = functions.get_paginator("list_functions").paginate()
    [name] = [
        item["FunctionName"]
        for page in pages
        for item in page["Functions"]
        if "-InstallJupyterHubFunction-" in item["FunctionName"]
    ]
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": {**variables, "HELM_PATH": str(helm)}})
    yield
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})


def test_a_plan_tells_the_path_and_what_is_against_it_and_changes_nothing(rising: Hubplane) -> None:
    before = versions(rising)
    outcome = upgrade(rising)
    assert outcome.status == "SUCCEEDED", outcome.cause
    result = outcome.result
    assert (result["mode"], result["changed"], result["changes"]) == ("plan", False, [])
    assert path(outcome) == [("1.33", "1.34"), ("1.34", "1.35"), ("1.35", "1.36")]
    assert [step["rolls"] for step in result["steps"]] == [[f"{NAME}-main"], [f"{NAME}-main"], [f"{NAME}-main", f"{NAME}-pinned"]]
    assert all("estimate" in sentence for step in result["steps"] for sentence in step["minutes_from"])
    assert "nobody's server runs on the nodes that will be replaced" in result["gate"]["notes"]
    assert result["gate"]["open"] is False
    assert any("no completed snapshot" in sentence for sentence in result["gate"]["against"])
    assert versions(rising) == before
    assert "upgrade_lock" not in rising.record(NAME)


def path(outcome: Outcome) -> list[tuple[str, str]]:
    return [(step["from_version"], step["to_version"]) for step in outcome.result["steps"]]


def test_a_budget_that_lets_no_pod_go_is_told_before_a_node_is_drained(rising: Hubplane) -> None:
    budget = ("kubectl", "-n", "jupyter", "create", "pdb", "hold", "--selector=component=hub", "--min-available=1")
    rising.run(NAME, *budget)
    wait_for(
        lambda: (
            rising.run(NAME, "kubectl", "-n", "jupyter", "get", "pdb", "hold", "-o", "jsonpath={.status.expectedPods}") == "1"
        ),
        "the budget to be counted",
    )
    against = upgrade(rising).result["gate"]["against"]
    assert any("PodDisruptionBudget hold in jupyter lets none of its 1 pod(s) go" in sentence for sentence in against)
    rising.run(NAME, "kubectl", "-n", "jupyter", "delete", "pdb", "hold")


def test_every_fault_of_the_input_is_told_at_once(rising: Hubplane) -> None:
    outcome = upgrade(rising, kubernetes_version="1.32", ami_ids={"main": "ami-0123456789abcdef0"}, mode="perhaps")
    assert outcome.error == "UpgradeInputInvalid"
    for words in ("3 faults", "no upgrade goes back", "ami_ids.main", 'mode = "perhaps"'):
        assert words in outcome.cause, outcome.cause


def test_a_closed_gate_stops_before_anything_changed(rising: Hubplane) -> None:
    before = versions(rising)
    plant(rising, GONE)
    outcome = upgrade(rising, mode="enforce")
    plant(rising)
    assert outcome.error == "UpgradeGateClosed"
    assert "/apis/example.io/v1beta1/widgets goes in 1.34" in outcome.cause
    assert "without a fresh copy" in outcome.cause
    assert "runs Kubernetes 1.33 as before: nothing has to be taken back" in outcome.cause
    assert versions(rising) == before
    record = rising.record(NAME)
    assert record["status"]["S"] == "ACTIVE"
    assert "upgrade_lock" not in record


def stack_status(hubplane: Hubplane) -> str:
    found: str = hubplane.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]
    return found


def settled(hubplane: Hubplane) -> bool:
    """Whether the cluster's stack is at rest."""
    return not stack_status(hubplane).endswith("IN_PROGRESS")


def declared(hubplane: Hubplane) -> dict[str, str]:
    """The version of control plane and unpinned node group in the stack's template."""
    resources = json.loads(template(hubplane))["Resources"]
    return {name: resources[name]["Properties"]["Version"] for name in ("Cluster", "NodeGroupMain")}


def template(hubplane: Hubplane) -> str:
    body = hubplane.client("cloudformation").get_template(StackName=STACK)["TemplateBody"]
    return body if isinstance(body, str) else json.dumps(body)


def test_node_groups_that_fail_after_the_control_plane_rose_stop_it_and_the_way_back_says_what_is(rising: Hubplane) -> None:
    copied = rising.follow(rising.start_machine("SnapshotVolumes", {"cluster_name": NAME, "mode": "enforce"}))
    assert copied.status == "SUCCEEDED", copied.cause
    fail_stack_resource(rising.cloud, STACK, "AWS::EKS::Nodegroup", EVICTION)
    outcome = upgrade(rising, mode="enforce")
    assert outcome.error == "StackFailed", outcome
    for words in (
        "PodEvictionFailure",
        "a PodDisruptionBudget kept a pod on its node for 15 minutes",
        "hubplane stop-server",
        "UPDATE_ROLLBACK_COMPLETE",
        "onward is the shortest way",
        f"aws eks update-cluster-version --name {NAME} --kubernetes-version 1.33",
    ):
        assert words in outcome.cause, outcome.cause
    assert "update-nodegroup-version --cluster-name" not in outcome.cause, "the node group never left 1.33"
    assert "UPDATE_ROLLBACK_FAILED" not in outcome.cause
    found = versions(rising)
    assert (found["control plane"], found["node group"]) == ("1.34", "1.33")
    assert declared(rising) == {"Cluster": "1.34", "NodeGroupMain": "1.33"}
    assert stack_status(rising) == "UPDATE_ROLLBACK_COMPLETE"
    assert "upgrade_lock" not in rising.record(NAME)


def change_by_hand(hubplane: Hubplane, **wanted: str) -> str:
    """Change versions in the stack's template as a person in the console would; the stack's status in the end."""
    document = json.loads(template(hubplane))
    for name, version in wanted.items():
        document["Resources"][name]["Properties"]["Version"] = version
    capabilities = ["CAPABILITY_NAMED_IAM"]
    hubplane.client("cloudformation").update_stack(StackName=STACK, TemplateBody=json.dumps(document), Capabilities=capabilities)
    wait_for(lambda: settled(hubplane), "the stack to come to rest")
    return stack_status(hubplane)


def test_a_stack_whose_roll_back_could_not_take_the_control_plane_down_is_named_for_what_it_is(rising: Hubplane) -> None:
    assert change_by_hand(rising, NodeGroupMain="1.34") == "UPDATE_COMPLETE"
    fail_stack_resource(rising.cloud, STACK, "AWS::EKS::Nodegroup", EVICTION)
    assert change_by_hand(rising, Cluster="1.35", NodeGroupMain="1.35") == "UPDATE_ROLLBACK_FAILED"
    assert declared(rising) == {"Cluster": "1.34", "NodeGroupMain": "1.34"}
    assert versions(rising)["control plane"] == "1.35"
    plan = upgrade(rising)
    assert path(plan) == [("1.35", "1.35"), ("1.35", "1.36")]


def test_an_upgrade_lets_nobody_else_in_frees_its_stack_and_is_killed_in_its_first_step(rising: Hubplane) -> None:
    running = rising.start_machine("UpgradeCluster", {**WANTED, "mode": "enforce"})
    wait_for(lambda: "upgrade_lock" in rising.record(NAME), "the upgrade to hold the cluster")
    assert upgrade(rising, mode="enforce").error == "ClusterBusy"
    ending = {"cluster_name": NAME, "confirm": NAME}
    assert rising.follow(rising.start_machine("DeleteCluster", ending)).error == "ClusterBusy"
    spec = json.loads(rising.record(NAME)["release"]["S"])["spec"]
    assert rising.follow(rising.start_machine("BuildCluster", {"cluster_name": NAME, "spec": spec})).error == "ClusterBusy"
    wait_for(lambda: declared(rising)["Cluster"] == "1.35" and not settled(rising), "the control plane to be in the stack again")
    rising.client("stepfunctions").stop_execution(executionArn=running, cause="killed by a test")
    wait_for(lambda: settled(rising), "the stack to come to rest")
    assert json.loads(rising.record(NAME)["release"]["S"])["spec"]["kubernetes_version"] == "1.33"


def running(hubplane: Hubplane) -> dict[str, Any]:
    """What the last step changes besides versions, as the cluster and EC2 tell it."""
    hub = ("kubectl", "-n", "jupyter", "get", "deployment", "hub", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
    values = json.loads(hubplane.run(NAME, "helm", "-n", "jupyter", "get", "values", "jupyterhub", "-o", "json"))
    tag = {"Name": "tag:eks:nodegroup-name", "Values": [f"{NAME}-pinned"]}
    found = hubplane.client("ec2").describe_instances(Filters=[tag])["Reservations"]
    return {
        "chart": hubplane.releases(NAME)["jupyterhub"]["chart"],
        "hub": hubplane.run(NAME, *hub),
        "notebook": values["singleuser"]["image"]["tag"],
        "pinned": {item["ImageId"] for one in found for item in one["Instances"]},
    }


def test_started_again_it_goes_on_to_the_end_and_is_then_found_done(rising: Hubplane) -> None:
    before, changed = versions(rising), running(rising)
    outcome = upgrade(rising, mode="enforce")
    assert outcome.status == "SUCCEEDED", outcome.cause
    assert path(outcome) == [("1.35", "1.35"), ("1.35", "1.36")]
    after = versions(rising)
    assert (after["control plane"], after["node group"]) == ("1.36", "1.36")
    assert after["kube-proxy"].startswith("v1.36")
    assert after["API"].startswith("v1.36")
    nodes = {name for name in before if name.startswith("ip-")}
    assert nodes, "there are nodes to replace"
    assert nodes.isdisjoint(after), "the nodes are others, those that pin an image too"
    assert {text[:5] for name, text in after.items() if name.startswith("ip-")} == {"v1.36"}
    assert outcome.result["after"][f"node group {NAME}-pinned"] == image("1.36")
    assert outcome.result["before"]["control plane"] == "1.35"
    assert outcome.result["after"]["control plane"] == "1.36"
    assert json.loads(rising.record(NAME)["release"]["S"])["spec"]["kubernetes_version"] == "1.36"
    assert "upgrade_lock" not in rising.record(NAME)
    assert changed == {"chart": "jupyterhub-4.4.0", "hub": changed["hub"], "notebook": FORMER_TAG, "pinned": {image("1.33")}}
    now = running(rising)
    assert now == {"chart": "jupyterhub-4.4.1", "hub": now["hub"], "notebook": NEXT_TAG, "pinned": {image("1.36")}}
    assert (":4.4.0-" in changed["hub"], ":4.4.1-" in now["hub"]) == (True, True)
    scaler = ("-n", "autoscaler", "get", "deployment", "-o", "jsonpath={.items[*].spec.template.spec.containers[*].image}")
    assert rising.run(NAME, "kubectl", *scaler).endswith(":v1.36.0")
    told = f"Upgrade of cluster {NAME}: done"
    wait_for(lambda: [mail for mail in mails(rising) if told in mail["Subject"]], "the mail")
    again = upgrade(rising, mode="enforce")
    assert again.status == "SUCCEEDED"
    assert (again.result["steps"], again.result["changed"]) == ([], False)
    assert "nothing to do" in again.result["reason"]


def test_a_step_whose_build_fails_is_told_in_the_build_s_own_words_with_the_way_back(rising: Hubplane) -> None:
    wanted = {"cluster_name": NAME, "notebook_image_tag": "never-pushed", "mode": "enforce"}
    outcome = rising.follow(rising.start_machine("UpgradeCluster", wanted))
    assert outcome.error == "AccountNotReady"
    assert "BuildStep failed" in outcome.cause
    assert "never-pushed" in outcome.cause
    assert "runs Kubernetes 1.36 as before: nothing has to be taken back" in outcome.cause
    assert "helm -n jupyter rollback jupyterhub" in outcome.cause
    assert "upgrade_lock" not in rising.record(NAME)
