"""Values of the cluster-autoscaler chart, rendered from the specification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hubplane.domain.cluster_spec.model import ClusterSpec
from hubplane.domain.releases.charts import Chart

AUTOSCALER_SERVICE_ACCOUNT = "cluster-autoscaler"
"""What the Pod Identity association of the cluster's autoscaler role names."""

# The autoscaler simulates the scheduler, so its minor version must be the cluster's, whatever the chart carries
# (https://github.com/kubernetes/autoscaler/tree/master/cluster-autoscaler#releases). Patches: what kops installs for each minor
# (kubernetes/kops, pkg/model/components/clusterautoscaler.go, 2026; of 1.31 in its pull request 17640). Only newer patches of the
# same minor may take their place, and a new version of EKS needs a row.
AUTOSCALER_IMAGES: Final[Mapping[str, str]] = {
    "1.31": "v1.31.4",
    "1.32": "v1.32.7",
    "1.33": "v1.33.5",
    "1.34": "v1.34.4",
    "1.35": "v1.35.1",
    "1.36": "v1.36.0",
}

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
    """The autoscaler's image for a Kubernetes version, by its minor version; of one that the table has not, ``.0``."""
    minor = ".".join(kubernetes_version.split(".")[:2])
    return AUTOSCALER_IMAGES.get(minor, f"v{minor}.0")
