"""What can be wrong with node groups and access grants, one case per rule; ``test_typed_faults`` runs them."""

from __future__ import annotations

from typing import Any

GPU = {
    "name": "gpu",
    "instance_type": "g5.xlarge",
    "ami_type": "AL2023_x86_64_NVIDIA",
    "min_size": 0,
    "desired_size": 0,
    "max_size": 2,
}
REPEL = {"key": "nvidia.com/gpu", "effect": "NoSchedule"}
ROLE = "arn:aws:iam::553778890976:role/hub-operators"

# id, what is changed, the line's beginning, a part of its rule
NODE_CASES: list[tuple[str, dict[str, Any], str, str]] = [
    ("no groups", {"node_groups": []}, "node_groups = (a list of 0)", "must list 1 to 10 node groups"),
    ("group name", {"node_groups": [{"name": "Main"}]}, 'node_groups[0].name = "Main"', "must start with a lower-case letter"),
    ("group name twice", {"node_groups": [{}, {}]}, 'node_groups[1].name = "main"', "is the name of another group"),
    (
        "group name too long",
        {"node_groups": [{"name": "g" * 53}]},
        "node_groups[0].name",
        "may have 52 in this cluster: the EKS node group is called <cluster>-<group> and ends at 63",
    ),
    ("instance type", {"node_groups": [{"instance_type": "m5"}]}, 'node_groups[0].instance_type = "m5"', "family.size"),
    ("min below 0", {"node_groups": [{"min_size": -1}]}, "node_groups[0].min_size = -1", "from 0 to 450"),
    (
        "min above desired",
        {"node_groups": [{"min_size": 3}]},
        "node_groups[0].min_size = 3",
        "not be more than node_groups[0].desired_size",
    ),
    (
        "max equals desired",
        {"node_groups": [{"max_size": 2}]},
        "node_groups[0].max_size = 2",
        "at least one more than node_groups[0].desired_size",
    ),
    ("max 0", {"node_groups": [{"max_size": 0}]}, "node_groups[0].max_size = 0", "from 1 to 450"),
    ("volume small", {"node_groups": [{"volume_size_gib": 19}]}, "node_groups[0].volume_size_gib = 19", "from 20 to 16384"),
    ("ami id", {"node_groups": [{"ami_id": "ami-1"}]}, 'node_groups[0].ami_id = "ami-1"', "leave it out"),
    ("ami type of AL2", {"node_groups": [{"ami_type": "AL2_x86_64"}]}, "node_groups[0].ami_type", "no Amazon Linux 2 images"),
    (
        "ami type of ARM",
        {"node_groups": [{"ami_type": "AL2023_ARM_64_STANDARD"}]},
        'node_groups[0].instance_type = "m5.2xlarge"',
        "has x86 processors, on which AL2023_ARM_64_STANDARD does not run",
    ),
    (
        "ARM instance",
        {"node_groups": [{"instance_type": "m7g.large"}]},
        "node_groups[0].instance_type",
        "has ARM processors, on which",
    ),
    (
        "no node",
        {"node_groups": [{"min_size": 0, "desired_size": 0}]},
        "node_groups[0].desired_size = 0",
        "leaves no node for the hub",
    ),
    (
        "all repel",
        {"node_groups": [{"taints": [REPEL]}]},
        "node_groups[0].taints = (a list of 1)",
        "repels the hub in every node group",
    ),
    (
        "taint effect",
        {"node_groups": [{}, {**GPU, "taints": [{"key": "a", "effect": "NO_SCHEDULE"}]}]},
        "node_groups[1].taints[0].effect",
        "NoSchedule",
    ),
    (
        "taint twice",
        {"node_groups": [{}, {**GPU, "taints": [REPEL, {**REPEL, "value": "x"}]}]},
        "node_groups[1].taints[1].key",
        "same effect",
    ),
    (
        "taint key",
        {"node_groups": [{}, {**GPU, "taints": [{**REPEL, "key": "-a"}]}]},
        'node_groups[1].taints[0].key = "-a"',
        "letter or digit",
    ),
    (
        "taint value",
        {"node_groups": [{}, {**GPU, "taints": [{**REPEL, "value": "a b"}]}]},
        "node_groups[1].taints[0].value",
        "at most 63",
    ),
    (
        "label of Kubernetes",
        {"node_groups": [{"labels": {"node-role.kubernetes.io/x": "y"}}]},
        "node_groups[0].labels[",
        "would never join",
    ),
    ("label of EKS", {"node_groups": [{"labels": {"eks.amazonaws.com/x": "y"}}]}, "node_groups[0].labels[", "prefix of your own"),
    (
        "label name",
        {"node_groups": [{"labels": {"a b": "y"}}]},
        'node_groups[0].labels["a b"] = "y"',
        "must be a Kubernetes label name",
    ),
    (
        "label name long",
        {"node_groups": [{"labels": {"example.org/" + "a" * 60: "y"}}]},
        "node_groups[0].labels[",
        "63 characters in all for EKS",
    ),
    ("label value true", {"node_groups": [{"labels": {"gpu": True}}]}, "node_groups[0].labels.gpu = true", "in quotes"),
    ("label value empty", {"node_groups": [{"labels": {"gpu": ""}}]}, 'node_groups[0].labels.gpu = ""', "1 to 63"),
    (
        "access assumed",
        {"access": [{"principal_arn": "arn:aws:sts::553778890976:assumed-role/a/b", "level": "view"}]},
        "access[0].principal_arn",
        "the role itself",
    ),
    (
        "access root",
        {"access": [{"principal_arn": "arn:aws:iam::553778890976:root", "level": "view"}]},
        "access[0].principal_arn",
        "never the account's root",
    ),
    (
        "access level",
        {"access": [{"principal_arn": ROLE, "level": "owner"}]},
        'access[0].level = "owner"',
        "must be view, edit or admin",
    ),
    (
        "access twice",
        {"access": [{"principal_arn": ROLE, "level": "view"}, {"principal_arn": ROLE, "level": "admin"}]},
        f'access[1].principal_arn = "{ROLE}"',
        "EKS keeps one entry per principal",
    ),
    (
        "access without level",
        {"access": [{"principal_arn": ROLE}]},
        "access[0].level = (missing)",
        "is required; must be view, edit or admin",
    ),
]
