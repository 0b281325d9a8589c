"""RollBackRelease: bring back what ran before a revision that did not become ready. Volume claims stay.

Event: ``release``, ``namespace``, ``revision`` and ``previous_revision`` as the install answered them, ``reason`` (why it is
rolled back). Result: ``revision``, the newest one afterwards, None where a first install was removed. Calls
eks:DescribeCluster on the cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3

from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.helm import Helm, find_helm
from hubplane.domain.releases.execution import roll_back
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    helm_path: str = ""


SETTINGS = read_settings(Settings)
SESSION = boto3.Session()
EKS = boto3.client("eks")


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    helm = Helm(find_helm(SETTINGS.helm_path), cluster_connection(EKS, SESSION, event["cluster_name"]))
    done = roll_back(helm, event["release"], event["namespace"], event["revision"], event["previous_revision"])
    because = f" ({event['reason']})" if event.get("reason") else ""
    return {
        "release": event["release"],
        "namespace": event["namespace"],
        "revision": done.revision,
        "changes": list(done.changes),
        "reason": done.reason + because,
    }
