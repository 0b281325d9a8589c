# ruff: noqa: N803 - parameters are named as the API names them
"""The settings side of one EKS cluster and its Auto Scaling group: one item to a page, and refusals as EKS gives them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.adapters.fake_aws import Refusal

TARGET_GROUP_LIMIT = 50
VERSIONS = {
    "eks-pod-identity-agent": ["v1.3.9-eksbuild.3", "v1.3.8-eksbuild.2"],
    "vpc-cni": ["v1.20.4-eksbuild.1", "v1.20.0-eksbuild.1"],
    "kube-proxy": ["v1.35.0-eksbuild.2"],
    "coredns": ["v1.13.1-eksbuild.1"],
    "aws-ebs-csi-driver": ["v1.54.0-eksbuild.1"],
    "snapshot-controller": ["v8.4.0-eksbuild.1"],
}
DEFAULT_VERSIONS = {**{name: versions[0] for name, versions in VERSIONS.items()}, "vpc-cni": "v1.20.0-eksbuild.1"}


def _page(key: str, items: list[Any], token: str | None, token_key: str) -> dict[str, Any]:
    start = int(token or 0)
    more = {token_key: str(start + 1)} if start + 1 < len(items) else {}
    return {key: items[start : start + 1], **more}


class FakeEks:
    """State of one cluster; ``crash_after`` writes it refuses, as if the function had died there."""

    def __init__(self, cluster_name: str = "opensarlab") -> None:
        self.cluster_name = cluster_name
        self.entries: dict[str, dict[str, Any]] = {}
        self.addons: dict[str, dict[str, Any]] = {}
        self.associations: dict[str, dict[str, Any]] = {}
        self.node_groups: dict[str, dict[str, Any]] = {
            f"{cluster_name}-main": {"status": "ACTIVE", "resources": {"autoScalingGroups": [{"name": "eks-main-1"}]}}
        }
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.crash_after: int | None = None

    @property
    def writes(self) -> list[str]:
        verbs = ("create", "update", "delete", "associate", "disassociate")
        return [operation for operation, _ in self.calls if operation.startswith(verbs)]

    def _writing(self) -> None:
        if self.crash_after is not None:
            self.crash_after -= 1
            if self.crash_after < 0:
                raise Refusal("ServerException", "the function died here")

    # ---- access ----

    def list_access_entries(self, clusterName: str, nextToken: str | None = None, **_: Any) -> dict[str, Any]:
        return _page("accessEntries", list(self.entries), nextToken, "nextToken")

    def describe_access_entry(self, clusterName: str, principalArn: str) -> dict[str, Any]:
        entry = self._entry(principalArn)
        described = {"tags": entry["tags"], "kubernetesGroups": entry.get("groups", []), "type": entry.get("type", "STANDARD")}
        return {"accessEntry": {"principalArn": principalArn, **described}}

    def list_associated_access_policies(
        self, clusterName: str, principalArn: str, nextToken: str | None = None, **_: Any
    ) -> dict[str, Any]:
        policies = [{"policyArn": arn, "accessScope": scope} for arn, scope in self._entry(principalArn)["policies"].items()]
        return _page("associatedAccessPolicies", policies, nextToken, "nextToken")

    def create_access_entry(
        self, clusterName: str, principalArn: str, tags: dict[str, str], kubernetesGroups: Sequence[str] = ()
    ) -> dict[str, Any]:
        self._writing()
        self._check_groups(kubernetesGroups)
        if principalArn in self.entries:
            raise Refusal("ResourceInUseException", "The specified access entry resource is already in use on this cluster.")
        self.entries[principalArn] = {"tags": dict(tags), "policies": {}, "groups": list(kubernetesGroups), "type": "STANDARD"}
        return {}

    def update_access_entry(self, clusterName: str, principalArn: str, kubernetesGroups: Sequence[str]) -> dict[str, Any]:
        self._writing()
        self._check_groups(kubernetesGroups)
        if self._entry(principalArn).get("type", "STANDARD") != "STANDARD":
            raise Refusal("InvalidParameterException", "only STANDARD access entries have groups")
        self.entries[principalArn]["groups"] = list(kubernetesGroups)
        return {}

    def _check_groups(self, names: Sequence[str]) -> None:
        for name in names:
            if name.startswith("system:"):
                text = f"The kubernetes group name {name} is invalid, it cannot start with system:"
                raise Refusal("InvalidParameterException", text)

    def delete_access_entry(self, clusterName: str, principalArn: str) -> dict[str, Any]:
        self._writing()
        self._entry(principalArn)
        del self.entries[principalArn]
        return {}

    def associate_access_policy(
        self, clusterName: str, principalArn: str, policyArn: str, accessScope: dict[str, Any]
    ) -> dict[str, Any]:
        self._writing()
        if (accessScope["type"] == "namespace") != bool(accessScope.get("namespaces")):
            raise Refusal("InvalidParameterException", "namespaces belong to the namespace scope")
        if self._entry(principalArn).get("type", "STANDARD") != "STANDARD":
            raise Refusal("InvalidRequestException", "Access policies can only be associated with STANDARD access entries.")
        self._entry(principalArn)["policies"][policyArn] = accessScope
        return {}

    def disassociate_access_policy(self, clusterName: str, principalArn: str, policyArn: str) -> dict[str, Any]:
        self._writing()
        if policyArn not in self._entry(principalArn)["policies"]:
            raise Refusal("ResourceNotFoundException", "no such association")
        del self.entries[principalArn]["policies"][policyArn]
        return {}

    def _entry(self, principal: str) -> dict[str, Any]:
        if principal not in self.entries:
            raise Refusal("ResourceNotFoundException", f"The specified principalArn could not be found: {principal}")
        return self.entries[principal]

    # ---- add-ons ----

    def describe_addon_versions(self, addonName: str, kubernetesVersion: str, **_: Any) -> dict[str, Any]:
        versions = [
            {
                "addonVersion": version,
                "compatibilities": [
                    {"clusterVersion": kubernetesVersion, "defaultVersion": version == DEFAULT_VERSIONS[addonName]}
                ],
            }
            for version in VERSIONS.get(addonName, [])
        ]
        return {"addons": [{"addonName": addonName, "addonVersions": versions}]}

    def list_addons(self, clusterName: str, nextToken: str | None = None, **_: Any) -> dict[str, Any]:
        return _page("addons", list(self.addons), nextToken, "nextToken")

    def describe_addon(self, clusterName: str, addonName: str) -> dict[str, Any]:
        return {"addon": self.addons[addonName]}

    def create_addon(
        self, clusterName: str, addonName: str, addonVersion: str, configurationValues: str = "", **_: Any
    ) -> dict[str, Any]:
        self._writing()
        if addonName in self.addons:
            raise Refusal("ResourceInUseException", f"Addon already exists: {addonName}")
        self.addons[addonName] = {"addonName": addonName, "addonVersion": addonVersion, "status": "CREATING"}
        self._configure(addonName, configurationValues)
        return {}

    def _configure(self, addon_name: str, configuration: str) -> None:
        """Only the EBS CSI driver's own schema is known here; EKS refuses what an add-on's schema has not."""
        if not configuration:
            return
        if addon_name != "aws-ebs-csi-driver" or not json.loads(configuration).keys() <= {"controller", "node"}:
            raise Refusal("InvalidParameterException", "ConfigurationValue provided in request is not supported")
        self.addons[addon_name]["configurationValues"] = configuration

    def update_addon(
        self, clusterName: str, addonName: str, addonVersion: str, configurationValues: str = "", **_: Any
    ) -> dict[str, Any]:
        self._writing()
        if self.addons[addonName]["status"] in ("CREATING", "UPDATING", "DELETING"):
            raise Refusal("ResourceInUseException", "Addon is busy")
        self.addons[addonName] |= {"addonVersion": addonVersion, "status": "UPDATING"}
        self._configure(addonName, configurationValues)
        return {}

    # ---- Pod Identity and node groups ----

    def list_pod_identity_associations(self, clusterName: str, nextToken: str | None = None, **_: Any) -> dict[str, Any]:
        summaries = [
            {"associationId": key, "namespace": item["namespace"], "serviceAccount": item["serviceAccount"]}
            for key, item in self.associations.items()
        ]
        return _page("associations", summaries, nextToken, "nextToken")

    def describe_pod_identity_association(self, clusterName: str, associationId: str) -> dict[str, Any]:
        return {"association": self.associations[associationId]}

    def create_pod_identity_association(
        self, clusterName: str, namespace: str, serviceAccount: str, roleArn: str, **_: Any
    ) -> dict[str, Any]:
        self._writing()
        if any((item["namespace"], item["serviceAccount"]) == (namespace, serviceAccount) for item in self.associations.values()):
            raise Refusal("ResourceInUseException", f"Association already exists: {namespace}/{serviceAccount}")
        key = f"a-{len(self.associations)}"
        self.associations[key] = {
            "associationId": key,
            "namespace": namespace,
            "serviceAccount": serviceAccount,
            "roleArn": roleArn,
        }
        return {}

    def update_pod_identity_association(self, clusterName: str, associationId: str, roleArn: str, **_: Any) -> dict[str, Any]:
        self._writing()
        self.associations[associationId]["roleArn"] = roleArn
        return {}

    def describe_nodegroup(self, clusterName: str, nodegroupName: str) -> dict[str, Any]:
        if nodegroupName not in self.node_groups:
            raise Refusal("ResourceNotFoundException", f"No node group found for name: {nodegroupName}.")
        return {"nodegroup": self.node_groups[nodegroupName]}


class FakeAutoScaling:
    """Target groups by Auto Scaling group; an unknown group is refused."""

    def __init__(self) -> None:
        self.attached: dict[str, dict[str, str]] = {"eks-main-1": {}}

    def describe_load_balancer_target_groups(
        self, AutoScalingGroupName: str, NextToken: str | None = None, **_: Any
    ) -> dict[str, Any]:
        items = [{"LoadBalancerTargetGroupARN": arn, "State": state} for arn, state in self._group(AutoScalingGroupName).items()]
        return _page("LoadBalancerTargetGroups", items, NextToken, "NextToken")

    def attach_load_balancer_target_groups(self, AutoScalingGroupName: str, TargetGroupARNs: list[str]) -> dict[str, Any]:
        self._group(AutoScalingGroupName).update(dict.fromkeys(TargetGroupARNs, "Adding"))
        return {}

    def detach_load_balancer_target_groups(self, AutoScalingGroupName: str, TargetGroupARNs: list[str]) -> dict[str, Any]:
        group = self._group(AutoScalingGroupName)
        for arn in TargetGroupARNs:
            if arn not in group:
                raise Refusal("ValidationError", "Trying to remove Target Groups that are not part of the group")
            group[arn] = "Removing"
        return {}

    def _group(self, name: str) -> dict[str, str]:
        if name not in self.attached:
            raise Refusal("ValidationError", f"AutoScalingGroup name not found - {name}")
        return self.attached[name]


class FakeSecurityGroups:
    """The two groups of a cluster as its stack makes them; a rule that is there already is refused."""

    def __init__(self, cluster_name: str = "opensarlab", node_port: int = 30052) -> None:
        self.rules: dict[str, list[dict[str, Any]]] = {
            f"{cluster_name}-load-balancer": [_rule(port, IpRanges=[{"CidrIp": "0.0.0.0/0"}]) for port in (80, 443)],
            f"{cluster_name}-nodes": [_rule(node_port, UserIdGroupPairs=[{"GroupId": f"sg-{cluster_name}-load-balancer"}])],
        }

    def describe_security_groups(self, Filters: list[dict[str, Any]], NextToken: str | None = None, **_: Any) -> dict[str, Any]:
        wanted = next(item["Values"] for item in Filters if item["Name"] == "group-name")
        items = [{"GroupName": name, "GroupId": f"sg-{name}", "IpPermissions": self.rules[name]} for name in wanted]
        return _page("SecurityGroups", items, NextToken, "NextToken")

    def authorize_security_group_ingress(self, GroupId: str, IpPermissions: list[dict[str, Any]]) -> dict[str, Any]:
        rules = self.rules[GroupId.removeprefix("sg-")]
        for permission in IpPermissions:
            pairs, ranges = permission.get("UserIdGroupPairs"), permission.get("IpRanges")
            who = (
                {"UserIdGroupPairs": [{"GroupId": pairs[0]["GroupId"]}]}
                if pairs
                else {"IpRanges": [{"CidrIp": ranges[0]["CidrIp"]}]}
            )
            added = _rule(permission["FromPort"], **who)
            if added in rules:
                raise Refusal("InvalidPermission.Duplicate", "the specified rule already exists")
            rules.append(added)
        return {}


def _rule(port: int, **who: Any) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **who}
