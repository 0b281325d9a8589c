"""EKS: which versions a cluster runs, and what EKS says of its readiness for the next. Changes nothing of the cluster."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from hubplane.domain.provider_errors import error_code, translated
from hubplane.domain.upgrading.present import GroupVersion, Insight, Present

CATEGORY: Final = "UPGRADE_READINESS"


class Refresh(NamedTuple):
    """The last refresh of the insights that somebody asked for: IN_PROGRESS, COMPLETED or FAILED, and when it began."""

    status: str
    started_at: datetime | None


class EksUpgrades:
    """One cluster; ``client`` is a boto3 EKS client."""

    def __init__(self, client: Any, cluster_name: str) -> None:
        self._client = client
        self._cluster_name = cluster_name

    def present(self) -> Present | None:
        """The versions of control plane, node groups and add-ons; None where EKS has no such cluster."""
        with translated(f"describe EKS cluster {self._cluster_name}"):
            try:
                cluster = self._client.describe_cluster(name=self._cluster_name)["cluster"]
            except Exception as error:
                if error_code(error) == "ResourceNotFoundException":
                    return None
                raise
            groups = [self._group(name) for name in sorted(self._pages("list_nodegroups", "nodegroups"))]
            addons = {name: self._addon(name) for name in sorted(self._pages("list_addons", "addons"))}
        return Present(cluster["version"], cluster["status"], tuple(groups), addons)

    def addon_versions(self, names: tuple[str, ...], kubernetes_version: str) -> dict[str, str]:
        """The version of each add-on that EKS recommends for a Kubernetes version; those it has none for are left out."""
        found = {}
        with translated(f"describe the add-ons for Kubernetes {kubernetes_version}"):
            for name in names:
                pages = self._client.get_paginator("describe_addon_versions").paginate(
                    addonName=name, kubernetesVersion=kubernetes_version
                )
                versions = [item for page in pages for addon in page["addons"] for item in addon["addonVersions"]]
                defaults = [
                    item for item in versions if any(fit.get("defaultVersion") for fit in item.get("compatibilities", ()))
                ]
                if versions:
                    found[name] = (defaults or versions)[0]["addonVersion"]  # EKS lists the newest first
        return found

    def insights(self) -> tuple[Insight, ...]:
        """Every upgrade insight; those that pass without their details, which would be a call each."""
        with translated(f"read the upgrade insights of EKS cluster {self._cluster_name}"):
            listed = self._pages("list_insights", "insights", filter={"categories": [CATEGORY]})
            return tuple(self._insight(item) for item in listed)

    def last_refresh(self) -> Refresh | None:
        """The refresh that was asked for last, None where nobody ever asked."""
        with translated(f"ask for the refresh of the insights of EKS cluster {self._cluster_name}"):
            try:
                answer = self._client.describe_insights_refresh(clusterName=self._cluster_name)
            except Exception as error:
                if error_code(error) == "ResourceNotFoundException":
                    return None
                raise
        started_at = answer.get("startedAt")
        return Refresh(answer["status"], started_at.astimezone(UTC) if started_at else None) if answer.get("status") else None

    def refresh(self) -> None:
        """Ask EKS to look again now. Repeatable: one that is under way is left to end."""
        with translated(f"refresh the insights of EKS cluster {self._cluster_name}"):
            self._client.start_insights_refresh(clusterName=self._cluster_name)

    def _group(self, name: str) -> GroupVersion:
        group = self._client.describe_nodegroup(clusterName=self._cluster_name, nodegroupName=name)["nodegroup"]
        own_image = group.get("amiType") == "CUSTOM"
        return GroupVersion(
            name=name,
            version=None if own_image else group.get("version"),
            release=group.get("releaseVersion"),
            status=group["status"],
            nodes=group["scalingConfig"]["desiredSize"],
        )

    def _addon(self, name: str) -> str:
        version: str = self._client.describe_addon(clusterName=self._cluster_name, addonName=name)["addon"]["addonVersion"]
        return version

    def _insight(self, item: Any) -> Insight:
        status = item.get("insightStatus", {})
        detail: Any = {}
        if status.get("status") != "PASSING":
            detail = self._client.describe_insight(clusterName=self._cluster_name, id=item["id"])["insight"]
        deprecations = detail.get("categorySpecificSummary", {}).get("deprecationDetails", ())
        refreshed_at = item.get("lastRefreshTime")
        return Insight(
            insight_id=item["id"],
            name=item["name"],
            status=status.get("status", "UNKNOWN"),
            reason=status.get("reason", ""),
            kubernetes_version=item.get("kubernetesVersion"),
            refreshed_at=refreshed_at.astimezone(UTC) if refreshed_at else None,
            recommendation=detail.get("recommendation", ""),
            gone_in=tuple(
                (one["usage"], one["stopServingVersion"])
                for one in deprecations
                if one.get("stopServingVersion") and one.get("clientStats")
            ),
        )

    def _pages(self, operation: str, key: str, **arguments: Any) -> list[Any]:
        pages = self._client.get_paginator(operation).paginate(clusterName=self._cluster_name, **arguments)
        return [item for page in pages for item in page[key]]
