"""GPUs: the DaemonSet that makes them schedulable runs where they are, and a profile that asks for one can be served."""

from __future__ import annotations

from typing import Any

import pytest

from hubplane.domain.cluster_spec.model import NodeGroup, Taint
from hubplane.domain.releases.gpu_plugin import gpu_plugin_manifest
from hubplane.domain.releases.profiles import GPU_RESOURCE, profile_list

MAIN = NodeGroup(name="main")
GPU = NodeGroup(
    name="gpu",
    instance_type="g5.2xlarge",
    ami_type="AL2023_x86_64_NVIDIA",
    taints=(Taint(key="lab.example.org/kept-for", value="vision", effect="NoExecute"),),
)
ARM_GPU = NodeGroup(name="arm-gpu", instance_type="g5g.xlarge", ami_type="AL2023_ARM_64_NVIDIA")


def pod_spec(*groups: NodeGroup) -> dict[str, Any]:
    manifest = gpu_plugin_manifest("lab", groups)
    assert manifest is not None
    found: dict[str, Any] = manifest["spec"]["template"]["spec"]
    return found


@pytest.mark.parametrize(
    ("groups", "on"),
    [
        pytest.param((MAIN, GPU), ["lab-gpu"], id="one"),
        pytest.param((GPU, MAIN, ARM_GPU), ["lab-gpu", "lab-arm-gpu"], id="two-architectures"),
    ],
)
def test_it_runs_on_the_nodes_of_every_group_that_a_profile_asks_a_gpu_of(groups: tuple[NodeGroup, ...], on: list[str]) -> None:
    (term,) = pod_spec(*groups)["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert term == {"matchExpressions": [{"key": "eks.amazonaws.com/nodegroup", "operator": "In", "values": on}]}
    asking = [
        profile["kubespawner_override"]["node_selector"]["eks.amazonaws.com/nodegroup"]
        for profile in profile_list("lab", groups)
        if GPU_RESOURCE in profile["kubespawner_override"].get("extra_resource_limits", {})
    ]
    assert asking == on


def test_a_cluster_without_gpus_gets_none() -> None:
    assert gpu_plugin_manifest("lab", (MAIN,)) is None


def test_no_taint_keeps_it_away() -> None:
    assert pod_spec(GPU)["tolerations"] == [{"operator": "Exists"}]


def test_its_selector_finds_its_pods() -> None:
    manifest = gpu_plugin_manifest("lab", (GPU,))
    assert manifest is not None
    assert manifest["spec"]["selector"]["matchLabels"] == manifest["spec"]["template"]["metadata"]["labels"]


def test_it_may_do_nothing_but_speak_to_the_kubelet() -> None:
    spec = pod_spec(GPU)
    (container,) = spec["containers"]
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert spec["automountServiceAccountToken"] is False
    assert [volume["hostPath"]["path"] for volume in spec["volumes"]] == [item["mountPath"] for item in container["volumeMounts"]]
