"""Values of the cluster-autoscaler chart."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from hubplane.domain.cluster_spec.eks_versions import EKS_VERSIONS
from hubplane.domain.releases.autoscaler_values import AUTOSCALER_IMAGES, autoscaler_image_tag, render_autoscaler_values
from hubplane.domain.releases.charts import Chart
from tests.unit.releases.example import CHARTS, example_spec, real_helm

CHART = Chart("cluster-autoscaler", "https://kubernetes.github.io/autoscaler", "9.59.1")


def test_it_looks_after_this_cluster_in_this_region_as_the_service_account_of_its_role() -> None:
    values = render_autoscaler_values(example_spec(), "eu-west-1", chart=CHART)
    assert values["autoDiscovery"] == {"clusterName": "opensarlab"}
    assert values["awsRegion"] == "eu-west-1"
    assert values["rbac"]["serviceAccount"] == {"create": True, "name": "cluster-autoscaler"}
    assert values["deployment"]["annotations"] == {"hubplane/chart": "https://kubernetes.github.io/autoscaler@9.59.1"}
    assert not [key for key in values if key.startswith(("awsAccess", "awsSecret"))]


@pytest.mark.parametrize(
    ("kubernetes", "image"),
    [("1.35", "v1.35.1"), ("1.33", "v1.33.5"), ("1.34.2", "v1.34.4"), ("1.99", "v1.99.0")],
    ids=["1.35", "1.33", "with-patch", "unknown"],
)
def test_the_image_is_of_the_clusters_minor_version(kubernetes: str, image: str) -> None:
    assert autoscaler_image_tag(kubernetes) == image


def test_each_version_that_eks_offers_has_an_autoscaler_of_its_minor() -> None:
    assert set(AUTOSCALER_IMAGES) == set(EKS_VERSIONS)
    assert all(re.fullmatch(rf"v{re.escape(minor)}\.\d+", image) for minor, image in AUTOSCALER_IMAGES.items())


def test_the_rendered_deployment_runs_with_these_flags() -> None:
    values = render_autoscaler_values(example_spec(), "us-east-1", chart=CHART)
    done = subprocess.run(
        [real_helm(), "template", "autoscaler", str(CHARTS / "cluster-autoscaler"), "-n", "autoscaler", "--values", "-"],
        input=json.dumps(values),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for line in (
        "--node-group-auto-discovery=asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/opensarlab",
        "--expander=least-waste",
        "--skip-nodes-with-system-pods=false",
        "serviceAccountName: cluster-autoscaler",
        'image: "registry.k8s.io/autoscaling/cluster-autoscaler:v1.35.1"',
    ):
        assert line in done.stdout
