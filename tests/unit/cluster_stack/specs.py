"""Specifications that the tests of the cluster's stack share."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from hubplane.domain.cluster_spec.model import ClusterSpec, NodeGroup, Taint, spec_from_json
from hubplane.domain.cluster_stack.template import StackFacts

ROOT = Path(__file__).parents[3]
BASE: dict[str, Any] = yaml.safe_load((ROOT / "functions/plan_stack_change/cluster.yaml").read_text("utf-8"))
HUB_FUNCTIONS = (
    "arn:aws:lambda:us-east-1:123456789012:function:hubplane-EnsureHomeFunction-1A2B",
    "arn:aws:lambda:us-east-1:123456789012:function:hubplane-RecordServerStopFunction-3C4D",
)
FACTS = StackFacts("10.100.0.0/16", HUB_FUNCTIONS)

# The 2019 cluster, as events/plan_stack_change.json has it.
SPEC_2019: ClusterSpec = spec_from_json(json.loads((ROOT / "events/plan_stack_change.json").read_text("utf-8"))["spec"])

GPU = NodeGroup(
    name="gpu-large",
    instance_type="g5.2xlarge",
    min_size=0,
    desired_size=0,
    max_size=4,
    volume_size_gib=200,
    ami_type="AL2023_x86_64_NVIDIA",
    labels={"hub.jupyter.org/node-purpose": "user", "profile": "gpu"},
    taints=(Taint("nvidia.com/gpu", "NoSchedule", "present"), Taint("spot", "PreferNoSchedule")),
)

TWO_GROUPS = replace(SPEC_2019, node_groups=(*SPEC_2019.node_groups, GPU))
OWN_AMI = replace(
    SPEC_2019,
    node_groups=(replace(SPEC_2019.node_groups[0], ami_id="ami-0abcdef1234567890"), replace(GPU, ami_id="ami-0123456789abcdef0")),
)
NO_HUB_URL = replace(SPEC_2019, hub=replace(SPEC_2019.hub, url=None))

SPECS = {"2019": SPEC_2019, "two node groups, one with GPUs": TWO_GROUPS, "own AMI": OWN_AMI, "no hub URL": NO_HUB_URL}


def with_group(spec: ClusterSpec, **changes: Any) -> ClusterSpec:
    """The specification with its first node group changed."""
    return replace(spec, node_groups=(replace(spec.node_groups[0], **changes), *spec.node_groups[1:]))
