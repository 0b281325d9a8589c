"""EKS operations that the emulator does not have: updates, versions, add-on versions."""

from __future__ import annotations

import datetime as dt
import json
import re
import time
from collections.abc import Callable
from typing import Any

from ministack.core.responses import new_uuid
from ministack.services import eks

from local.cloud.cloud import Cloud
from local.cloud.eks_versions import DEFAULT_VERSION, VERSIONS
from local.cloud.gateway import Gateway
from local.cloud.mends import mend
from local.cloud.scoped import later

Answer = tuple[int, dict[str, str], bytes]
Query = dict[str, list[str]]
Route = Callable[[Cloud, re.Match[str], dict[str, Any], Query], Answer]

# Add-on versions by Kubernetes version, from `aws eks describe-addon-versions` (newest first in real answers).
ADDONS = {
    "aws-ebs-csi-driver": "v1.56.0-eksbuild.1",
    "snapshot-controller": "v8.4.0-eksbuild.2",
    "eks-pod-identity-agent": "v1.3.10-eksbuild.2",
    "vpc-cni": "v1.21.1-eksbuild.3",
    "kube-proxy": "v1.35.0-eksbuild.2",
    "coredns": "v1.13.1-eksbuild.1",
}

_updates: dict[tuple[str, str], dict[str, Any]] = {}
_NAME = r"([A-Za-z0-9_-]+)"


@mend
def missing_eks_operations(cloud: Cloud, gateway: Gateway) -> None:
    """Clusters and node groups cannot be updated, and EKS tells no versions. With this it can and does."""
    original = eks._handle_request_sync

    def handle(method: str, path: str, headers: Any, body: bytes, query: dict[str, Any]) -> Any:
        for wanted, pattern, route in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and method == wanted:
                lists = {key: value if isinstance(value, list) else [value] for key, value in query.items()}
                return route(cloud, found, json.loads(body) if body else {}, lists)
        return original(method, path, headers, body, query)

    eks._handle_request_sync = handle


@mend
def add_ons_take_a_while(cloud: Cloud, gateway: Gateway) -> None:
    """Add-ons are ACTIVE at once and any name or version will do. With this they are CREATING first and checked."""
    original = eks._create_addon

    def create(cluster_name: str, body: dict[str, Any]) -> Answer:
        known = ADDONS.get(body.get("addonName", ""))
        if known is None:
            return eks._error(400, "InvalidParameterException", f"Addon {body.get('addonName')} specified is not supported")
        answer: Answer = original(cluster_name, {**body, "addonVersion": body.get("addonVersion") or known})
        if answer[0] >= 400:
            return answer
        addon = eks._addons[f"{cluster_name}/{body['addonName']}"]
        addon["status"] = "CREATING"
        if body.get("podIdentityAssociations"):
            addon["podIdentityAssociations"] = [
                eks._pod_identity_association_arn(cluster_name, f"a-{new_uuid()[:17]}") for _ in body["podIdentityAssociations"]
            ]

        def finish() -> None:
            time.sleep(cloud.step_seconds / 2)
            addon["status"] = "ACTIVE"

        later(finish)
        return eks._json_resp(200, {"addon": addon})

    eks._create_addon = create


def _start_update(
    cloud: Cloud, cluster: str, kind: str, changed: dict[str, Any], record: dict[str, Any], work: Callable[[], None]
) -> Answer:
    if record["status"] != "ACTIVE":
        return eks._error(409, "ResourceInUseException", f"it is {record['status']}; an update needs ACTIVE")
    update = {
        "id": new_uuid(),
        "status": "InProgress",
        "type": kind,
        "params": [{"type": name, "value": str(value)} for name, value in changed.items()],
        "createdAt": eks._now(),
        "errors": [],
    }
    _updates[(cluster, update["id"])] = update
    record["status"] = "UPDATING"

    def run() -> None:
        time.sleep(cloud.step_seconds)
        try:
            work()
            update["status"] = "Successful"
        except Exception as error:
            update["status"] = "Failed"
            update["errors"] = [{"errorCode": "Unknown", "errorMessage": str(error), "resourceIds": []}]
            raise
        finally:
            record["status"] = "ACTIVE"

    later(run)
    return eks._json_resp(200, {"update": update})


def _cluster_config(cloud: Cloud, found: re.Match[str], body: dict[str, Any], query: Query) -> Answer:
    cluster = eks._clusters.get(found[1])
    if cluster is None:
        return eks._error(404, "ResourceNotFoundException", f"No cluster found for name: {found[1]}.")

    def work() -> None:
        cluster["resourcesVpcConfig"].update(body.get("resourcesVpcConfig") or {})
        cluster["accessConfig"].update(body.get("accessConfig") or {})
        if body.get("logging"):
            cluster["logging"] = body["logging"]

    return _start_update(
        cloud, found[1], "ConfigUpdate" if "accessConfig" in body else "EndpointAccessUpdate", body, cluster, work
    )


def _cluster_version(cloud: Cloud, found: re.Match[str], body: dict[str, Any], query: Query) -> Answer:
    cluster = eks._clusters.get(found[1])
    if cluster is None:
        return eks._error(404, "ResourceNotFoundException", f"No cluster found for name: {found[1]}.")
    wanted, present = body.get("version", ""), cluster["version"]
    if wanted not in VERSIONS or int(wanted.split(".")[1]) != int(present.split(".")[1]) + 1:
        message = f"Unsupported Kubernetes minor version update from {present} to {wanted}"
        return eks._error(400, "InvalidParameterException", message)
    return _start_update(cloud, found[1], "VersionUpdate", {"Version": wanted}, cluster, lambda: cluster.update(version=wanted))


def _group_config(cloud: Cloud, found: re.Match[str], body: dict[str, Any], query: Query) -> Answer:
    group = eks._nodegroups.get(f"{found[1]}/{found[2]}")
    if group is None:
        return eks._error(404, "ResourceNotFoundException", f"No node group found for name: {found[2]}.")
    sizes = {**group["scalingConfig"], **(body.get("scalingConfig") or {})}
    if not sizes["minSize"] <= sizes["desiredSize"] <= sizes["maxSize"]:
        message = f"desired capacity {sizes['desiredSize']} must be within min and max size"
        return eks._error(400, "InvalidParameterException", message)

    def work() -> None:
        group["scalingConfig"] = sizes
        labels, taints = body.get("labels") or {}, body.get("taints") or {}
        kept = {key: value for key, value in group["labels"].items() if key not in (labels.get("removeLabels") or [])}
        group["labels"] = kept | (labels.get("addOrUpdateLabels") or {})
        gone = {
            (item["key"], item["effect"])
            for item in [*(taints.get("removeTaints") or []), *(taints.get("addOrUpdateTaints") or [])]
        }
        group["taints"] = [taint for taint in group["taints"] if (taint["key"], taint["effect"]) not in gone]
        group["taints"] += taints.get("addOrUpdateTaints") or []
        eks._hubplane_apply_group(group)

    return _start_update(cloud, found[1], "ConfigUpdate", body.get("scalingConfig") or {}, group, work)


def _group_version(cloud: Cloud, found: re.Match[str], body: dict[str, Any], query: Query) -> Answer:
    group = eks._nodegroups.get(f"{found[1]}/{found[2]}")
    if group is None:
        return eks._error(404, "ResourceNotFoundException", f"No node group found for name: {found[2]}.")
    changed = {key: body[key] for key in ("version", "releaseVersion", "launchTemplate") if body.get(key)}
    return _start_update(cloud, found[1], "VersionUpdate", changed, group, lambda: group.update(changed))


def _describe_update(cloud: Cloud, found: re.Match[str], body: dict[str, Any], query: Query) -> Answer:
    update = _updates.get((found[1], found[2]))
    if update is None:
        return eks._error(404, "ResourceNotFoundException", f"No update found for ID: {found[2]}")
    return eks._json_resp(200, {"update": update})


def _list_updates(cloud: Cloud, found: re.Match[str], body: dict[str, Any], query: Query) -> Answer:
    return eks._json_resp(200, {"updateIds": [number for cluster, number in _updates if cluster == found[1]]})


def _cluster_versions(cloud: Cloud, found: re.Match[str], body: dict[str, Any], query: Query) -> Answer:
    today = dt.datetime.now(dt.UTC).date().isoformat()
    wanted = query.get("clusterVersions")
    described = [
        {
            "clusterVersion": item.version,
            "clusterType": "eks",
            "defaultPlatformVersion": "eks.1",
            "defaultVersion": item.version == DEFAULT_VERSION,
            "releaseDate": f"{item.released}T00:00:00Z",
            "endOfStandardSupportDate": f"{item.standard_until}T00:00:00Z",
            "endOfExtendedSupportDate": f"{item.extended_until}T00:00:00Z",
            "status": item.status(today).lower(),
            "versionStatus": item.status(today),
            "kubernetesPatchVersion": f"{item.version}.0",
        }
        for item in VERSIONS.values()
        if (not wanted or item.version in wanted) and item.status(today) != "UNSUPPORTED"
    ]
    return eks._json_resp(200, {"clusterVersions": described})


def _addon_versions(cloud: Cloud, found: re.Match[str], body: dict[str, Any], query: Query) -> Answer:
    version = query.get("kubernetesVersion", [None])[0]
    compatible = [{"clusterVersion": version, "platformVersions": ["*"], "defaultVersion": True}] if version in VERSIONS else []
    if version is None:
        compatible = [{"clusterVersion": item, "platformVersions": ["*"], "defaultVersion": True} for item in VERSIONS]
    addons = [
        {
            "addonName": name,
            "type": "storage" if "csi" in name or "snapshot" in name else "networking",
            "owner": "aws",
            "publisher": "eks",
            "addonVersions": [
                {
                    # kube-proxy follows the minor version of its cluster, the others work with several.
                    "addonVersion": f"v{version}.0-eksbuild.2" if name == "kube-proxy" and version else newest,
                    "architecture": ["amd64", "arm64"],
                    "compatibilities": compatible,
                }
            ],
        }
        for name, newest in ADDONS.items()
        if compatible and name in query.get("addonName", [name])
    ]
    return eks._json_resp(200, {"addons": addons})


ROUTES: tuple[tuple[str, str, Route], ...] = (
    ("POST", rf"/clusters/{_NAME}/update-config", _cluster_config),
    ("POST", rf"/clusters/{_NAME}/updates", _cluster_version),
    ("GET", rf"/clusters/{_NAME}/updates", _list_updates),
    ("GET", rf"/clusters/{_NAME}/updates/([0-9a-f-]+)", _describe_update),
    ("POST", rf"/clusters/{_NAME}/node-groups/{_NAME}/update-config", _group_config),
    ("POST", rf"/clusters/{_NAME}/node-groups/{_NAME}/update-version", _group_version),
    ("GET", r"/cluster-versions", _cluster_versions),
    ("GET", r"/addons/supported-versions", _addon_versions),
)
