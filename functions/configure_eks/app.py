"""ConfigureEks: access entries, Pod Identity, add-ons and the load balancer's way to the nodes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.autoscaling import AutoScaling
from hubplane.adapters.eks_settings import EksSettings
from hubplane.adapters.entrance import Entrance
from hubplane.domain.cluster_spec.model import spec_from_json
from hubplane.domain.eks_settings import planning
from hubplane.domain.eks_settings.settings import (
    ADDONS,
    PresentSettings,
    WantedSettings,
    wanted_access,
    wanted_associations,
    wanted_volume_tags,
)
from hubplane.domain.errors import NotYet
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    kubernetes_role_arns: str
    storage_reader_role_arns: str
    storage_pruner_role_arns: str
    home_keeper_role_arns: str
    cluster_reader_role_arns: str
    hub_restarter_role_arns: str
    server_watcher_role_arns: str
    growth_planner_role_arns: str
    home_grower_role_arns: str
    home_mover_role_arns: str
    home_driller_role_arns: str
    cluster_admin_principal_arns: str = ""


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # a client costs 0.1 s, so each is made when it is first asked for


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    spec, outputs = spec_from_json(event["spec"]), event["outputs"]
    partition = outputs["NodeRoleArn"].split(":")[1]
    tags = {**spec.tags, "hubplane:cluster": spec.cluster_name}
    eks, scaling = EksSettings(client("eks"), spec.cluster_name, partition, tags), AutoScaling(client("autoscaling"))
    entrance = Entrance(client("elbv2"), client("ec2"), spec.cluster_name)
    node_groups = tuple(outputs["NodeGroupNames"].split(","))
    scaling_groups = eks.auto_scaling_groups(node_groups)
    if not scaling_groups:
        raise NotYet(f"node groups {', '.join(node_groups)} have no Auto Scaling group yet: wait until they are ACTIVE")
    wanted = WantedSettings(
        access=wanted_access(
            spec,
            cluster_admin_arns=arns(f"{SETTINGS.kubernetes_role_arns},{SETTINGS.cluster_admin_principal_arns}"),
            storage_reader_arns=arns(SETTINGS.storage_reader_role_arns),
            storage_pruner_arns=arns(SETTINGS.storage_pruner_role_arns),
            home_keeper_arns=arns(SETTINGS.home_keeper_role_arns),
            cluster_reader_arns=arns(SETTINGS.cluster_reader_role_arns),
            hub_restarter_arns=arns(SETTINGS.hub_restarter_role_arns),
            server_watcher_arns=arns(SETTINGS.server_watcher_role_arns),
            growth_planner_arns=arns(SETTINGS.growth_planner_role_arns),
            home_grower_arns=arns(SETTINGS.home_grower_role_arns),
            home_mover_arns=arns(SETTINGS.home_mover_role_arns),
            home_driller_arns=arns(SETTINGS.home_driller_role_arns),
        ),
        addon_versions={name: eks.recommended_addon_version(name, spec.kubernetes_version) for name in ADDONS},
        associations=wanted_associations(outputs["EbsCsiRoleArn"], outputs["AutoscalerRoleArn"], outputs["HubRoleArn"]),
        target_group_arn=outputs["TargetGroupArn"],
        auto_scaling_groups=scaling_groups,
        volume_tags=wanted_volume_tags(spec),
        node_port=spec.hub.node_port,
    )
    present = PresentSettings(
        entries=eks.entries(),
        addons=eks.addons(),
        associations=eks.associations(),
        target_groups={group: scaling.target_groups(group) for group in scaling_groups},
        ports=entrance.port_rules(spec.network.vpc_id, spec.hub.node_port),
    )
    actions = planning.plan_eks_settings(wanted, present)
    for action in actions:
        carry_out(action, eks, scaling, entrance)
    return {
        "changes": [action.reason for action in actions],
        "notes": [],
        "reason": f"{len(actions)} setting(s) changed" if actions else "access, identities, add-ons and targets are as wanted",
    }


def arns(listed: str) -> list[str]:
    """The ARNs of a setting, which separates them by commas."""
    return [arn.strip() for arn in listed.split(",") if arn.strip()]


def carry_out(action: planning.Action, eks: EksSettings, scaling: AutoScaling, entrance: Entrance) -> None:
    """Do one action. Each can be repeated, so a build that stopped half-way goes on."""
    match action:
        case planning.CreateAccessEntry(principal_arn=principal_arn, groups=groups):
            eks.create_access_entry(principal_arn, groups)
        case planning.UpdateAccessEntry(principal_arn=principal_arn, groups=groups):
            eks.update_access_entry(principal_arn, groups)
        case planning.DeleteAccessEntry(principal_arn=principal_arn):
            eks.delete_access_entry(principal_arn)
        case planning.Grant(principal_arn=principal_arn, grant=grant):
            eks.grant(principal_arn, grant)
        case planning.Revoke(principal_arn=principal_arn, grant=grant):
            eks.revoke(principal_arn, grant)
        case planning.CreateAddon(name=name, version=version, configuration=configuration):
            eks.create_addon(name, version, configuration)
        case planning.UpdateAddon(name=name, version=version, configuration=configuration):
            eks.update_addon(name, version, configuration)
        case planning.CreateAssociation(association=association):
            eks.create_association(association)
        case planning.UpdateAssociation(association_id=association_id, association=association):
            eks.update_association(association_id, association.role_arn)
        case planning.AttachTargetGroup(auto_scaling_group=group, target_group_arn=target_group_arn):
            scaling.attach_target_group(group, target_group_arn)
        case planning.DetachTargetGroup(auto_scaling_group=group, target_group_arn=target_group_arn):
            scaling.detach_target_group(group, target_group_arn)
        case planning.OpenNodePort(node_group_id=node_group_id, balancer_group_id=balancer_group_id, node_port=node_port):
            entrance.open_node_port(node_group_id, balancer_group_id, node_port)
