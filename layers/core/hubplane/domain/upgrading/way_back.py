"""The way back from an upgrade that stopped: what was changed, what can be taken back and how, and what cannot.

Of the control plane EKS takes back the last minor version for 7 days after an upgrade in place; node groups and add-ons stay as
they are and have to go back first (https://docs.aws.amazon.com/eks/latest/userguide/rollback-cluster.html). Going on is nearly
always shorter: kubelets may be three minor versions older than the control plane
(https://kubernetes.io/releases/version-skew-policy/#kubelet), so servers run on meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubplane.domain.upgrading.present import Present, minor

__all__ = ["way_back"]

ROLLBACK_DAYS = 7


def way_back(
    cluster_name: str,
    before: Mapping[str, str],
    now: Present | None,
    release: Mapping[str, Any],
    *,
    build_began: bool,
    stack_status: str | None = None,
) -> tuple[str, ...]:
    """Sentences in the order in which a person follows them.

    ``before``: ``versions_in_words`` from the beginning. ``now``: None where EKS could not be asked. ``release``: the record of
    the last release that was whole. ``build_began``: the step that failed had got through its gate. ``stack_status``: of the
    cluster's stack, None where nobody could say.
    """
    if now is None:
        return (
            f"EKS could not be asked what the cluster runs: `aws eks describe-cluster --name {cluster_name}`, then start again",
        )
    former = before.get("control plane", now.control_plane)
    moved = [group for group in now.groups if group.version and group.version != before.get(f"node group {group.name}")]
    addons = [name for name, version in now.addons.items() if before.get(f"add-on {name}") not in (None, version)]
    homes = "homes are EBS volumes of their own and are not touched by any of this"
    if now.control_plane == former and not moved and not addons:
        return (_as_before(now), *_stack(cluster_name, stack_status), *(_release(release) if build_began else ()), homes)
    said = [
        "onward is the shortest way: mend the cause and start upgrade_cluster again with the same input; it first finishes what "
        "is half done",
        *_stack(cluster_name, stack_status),
    ]
    said += [
        f"node group {group.name} back to {before[f'node group {group.name}']}: `aws eks update-nodegroup-version --cluster-name "
        f"{cluster_name} --nodegroup-name {group.name} --kubernetes-version {before[f'node group {group.name}']}`"
        for group in moved
        if f"node group {group.name}" in before
    ]
    said += [
        f"add-on {name} back to {before[f'add-on {name}']}: `aws eks update-addon --cluster-name {cluster_name} --addon-name "
        f"{name} --addon-version {before[f'add-on {name}']}`"
        for name in addons
    ]
    if now.control_plane != former:
        said += _control_plane(cluster_name, former, now.control_plane)
    return (*said, *_release(release), homes)


def _as_before(now: Present) -> str:
    runs = f"Kubernetes {now.control_plane}"
    behind = [
        f"node group {group.name} {group.version}" for group in now.groups if group.version not in (None, now.control_plane)
    ]
    if not behind:
        return f"the cluster runs {runs} as before: nothing has to be taken back; mend the cause and start again"
    return (
        f"the control plane runs {runs}, and {', '.join(behind)}, as before; nodes may be three minor versions older, so "
        "servers run on: mend the cause and start again with the same input, which finishes what is half done"
    )


def _stack(cluster_name: str, status: str | None) -> list[str]:
    if status != "UPDATE_ROLLBACK_FAILED":
        return []
    return [
        f"stack hubplane-cluster-{cluster_name} is in UPDATE_ROLLBACK_FAILED: the next build goes on with its roll-back by "
        "itself, and leaves a control plane as it is that EKS does not take back"
    ]


def _control_plane(cluster_name: str, former: str, present: str) -> list[str]:
    if minor(present) - minor(former) == 1:
        return [
            f"the control plane goes back only within {ROLLBACK_DAYS} days of its upgrade, after node groups and add-ons: "
            f"`aws eks update-cluster-version --name {cluster_name} --kubernetes-version {former}`; EKS looks first whether "
            "that is safe. Then build with the former specification. Later there is no way back: go on, or build a new "
            "cluster and restore the homes there",
        ]
    return [
        f"the control plane went from {former} to {present}; EKS takes back only the last minor version, and for "
        f"{ROLLBACK_DAYS} days: there is no way back to {former}; go on, or build a new cluster and restore the homes there",
    ]


def _release(release: Mapping[str, Any]) -> list[str]:
    revision = release.get("jupyterhub_revision")
    if revision is None:
        return []
    return [
        "the build takes a chart back by itself when it cannot become ready; by hand: `helm -n jupyter history jupyterhub`, then "
        f"`helm -n jupyter rollback jupyterhub {revision}`, the last revision that was recorded as whole"
    ]
