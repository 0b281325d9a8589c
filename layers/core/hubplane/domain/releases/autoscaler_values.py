"""Values of the cluster-autoscaler chart, rendered from the specification."""

from __future__ import annotations

from typing import Any

from hubplane.domain.cluster_spec.model import ClusterSpec
from hubplane.domain.releases.charts import Chart

AUTOSCALER_SERVICE_ACCOUNT = "cluster-autoscaler"
"""What the Pod Identity association of the cluster's autoscaler role names."""

CHART_ANNOTATION = "hubplane/chart"


def render_autoscaler_values(spec: ClusterSpec, region: str, *, chart: Chart) -> dict[str, Any]:
    """The chart's values for one cluster in ``region``; equal arguments give equal values.

    Groups are found by the tags that EKS puts on the Auto Scaling group of every managed node group
    (``k8s.io/cluster-autoscaler/enabled`` and ``k8s.io/cluster-autoscaler/<cluster>``), which are the chart's default.
    """
    return {
        "fullnameOverride": "cluster-autoscaler",
        "cloudProvider": "aws",
        "awsRegion": region,
        "autoDiscovery": {"clusterName": spec.cluster_name},
        "rbac": {"create": True, "serviceAccount": {"create": True, "name": AUTOSCALER_SERVICE_ACCOUNT}},
        "image": {"tag": autoscaler_image_tag(spec.kubernetes_version)},
        "deployment": {"annotations": {CHART_ANNOTATION: chart.record}},
        "extraArgs": {
            # With several groups, take the one that leaves the least unused: a GPU node for nobody is the dearest mistake.
            "expander": "least-waste",
            # The hub and the add-ons may be moved; by default an emptyDir or a system pod keeps an idle node for ever.
            "skip-nodes-with-local-storage": False,
            "skip-nodes-with-system-pods": False,
        },
    }


def autoscaler_image_tag(kubernetes_version: str) -> str:
    """The autoscaler's image for a Kubernetes minor version: ``1.35`` gives ``v1.35.0``.

    The autoscaler simulates the scheduler and its minor version must be the cluster's; each minor starts with ``.0``.
    https://github.com/kubernetes/autoscaler/tree/master/cluster-autoscaler#releases
    """
    major, minor = kubernetes_version.split(".")[:2]
    return f"v{major}.{minor}.0"
