"""Machine images: the Kubernetes version they were made for, and where EKS names the one it recommends."""

from __future__ import annotations

import pytest

from hubplane.domain.account_check.entrance import covers
from hubplane.domain.account_check.facts import Ami
from hubplane.domain.account_check.nodes import ami_kubernetes_version, recommended_ami_parameter


@pytest.mark.parametrize(
    ("name", "description", "tags", "version"),
    [
        pytest.param("amazon-eks-node-al2023-x86_64-standard-1.35-v20260601", "", {}, "1.35", id="al2023"),
        pytest.param("amazon-eks-node-1.13-v20190614", "", {}, "1.13", id="al2"),
        pytest.param("amazon-eks-gpu-node-1.29-v20240514", "", {}, "1.29", id="al2-gpu"),
        pytest.param("bottlerocket-aws-k8s-1.34-nvidia-x86_64-v1.50.0-abc", "", {}, "1.34", id="bottlerocket"),
        pytest.param("ubuntu-eks/k8s_1.33/images/hvm-ssd/ubuntu-jammy", "", {}, "1.33", id="ubuntu"),
        pytest.param(
            "golden", "EKS-optimized Kubernetes node based on AL2023, (k8s: 1.32.3, containerd: 1.7)", {}, "1.32", id="text"
        ),
        pytest.param("golden", "", {"kubernetes": "1.29.0/2024-01-04/bin/linux/x86_64"}, "1.29", id="tag-of-the-build"),
        pytest.param("amazon-eks-node-1.13-v20190614", "", {"kubernetes": "1.35"}, "1.35", id="the-tag-speaks-first"),
        pytest.param("golden-1.35", "", {"kubernetes": "yes"}, None, id="unknown"),
    ],
)
def test_the_version_is_read_where_builders_write_it(
    name: str, description: str, tags: dict[str, str], version: str | None
) -> None:
    assert ami_kubernetes_version(Ami("ami-1", name, description, "available", "x86_64", tags)) == version


@pytest.mark.parametrize(
    ("ami_type", "path"),
    [
        ("AL2023_x86_64_STANDARD", "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/standard/recommended/image_id"),
        ("AL2023_ARM_64_STANDARD", "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/arm64/standard/recommended/image_id"),
        ("AL2023_x86_64_NVIDIA", "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/nvidia/recommended/image_id"),
        ("AL2_x86_64_GPU", "/aws/service/eks/optimized-ami/1.35/amazon-linux-2-gpu/recommended/image_id"),
        ("BOTTLEROCKET_x86_64", "/aws/service/bottlerocket/aws-k8s-1.35/x86_64/latest/image_id"),
        ("BOTTLEROCKET_ARM_64_NVIDIA_FIPS", "/aws/service/bottlerocket/aws-k8s-1.35-nvidia-fips/arm64/latest/image_id"),
        ("CUSTOM", None),
        ("WINDOWS_CORE_2022_x86_64", None),
    ],
)
def test_the_recommended_image_is_looked_up_by_ami_type(ami_type: str, path: str | None) -> None:
    assert recommended_ami_parameter("1.35", ami_type) == path


@pytest.mark.parametrize(
    ("name", "host", "is_covered"),
    [
        pytest.param("hub.example.org", "hub.example.org", True, id="same"),
        pytest.param("HUB.example.org", "hub.Example.ORG.", True, id="case-and-final-dot"),
        pytest.param("*.example.org", "hub.example.org", True, id="wildcard"),
        pytest.param("*.example.org", "example.org", False, id="wildcard-is-not-the-parent"),
        pytest.param("*.example.org", "a.hub.example.org", False, id="wildcard-is-one-label"),
        pytest.param("*.example.org", ".example.org", False, id="wildcard-is-not-empty"),
        pytest.param("example.org", "hub.example.org", False, id="parent-covers-no-child"),
        pytest.param("*.org", "hub.example.org", False, id="wildcard-of-another-level"),
        pytest.param("example.org", "notexample.org", False, id="not-a-suffix-match"),
    ],
)
def test_a_wildcard_stands_for_one_label(name: str, host: str, is_covered: bool) -> None:
    assert covers(name, host) is is_covered
