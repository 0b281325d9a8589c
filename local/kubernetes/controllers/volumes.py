"""The persistent volume controller: binding, protection, reclaiming, as recorded from a real one."""

from __future__ import annotations

import copy
from collections.abc import Callable

from local.kubernetes.api.resources import BY_NAME
from local.kubernetes.api.writer import Writer
from local.kubernetes.controllers.events import Recorder
from local.kubernetes.controllers.scheduler import SELECTED_NODE, claim_names
from local.kubernetes.objects.quantities import amount
from local.kubernetes.store import Change, Object

CLAIMS, VOLUMES, CLASSES = (
    BY_NAME[name] for name in ("persistentvolumeclaims", "persistentvolumes", "storageclasses.storage.k8s.io")
)
BIND_COMPLETED, BOUND_BY_CONTROLLER = "pv.kubernetes.io/bind-completed", "pv.kubernetes.io/bound-by-controller"
PROVISIONED_BY, PROVISIONER = "pv.kubernetes.io/provisioned-by", "volume.kubernetes.io/storage-provisioner"
DRIVER = "ebs.csi.aws.com"
_CLAIM_PROTECTION, _VOLUME_PROTECTION = "kubernetes.io/pvc-protection", "kubernetes.io/pv-protection"
_COMPONENT = "persistentvolume-controller"


class Volumes:
    """The persistent volume controller of one cluster. Volumes of the EBS driver are reclaimed by ``csi.EbsDriver``."""

    ticks = False

    def __init__(self, writer: Writer, recorder: Recorder) -> None:
        self.writer, self.store, self.recorder = writer, writer.store, recorder

    def wants(self, change: Change) -> bool:
        return change.resource in (CLAIMS, VOLUMES, CLASSES) or change.resource.qualified == "pods"

    def run(self) -> None:
        for volume in self.store.list(VOLUMES):
            self._settle(volume)
        for claim in self.store.list(CLAIMS):
            if claim["metadata"].get("deletionTimestamp"):
                self._unprotect_claim(claim)
            elif claim["status"].get("phase") == "Pending":
                self._seek(claim)
            elif claim["status"].get("phase") == "Bound" and self._volume(claim) is None:
                self._lose(claim)
        for volume in self.store.list(VOLUMES):
            if volume["metadata"].get("deletionTimestamp") and volume["status"].get("phase") != "Bound":
                self._release_finalizer(VOLUMES, volume, _VOLUME_PROTECTION)

    def _settle(self, volume: Object) -> None:
        """Set the phase of a volume from its claimRef and the claim behind it."""
        phase, reference = volume["status"].get("phase"), volume["spec"].get("claimRef") or {}
        if not reference.get("uid"):
            if phase not in ("Available", "Bound") and not volume["metadata"].get("deletionTimestamp"):
                self._phase(volume, "Released" if phase == "Released" and reference else "Available")
            return
        claim = self.store.get(CLAIMS, reference.get("namespace", ""), reference.get("name", ""))
        if claim is not None and claim["metadata"]["uid"] == reference["uid"]:
            return
        if phase in ("Bound", "Pending", "Available"):
            self._phase(volume, "Released")
            volume = self._fresh(volume)
        if volume["status"].get("phase") == "Released" and volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete":
            self._reclaim(volume)

    def _reclaim(self, volume: Object) -> None:
        annotations = volume["metadata"].get("annotations") or {}
        if annotations.get(PROVISIONED_BY):
            return  # The driver's job
        name = volume["metadata"]["name"]
        message = f'Error getting deleter volume plugin for volume "{name}": no deletable volume plugin matched'
        self.writer.set_status(VOLUMES, volume, {"phase": "Failed", "message": message})
        self.recorder.note(self._fresh(volume), _COMPONENT, "VolumeFailedDelete", message, warning=True)

    def _seek(self, claim: Object) -> None:
        """Find a volume for a claim that has none."""
        wanted = claim["spec"].get("volumeName")
        if wanted:
            volume = self.store.get(VOLUMES, "", wanted)
            if volume is None:
                return
            if not _is_for(volume, claim, unclaimed=True):
                message = f'volume "{wanted}" already bound to a different claim.'
                self.recorder.note(claim, _COMPONENT, "FailedBinding", message, warning=True)
            elif _suits(volume, claim):
                self._bind(claim, volume)
            return
        reserved = [volume for volume in self.store.list(VOLUMES) if _is_for(volume, claim, unclaimed=False)]
        for volume in reserved:
            if _suits(volume, claim):
                self._bind(claim, volume)
            return
        self._by_class(claim)

    def _by_class(self, claim: Object) -> None:
        name = claim["spec"].get("storageClassName") or ""
        storage_class = self.store.get(CLASSES, "", name)
        waits = (storage_class or {}).get("volumeBindingMode") == "WaitForFirstConsumer"
        selected = (claim["metadata"].get("annotations") or {}).get(SELECTED_NODE)
        if waits and not selected:
            message = "waiting for first consumer to be created before binding"
            self.recorder.note(claim, _COMPONENT, "WaitForFirstConsumer", message)
            return
        free = [
            volume
            for volume in self.store.list(VOLUMES)
            if volume["status"].get("phase") == "Available" and not volume["spec"].get("claimRef") and _suits(volume, claim)
        ]
        if free:
            self._bind(claim, min(free, key=lambda volume: amount(volume["spec"]["capacity"]["storage"])))
        elif storage_class is None:
            if name:
                message = f'storageclass.storage.k8s.io "{name}" not found'
                self.recorder.note(claim, _COMPONENT, "ProvisioningFailed", message, warning=True)
            else:
                message = "no persistent volumes available for this claim and no storage class is set"
                self.recorder.note(claim, _COMPONENT, "FailedBinding", message)
        else:
            self._ask_provisioner(claim, storage_class["provisioner"])

    def _ask_provisioner(self, claim: Object, provisioner: str) -> None:
        def asked(found: Object) -> None:
            annotations = found["metadata"].setdefault("annotations", {})
            annotations["volume.beta.kubernetes.io/storage-provisioner"] = provisioner
            annotations[PROVISIONER] = provisioner

        self.writer.edit(CLAIMS, claim, asked)
        message = (
            f'waiting for a volume to be created, either by external provisioner "{provisioner}" or manually created by system '
            "administrator"
        )
        self.recorder.note(claim, _COMPONENT, "ExternalProvisioning", message)

    def _bind(self, claim: Object, volume: Object) -> None:
        by_controller = not claim["spec"].get("volumeName")
        metadata = claim["metadata"]

        def reserve(found: Object) -> None:
            if not found["spec"].get("claimRef"):
                found["metadata"].setdefault("annotations", {})[BOUND_BY_CONTROLLER] = "yes"
            found["spec"]["claimRef"] = {
                "kind": "PersistentVolumeClaim",
                "apiVersion": "v1",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
            }
            found["status"] = {"phase": "Bound"}

        def take(found: Object) -> None:
            annotations = found["metadata"].setdefault("annotations", {})
            annotations[BIND_COMPLETED] = "yes"
            if by_controller:
                annotations[BOUND_BY_CONTROLLER] = "yes"
            found["spec"]["volumeName"] = volume["metadata"]["name"]
            found["status"] = {
                **found["status"],
                "phase": "Bound",
                "accessModes": list(volume["spec"]["accessModes"]),
                "capacity": copy.deepcopy(volume["spec"]["capacity"]),
            }

        self.writer.edit(VOLUMES, volume, reserve)
        self.writer.edit(CLAIMS, claim, take)

    def _lose(self, claim: Object) -> None:
        self.writer.set_status(CLAIMS, claim, {"phase": "Lost"})
        message = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
        self.recorder.note(claim, _COMPONENT, "ClaimLost", message, warning=True)

    def _unprotect_claim(self, claim: Object) -> None:
        namespace, name = claim["metadata"]["namespace"], claim["metadata"]["name"]
        users = (pod for pod in self.store.named("pods", namespace) if pod["spec"].get("nodeName") and name in claim_names(pod))
        if next(users, None) is None:
            self._release_finalizer(CLAIMS, claim, _CLAIM_PROTECTION)

    def _release_finalizer(self, resource: object, found: Object, finalizer: str) -> None:
        def released(one: Object) -> None:
            kept = [name for name in one["metadata"].get("finalizers", ()) if name != finalizer]
            if kept:
                one["metadata"]["finalizers"] = kept
            else:
                one["metadata"].pop("finalizers", None)

        change: Callable[[Object], None] = released
        self.writer.edit(resource, found, change)  # type: ignore[arg-type]

    def _volume(self, claim: Object) -> Object | None:
        return self.store.get(VOLUMES, "", claim["spec"].get("volumeName") or "")

    def _phase(self, volume: Object, phase: str) -> None:
        self.writer.set_status(VOLUMES, self._fresh(volume), {"phase": phase})

    def _fresh(self, volume: Object) -> Object:
        return self.store.get(VOLUMES, "", volume["metadata"]["name"]) or volume


def _is_for(volume: Object, claim: Object, *, unclaimed: bool) -> bool:
    """Whether a volume is reserved for this claim; ``unclaimed`` says what counts when it is reserved for nobody."""
    reference = volume["spec"].get("claimRef")
    if not reference:
        return unclaimed
    same = (reference.get("namespace"), reference.get("name")) == (claim["metadata"]["namespace"], claim["metadata"]["name"])
    return same and reference.get("uid") in (None, "", claim["metadata"]["uid"])


def _suits(volume: Object, claim: Object) -> bool:
    spec = volume["spec"]
    return (
        not volume["metadata"].get("deletionTimestamp")
        and amount(spec["capacity"]["storage"]) >= amount(claim["spec"]["resources"]["requests"]["storage"])
        and (spec.get("storageClassName") or "") == (claim["spec"].get("storageClassName") or "")
        and set(claim["spec"]["accessModes"]) <= set(spec["accessModes"])
        and spec.get("volumeMode") == claim["spec"].get("volumeMode")
    )
