"""InstallAutoscaler: the cluster-autoscaler release. Does not wait until it is ready.

Event: ``spec``. Result: ``release``, ``namespace``, ``revision``, ``previous_revision`` (what RollBackRelease needs),
``chart_version``. Ends with ``PodDisruptionBudgetImmutable`` where the namespace has to be made again first. Calls
eks:DescribeCluster on the cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3

from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.helm import Helm, find_helm
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.domain.cluster_spec.model import spec_from_json
from hubplane.domain.eks_settings.storage_access import autoscaler_access_manifests
from hubplane.domain.releases.autoscaler_values import render_autoscaler_values
from hubplane.domain.releases.charts import AUTOSCALER, DEFAULT_AUTOSCALER_CHART, choose_chart
from hubplane.domain.releases.decision import WantedRelease
from hubplane.domain.releases.execution import bring_about, release_result, revision_description
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    autoscaler_chart_source: str = ""
    autoscaler_chart_version: str = ""
    helm_path: str = ""


SETTINGS = read_settings(Settings)
SESSION = boto3.Session()
EKS = boto3.client("eks")


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    spec = spec_from_json(event["spec"])
    connection = cluster_connection(EKS, SESSION, spec.cluster_name)
    changes = let_diagnoses_look(Kubernetes(connection))
    helm = Helm(find_helm(SETTINGS.helm_path), connection)
    reference = choose_chart(None, SETTINGS.autoscaler_chart_source, SETTINGS.autoscaler_chart_version, DEFAULT_AUTOSCALER_CHART)
    chart = helm.resolve(AUTOSCALER.chart_name, reference)
    values = render_autoscaler_values(spec, SESSION.region_name, chart=chart)
    wanted = WantedRelease(AUTOSCALER.release, AUTOSCALER.namespace, chart, values)
    outcome = bring_about(helm, wanted, revision_description(event["spec"], event["execution_arn"]))
    result = release_result(wanted, outcome)
    result["changes"] = [*changes, *result["changes"]]
    return result


def let_diagnoses_look(kubernetes: Kubernetes) -> list[str]:
    """The namespace with the rights of whoever diagnoses the cluster; what was changed.

    Here and before helm: a namespace that was made again has lost its roles, and a refused release is what has to be looked at.
    """
    name = AUTOSCALER.namespace
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    changes = []
    for manifest in (namespace, *autoscaler_access_manifests(name)):
        applied = kubernetes.apply(manifest)
        if applied.outcome != "unchanged":
            changes.append(f"{applied.outcome} {manifest['kind']} {manifest['metadata']['name']} for the autoscaler")
    return changes
