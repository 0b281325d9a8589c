"""A home's PersistentVolume and claim, made in this order and never changed.

``api`` is ``adapters.kubernetes.Kubernetes``, which the function makes: adapters know nothing of each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from hubplane.domain.errors import HomeTaken, NotYet
from hubplane.domain.homes.binding import (
    Bond,
    HomeBond,
    bond_of,
    other_claim,
    other_volume,
    persistent_volume,
    persistent_volume_claim,
)


class Api(Protocol):
    """What is asked of a cluster's API server."""

    def get(self, kind: str, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        """One object, None where there is none."""

    def create(self, manifest: Mapping[str, Any]) -> dict[str, Any] | None:
        """Make an object; None where one of its name is there already."""


class HomeBinding:
    """Joins volumes and claims of one cluster. Errors beside those told are ``api``'s."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def bind(self, bond: HomeBond) -> Bond:
        """Make the volume and then the claim, each only where it is not there yet, and say whether they are joined.

        Repeatable, and safe for two at once: who comes second finds the other's. Raises ``HomeTaken`` where the claim or the
        PersistentVolume of that name is another one; what is there stays as it is.
        """
        volume = self._made(persistent_volume(bond))
        _same(other_volume(volume, bond))
        claim = self._made(persistent_volume_claim(bond))
        _same(other_claim(claim, bond))
        return self.look(bond)

    def look(self, bond: HomeBond) -> Bond:
        """Whether the claim holds exactly this volume now. Reads only; raises as ``bind``, ``NotYet`` where one is missing."""
        claim = self._api.get("PersistentVolumeClaim", bond.claim_name, bond.namespace)
        volume = self._api.get("PersistentVolume", bond.persistent_volume_name)
        if claim is None or volume is None:
            raise NotYet(f"claim {bond.claim_name} or its volume {bond.persistent_volume_name} is not there: try again")
        _same((*other_claim(claim, bond), *other_volume(volume, bond)))
        return bond_of(claim, volume)

    def _made(self, manifest: Mapping[str, Any]) -> Mapping[str, Any]:
        metadata = manifest["metadata"]
        made = self._api.create(manifest)
        found = made or self._api.get(manifest["kind"], metadata["name"], metadata.get("namespace"))
        if found is None:
            raise NotYet(f"{manifest['kind']} {metadata['name']} was there and went in this moment: try again")
        return found


def _same(differences: Any) -> None:
    found = tuple(differences)
    if found:
        raise HomeTaken(f"{'; '.join(found)}. Nothing was changed: look at the claim with kubectl, then start again")
