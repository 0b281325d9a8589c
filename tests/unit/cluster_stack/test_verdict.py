"""What waits for a person, what does not, and in which words."""

from __future__ import annotations

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubplane.domain.cluster_stack.change_set import PropertyChange, ResourceChange
from hubplane.domain.cluster_stack.template import render_cluster_template
from hubplane.domain.cluster_stack.verdict import LONGEST_SENTENCE, MOST_SENTENCES, capped, classify_change_set
from tests.unit.cluster_stack.specs import BASE, FACTS, SPEC_2019, with_group

MODEL = botocore.session.get_session().get_service_model("cloudformation")
ACTIONS = MODEL.shape_for("ChangeAction").enum
TYPES = [*sorted({resource["Type"] for resource in BASE["Resources"].values()}), "AWS::EC2::Volume", "AWS::New::Thing"]

DEPLOYED = render_cluster_template(BASE, SPEC_2019, FACTS)
NODE_GROUP = "AWS::EKS::Nodegroup"


def modify(
    logical_id: str, resource_type: str, *properties: str, replacement: str | None = "False", recreation: str = "Never"
) -> ResourceChange:
    details = tuple(PropertyChange("Properties", name, recreation) for name in properties)
    return ResourceChange("Modify", logical_id, resource_type, replacement=replacement, scope=("Properties",), details=details)


CHANGES = {
    "adds a node group": (ResourceChange("Add", "NodeGroupMain", NODE_GROUP), "safe", "creates node group opensarlab-main"),
    "takes over the log group of an earlier cluster": (
        ResourceChange("Import", "ClusterLogGroup", "AWS::Logs::LogGroup"),
        "safe",
        "takes over log group /aws/eks/opensarlab/cluster, which exists already",
    ),
    "takes over somebody else's role": (
        ResourceChange("Import", "NodeRole", "AWS::IAM::Role"),
        "needs_approval",
        "takes over IAM role hubplane-cluster-opensarlab-node",
    ),
    "notes what EKS runs already": (
        ResourceChange("SyncWithActual", "Cluster", "AWS::EKS::Cluster", scope=("Properties",)),
        "safe",
        "notes what EKS cluster opensarlab is already (Properties) and changes nothing of it",
    ),
    "removes the cluster": (
        ResourceChange("Remove", "Cluster", "AWS::EKS::Cluster", policy_action="Delete"),
        "needs_approval",
        "removes EKS cluster opensarlab: every server stops",
    ),
    "removes a node group": (
        ResourceChange("Remove", "NodeGroupMain", NODE_GROUP),
        "needs_approval",
        "removes node group opensarlab-main: its servers are stopped, with the notebooks running on them; homes remain",
    ),
    "lets go of the log group": (
        ResourceChange("Remove", "ClusterLogGroup", "AWS::Logs::LogGroup", policy_action="Retain"),
        "needs_approval",
        "lets go of log group /aws/eks/opensarlab/cluster, which stays in the account",
    ),
    "moves a node group to another AZ": (
        modify("NodeGroupMain", NODE_GROUP, "Subnets", replacement="True", recreation="Always"),
        "needs_approval",
        "replaces node group opensarlab-main (Subnets): its servers are stopped",
    ),
    "another service range": (
        modify("Cluster", "AWS::EKS::Cluster", "KubernetesNetworkConfig", replacement="True", recreation="Always"),
        "needs_approval",
        "replaces EKS cluster opensarlab",
    ),
    "perhaps replaces": (
        modify("LoadBalancer", "AWS::ElasticLoadBalancingV2::LoadBalancer", "Name", replacement="Conditional"),
        "needs_approval",
        "may replace load balancer opensarlab (Name): the hub gets another DNS name",
    ),
    "does not say whether it replaces": (
        modify("NodeRole", "AWS::IAM::Role", "RoleName", replacement=None),
        "needs_approval",
        "may replace IAM role hubplane-cluster-opensarlab-node",
    ),
    "says no replacement, but a property needs one": (
        modify("Cluster", "AWS::EKS::Cluster", "Name", recreation="Conditionally"),
        "needs_approval",
        "may replace EKS cluster opensarlab",
    ),
    "storage": (
        ResourceChange("Remove", "Home", "AWS::EC2::Volume"),
        "needs_approval",
        "removes AWS::EC2::Volume Home: what that means for the cluster's users is not known",
    ),
    "a deletion policy": (
        ResourceChange("Modify", "ClusterLogGroup", "AWS::Logs::LogGroup", replacement="False", scope=("DeletionPolicy",)),
        "needs_approval",
        "changes DeletionPolicy of log group /aws/eks/opensarlab/cluster",
    ),
    "not known before it happens": (
        ResourceChange("Dynamic", "Cluster", "AWS::EKS::Cluster"),
        "needs_approval",
        "does something to",
    ),
    "nothing at all": (ResourceChange("", "", ""), "needs_approval", "does something to"),
    "another launch template": (
        modify("NodeGroupMain", NODE_GROUP, "LaunchTemplate"),
        "safe",
        "changes node group opensarlab-main in place (LaunchTemplate): servers are exchanged one by one",
    ),
    "upgrade": (
        modify("Cluster", "AWS::EKS::Cluster", "Version"),
        "safe",
        "in place (Version): the control plane is upgraded; notebooks go on running",
    ),
    "tags": (
        ResourceChange("Modify", "NodeRole", "AWS::IAM::Role", replacement="False", scope=("Tags",)),
        "safe",
        "changes IAM role hubplane-cluster-opensarlab-node in place (Tags)",
    ),
    "sizes that nobody knows": (modify("NodeGroupOther", NODE_GROUP, "ScalingConfig"), "needs_approval", "NodeGroupOther"),
}


@pytest.mark.parametrize(("change", "kind", "words"), CHANGES.values(), ids=CHANGES.keys())
def test_one_change(change: ResourceChange, kind: str, words: str) -> None:
    verdict = classify_change_set([change], DEPLOYED, DEPLOYED)
    assert verdict.kind == kind
    assert words in verdict.changes[0]
    assert bool(verdict.reasons) == (kind == "needs_approval")


def test_no_change_is_none() -> None:
    assert classify_change_set([]).kind == "none"


@pytest.mark.parametrize(
    ("maximum", "kind", "words"),
    [
        pytest.param(10, "safe", "ScalingConfig.MaxSize from 8 to 10", id="raised"),
        pytest.param(4, "needs_approval", "ScalingConfig.MaxSize from 8 to 4", id="lowered"),
    ],
)
def test_sizes_tell_old_and_new_and_a_lower_maximum_is_asked_for(maximum: int, kind: str, words: str) -> None:
    wanted = render_cluster_template(BASE, with_group(SPEC_2019, max_size=maximum), FACTS)
    verdict = classify_change_set([modify("NodeGroupMain", NODE_GROUP, "ScalingConfig")], DEPLOYED, wanted)
    assert verdict.kind == kind
    assert words in verdict.changes[0]
    if kind == "needs_approval":
        assert verdict.reasons == (
            "node group opensarlab-main may have 4 servers instead of 8: "
            "servers beyond that are stopped, with whoever works on them",
        )


def test_what_a_person_has_to_read_comes_first() -> None:
    safe, grave = ResourceChange("Add", "HubRole", "AWS::IAM::Role"), ResourceChange("Remove", "Cluster", "AWS::EKS::Cluster")
    verdict = classify_change_set([*[safe] * 3, grave], DEPLOYED, DEPLOYED)
    assert verdict.changes[0].startswith("removes EKS cluster")
    assert len(verdict.changes) == 4


ANY_CHANGE = st.builds(
    ResourceChange,
    action=st.sampled_from([*ACTIONS, "", "Else"]),
    logical_id=st.sampled_from([*BASE["Resources"], "NodeGroupMain", "Other"]),
    resource_type=st.sampled_from(TYPES),
    replacement=st.sampled_from([None, *MODEL.shape_for("Replacement").enum]),
    policy_action=st.sampled_from([None, *MODEL.shape_for("PolicyAction").enum]),
    scope=st.lists(st.sampled_from(MODEL.shape_for("ResourceAttribute").enum), max_size=2).map(tuple),
    details=st.lists(
        st.builds(
            PropertyChange,
            attribute=st.sampled_from(MODEL.shape_for("ResourceAttribute").enum),
            name=st.sampled_from([None, "Subnets", "ScalingConfig", "Version"]),
            recreation=st.sampled_from([None, *MODEL.shape_for("RequiresRecreation").enum]),
        ),
        max_size=3,
    ).map(tuple),
)


def is_plainly_harmless(change: ResourceChange) -> bool:
    if change.action in ("Add", "SyncWithActual") or (
        change.action == "Import" and change.resource_type == "AWS::Logs::LogGroup"
    ):
        return True
    in_place = change.replacement == "False" and all(detail.recreation in {None, "Never"} for detail in change.details)
    return change.action == "Modify" and in_place


@pytest.mark.parametrize(("is_drift_aware", "kind"), [(False, "safe"), (True, "needs_approval")])
def test_sizes_that_differ_from_what_runs_may_stop_servers_whatever_the_deployed_template_says(
    is_drift_aware: bool, kind: str
) -> None:
    sizes = modify("NodeGroupMain", NODE_GROUP, "ScalingConfig")
    verdict = classify_change_set([sizes], DEPLOYED, DEPLOYED, is_drift_aware=is_drift_aware)
    assert verdict.kind == kind
    assert all("opensarlab-main may have fewer servers" in reason for reason in verdict.reasons)


@given(st.lists(ANY_CHANGE, max_size=6))
def test_safe_is_never_said_of_a_removal_a_replacement_or_something_unknown(changes: list[ResourceChange]) -> None:
    verdict = classify_change_set(changes, DEPLOYED, DEPLOYED)
    assert len(verdict.changes) == len(changes)
    if not all(map(is_plainly_harmless, changes)):
        assert verdict.kind == "needs_approval"
        assert verdict.reasons


@given(st.lists(ANY_CHANGE, min_size=1, max_size=6), ANY_CHANGE)
def test_one_more_change_never_makes_a_change_set_safer(changes: list[ResourceChange], one_more: ResourceChange) -> None:
    if classify_change_set(changes).kind == "needs_approval":
        assert classify_change_set([*changes, one_more]).kind == "needs_approval"


def test_every_type_of_the_template_has_words_of_its_own() -> None:
    for logical_id, resource in BASE["Resources"].items():
        (sentence,) = classify_change_set([ResourceChange("Remove", logical_id, resource["Type"])]).changes
        assert "AWS::" not in sentence
        assert "not known" not in sentence


@pytest.mark.parametrize("count", [0, 1, MOST_SENTENCES, MOST_SENTENCES + 1, 5000])
def test_answers_stay_small_and_say_how_much_they_leave_out(count: int) -> None:
    sentences = capped(["x" * 10_000] * count, "change set c")
    assert len(sentences) == min(count, MOST_SENTENCES)
    assert all(len(sentence) <= LONGEST_SENTENCE for sentence in sentences)
    if count > MOST_SENTENCES:
        assert sentences[-1] == f"and {count - MOST_SENTENCES + 1} more: read them in change set c"
