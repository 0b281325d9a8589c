"""Volumes that a cluster mounts and that do not say that they are its: nobody would prove them, and no sweep would list them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hubplane.domain.errors import HomeNotProved

__all__ = ["refuse_strangers"]


def refuse_strangers(mounted: Mapping[str, str], standing: Collection[str], cluster_name: str) -> None:
    """Raises ``HomeNotProved`` where a persistent volume stands for a volume without the cluster's tags.

    ``mounted``: volume ids, and the persistent volumes that stand for them. ``standing``: those of them that are in EC2 and carry
    no tag of the cluster; what EC2 does not have any more is no home.
    """
    strangers = [f"{key} (persistent volume {name})" for key, name in sorted(mounted.items()) if key in standing]
    if strangers:
        tag = f"Key=kubernetes.io/cluster/{cluster_name},Value=owned"
        raise HomeNotProved(
            f"the cluster mounts {', '.join(strangers)}, without its tags, so nothing proves what is on it and no listing would "
            f"have it: look whose it is; then `aws ec2 create-tags --resources <volume> --tags {tag}`, and start it again"
        )
