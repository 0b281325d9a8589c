"""Carrying out what ``planning`` plans, one action after the other. Each can be repeated, so a build that was killed goes on."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

from hubplane.domain.eks_settings import planning
from hubplane.domain.eks_settings.settings import Association, PolicyGrant

__all__ = ["Eks", "Entrance", "Hands", "Scaling", "carry_out"]


class Eks(Protocol):
    """What is written to EKS; ``adapters.eks_settings.EksSettings`` is the real one. Every call can be repeated."""

    def create_access_entry(self, principal_arn: str, groups: Collection[str] = ()) -> None:
        """Let a principal in."""

    def update_access_entry(self, principal_arn: str, groups: Collection[str]) -> None:
        """Put ``groups`` in place of those that its entry has."""

    def delete_access_entry(self, principal_arn: str) -> None:
        """Let it in no more."""

    def grant(self, principal_arn: str, grant: PolicyGrant) -> None:
        """Give it a policy."""

    def revoke(self, principal_arn: str, grant: PolicyGrant) -> None:
        """Take a policy from it."""

    def create_addon(self, name: str, version: str, configuration: str = "") -> None:
        """Install an add-on."""

    def update_addon(self, name: str, version: str, configuration: str = "") -> None:
        """Bring an add-on to a version."""

    def create_association(self, association: Association) -> None:
        """Give a service account its role."""

    def update_association(self, association_id: str, role_arn: str) -> None:
        """Give it another one."""


class Scaling(Protocol):
    """``adapters.autoscaling.AutoScaling``."""

    def attach_target_group(self, group_name: str, target_group_arn: str) -> None:
        """Have the load balancer find the group's instances."""

    def detach_target_group(self, group_name: str, target_group_arn: str) -> None:
        """Have it find them no more."""


class Entrance(Protocol):
    """``adapters.entrance.Entrance``."""

    def open_node_port(self, node_group_id: str, balancer_group_id: str, node_port: int) -> None:
        """Let the load balancer through to the nodes."""

    def open_web_port(self, balancer_group_id: str, port: int, cidr: str) -> None:
        """Let people through to the load balancer."""


@dataclass(frozen=True, slots=True)
class Hands:
    """What it is done with."""

    eks: Eks
    scaling: Scaling
    entrance: Entrance


def carry_out(actions: Iterable[planning.Action], hands: Hands) -> None:
    """Do them in their order. Raises what the ports raise; what was done stays done."""
    for action in actions:
        _do(action, hands.eks, hands.scaling, hands.entrance)


def _do(action: planning.Action, eks: Eks, scaling: Scaling, entrance: Entrance) -> None:
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
        case planning.OpenNodePort() | planning.OpenWebPort():
            _open(action, entrance)


def _open(action: planning.OpenNodePort | planning.OpenWebPort, entrance: Entrance) -> None:
    match action:
        case planning.OpenNodePort(node_group_id=node_group_id, balancer_group_id=balancer_group_id, node_port=node_port):
            entrance.open_node_port(node_group_id, balancer_group_id, node_port)
        case planning.OpenWebPort(balancer_group_id=balancer_group_id, port=port, cidr=cidr):
            entrance.open_web_port(balancer_group_id, port, cidr)
