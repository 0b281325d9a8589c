"""EKS's upgrade insights, and the refresh of them that somebody asks for."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import Any

from ministack.services import eks

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend
from local.cloud.scoped import later

Answer = tuple[int, dict[str, str], bytes]

_planted: dict[str, list[dict[str, Any]]] = {}
_refreshes: dict[str, dict[str, Any]] = {}
_NAME = r"([A-Za-z0-9_-]+)"


@mend
def upgrade_insights(cloud: Cloud, gateway: Gateway) -> None:
    """EKS has no insights. With this a cluster has two that pass, or those that a test planted, looked at again when asked to."""
    original = eks._handle_request_sync

    def handle(method: str, path: str, headers: Any, body: bytes, query: dict[str, Any]) -> Any:
        found = re.fullmatch(rf"/clusters/{_NAME}/(insights|insights-refresh)(?:/([0-9a-z-]+))?", path)
        if found is None or (found[2] == "insights" and not found[3] and method != "POST"):
            return original(method, path, headers, body, query)
        cluster = eks._clusters.get(found[1])
        if cluster is None:
            return eks._error(404, "ResourceNotFoundException", f"No cluster found for name: {found[1]}.")
        if found[2] == "insights-refresh":
            return _start(cloud, found[1]) if method == "POST" else _described(found[1])
        if found[3]:
            return _one(cluster, found[3])
        return _listed(cluster, json.loads(body) if body else {})

    eks._handle_request_sync = handle


def plant(cluster_name: str, insights: list[dict[str, Any]]) -> None:
    """From now on the cluster has these insights besides those that pass, in the words of DescribeInsight."""
    _planted[cluster_name] = insights


def _insights(cluster: Mapping[str, Any]) -> list[dict[str, Any]]:
    upcoming = f"1.{int(cluster['version'].split('.')[1]) + 1}"
    looked = _refreshes.get(cluster["name"], {}).get("endedAt") or eks._now()
    passing = [
        ("kubelet", "Kubelet version skew", "Node kubelet versions match the cluster control plane version."),
        (
            "apis",
            f"Deprecated APIs removed in Kubernetes v{upcoming}",
            "No deprecated API usage detected within the last 30 days.",
        ),
    ]
    made = [
        {
            "id": f"insight-{short}",
            "name": name,
            "category": "UPGRADE_READINESS",
            "kubernetesVersion": upcoming,
            "insightStatus": {"status": "PASSING", "reason": reason},
        }
        for short, name, reason in passing
    ]
    every = [*made, *_planted.get(cluster["name"], [])]
    return [{"lastRefreshTime": looked, "lastTransitionTime": looked, "description": item["name"], **item} for item in every]


def _listed(cluster: Mapping[str, Any], body: Mapping[str, Any]) -> Answer:
    wanted = (body.get("filter") or {}).get("categories")
    details = ("recommendation", "additionalInfo", "resources", "categorySpecificSummary")
    found = [item for item in _insights(cluster) if not wanted or item["category"] in wanted]
    short = [{key: value for key, value in item.items() if key not in details} for item in found]
    answer: Answer = eks._json_resp(200, {"insights": short})
    return answer


def _one(cluster: Mapping[str, Any], insight_id: str) -> Answer:
    found = next((item for item in _insights(cluster) if item["id"] == insight_id), None)
    if found is None:
        refused: Answer = eks._error(404, "ResourceNotFoundException", f"No insight found for id: {insight_id}")
        return refused
    answer: Answer = eks._json_resp(200, {"insight": found})
    return answer


def _start(cloud: Cloud, name: str) -> Answer:
    refresh = {"status": "IN_PROGRESS", "message": "Insights refresh is in progress", "startedAt": eks._now(), "endedAt": None}
    _refreshes[name] = refresh

    def finish() -> None:
        time.sleep(cloud.step_seconds / 2)
        refresh.update(status="COMPLETED", message="Insights refresh completed successfully", endedAt=eks._now())

    later(finish)
    answer: Answer = eks._json_resp(200, {"status": "IN_PROGRESS", "message": refresh["message"]})
    return answer


def _described(name: str) -> Answer:
    refresh = _refreshes.get(name)
    if refresh is None:
        refused: Answer = eks._error(404, "ResourceNotFoundException", f"No insights refresh found for cluster: {name}")
        return refused
    answer: Answer = eks._json_resp(200, {key: value for key, value in refresh.items() if value is not None})
    return answer
