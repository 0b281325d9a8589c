"""EKS: access entries, add-ons, Pod Identity associations and node groups of one cluster."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from hubplane.domain.eks_settings.readiness import Health
from hubplane.domain.eks_settings.settings import (
    MANAGED_TAG,
    Association,
    PolicyGrant,
    PresentAddon,
    PresentAssociation,
    PresentEntry,
)
from hubplane.domain.errors import ProviderError
from hubplane.domain.provider_errors import error_code, translated


class EksSettings:
    """Reads and writes of one cluster; every write can be repeated: what is there already, or gone already, is success."""

    def __init__(self, client: Any, cluster_name: str, partition: str, tags: Mapping[str, str]) -> None:
        self._client = client
        self._cluster_name = cluster_name
        self._policy_prefix = f"arn:{partition}:eks::aws:cluster-access-policy/"
        self._tags = {**tags, MANAGED_TAG: "true"}

    # ---- reads ----

    def entries(self) -> dict[str, PresentEntry]:
        """Every access entry by principal ARN."""
        principals = self._pages("list access entries", "list_access_entries", "accessEntries")
        return {principal: self._entry(principal) for principal in principals}

    def _entry(self, principal_arn: str) -> PresentEntry:
        with translated(f"describe the access entry of {principal_arn}"):
            entry = self._client.describe_access_entry(clusterName=self._cluster_name, principalArn=principal_arn)["accessEntry"]
        policies = self._pages(
            f"list the access policies of {principal_arn}",
            "list_associated_access_policies",
            "associatedAccessPolicies",
            principalArn=principal_arn,
        )
        grants = {
            PolicyGrant(item["policyArn"].rpartition("/")[2], tuple(sorted(item["accessScope"].get("namespaces") or ())))
            for item in policies
        }
        return PresentEntry(
            grants=frozenset(grants),
            is_managed=entry.get("tags", {}).get(MANAGED_TAG) == "true",
            groups=frozenset(entry.get("kubernetesGroups") or ()),
            kind=entry["type"],
        )

    def recommended_addon_version(self, name: str, kubernetes_version: str) -> str:
        """The version that EKS installs by default for a Kubernetes version, else the newest. ``ProviderError`` without any."""
        with translated(f"describe the versions of add-on {name}"):
            pages = self._client.get_paginator("describe_addon_versions").paginate(
                addonName=name, kubernetesVersion=kubernetes_version
            )
            versions = [item for page in pages for addon in page["addons"] for item in addon["addonVersions"]]
        if not versions:
            raise ProviderError(
                f"EKS offers no version of add-on {name} for Kubernetes {kubernetes_version}: choose another Kubernetes version"
            )
        defaults = [item for item in versions if any(fit.get("defaultVersion") for fit in item.get("compatibilities", ()))]
        version: str = (defaults or versions)[0]["addonVersion"]  # EKS lists the newest first
        return version

    def addons(self) -> dict[str, PresentAddon]:
        """Every add-on by name."""
        return {
            name: PresentAddon(item["addonVersion"], item["status"], item.get("configurationValues") or "")
            for name, item in self._addon_descriptions().items()
        }

    def addon_health(self) -> dict[str, Health]:
        """State and issues of every add-on, by name."""
        return {name: _health(item) for name, item in self._addon_descriptions().items()}

    def _addon_descriptions(self) -> dict[str, Any]:
        found = {}
        for name in self._pages("list add-ons", "list_addons", "addons"):
            with translated(f"describe add-on {name}"):
                found[name] = self._client.describe_addon(clusterName=self._cluster_name, addonName=name)["addon"]
        return found

    def associations(self) -> dict[tuple[str, str], PresentAssociation]:
        """Every Pod Identity association by (namespace, service account)."""
        found = {}
        for item in self._pages("list Pod Identity associations", "list_pod_identity_associations", "associations"):
            with translated(f"describe Pod Identity association {item['associationId']}"):
                described = self._client.describe_pod_identity_association(
                    clusterName=self._cluster_name, associationId=item["associationId"]
                )["association"]
            found[item["namespace"], item["serviceAccount"]] = PresentAssociation(item["associationId"], described["roleArn"])
        return found

    def node_group_health(self, names: tuple[str, ...]) -> dict[str, Health]:
        """State and issues of the node groups that exist, by name."""
        return {name: _health(item) for name, item in self._node_groups(names).items()}

    def auto_scaling_groups(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The Auto Scaling groups that EKS made for these node groups."""
        groups = self._node_groups(names).values()
        return tuple(group["name"] for item in groups for group in item.get("resources", {}).get("autoScalingGroups", ()))

    def _node_groups(self, names: tuple[str, ...]) -> dict[str, Any]:
        found = {}
        for name in names:
            with translated(f"describe node group {name}"):
                try:
                    answer = self._client.describe_nodegroup(clusterName=self._cluster_name, nodegroupName=name)
                except Exception as error:
                    if error_code(error) == "ResourceNotFoundException":
                        continue
                    raise
            found[name] = answer["nodegroup"]
        return found

    # ---- writes ----

    def create_access_entry(self, principal_arn: str, groups: Collection[str] = ()) -> None:
        self._write(
            f"create the access entry of {principal_arn}",
            self._client.create_access_entry,
            done="ResourceInUseException",
            principalArn=principal_arn,
            kubernetesGroups=sorted(groups),
            tags=self._tags,
        )

    def update_access_entry(self, principal_arn: str, groups: Collection[str]) -> None:
        """Let the entry have exactly these groups."""
        self._write(
            f"update the access entry of {principal_arn}",
            self._client.update_access_entry,
            principalArn=principal_arn,
            kubernetesGroups=sorted(groups),
        )

    def delete_access_entry(self, principal_arn: str) -> None:
        self._write(
            f"delete the access entry of {principal_arn}",
            self._client.delete_access_entry,
            done="ResourceNotFoundException",
            principalArn=principal_arn,
        )

    def grant(self, principal_arn: str, grant: PolicyGrant) -> None:
        scope: dict[str, Any] = (
            {"type": "namespace", "namespaces": list(grant.namespaces)} if grant.namespaces else {"type": "cluster"}
        )
        self._write(
            f"give {principal_arn} {grant.policy_name}",
            self._client.associate_access_policy,
            principalArn=principal_arn,
            policyArn=self._policy_prefix + grant.policy_name,
            accessScope=scope,
        )

    def revoke(self, principal_arn: str, grant: PolicyGrant) -> None:
        self._write(
            f"take {grant.policy_name} from {principal_arn}",
            self._client.disassociate_access_policy,
            done="ResourceNotFoundException",
            principalArn=principal_arn,
            policyArn=self._policy_prefix + grant.policy_name,
        )

    def create_addon(self, name: str, version: str, configuration: str = "") -> None:
        # A new cluster brings its own, unmanaged vpc-cni, kube-proxy and coredns: the add-on takes them over.
        self._write(
            f"create add-on {name}",
            self._client.create_addon,
            done="ResourceInUseException",
            addonName=name,
            addonVersion=version,
            resolveConflicts="OVERWRITE",
            tags=self._tags,
            **_configured(configuration),
        )

    def update_addon(self, name: str, version: str, configuration: str = "") -> None:
        # What an operator has set in the cluster stays.
        self._write(
            f"update add-on {name}",
            self._client.update_addon,
            addonName=name,
            addonVersion=version,
            resolveConflicts="PRESERVE",
            **_configured(configuration),
        )

    def create_association(self, association: Association) -> None:
        self._write(
            f"associate {association.namespace}/{association.service_account} with its role",
            self._client.create_pod_identity_association,
            done="ResourceInUseException",
            namespace=association.namespace,
            serviceAccount=association.service_account,
            roleArn=association.role_arn,
            tags=self._tags,
        )

    def update_association(self, association_id: str, role_arn: str) -> None:
        self._write(
            f"update Pod Identity association {association_id}",
            self._client.update_pod_identity_association,
            associationId=association_id,
            roleArn=role_arn,
        )

    def _write(self, doing: str, call: Callable[..., Any], done: str = "", **arguments: Any) -> None:
        with translated(doing):
            try:
                call(clusterName=self._cluster_name, **arguments)
            except Exception as error:
                if error_code(error) != done:
                    raise

    def _pages(self, doing: str, operation: str, key: str, **arguments: Any) -> list[Any]:
        with translated(doing):
            pages = self._client.get_paginator(operation).paginate(clusterName=self._cluster_name, **arguments)
            return [item for page in pages for item in page[key]]


def _configured(configuration: str) -> dict[str, str]:
    return {"configurationValues": configuration} if configuration else {}


def _health(description: Mapping[str, Any]) -> Health:
    issues = description.get("health", {}).get("issues", ())
    return Health(description["status"], tuple((item.get("code", "Unknown"), item.get("message", "")) for item in issues))
