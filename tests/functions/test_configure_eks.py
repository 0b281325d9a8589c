"""ConfigureEks and CheckEks on an EKS that pages one by one and refuses what is there already."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from hubplane.domain.errors import NotYet, ProviderError
from tests.adapters.fake_aws import fake_client
from tests.functions.fake_eks import DEFAULT_VERSIONS, FakeAutoScaling, FakeEks, FakeSecurityGroups

EVENT = json.loads(Path("events/configure_eks.json").read_text())
CHECK_EVENT = json.loads(Path("events/check_eks.json").read_text())
ROLES = ["arn:aws:iam::553778890976:role/hubplane-InstallJupyterHub", "arn:aws:iam::553778890976:role/hubplane-CheckRelease"]
SWEEP, PRUNE, HOMES, EXAMINE, SWITCH, RESTART = (
    f"arn:aws:iam::553778890976:role/hubplane-{name}"
    for name in ("SweepStorage", "ApplyDeletions", "EnsureHome", "ExamineCluster", "SwitchHome", "DeleteHubPod")
)
READER_GROUPS, PRUNER_GROUPS = ["hubplane:storage-reader"], ["hubplane:storage-pruner", "hubplane:storage-reader"]
ADMIN = "arn:aws:iam::553778890976:role/operators"
POLICY = "arn:aws:eks::aws:cluster-access-policy/"
WATCH, PLAN_GROWTH, GROW = (
    f"arn:aws:iam::553778890976:role/hubplane-{name}" for name in ("CheckServerPods", "PlanHomeGrowth", "GrowHome")
)
DRILL = "arn:aws:iam::553778890976:role/hubplane-MountDrillVolume"


class World:
    """Both functions on one fake cluster."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.eks, self.scaling = FakeEks(), FakeAutoScaling()
        monkeypatch.setenv("KUBERNETES_ROLE_ARNS", ",".join(ROLES))
        monkeypatch.setenv("CLUSTER_ADMIN_PRINCIPAL_ARNS", ADMIN)
        monkeypatch.setenv("STORAGE_READER_ROLE_ARNS", SWEEP)
        monkeypatch.setenv("STORAGE_PRUNER_ROLE_ARNS", PRUNE)
        monkeypatch.setenv("HOME_KEEPER_ROLE_ARNS", HOMES)
        monkeypatch.setenv("CLUSTER_READER_ROLE_ARNS", EXAMINE)
        monkeypatch.setenv("HUB_RESTARTER_ROLE_ARNS", RESTART)
        monkeypatch.setenv("SERVER_WATCHER_ROLE_ARNS", WATCH)
        monkeypatch.setenv("GROWTH_PLANNER_ROLE_ARNS", PLAN_GROWTH)
        monkeypatch.setenv("HOME_GROWER_ROLE_ARNS", GROW)
        monkeypatch.setenv("HOME_MOVER_ROLE_ARNS", SWITCH)
        monkeypatch.setenv("HOME_DRILLER_ROLE_ARNS", DRILL)
        self.groups = FakeSecurityGroups()
        clients = {"eks": fake_client("eks", self.eks), "autoscaling": fake_client("autoscaling", self.scaling)}
        clients |= {"ec2": fake_client("ec2", self.groups), "elbv2": None}
        self.handlers = {}
        for name in ("configure_eks", "check_eks"):
            module = importlib.reload(importlib.import_module(f"functions.{name}.app"))
            monkeypatch.setattr(module, "client", clients.__getitem__)
            self.handlers[name] = module.handler

    def configure(self, access: list[dict[str, str]] | None = None, tags: dict[str, str] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = self.handlers["configure_eks"](
            {**EVENT, "spec": {**EVENT["spec"], "access": access or [], "tags": tags or {}}}, None
        )
        return result

    def check(self) -> dict[str, Any]:
        result: dict[str, Any] = self.handlers["check_eks"](CHECK_EVENT, None)
        return result

    def settle(self, status: str = "ACTIVE", **fields: Any) -> None:
        for addon in self.eks.addons.values():
            addon |= {"status": status, **fields}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_the_first_build_configures_and_the_second_changes_nothing(world: World) -> None:
    first = world.configure()
    assert {name: item["addonVersion"] for name, item in world.eks.addons.items()} == DEFAULT_VERSIONS
    assert {arn: (set(entry["policies"]), entry["groups"]) for arn, entry in world.eks.entries.items()} == {
        **{arn: ({f"{POLICY}AmazonEKSClusterAdminPolicy"}, []) for arn in (*ROLES, ADMIN)},
        SWEEP: (set(), READER_GROUPS),
        PRUNE: (set(), PRUNER_GROUPS),
        HOMES: (set(), ["hubplane:home-keeper"]),
        EXAMINE: (set(), ["hubplane:cluster-reader"]),
        RESTART: (set(), ["hubplane:hub-restarter"]),
        WATCH: (set(), ["hubplane:server-watcher"]),
        PLAN_GROWTH: (set(), ["hubplane:growth-planner"]),
        GROW: (set(), ["hubplane:home-grower"]),
        SWITCH: (set(), ["hubplane:home-mover"]),
        DRILL: (set(), ["hubplane:home-driller"]),
    }
    assert {entry["tags"]["hubplane:managed"] for entry in world.eks.entries.values()} == {"true"}
    assert sorted(item["serviceAccount"] for item in world.eks.associations.values()) == [
        "cluster-autoscaler",
        "ebs-csi-controller-sa",
        "hub",
    ]
    assert set(world.scaling.attached["eks-main-1"]) == {EVENT["outputs"]["TargetGroupArn"]}
    assert len(first["changes"]) == 3 + len(world.eks.entries) + 3 + 6 + 1
    writes = len(world.eks.writes)
    world.settle()
    assert world.configure()["changes"] == []
    assert len(world.eks.writes) == writes


@pytest.mark.parametrize("crash_after", [pytest.param(count, id=f"after-{count}-writes") for count in range(0, 17, 2)])
def test_a_build_that_died_anywhere_ends_where_an_undisturbed_one_does(
    world: World, monkeypatch: pytest.MonkeyPatch, crash_after: int
) -> None:
    world.eks.crash_after = crash_after
    with pytest.raises(ProviderError, match="the function died here"):
        world.configure()
    world.eks.crash_after = None
    world.configure()
    state = [world.eks.entries, sorted(world.eks.addons), len(world.eks.associations), world.scaling.attached]
    undisturbed = World(monkeypatch)
    undisturbed.configure()
    assert state == [
        undisturbed.eks.entries,
        sorted(undisturbed.eks.addons),
        len(undisturbed.eks.associations),
        undisturbed.scaling.attached,
    ]


def test_access_follows_the_specification_and_others_entries_stay(world: World) -> None:
    anna, somebody = "arn:aws:iam::553778890976:user/anna", "arn:aws:iam::553778890976:user/somebody"
    world.eks.entries[somebody] = {"tags": {}, "policies": {f"{POLICY}AmazonEKSClusterAdminPolicy": {"type": "cluster"}}}
    world.configure([{"principal_arn": anna, "level": "edit"}])
    assert world.eks.entries[anna]["policies"] == {
        f"{POLICY}AmazonEKSEditPolicy": {"type": "namespace", "namespaces": ["jupyter"]}
    }
    world.configure([{"principal_arn": anna, "level": "view"}])
    assert set(world.eks.entries[anna]["policies"]) == {f"{POLICY}AmazonEKSViewPolicy"}
    world.settle()
    result = world.configure()
    assert result["changes"] == [f"end the access of {anna}, which the specification no longer lists"]
    assert somebody in world.eks.entries


def test_a_function_that_was_cluster_admin_only_reads_from_now_on(world: World) -> None:
    world.configure()
    world.settle()
    world.eks.entries[SWEEP] |= {"groups": ["by-hand"], "policies": {f"{POLICY}AmazonEKSClusterAdminPolicy": {"type": "cluster"}}}
    assert len(world.configure()["changes"]) == 2
    assert (world.eks.entries[SWEEP]["groups"], world.eks.entries[SWEEP]["policies"]) == (READER_GROUPS, {})
    assert world.configure()["changes"] == []


def test_an_entry_that_somebody_made_keeps_its_groups(world: World) -> None:
    world.eks.entries[PRUNE] = {"tags": {}, "policies": {}, "groups": ["by-hand"]}
    world.configure()
    assert world.eks.entries[PRUNE] == {"tags": {}, "policies": {}, "groups": ["by-hand", *PRUNER_GROUPS]}


def test_an_entry_for_nodes_stops_the_build_before_anything_is_changed(world: World) -> None:
    world.eks.entries[PRUNE] = {"tags": {}, "policies": {}, "groups": ["system:nodes"], "type": "EC2_LINUX"}
    with pytest.raises(ProviderError, match=r"is of type EC2_LINUX.*delete it"):
        world.configure()
    assert world.eks.writes == []


def test_homes_are_tagged_as_the_specification_says_now(world: World) -> None:
    world.configure(tags={"osl-billing": "lab"})
    world.settle()
    changed = world.configure(tags={"osl-billing": "science"})
    assert changed["changes"] == ["let aws-ebs-csi-driver tag new volumes as specified"]
    world.settle()
    configuration = json.loads(world.eks.addons["aws-ebs-csi-driver"]["configurationValues"])
    assert configuration["controller"]["extraVolumeTags"] == {"hubplane:cluster": "opensarlab", "osl-billing": "science"}
    assert world.configure(tags={"osl-billing": "science"})["changes"] == []


def test_nodes_leave_the_target_group_of_a_former_port(world: World) -> None:
    former = EVENT["outputs"]["TargetGroupArn"].replace("30052", "30099")
    world.scaling.attached["eks-main-1"][former] = "InService"
    assert len([text for text in world.configure()["changes"] if "opensarlab-30099" in text]) == 1
    assert world.scaling.attached["eks-main-1"][former] == "Removing"
    world.settle()
    assert world.configure()["changes"] == []


def test_a_node_group_without_auto_scaling_group_is_waited_for(world: World) -> None:
    world.eks.node_groups.clear()
    with pytest.raises(NotYet, match="node groups opensarlab-main have no Auto Scaling group yet"):
        world.configure()


def test_a_kubernetes_version_without_addon_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.functions.fake_eks.VERSIONS", {})
    with pytest.raises(ProviderError, match=r"EKS offers no version of add-on eks-pod-identity-agent for Kubernetes 1\.35"):
        world.configure()


def test_check_waits_while_addons_come_and_ends_when_all_are_active(world: World) -> None:
    assert world.check()["ready"] is False
    world.configure()
    waiting = world.check()
    assert (waiting["ready"], "add-on coredns is CREATING" in waiting["reason"]) == (False, True)
    world.settle()
    assert world.check() == {"ready": True, "changes": [], "reason": "6 add-ons and 1 node group(s) are active"}


def test_check_ends_with_the_health_issue_that_waiting_cannot_mend(world: World) -> None:
    world.configure()
    world.settle("CREATE_FAILED", health={"issues": [{"code": "AccessDenied", "message": "the role lacks ec2:CreateVolume"}]})
    with pytest.raises(
        ProviderError, match=r"add-on aws-ebs-csi-driver is CREATE_FAILED \(AccessDenied: the role lacks ec2:CreateVolume\)"
    ):
        world.check()


def test_a_rule_that_somebody_removed_is_made_again_once(world: World) -> None:
    world.configure()
    world.settle()
    world.groups.rules["opensarlab-nodes"].clear()
    [change] = world.configure()["changes"]
    assert change == "let the load balancer in on node port 30052 again, whose rule in sg-opensarlab-nodes was removed"
    assert world.configure()["changes"] == []


def test_nothing_is_opened_where_a_group_is_gone(world: World) -> None:
    world.configure()
    world.settle()
    world.groups.rules = {name: [] for name in ("opensarlab-load-balancer", "opensarlab-nodes")}
    world.groups.describe_security_groups = lambda **_: {"SecurityGroups": []}  # type: ignore[method-assign]
    assert world.configure()["changes"] == []
