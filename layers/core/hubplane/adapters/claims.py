"""The claims of a cluster's homes, and their delete.

``api`` is ``adapters.kubernetes.Kubernetes``, which the function makes: adapters know nothing of each other. A claim is in use
while any pod names it, a waiting or terminating one too: Kubernetes would only mark the claim, and take it when the pod is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from hubplane.domain.errors import NotYet
from hubplane.domain.homes.facts import SeenClaim
from hubplane.domain.homes.switching import SeenVolumeObject
from hubplane.domain.storage.actions import ClaimReference
from hubplane.domain.storage.ports import ClaimNow, Refusal, Refused
from hubplane.domain.storage.records import Claim

NAMESPACE = "jupyter"
CSI_DRIVER = "ebs.csi.aws.com"
RETAIN = "Retain"

Manifest = Mapping[str, Any]


class Api(Protocol):
    """What is asked of a cluster's API server."""

    def get(self, kind: str, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        """One object, None where there is none."""

    def list(self, kind: str, namespace: str | None = None) -> Iterator[dict[str, Any]]:
        """All objects of a kind."""

    def apply(self, manifest: Mapping[str, Any]) -> Any:
        """Make the object have these fields."""

    def delete_exactly(self, kind: str, name: str, namespace: str | None, uid: str, version: str) -> bool | None:
        """Delete one object if it still is this one: True done, False not there, None another one or another version."""


class Claims:
    """The port ``domain.storage.ports.Claims`` of one cluster. Errors are those of ``api``."""

    def __init__(self, api: Api, namespace: str = NAMESPACE) -> None:
        self._api = api
        self._namespace = namespace

    def read_claims(self) -> tuple[tuple[Claim, ...], frozenset[str]]:
        """All claims of the namespace, and the volume ids of all PersistentVolumes of the cluster. Reads only, in pages."""
        volume_of = {item["metadata"]["name"]: volume_id_of(item) for item in self._api.list("PersistentVolume")}
        used = claims_in_use(self._api.list("Pod", self._namespace))
        claims = tuple(
            _claim(item, volume_of.get(item["spec"].get("volumeName", "")), item["metadata"]["name"] in used)
            for item in self._api.list("PersistentVolumeClaim", self._namespace)
        )
        return claims, frozenset(volume_id for volume_id in volume_of.values() if volume_id is not None)

    def read_claim(self, namespace: str, name: str) -> ClaimNow | None:
        """The claim now; its pods are asked for last, so that what is said of them is the newest."""
        claim = self._api.get("PersistentVolumeClaim", name, namespace)
        if claim is None:
            return None
        bound_to = claim["spec"].get("volumeName")
        volume = self._api.get("PersistentVolume", bound_to) if bound_to else None
        in_use = name in claims_in_use(self._api.list("Pod", namespace))
        metadata = claim["metadata"]
        return ClaimNow(
            claim=_claim(claim, volume_id_of(volume) if volume else None, in_use),
            version=metadata["resourceVersion"],
            ending="deletionTimestamp" in metadata,
        )

    def see(self, name: str) -> SeenClaim | None:
        """A home's claim and its volume, without the pods; None where there is no such claim. Reads only."""
        claim = self._api.get("PersistentVolumeClaim", name, self._namespace)
        if claim is None:
            return None
        bound_to = claim["spec"].get("volumeName") or None
        volume = self._api.get("PersistentVolume", bound_to) if bound_to else None
        volume_id = volume_id_of(volume) if volume else None
        phase = (claim.get("status") or {}).get("phase") or "Pending"
        return SeenClaim(name, bound_to, volume_id, "deletionTimestamp" in claim["metadata"], phase)

    def objects_of(self, volume_id: str) -> tuple[SeenVolumeObject, ...]:
        """Every PersistentVolume of the cluster that stands for this EBS volume. Reads only, in pages."""
        return tuple(
            self._object(item, volume_id) for item in self._api.list("PersistentVolume") if volume_id_of(item) == volume_id
        )

    def retain(self, name: str) -> None:
        """Tell a PersistentVolume to leave its EBS volume alone when its claim goes. Repeatable; one that is gone stays gone."""
        if self._api.get("PersistentVolume", name) is None:
            return
        policy = {"persistentVolumeReclaimPolicy": RETAIN}
        self._api.apply({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": policy})

    def forget(self, name: str) -> bool:
        """Remove a PersistentVolume that retains its EBS volume, exactly as it was just read; False where it is another by now.

        Never one that would take the volume with it. Repeatable.
        """
        found = self._api.get("PersistentVolume", name)
        if found is None:
            return True
        if found["spec"].get("persistentVolumeReclaimPolicy") != RETAIN:
            return False
        metadata = found["metadata"]
        gone = self._api.delete_exactly("PersistentVolume", name, None, metadata["uid"], metadata["resourceVersion"])
        return gone is not None

    def _object(self, item: Manifest, volume_id: str) -> SeenVolumeObject:
        """Held by whoever its reference names, where that claim exists and is the one that is meant."""
        spec = item["spec"]
        reference = spec.get("claimRef") or {}
        claim = None
        if reference.get("uid"):
            claim = self._api.get("PersistentVolumeClaim", reference["name"], reference["namespace"])
        held = claim is not None and claim["metadata"]["uid"] == reference["uid"]
        retains = spec.get("persistentVolumeReclaimPolicy") == RETAIN
        return SeenVolumeObject(item["metadata"]["name"], volume_id, retains, reference["name"] if held else None)

    def delete_claim(self, claim: ClaimReference, version: str) -> None:
        """Delete the claim for good; its reclaim policy takes the volume with it. Raises ``Refused`` with GONE, CHANGED or
        LOST (the API server did not answer)."""
        try:
            deleted = self._api.delete_exactly("PersistentVolumeClaim", claim.name, claim.namespace, claim.uid, version)
        except NotYet as error:
            raise Refused(Refusal.LOST, str(error)) from error
        if deleted is None:
            raise Refused(Refusal.CHANGED, f"claim {claim.name} was changed or made anew in this moment")
        if not deleted:
            raise Refused(Refusal.GONE, f"claim {claim.name} is gone")


def volume_id_of(volume: Manifest) -> str | None:
    """The EBS volume of a PersistentVolume, of the CSI driver or of the in-tree plugin before it; None for another storage."""
    spec = volume["spec"]
    csi = spec.get("csi") or {}
    if csi.get("driver") == CSI_DRIVER:
        return str(csi["volumeHandle"])
    in_tree = spec.get("awsElasticBlockStore")
    # The old plugin also wrote aws://us-east-1d/vol-0123.
    return str(in_tree["volumeID"]).rpartition("/")[2] if in_tree else None


def claims_in_use(pods: Iterable[Manifest]) -> frozenset[str]:
    """The names of the claims that pods of one namespace use."""
    return frozenset(
        volume["persistentVolumeClaim"]["claimName"]
        for pod in pods
        for volume in pod["spec"].get("volumes") or ()
        if volume.get("persistentVolumeClaim")
    )


def _claim(item: Manifest, volume_id: str | None, in_use: bool) -> Claim:
    metadata = item["metadata"]
    return Claim(metadata["namespace"], metadata["name"], metadata["uid"], volume_id, in_use)
