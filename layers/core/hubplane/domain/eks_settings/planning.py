"""From what is wanted and what is there to actions, each with its reason. Pure.

What Hubplane did not make (no ``hubplane:managed`` tag) gains what is missing and loses nothing. Add-ons only go up.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import NamedTuple

from hubplane.domain.eks_settings.settings import (
    Association,
    PolicyGrant,
    PresentAddon,
    PresentEntry,
    PresentSettings,
    WantedSettings,
)
from hubplane.domain.errors import ProviderError
from hubplane.domain.hub_facts import WEB_PORTS

VOLUME_DRIVER = "aws-ebs-csi-driver"
FAILED_ADDON_STATES = frozenset({"CREATE_FAILED", "UPDATE_FAILED"})
# While one of these holds, EKS refuses an update with ResourceInUseException.
BUSY_ADDON_STATES = frozenset({"CREATING", "UPDATING", "DELETING"})


class CreateAccessEntry(NamedTuple):
    principal_arn: str
    groups: frozenset[str]
    reason: str


class UpdateAccessEntry(NamedTuple):
    """``groups`` take the place of those that the entry has."""

    principal_arn: str
    groups: frozenset[str]
    reason: str


class DeleteAccessEntry(NamedTuple):
    principal_arn: str
    reason: str


class Grant(NamedTuple):
    principal_arn: str
    grant: PolicyGrant
    reason: str


class Revoke(NamedTuple):
    principal_arn: str
    grant: PolicyGrant
    reason: str


class CreateAddon(NamedTuple):
    name: str
    version: str
    reason: str
    configuration: str = ""


class UpdateAddon(NamedTuple):
    """``configuration`` "" leaves that of the add-on as it is."""

    name: str
    version: str
    reason: str
    configuration: str = ""


class CreateAssociation(NamedTuple):
    association: Association
    reason: str


class UpdateAssociation(NamedTuple):
    association_id: str
    association: Association
    reason: str


class AttachTargetGroup(NamedTuple):
    auto_scaling_group: str
    target_group_arn: str
    reason: str


class DetachTargetGroup(NamedTuple):
    auto_scaling_group: str
    target_group_arn: str
    reason: str


class OpenNodePort(NamedTuple):
    node_group_id: str
    balancer_group_id: str
    node_port: int
    reason: str


class OpenWebPort(NamedTuple):
    balancer_group_id: str
    port: int
    cidr: str
    reason: str


Action = (
    CreateAccessEntry
    | UpdateAccessEntry
    | DeleteAccessEntry
    | Grant
    | Revoke
    | CreateAddon
    | UpdateAddon
    | CreateAssociation
    | UpdateAssociation
    | AttachTargetGroup
    | DetachTargetGroup
    | OpenNodePort
    | OpenWebPort
)


def plan_eks_settings(wanted: WantedSettings, present: PresentSettings) -> tuple[Action, ...]:
    """The actions in the order to do them: access, identities, then the add-ons that use them, then the way in.

    Nothing is planned where everything is as wanted, so a repeated build changes nothing. Raises ``ProviderError`` for a
    principal whose access entry can hold neither policies nor groups.
    """
    return (
        *_plan_access(wanted, present),
        *_plan_associations(wanted, present),
        *_plan_addons(wanted, present),
        *_plan_node_port(wanted, present),
        *_plan_web_ports(wanted, present),
        *_plan_target_groups(wanted, present),
    )


def _plan_access(wanted: WantedSettings, present: PresentSettings) -> list[Action]:
    actions: list[Action] = []
    for principal, (grants, groups) in wanted.access.items():
        entry = present.entries.get(principal)
        if entry is None:
            as_whom = f" as {_listed(groups)}" if groups else ""
            actions.append(CreateAccessEntry(principal, groups, f"let {principal} use the Kubernetes API{as_whom}"))
        else:
            actions += _plan_groups(principal, groups, entry)
        has = entry.grants if entry else frozenset()
        if entry and entry.is_managed:
            # EKS keeps one grant per policy: giving a policy another scope is one call, so it is not revoked before.
            names = {item.policy_name for item in grants}
            actions += [
                Revoke(principal, item, f"take {item.policy_name} from {principal}, which the specification no longer lists")
                for item in sorted(has - grants)
                if item.policy_name not in names
            ]
        actions += [
            Grant(principal, item, f"give {principal} {item.policy_name} {_scope(item)}")
            for item in sorted(grants - has)
            if entry is None or entry.is_managed or not _covered(item, has)
        ]
    for principal, entry in present.entries.items():
        if entry.is_managed and principal not in wanted.access:
            actions.append(
                DeleteAccessEntry(principal, f"end the access of {principal}, which the specification no longer lists")
            )
    return actions


def _plan_groups(principal: str, groups: frozenset[str], entry: PresentEntry) -> list[Action]:
    if entry.kind != "STANDARD":
        raise ProviderError(
            f"the access entry of {principal} is of type {entry.kind}, which takes neither access policies nor groups, and EKS "
            "does not change a type: delete it (aws eks delete-access-entry) and start the build again, which makes it anew"
        )
    after = groups if entry.is_managed else groups | entry.groups
    gained, lost = after - entry.groups, entry.groups - after
    words = [
        *([f"put {principal} into {_listed(gained)}"] if gained else []),
        *([f"take {principal} out of {_listed(lost)}, where it is not wanted"] if lost else []),
    ]
    return [UpdateAccessEntry(principal, after, "; ".join(words))] if words else []


def _listed(groups: frozenset[str]) -> str:
    return f"group{'s' if len(groups) > 1 else ''} {', '.join(sorted(groups))}"


def _covered(grant: PolicyGrant, has: frozenset[PolicyGrant]) -> bool:
    """Whether a person gave the same policy over the whole cluster already; narrowing it would take something away."""
    return PolicyGrant(grant.policy_name) in has


def _scope(grant: PolicyGrant) -> str:
    return f"in namespace {', '.join(grant.namespaces)}" if grant.namespaces else "over the whole cluster"


def _plan_associations(wanted: WantedSettings, present: PresentSettings) -> list[Action]:
    actions: list[Action] = []
    for item in wanted.associations:
        account, found = (
            f"{item.namespace}/{item.service_account}",
            present.associations.get((item.namespace, item.service_account)),
        )
        if found is None:
            actions.append(CreateAssociation(item, f"give pods of {account} the role {_role_name(item.role_arn)}"))
        elif found.role_arn != item.role_arn:
            reason = f"give pods of {account} the role {_role_name(item.role_arn)} in place of {_role_name(found.role_arn)}"
            actions.append(UpdateAssociation(found.association_id, item, reason))
    return actions


def _role_name(role_arn: str) -> str:
    return role_arn.rpartition("/")[2]


def _plan_addons(wanted: WantedSettings, present: PresentSettings) -> list[Action]:
    actions: list[Action] = []
    for name, version in wanted.addon_versions.items():
        found = present.addons.get(name)
        tags = wanted.volume_tags if name == VOLUME_DRIVER else {}
        configuration = tagging_configuration(found.configuration if found else "", tags)
        if found is None:
            actions.append(CreateAddon(name, version, f"install add-on {name} {version}", configuration))
        else:
            actions += _plan_update(name, version, found, configuration)
    return actions


def _plan_update(name: str, version: str, found: PresentAddon, configuration: str) -> list[Action]:
    if found.status in BUSY_ADDON_STATES:
        return []
    if version_key(found.version) < version_key(version):
        return [UpdateAddon(name, version, f"update add-on {name} from {found.version} to {version}", configuration)]
    if found.status in FAILED_ADDON_STATES:
        again = f"try add-on {name} {found.version} again, which is {found.status}"
        return [UpdateAddon(name, found.version, again, configuration)]
    if configuration:
        return [UpdateAddon(name, found.version, f"let {name} tag new volumes as specified", configuration)]
    return []


def tagging_configuration(present: str, tags: Mapping[str, str]) -> str:
    """The configuration with which the EBS CSI driver tags volumes so; "" where ``present`` does that or there are no tags.

    Whatever else somebody has configured stays. A configuration that is not JSON (EKS takes YAML as well) stays as it is.
    Key: https://github.com/kubernetes-sigs/aws-ebs-csi-driver/blob/master/docs/tagging.md and the add-on's own schema
    (``aws eks describe-addon-configuration``).
    """
    try:
        document = json.loads(present or "{}")
        controller = document.get("controller") or {}
        before = controller.get("extraVolumeTags") or {}
    except (ValueError, AttributeError):
        return ""
    if not tags or before == tags:
        return ""
    return json.dumps({**document, "controller": {**controller, "extraVolumeTags": dict(tags)}}, sort_keys=True)


def version_key(version: str) -> tuple[int, ...]:
    """Numbers of ``v1.20.0-eksbuild.3`` in order: (1, 20, 0, 3)."""
    return tuple(int(number) for number in re.findall(r"\d+", version))


def _plan_node_port(wanted: WantedSettings, present: PresentSettings) -> list[Action]:
    """CloudFormation makes a rule anew that somebody removed only when the template changes."""
    rules = present.ports
    if rules is None or rules.node_port_open or rules.node_group_id is None or rules.balancer_group_id is None:
        return []
    reason = f"let the load balancer in on node port {wanted.node_port} again, whose rule in {rules.node_group_id} was removed"
    return [OpenNodePort(rules.node_group_id, rules.balancer_group_id, wanted.node_port, reason)]


def _plan_web_ports(wanted: WantedSettings, present: PresentSettings) -> list[Action]:
    """As ``_plan_node_port``, for the rules that let people in; a port that anybody at all may use is open."""
    rules = present.ports
    if rules is None or rules.balancer_group_id is None or wanted.load_balancer_cidr is None:
        return []
    group_id, cidr = rules.balancer_group_id, wanted.load_balancer_cidr
    return [
        OpenWebPort(group_id, port, cidr, f"let {cidr} in on port {port} again, whose rule in {group_id} was removed")
        for port in WEB_PORTS
        if port not in rules.balancer_ports
    ]


def _plan_target_groups(wanted: WantedSettings, present: PresentSettings) -> list[Action]:
    actions: list[Action] = []
    for group in wanted.auto_scaling_groups:
        attached = present.target_groups.get(group, frozenset())
        if wanted.target_group_arn not in attached:
            reason = f"send the load balancer's requests to the nodes of {group}"
            actions.append(AttachTargetGroup(group, wanted.target_group_arn, reason))
        # Left from another node port, its target group is gone or about to go, and nodes that come would fail to register.
        actions += [
            DetachTargetGroup(
                group, arn, f"let nodes of {group} no longer register with {_target_group_name(arn)}, of a former port"
            )
            for arn in sorted(attached)
            if arn != wanted.target_group_arn and _cluster_and_port(arn)[0] == _cluster_and_port(wanted.target_group_arn)[0]
        ]
    return actions


def _target_group_name(arn: str) -> str:
    """``opensarlab-30052`` of ``arn:…:targetgroup/opensarlab-30052/73e2d6bc24d8a067``."""
    return arn.split("/")[1]


def _cluster_and_port(arn: str) -> tuple[str, str]:
    """("opensarlab", "30052"); cluster "" for a target group that is not named as a cluster's is."""
    cluster, _, port = _target_group_name(arn).rpartition("-")
    return (cluster, port) if port.isdigit() else ("", port)
