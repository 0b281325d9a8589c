"""A cluster of its own goes from Kubernetes 1.34 to 1.36: planned, stopped at its gate, killed, gone on with, and found done."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.guide.follow import Outcome
from tests.e2e.conftest import Hubplane
from tests.e2e.control import post
from tests.e2e.storage import mails
from tests.e2e.test_mail import wait_for

pytestmark = pytest.mark.e2e

NAME = "rising"
WANTED = {"cluster_name": NAME, "kubernetes_version": "1.36"}
GONE = {
    "id": "insight-flows",
    "name": "Deprecated APIs removed in Kubernetes v1.35",
    "category": "UPGRADE_READINESS",
    "kubernetesVersion": "1.35",
    "insightStatus": {"status": "ERROR", "reason": "Deprecated API usage detected within last 30 days."},
    "recommendation": "Update manifests and API clients to use newer Kubernetes APIs.",
    "categorySpecificSummary": {
        "deprecationDetails": [
            {
                "usage": "/apis/example.io/v1beta1/widgets",
                "replacedWith": "/apis/example.io/v1/widgets",
                "stopServingVersion": "1.35",
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
    eks = hubplane.client("eks")
    group = eks.list_nodegroups(clusterName=NAME)["nodegroups"][0]
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
def rising(hubplane: Hubplane, built_2019: tuple[dict[str, Any], Outcome]) -> Hubplane:
    """The 2019 cluster's specification under another name, two minor versions behind what is wanted."""
    spec = json.loads(hubplane.record(built_2019[0]["cluster_name"])["release"]["S"])["spec"]
    spec |= {"cluster_name": NAME, "kubernetes_version": "1.34", "hub": {**spec["hub"], "url": f"https://{NAME}.asf.alaska.edu"}}
    hubplane.build({"cluster_name": NAME, "spec": spec})
    return hubplane


def test_a_plan_tells_the_path_and_what_is_against_it_and_changes_nothing(rising: Hubplane) -> None:
    before = versions(rising)
    outcome = upgrade(rising)
    assert outcome.status == "SUCCEEDED", outcome.cause
    result = outcome.result
    assert (result["mode"], result["changed"], result["changes"]) == ("plan", False, [])
    assert [(step["from_version"], step["to_version"]) for step in result["steps"]] == [("1.34", "1.35"), ("1.35", "1.36")]
    assert result["gate"]["open"] is False
    assert any("no completed snapshot" in sentence for sentence in result["gate"]["against"])
    assert versions(rising) == before
    assert "upgrade_lock" not in rising.record(NAME)


def test_every_fault_of_the_input_is_told_at_once(rising: Hubplane) -> None:
    outcome = upgrade(rising, kubernetes_version="1.33", ami_ids={"main": "ami-0123456789abcdef0"}, mode="perhaps")
    assert outcome.error == "UpgradeInputInvalid"
    for words in ("3 faults", "no upgrade goes back", "ami_ids.main", 'mode = "perhaps"'):
        assert words in outcome.cause


def test_a_closed_gate_stops_before_anything_changed(rising: Hubplane) -> None:
    before = versions(rising)
    plant(rising, GONE)
    outcome = upgrade(rising, mode="enforce")
    plant(rising)
    assert outcome.error == "UpgradeGateClosed"
    assert "/apis/example.io/v1beta1/widgets goes in 1.35" in outcome.cause
    assert "without a fresh copy" in outcome.cause
    assert "runs Kubernetes 1.34 as before: nothing has to be taken back" in outcome.cause
    assert versions(rising) == before
    record = rising.record(NAME)
    assert record["status"]["S"] == "ACTIVE"
    assert "upgrade_lock" not in record


def settled(hubplane: Hubplane) -> bool:
    """Whether the cluster's stack is at rest."""
    stack = hubplane.client("cloudformation").describe_stacks(StackName=f"hubplane-cluster-{NAME}")["Stacks"][0]
    return not stack["StackStatus"].endswith("IN_PROGRESS")


def test_an_upgrade_lets_nobody_else_in_and_is_killed_in_its_first_step(rising: Hubplane) -> None:
    copied = rising.follow(rising.start_machine("SnapshotVolumes", {"cluster_name": NAME, "mode": "enforce"}))
    assert copied.status == "SUCCEEDED", copied.cause
    eks, running = rising.client("eks"), rising.start_machine("UpgradeCluster", {**WANTED, "mode": "enforce"})
    wait_for(lambda: "upgrade_lock" in rising.record(NAME), "the upgrade to hold the cluster")
    assert upgrade(rising, mode="enforce").error == "ClusterBusy"
    ending = {"cluster_name": NAME, "confirm": NAME}
    assert rising.follow(rising.start_machine("DeleteCluster", ending)).error == "ClusterBusy"
    spec = json.loads(rising.record(NAME)["release"]["S"])["spec"]
    assert rising.follow(rising.start_machine("BuildCluster", {"cluster_name": NAME, "spec": spec})).error == "ClusterBusy"
    wait_for(lambda: eks.describe_cluster(name=NAME)["cluster"]["version"] == "1.35", "the control plane to rise")
    rising.client("stepfunctions").stop_execution(executionArn=running, cause="killed by a test")
    wait_for(lambda: settled(rising), "the stack to come to rest")
    assert json.loads(rising.record(NAME)["release"]["S"])["spec"]["kubernetes_version"] == "1.34"


def test_started_again_it_goes_on_to_the_end_and_is_then_found_done(rising: Hubplane) -> None:
    before = versions(rising)
    outcome = upgrade(rising, mode="enforce")
    assert outcome.status == "SUCCEEDED", outcome.cause
    assert [(step["from_version"], step["to_version"]) for step in outcome.result["steps"]] == [
        ("1.35", "1.35"),
        ("1.35", "1.36"),
    ]
    after = versions(rising)
    assert (after["control plane"], after["node group"]) == ("1.36", "1.36")
    assert after["kube-proxy"].startswith("v1.36")
    assert after["API"].startswith("v1.36")
    nodes = {name for name in before if name.startswith("ip-")}
    assert nodes, "there are nodes to replace"
    assert nodes.isdisjoint(after), "the nodes are others"
    assert {text[:5] for name, text in after.items() if name.startswith("ip-")} == {"v1.36"}
    assert outcome.result["before"]["control plane"] == "1.35"
    assert outcome.result["after"]["control plane"] == "1.36"
    assert json.loads(rising.record(NAME)["release"]["S"])["spec"]["kubernetes_version"] == "1.36"
    assert "upgrade_lock" not in rising.record(NAME)
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
