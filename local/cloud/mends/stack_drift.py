"""Change sets that look at what there really is."""

from __future__ import annotations

from typing import Any

from ministack.services import cloudformation, eks
from ministack.services.cloudformation import changesets, handlers
from ministack.services.cloudformation.helpers import _p

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend, replace_action

_in_sync: set[tuple[str, str]] = set()


@mend
def change_sets_see_drift(cloud: Cloud, gateway: Gateway) -> None:
    """``DeploymentMode`` is ignored. With this a drift-aware change set says SyncWithActual of a cluster whose Kubernetes version
    is the wanted one already, and its execution leaves the cluster as it is."""
    create = changesets._create_change_set

    def look(params: Any) -> Any:
        answer = create(params)
        if answer[0] < 400 and _p(params, "DeploymentMode") == "REVERT_DRIFT":
            found = [
                item for item in cloudformation._change_sets.values() if item["ChangeSetName"] == _p(params, "ChangeSetName")
            ]
            for change in found[-1]["Changes"]:
                _compare(change["ResourceChange"], found[-1]["_template"])
        return answer

    for module in (changesets, handlers):
        replace_action(module, create, look)


def is_in_sync(cluster_name: str, version: str) -> bool:
    """Whether a drift-aware change set saw that the cluster has this version already."""
    cluster = eks._clusters.get(cluster_name)
    return cluster is not None and cluster["version"] == version and (cluster_name, version) in _in_sync


def _compare(change: dict[str, Any], template: dict[str, Any]) -> None:
    properties = template.get("Resources", {}).get(change["LogicalResourceId"], {}).get("Properties", {})
    cluster = eks._clusters.get(change.get("PhysicalResourceId", ""))
    names = {detail["Target"].get("Name") for detail in change.get("Details", [])}
    if cluster is None or names != {"Version"} or str(properties.get("Version")) != cluster["version"]:
        return
    change["Action"] = "SyncWithActual"
    change.pop("Replacement", None)
    _in_sync.add((cluster["name"], cluster["version"]))
