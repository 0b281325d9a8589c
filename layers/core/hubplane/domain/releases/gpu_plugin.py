"""The DaemonSet that tells Kubernetes of the GPUs on a node.

Amazon Linux 2023 images for NVIDIA bring driver and container toolkit, but not this: without it no node ever has
``nvidia.com/gpu``, and a server of a GPU profile waits for one until it gives up
(https://docs.aws.amazon.com/eks/latest/userguide/ml-eks-k8s-device-plugin.html). EKS has no add-on for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hubplane.domain.cluster_spec.model import NodeGroup
from hubplane.domain.releases.profiles import NODE_GROUP_LABEL, has_nvidia_gpu

NAME = "nvidia-device-plugin"
NAMESPACE = "kube-system"
# The version of AWS's page above. Fields as in NVIDIA/k8s-device-plugin, deployments/static/nvidia-device-plugin.yml.
IMAGE = "nvcr.io/nvidia/k8s-device-plugin:v0.17.4"
PLUGIN_SOCKETS = "/var/lib/kubelet/device-plugins"


def gpu_plugin_manifest(cluster_name: str, node_groups: Sequence[NodeGroup]) -> dict[str, Any] | None:
    """The DaemonSet for the nodes of the groups with an NVIDIA image; None where there is no such group.

    It names the groups rather than a label that EKS might not set, and tolerates every taint: a node is kept for GPU work by
    a taint of the operator's choice.
    """
    groups = [f"{cluster_name}-{group.name}" for group in node_groups if has_nvidia_gpu(group.ami_type)]
    if not groups:
        return None
    labels = {"app.kubernetes.io/name": NAME}
    on_gpu_nodes = {"matchExpressions": [{"key": NODE_GROUP_LABEL, "operator": "In", "values": groups}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "affinity": {
                        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [on_gpu_nodes]}}
                    },
                    "tolerations": [{"operator": "Exists"}],
                    "priorityClassName": "system-node-critical",
                    "automountServiceAccountToken": False,
                    "containers": [
                        {
                            "name": NAME,
                            "image": IMAGE,
                            # A node whose GPU fails says so in the pod's log and stays usable for the rest.
                            "env": [{"name": "FAIL_ON_INIT_ERROR", "value": "false"}],
                            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                            "volumeMounts": [{"name": "sockets", "mountPath": PLUGIN_SOCKETS}],
                        }
                    ],
                    "volumes": [{"name": "sockets", "hostPath": {"path": PLUGIN_SOCKETS, "type": "Directory"}}],
                },
            },
        },
    }
