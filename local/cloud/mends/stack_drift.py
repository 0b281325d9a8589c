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
    is the wanted one already, and of a node group with the wanted version and sizes; its execution leaves them as they are."""
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
    names = {detail["Target"].get("Name") for detail in change.get("Details", [])}
    if change["ResourceType"] == "AWS::EKS::Cluster":
        present = eks._clusters.get(change.get("PhysicalResourceId", ""))
        is_same = present is not None and names == {"Version"} and _has_version(present, properties)
        if is_same:
            _in_sync.add((present["name"], present["version"]))
    else:
        is_same = change["ResourceType"] == "AWS::EKS::Nodegroup" and _is_group_as_wanted(properties, names)
    if is_same:
        change["Action"] = "SyncWithActual"
        change.pop("Replacement", None)


def _is_group_as_wanted(properties: dict[str, Any], names: set[str]) -> bool:
    group = next((one for one in eks._nodegroups.values() if one["nodegroupName"] == properties.get("NodegroupName")), None)
    changed = names - {"LaunchTemplate"}  # refers to a template that refers to the cluster
    if group is None or not changed or not changed <= {"Version", "ScalingConfig"}:
        return False
    sizes = {key.lower(): int(value) for key, value in properties.get("ScalingConfig", {}).items()}
    return _has_version(group, properties) and sizes == {key.lower(): value for key, value in group["scalingConfig"].items()}


def _has_version(present: dict[str, Any], properties: dict[str, Any]) -> bool:
    return str(properties.get("Version")) == str(present.get("version"))
