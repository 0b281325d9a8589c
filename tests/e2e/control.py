"""Faults that tests inject into the embedded cloud through its control addresses."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from local.guide.processes import EmbeddedCloud


def post(url: str, document: dict[str, Any] | None = None, method: str = "POST") -> Any:
    """Send ``document`` as JSON; the answer's JSON or None."""
    body = json.dumps(document or {}).encode()
    request = urllib.request.Request(url, data=body, method=method, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def fail_stack_resource(cloud: EmbeddedCloud, stack_name: str, resource_type: str, reason: str) -> None:
    """The next creation of such a resource in that stack fails with ``reason``."""
    fault = {"stack_name": stack_name, "resource_type": resource_type, "reason": reason}
    post(f"{cloud.endpoint_url}/_hubplane/faults", fault)


def fail_kubernetes(cloud: EmbeddedCloud, cluster_name: str, fault: dict[str, Any]) -> None:
    """The cluster's API refuses what ``fault`` describes."""
    post(f"{cloud.kubernetes_control_url}/clusters/{cluster_name}/faults", fault)


def mend_kubernetes(cloud: EmbeddedCloud, cluster_name: str, fault_id: str) -> None:
    """Take a fault back."""
    post(f"{cloud.kubernetes_control_url}/clusters/{cluster_name}/faults/{fault_id}", method="DELETE")


def set_shortage(cloud: EmbeddedCloud, instance_type: str, *, short: bool) -> None:
    """EC2 has no more instances of the type, or has them again."""
    post(f"{cloud.endpoint_url}/_hubplane/ec2/shortage", {"instance_type": instance_type, "short": short})
