"""CheckHubRestart: whether the new hub is ready and answers, and whether everybody's server runs on. Reads only.

Event: ``cluster_name``, ``spec``, ``hub_url``, ``load_balancer_dns_name``; ``restarted``, ``servers`` as DeleteHubPod answered.
Result: ``back``, ``reason``. Raises ``MendFailed`` where a server that ran before the restart does not run after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3

from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.hub_http import Address, get, parse_connect_to, parse_url
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.domain.cluster_spec.model import spec_from_json
from hubplane.domain.diagnosis.restarting import judge_restart
from hubplane.domain.diagnosis.seen import pod_of
from hubplane.domain.errors import MendFailed
from hubplane.domain.hub_facts import HEALTH_PATH, Answer
from hubplane.domain.hub_health import control_plane_may_enter
from hubplane.domain.releases.charts import JUPYTERHUB
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    hub_connect_to: str = ""


SETTINGS = read_settings(Settings)
CONNECT_TO = parse_connect_to(SETTINGS.hub_connect_to)
SESSION = boto3.Session()
EKS = boto3.client("eks")


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    kubernetes = Kubernetes(cluster_connection(EKS, SESSION, event["cluster_name"]))
    pods = [pod_of(item) for item in kubernetes.list("Pod", JUPYTERHUB.namespace)]
    restart = judge_restart(pods, event["restarted"], event["servers"])
    silence = why_silent(event) if restart.is_back else ""
    back = restart.is_back and not silence
    if back and restart.ended:
        raise MendFailed(
            f"the hub is back, but {len(restart.ended)} server(s) that ran before it was restarted do not run now: "
            f"{', '.join(restart.ended[:20])}; a restart of the hub ends none, so look at the nodes they were on"
        )
    return {"back": back, "changes": [], "reason": silence or restart.reason}


def why_silent(event: dict[str, Any]) -> str:
    """Why the hub does not answer through its load balancer, or ""; where that lets the control plane not in, the pod counts."""
    if not control_plane_may_enter(spec_from_json(event["spec"]).network.load_balancer_cidr):
        return ""
    hub, name = parse_url(event["hub_url"]), event["load_balancer_dns_name"]
    address = CONNECT_TO.get(443, Address(name, 443))
    answer = get(hub._replace(path=HEALTH_PATH), address, verify_host_name=hub.host != name.lower())
    if isinstance(answer, Answer):
        return "" if answer.status == 200 else f"the hub's pod is ready, and its address answers with {answer.status}"
    return f"the hub's pod is ready, and its address does not answer ({answer.detail})"
