"""What a person gives ``delete_cluster``; every fault at once, each with field, value and rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from hubplane.domain.errors import DeletionInputInvalid
from hubplane.domain.machine_inputs import is_cluster_name, shown, strange_fields

__all__ = ["Deletion", "Homes", "read_deletion"]

MODES: Final = ("plan", "enforce")
FIELDS: Final = ("cluster_name", "confirm", "homes", "mode")


class Homes(StrEnum):
    """What becomes of people's homes; under each of them every volume is proved to lie in a completed snapshot first.

    ``KEEP_SNAPSHOTS``: volumes go, every snapshot stays. ``KEEP_VOLUMES``: both stay. ``DELETE_AFTER_PROOF``: volumes go, and of
    the snapshots those that a later one holds all of; a last copy never (docs/decisions/0060-how-a-cluster-ends.md).
    """

    KEEP_SNAPSHOTS = "keep-snapshots"
    KEEP_VOLUMES = "keep-volumes"
    DELETE_AFTER_PROOF = "delete-after-proof"


@dataclass(frozen=True, slots=True)
class Deletion:
    """Which cluster, what becomes of the homes, and whether it is done (``enforce``) or only told (``plan``)."""

    cluster_name: str
    homes: Homes = Homes.KEEP_SNAPSHOTS
    mode: str = "plan"


def read_deletion(document: Any) -> Deletion:
    """The input of ``delete_cluster``. Raises ``DeletionInputInvalid`` with every fault, one a line."""
    faults = list(_faults(document))
    if faults:
        raise DeletionInputInvalid("\n".join([f"the input has {len(faults)} fault{'s' * (len(faults) != 1)}:", *faults]))
    homes = Homes(document.get("homes", Homes.KEEP_SNAPSHOTS))
    return Deletion(document["cluster_name"], homes, document.get("mode", "plan"))


def _faults(document: Any) -> Iterator[str]:
    if not isinstance(document, Mapping):
        yield 'input: must be an object such as {"cluster_name": "opensarlab", "confirm": "opensarlab"}'
        return
    name = document.get("cluster_name")
    if not is_cluster_name(name):
        yield f"cluster_name = {shown(name)}: must be the name of a cluster that was built here, such as opensarlab"
    confirm = document.get("confirm")
    if not isinstance(confirm, str) or confirm != name:
        yield f"confirm = {shown(confirm)}: must be the cluster's name, typed once more"
    homes = document.get("homes", "keep-snapshots")
    if not isinstance(homes, str) or homes not in list(Homes):
        yield f"homes = {shown(homes)}: must be one of {', '.join(Homes)}; leave it out for keep-snapshots"
    mode = document.get("mode", "plan")
    if mode not in MODES:
        yield f"mode = {shown(mode)}: must be plan (say what would be done) or enforce (do it); leave it out for plan"
    yield from strange_fields(document, FIELDS)
