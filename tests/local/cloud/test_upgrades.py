"""A stack takes a cluster to the next minor version and rolls its nodes; EKS has upgrade insights."""

from __future__ import annotations

import copy
import json
import urllib.request
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.cloud.running import RunningCloud, running_cloud
from tests.local.cloud.test_eks import make_cluster
from tests.local.cloud.test_stacks import carried_out, change, cluster_template, events, fault, settled


def at(version: str, nodes: str | None = None, name: str = "rising") -> dict[str, Any]:
    """A cluster and its two nodes, at a Kubernetes version each."""
    whole = cluster_template(name, version=version, desired=2)["Resources"]
    # With an image of its own a group would have no version that could lag.
    whole["Nodes"]["Properties"] |= {"Version": nodes or version, "AmiType": "AL2023_x86_64_STANDARD"}
    return {"Resources": {name: whole[name] for name in ("Cluster", "Template", "Nodes")}}


def told(cloud: RunningCloud) -> dict[str, Any]:
    found: dict[str, Any] = cloud.stand_in.clusters["rising"]["groups"]["rising-nodes"]
    return found


def test_a_version_rises_by_one_minor_and_every_node_is_another_one(cloud: RunningCloud) -> None:
    assert carried_out(cloud, "rising", at("1.34"), "CREATE")["StackStatus"] == "CREATE_COMPLETE"
    before = told(cloud)["instance_ids"]
    # Two at once, as EKS refuses it, and with a node group that lags.
    assert carried_out(cloud, "rising", at("1.36"))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    reasons = [reason for item, _, reason in events(cloud, "rising") if item == "Cluster"]
    assert any("Unsupported Kubernetes minor version update from 1.34 to 1.36" in reason for reason in reasons)
    assert told(cloud)["instance_ids"] == before
    assert carried_out(cloud, "rising", at("1.35", "1.34"))["StackStatus"] == "UPDATE_COMPLETE"
    assert cloud.stand_in.clusters["rising"]["version"] == "1.35"
    assert carried_out(cloud, "rising", at("1.36", "1.34"))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert any("must be updated to match cluster version 1.35" in reason for _, _, reason in events(cloud, "rising"))
    assert carried_out(cloud, "rising", at("1.35"))["StackStatus"] == "UPDATE_COMPLETE"
    assert told(cloud)["version"] == "1.35"
    assert set(before).isdisjoint(told(cloud)["instance_ids"])
    assert len(told(cloud)["instance_ids"]) == 2


def actions(change_set: dict[str, Any]) -> dict[str, str]:
    """By logical id. What refers to the cluster is told as well: later CloudFormation learns that nothing comes of it."""
    found = [item["ResourceChange"] for item in change_set["Changes"]]
    return {item["LogicalResourceId"]: item["Action"] for item in found}


EVICTION = "Reached max retries while trying to evict pods"


def test_a_control_plane_stays_up_when_its_node_group_fails_and_the_stack_has_to_be_told(cloud: RunningCloud) -> None:
    formation = cloud.client("cloudformation")
    carried_out(cloud, "stuck", at("1.34", name="stuck"), "CREATE")
    fault(cloud, resource_type="AWS::EKS::Nodegroup", stack_name="stuck", reason=EVICTION)
    assert carried_out(cloud, "stuck", at("1.35", name="stuck"))["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    told_events = [reason for item, status, reason in events(cloud, "stuck") if (item, status) == ("Cluster", "UPDATE_FAILED")]
    assert ["from 1.35 to 1.34" in reason for reason in told_events] == [True]
    assert cloud.stand_in.clusters["stuck"]["version"] == "1.35"
    formation.continue_update_rollback(StackName="stuck", ResourcesToSkip=["Cluster"])
    cloud.wait("the roll-back", lambda: settled(cloud, "stuck")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE")

    control_plane = at("1.35", "1.34", name="stuck")
    assert carried_out(cloud, "stuck", control_plane)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert any("from 1.35 to 1.35" in reason for _, _, reason in events(cloud, "stuck"))
    group = cloud.client("eks").describe_nodegroup(clusterName="stuck", nodegroupName="stuck-nodes")["nodegroup"]
    scaling = group["resources"]["autoScalingGroups"][0]["name"]
    cloud.client("autoscaling").set_desired_capacity(AutoScalingGroupName=scaling, DesiredCapacity=3)
    other_sizes = copy.deepcopy(control_plane)
    other_sizes["Resources"]["Nodes"]["Properties"]["ScalingConfig"]["DesiredSize"] = 4
    aware = change(cloud, "stuck", other_sizes, DeploymentMode="REVERT_DRIFT")
    assert {"Cluster": "SyncWithActual", "Nodes": "Modify"}.items() <= actions(aware).items()
    formation.delete_change_set(ChangeSetName=aware["ChangeSetId"])
    control_plane["Resources"]["Nodes"]["Properties"]["ScalingConfig"]["DesiredSize"] = 3
    aware = change(cloud, "stuck", control_plane, DeploymentMode="REVERT_DRIFT")
    assert {"Cluster": "SyncWithActual", "Nodes": "SyncWithActual"}.items() <= actions(aware).items()
    formation.execute_change_set(ChangeSetName=aware["ChangeSetId"])
    assert settled(cloud, "stuck")["StackStatus"] == "UPDATE_COMPLETE"
    assert carried_out(cloud, "stuck", at("1.35", name="stuck"))["StackStatus"] == "UPDATE_COMPLETE"
    assert cloud.stand_in.clusters["stuck"]["groups"]["stuck-nodes"]["version"] == "1.35"


def test_a_pod_that_a_budget_holds_fails_the_node_group_which_keeps_its_nodes(cloud: RunningCloud) -> None:
    carried_out(cloud, "held", at("1.34", name="held"), "CREATE")
    group = cloud.stand_in.clusters["held"]["groups"]["held-nodes"]
    cloud.stand_in.clusters["held"]["held"] = ["jupyter/jupyter-ada"]
    carried_out(cloud, "held", at("1.35", "1.34", name="held"))
    assert carried_out(cloud, "held", at("1.35", name="held"))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    reasons = " ".join(reason for _, _, reason in events(cloud, "held"))
    for words in ("PodEvictionFailure", EVICTION, "jupyter/jupyter-ada"):
        assert words in reasons
    after = cloud.stand_in.clusters["held"]["groups"]["held-nodes"]
    assert (after["instance_ids"], after["version"]) == (group["instance_ids"], "1.34")
    eks = cloud.client("eks")
    assert eks.describe_nodegroup(clusterName="held", nodegroupName="held-nodes")["nodegroup"]["version"] == "1.34"


def test_insights_pass_until_a_test_plants_one_and_are_looked_at_when_asked(cloud: RunningCloud) -> None:
    make_cluster(cloud, "looked-at")
    eks, readiness = cloud.client("eks"), {"categories": ["UPGRADE_READINESS"]}
    passing = eks.list_insights(clusterName="looked-at", filter=readiness)["insights"]
    assert {item["insightStatus"]["status"] for item in passing} == {"PASSING"}
    assert {item["kubernetesVersion"] for item in passing} == {"1.36"}
    with pytest.raises(ClientError, match="No insights refresh found"):
        eks.describe_insights_refresh(clusterName="looked-at")
    began = datetime.now(UTC).replace(microsecond=0)
    assert eks.start_insights_refresh(clusterName="looked-at")["status"] == "IN_PROGRESS"
    cloud.wait("the look", lambda: eks.describe_insights_refresh(clusterName="looked-at")["status"] == "COMPLETED")
    looked = eks.list_insights(clusterName="looked-at", filter=readiness)["insights"]
    assert min(item["lastRefreshTime"] for item in looked) >= began
    planted = {"id": "mine", "name": "API", "category": "UPGRADE_READINESS", "insightStatus": {"status": "ERROR"}}
    body = json.dumps({"cluster": "looked-at", "insights": [{**planted, "recommendation": "mend it"}]}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{cloud.endpoint_url}/_hubplane/eks/insights", body, method="POST")).close()
    listed = {item["id"]: item for item in eks.list_insights(clusterName="looked-at", filter=readiness)["insights"]}
    assert "recommendation" not in listed["mine"]
    assert eks.describe_insight(clusterName="looked-at", id="mine")["insight"]["recommendation"] == "mend it"
    assert eks.list_insights(clusterName="looked-at", filter={"categories": ["MISCONFIGURATION"]})["insights"] == []


def test_without_the_mends_the_faults_are_there(tmp_path: Any) -> None:
    with running_cloud(
        tmp_path, skip_mends="stacks_upgrade_one_minor,node_groups_roll,upgrade_insights,change_sets_see_drift"
    ) as unmended:
        carried_out(unmended, "rising", at("1.34"), "CREATE")
        before = told(unmended)["instance_ids"]
        assert carried_out(unmended, "rising", at("1.36"))["StackStatus"] == "UPDATE_COMPLETE"
        assert told(unmended)["instance_ids"] == before
        assert unmended.stand_in.clusters["rising"]["version"] == "1.34"
        aware = change(unmended, "rising", at("1.35"), DeploymentMode="REVERT_DRIFT")
        assert set(actions(aware).values()) == {"Modify"}
        with pytest.raises(ClientError):
            unmended.client("eks").list_insights(clusterName="rising")
