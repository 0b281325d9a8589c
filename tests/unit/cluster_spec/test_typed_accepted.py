"""What the rules allow: they refuse nothing that AWS, Kubernetes or a registry would take."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.unit.cluster_spec.examples import accepted, broken, only_fault, typed_input

ACCEPTED = [
    ("a port in the address", {"hub.url": "https://hub.example.org:8443"}),
    ("no address", {"hub.url": None}),
    ("whole float", {"hub.node_port": 30052.0}),
    ("empty domain of registry", {"notebook_image.name": "jupyter/minimal-notebook"}),
    ("registry with port", {"notebook_image.name": "localhost:5000/lab__x/a-b.c"}),
    ("oci chart", {"hub.chart": {"source": "oci://ghcr.io/jupyterhub/chart", "version": "4.3.1"}}),
    ("development chart", {"hub.chart": {"source": "https://hub.jupyter.org/helm-chart/", "version": "4.4.0-0.dev.git.7150.h1"}}),
    ("folder chart", {"hub.chart": {"source": "/opt/charts/jupyterhub"}}),
    ("longest cluster name", {"cluster_name": "a" * 26}),
    ("long subnet ids", {"network.subnet_ids.0": "subnet-0123456789abcdef0"}),
    ("commit as tag", {"notebook_image.tag": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}),
    (
        "label of the kubelet",
        {"node_groups": [{"labels": {"node.kubernetes.io/pool": "a", "hub.jupyter.org/node-purpose": "user"}}]},
    ),
    ("role with path", {"access": [{"principal_arn": "arn:aws:iam::553778890976:role/a/b/operators", "level": "edit"}]}),
    ("tag in another script", {"tags": {"Besitzer": "Jürgen", "empty": ""}}),
    ("gov cloud", {"hub.certificate_arn": "arn:aws-us-gov:acm:us-gov-west-1:553778890976:certificate/10791780-75d2-4ef0"}),
]


@pytest.mark.parametrize("changes", [case[1] for case in ACCEPTED], ids=[case[0] for case in ACCEPTED])
def test_what_is_allowed_is_not_refused(changes: dict[str, Any]) -> None:
    accepted(broken(typed_input(), changes))


@pytest.mark.parametrize(
    "instance", ["m5.2xlarge", "u-6tb1.112xlarge", "m7i-flex.large", "c6a.metal", "m8i.metal-48xl", "g4dn.xlarge", "p5.48xlarge"]
)
def test_real_instance_types_are_accepted(instance: str) -> None:
    accepted(broken(typed_input(), {"node_groups": [{"instance_type": instance}]}))


@pytest.mark.parametrize(
    "instance", ["m7g.large", "t4g.small", "c7gn.xlarge", "im4gn.large", "is4gen.large", "x2gd.metal", "a1.large", "g5g.xlarge"]
)
def test_graviton_instances_need_an_arm_image(instance: str) -> None:
    accepted(broken(typed_input(), {"node_groups": [{"instance_type": instance, "ami_type": "AL2023_ARM_64_STANDARD"}]}))
    assert "ARM processors" in only_fault(broken(typed_input(), {"node_groups": [{"instance_type": instance}]}))


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ({"instance_type": "g5.xlarge"}, ["node_groups[0].instance_type g5.xlarge", "no driver for it"]),
        ({"ami_type": "AL2023_x86_64_NVIDIA"}, ["node_groups[0].instance_type m5.2xlarge", "has no NVIDIA GPU"]),
        ({"instance_type": "g4ad.xlarge"}, []),
        ({"instance_type": "g5.xlarge", "ami_type": "AL2023_x86_64_NVIDIA"}, []),
    ],
    ids=["driver missing", "GPU missing", "another maker's GPU", "both there"],
)
def test_a_gpu_without_driver_or_a_driver_without_gpu_is_noted(group: dict[str, Any], words: list[str]) -> None:
    notes = accepted(broken(typed_input(), {"node_groups": [group]})).notes
    assert len(notes) == bool(words)
    assert all(word in notes[0] for word in words)


def test_a_kubernetes_version_on_extended_support_is_noted_from_the_day_after_its_end() -> None:
    old = broken(typed_input(), {"kubernetes_version": "1.32"})
    assert accepted(old, today=date(2026, 3, 23)).notes == ()
    (note,) = accepted(old, today=date(2026, 3, 24)).notes
    assert "2027-03-23" in note
    assert accepted(old).notes == ()


def test_a_kubernetes_version_that_eks_ended_is_refused_with_those_it_offers() -> None:
    old = broken(typed_input(), {"kubernetes_version": "1.32"})
    accepted(old, today=date(2027, 3, 23))
    line = only_fault(old, today=date(2027, 3, 24))
    assert line.startswith('kubernetes_version = "1.32": is no longer offered by EKS since 2027-03-23: choose 1.33, 1.34')
