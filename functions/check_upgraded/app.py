"""CheckUpgraded: after a step's build, whether control plane, node groups, add-ons and hub are what was wanted. Reads only.

Event: ``cluster_name``, ``execution_arn``, ``build`` (the input of the step's build). Result: ``done``, ``now`` (what runs, with
its version), ``wrong``. Raises ``ClusterUnknown``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.cluster_release import read_release
from hubplane.adapters.eks_upgrades import EksUpgrades
from hubplane.domain.cluster_spec.model import spec_from_json
from hubplane.domain.eks_settings.settings import ADDONS
from hubplane.domain.errors import ClusterUnknown
from hubplane.domain.upgrading.checking import judge_upgraded
from hubplane.domain.upgrading.present import versions_in_words
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    cluster_name, spec = event["cluster_name"], spec_from_json(event["build"]["spec"])
    eks = EksUpgrades(client("eks"), cluster_name)
    present = eks.present()
    if present is None:
        raise ClusterUnknown(f"EKS has no cluster {cluster_name} any more")
    recorded = read_release(client("dynamodb"), SETTINGS.clusters_table_name, cluster_name).spec
    checked = judge_upgraded(spec, present, eks.addon_versions(ADDONS, spec.kubernetes_version), recorded)
    return {
        "done": not checked.wrong,
        "now": versions_in_words(present),
        "wrong": list(checked.wrong),
        "changes": [],
        "reason": checked.reason,
    }
