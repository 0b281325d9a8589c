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
from hubplane.domain.eks_settings.carrying_out import Hands, carry_out
from hubplane.domain.eks_settings.planning import plan_eks_settings
from hubplane.domain.eks_settings.settings import (
    ADDONS,
    GROUPS_OF_ROLE,
    PresentSettings,
    WantedSettings,
    arns_in,
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
ADMINS = arns_in(f"{SETTINGS.kubernetes_role_arns},{SETTINGS.cluster_admin_principal_arns}")
ROLES = {role: arns_in(getattr(SETTINGS, f"{role}_role_arns")) for role in GROUPS_OF_ROLE}
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
        access=wanted_access(spec, ADMINS, ROLES),
        addon_versions={name: eks.recommended_addon_version(name, spec.kubernetes_version) for name in ADDONS},
        associations=wanted_associations(outputs["EbsCsiRoleArn"], outputs["AutoscalerRoleArn"], outputs["HubRoleArn"]),
        target_group_arn=outputs["TargetGroupArn"],
        auto_scaling_groups=scaling_groups,
        volume_tags=wanted_volume_tags(spec),
        node_port=spec.hub.node_port,
        load_balancer_cidr=spec.network.load_balancer_cidr,
    )
    present = PresentSettings(
        entries=eks.entries(),
        addons=eks.addons(),
        associations=eks.associations(),
        target_groups={group: scaling.target_groups(group) for group in scaling_groups},
        ports=entrance.port_rules(spec.network.vpc_id, spec.hub.node_port),
    )
    actions = plan_eks_settings(wanted, present)
    carry_out(actions, Hands(eks, scaling, entrance))
    return {
        "changes": [action.reason for action in actions],
        "notes": [],
        "reason": f"{len(actions)} setting(s) changed" if actions else "access, identities, add-ons and targets are as wanted",
    }
