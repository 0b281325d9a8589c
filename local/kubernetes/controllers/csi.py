"""The EBS CSI driver: makes, grows and removes the emulator's volumes for claims and volumes of the cluster.

Tags are those of the driver with ``--k8s-tag-cluster-id`` and of the csi-provisioner with ``--extra-create-metadata``
(kubernetes-sigs/aws-ebs-csi-driver, docs/tagging.md).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.kubernetes.api.resources import BY_NAME
from local.kubernetes.api.writer import WriteOptions, Writer
from local.kubernetes.controllers.events import Recorder
from local.kubernetes.controllers.scheduler import SELECTED_NODE, claim_names
from local.kubernetes.controllers.volumes import CLAIMS, CLASSES, DRIVER, PROVISIONED_BY, PROVISIONER, VOLUMES
from local.kubernetes.objects.quantities import amount, size_gib
from local.kubernetes.store import Change, Object, now_text

log = logging.getLogger(__name__)
NODES = BY_NAME["nodes"]
ZONE_LABEL, DRIVER_ZONE = "topology.kubernetes.io/zone", "topology.ebs.csi.aws.com/zone"
FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 1.0, 30.0
MODIFICATION_LOOK_SECONDS = 0.1
_COMPONENT = "ebs.csi.aws.com_ebs-csi-controller"
_RESIZE_WAITS = "Waiting for user to (re-)start a pod to finish file system resize of volume on node."


class EbsDriver:
    """The driver of one cluster. It works only while the cluster has nodes, where its pods would run."""

    ticks = True

    def __init__(
        self, cluster_name: str, writer: Writer, recorder: Recorder, ec2: Callable[[], Any], attached: Callable[[str], bool]
    ) -> None:
        """``attached``: whether an EBS volume is still held by a node; it is deleted only afterwards."""
        self.cluster_name, self.writer, self.store, self.recorder = cluster_name, writer, writer.store, recorder
        self._make_client, self._attached = ec2, attached
        self._client: Any = None
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._retry_at: dict[str, tuple[float, float]] = {}

    def wants(self, change: Change) -> bool:
        return change.resource in (CLAIMS, VOLUMES, NODES)

    async def stop(self) -> None:
        """Wait for the calls under way."""
        await asyncio.gather(*self._busy.values(), return_exceptions=True)

    def run(self) -> None:
        if not self.store.list(NODES):
            return
        for claim in self.store.list(CLAIMS):
            if claim["metadata"].get("deletionTimestamp"):
                continue
            if claim["status"].get("phase") == "Pending" and not claim["spec"].get("volumeName"):
                if (claim["metadata"].get("annotations") or {}).get(PROVISIONER) == DRIVER:
                    self._begin(f"create {claim['metadata']['uid']}", claim, self._provision)
            elif claim["status"].get("phase") == "Bound" and _grew(claim):
                self._begin(f"grow {claim['metadata']['uid']}", claim, self._expand)
        for volume in self.store.list(VOLUMES):
            if self._to_remove(volume):
                self._begin(f"delete {volume['metadata']['uid']}", volume, self._remove)

    def _to_remove(self, volume: Object) -> bool:
        return (
            volume["status"].get("phase") in ("Released", "Failed")
            and bool((volume["spec"].get("claimRef") or {}).get("uid"))
            and volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete"
            and (volume["metadata"].get("annotations") or {}).get(PROVISIONED_BY) == DRIVER
            and "csi" in volume["spec"]
            and not self._attached(volume["spec"]["csi"]["volumeHandle"])
        )

    def _begin(self, key: str, found: Object, work: Callable[[Object], Awaitable[None]]) -> None:
        at, _ = self._retry_at.get(key, (0.0, 0.0))
        if key not in self._busy and time.monotonic() >= at:
            task = asyncio.create_task(self._attempt(key, found, work))
            self._busy[key] = task
            task.add_done_callback(lambda _: self._busy.pop(key, None))

    async def _attempt(self, key: str, found: Object, work: Callable[[Object], Awaitable[None]]) -> None:
        try:
            await work(found)
            self._retry_at.pop(key, None)
        except (ClientError, BotoCoreError) as error:
            pause = min(LONGEST_RETRY_SECONDS, 2 * self._retry_at.get(key, (0.0, FIRST_RETRY_SECONDS / 2))[1])
            self._retry_at[key] = (time.monotonic() + pause, pause)
            reason = {"create": "ProvisioningFailed", "grow": "VolumeResizeFailed", "delete": "VolumeFailedDelete"}[
                key.split(maxsplit=1)[0]
            ]
            self.recorder.note(found, _COMPONENT, reason, f"rpc error: code = Internal desc = {error}", warning=True)
            log.warning("%s for %s: %s", key, found["metadata"]["name"], error)
        except Exception:
            log.exception("%s for %s", key, found["metadata"]["name"])
            self._retry_at[key] = (time.monotonic() + LONGEST_RETRY_SECONDS, LONGEST_RETRY_SECONDS)

    async def _ask(self, operation: str, **parameters: Any) -> Any:
        def call() -> Any:
            if self._client is None:
                self._client = self._make_client()
            return getattr(self._client, operation)(**parameters)

        return await asyncio.to_thread(call)

    async def _provision(self, claim: Object) -> None:
        storage_class = self.store.get(CLASSES, "", claim["spec"].get("storageClassName") or "")
        zone = self._zone(claim)
        if storage_class is None or zone is None:
            return
        parameters: Mapping[str, str] = storage_class.get("parameters") or {}
        name = f"pvc-{claim['metadata']['uid']}"
        gib = size_gib(claim["spec"]["resources"]["requests"]["storage"])
        options: dict[str, Any] = {"VolumeType": parameters.get("type", "gp3")}
        if parameters.get("encrypted", "").lower() == "true":
            options["Encrypted"] = True
            options |= {"KmsKeyId": parameters["kmsKeyId"]} if parameters.get("kmsKeyId") else {}
        for key, wanted in (("iops", "Iops"), ("throughput", "Throughput")):
            if parameters.get(key):
                options[wanted] = int(parameters[key])
        answer = await self._ask(
            "create_volume",
            AvailabilityZone=zone,
            Size=gib,
            ClientToken=claim["metadata"]["uid"],
            TagSpecifications=[{"ResourceType": "volume", "Tags": self._tags(claim, name)}],
            **options,
        )
        if self._current(CLAIMS, claim) is None:
            await self._ask("delete_volume", VolumeId=answer["VolumeId"])
            return
        self._publish(claim, storage_class, name, answer["VolumeId"], gib, zone)
        message = f"Successfully provisioned volume {name}"
        self.recorder.note(claim, _COMPONENT, "ProvisioningSucceeded", message)

    def _publish(self, claim: Object, storage_class: Object, name: str, volume_id: str, gib: int, zone: str) -> None:
        body: Object = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name, "annotations": {PROVISIONED_BY: DRIVER}},
            "spec": {
                "capacity": {"storage": f"{gib}Gi"},
                "accessModes": claim["spec"]["accessModes"],
                "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
                "storageClassName": storage_class["metadata"]["name"],
                "volumeMode": claim["spec"].get("volumeMode", "Filesystem"),
                "claimRef": {
                    "kind": "PersistentVolumeClaim",
                    "apiVersion": "v1",
                    "namespace": claim["metadata"]["namespace"],
                    "name": claim["metadata"]["name"],
                    "uid": claim["metadata"]["uid"],
                    "resourceVersion": claim["metadata"]["resourceVersion"],
                },
                "csi": {"driver": DRIVER, "volumeHandle": volume_id, "fsType": "ext4"},
                "nodeAffinity": {
                    "required": {
                        "nodeSelectorTerms": [{"matchExpressions": [{"key": DRIVER_ZONE, "operator": "In", "values": [zone]}]}]
                    }
                },
            },
        }
        self.writer.create(VOLUMES, "", body, WriteOptions(manager="csi-provisioner"))

    def _tags(self, claim: Object, volume_name: str) -> list[dict[str, str]]:
        tags = {
            f"kubernetes.io/cluster/{self.cluster_name}": "owned",
            "KubernetesCluster": self.cluster_name,
            "Name": f"{self.cluster_name}-dynamic-{volume_name}",
            "CSIVolumeName": volume_name,
            "ebs.csi.aws.com/cluster": "true",
            "kubernetes.io/created-for/pvc/name": claim["metadata"]["name"],
            "kubernetes.io/created-for/pvc/namespace": claim["metadata"]["namespace"],
            "kubernetes.io/created-for/pv/name": volume_name,
        }
        return [{"Key": key, "Value": value} for key, value in tags.items()]

    def _zone(self, claim: Object) -> str | None:
        chosen = (claim["metadata"].get("annotations") or {}).get(SELECTED_NODE, "")
        nodes = self.store.list(NODES)
        node = self.store.get(NODES, "", chosen) if chosen else nodes[0] if nodes else None
        return str(node["metadata"]["labels"][ZONE_LABEL]) if node else None

    async def _expand(self, claim: Object) -> None:
        volume = self.store.get(VOLUMES, "", claim["spec"].get("volumeName") or "")
        if volume is None or (volume["spec"].get("csi") or {}).get("driver") != DRIVER:
            return
        gib = size_gib(claim["spec"]["resources"]["requests"]["storage"])
        if amount(volume["spec"]["capacity"]["storage"]) < amount(f"{gib}Gi"):
            await self._modify(volume["spec"]["csi"]["volumeHandle"], gib)
            self.writer.edit(VOLUMES, volume, lambda found: found["spec"]["capacity"].update(storage=f"{gib}Gi"))
        current = self._current(CLAIMS, claim)
        if current is None:
            return
        if self._mounted(current):
            status = {name: value for name, value in current["status"].items() if name != "conditions"}
            self.writer.set_status(CLAIMS, current, {**status, "capacity": {"storage": f"{gib}Gi"}})
        elif not current["status"].get("conditions"):
            condition = {
                "type": "FileSystemResizePending",
                "status": "True",
                "lastTransitionTime": now_text(),
                "message": _RESIZE_WAITS,
            }
            self.writer.set_status(CLAIMS, current, {**current["status"], "conditions": [condition]})

    async def _modify(self, volume_id: str, gib: int) -> None:
        """As the driver: asks only where EC2 has not been asked yet, and is done when the new size can be used
        (aws-ebs-csi-driver, ``pkg/cloud/cloud.go``, ``ResizeOrModifyDisk``)."""
        (found,) = (await self._ask("describe_volumes", VolumeIds=[volume_id]))["Volumes"]
        if found["Size"] >= gib:
            return
        if await self._modifying(volume_id) != ("modifying", gib):
            await self._ask("modify_volume", VolumeId=volume_id, Size=gib)
        while (await self._modifying(volume_id))[0] == "modifying":
            await asyncio.sleep(MODIFICATION_LOOK_SECONDS)

    async def _modifying(self, volume_id: str) -> tuple[str, int]:
        """State and target of the latest modification; ("", 0) where there is none."""
        try:
            answer = await self._ask("describe_volumes_modifications", VolumeIds=[volume_id])
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "InvalidVolumeModification.NotFound":
                return "", 0
            raise
        latest = next(iter(answer["VolumesModifications"]), {})
        return latest.get("ModificationState", ""), int(latest.get("TargetSize", 0))

    def _mounted(self, claim: Object) -> bool:
        return any(
            claim["metadata"]["name"] in claim_names(pod) and pod["status"].get("phase") == "Running"
            for pod in self.store.named("pods", claim["metadata"]["namespace"])
        )

    async def _remove(self, volume: Object) -> None:
        try:
            await self._ask("delete_volume", VolumeId=volume["spec"]["csi"]["volumeHandle"])
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "InvalidVolume.NotFound":
                raise
        if self._current(VOLUMES, volume) is not None:
            self.writer.delete(VOLUMES, "", volume["metadata"]["name"], {})

    def _current(self, resource: Any, found: Object) -> Object | None:
        current = self.store.get(resource, found["metadata"].get("namespace", ""), found["metadata"]["name"])
        return current if current and current["metadata"]["uid"] == found["metadata"]["uid"] else None


def _grew(claim: Object) -> bool:
    have = (claim["status"].get("capacity") or {}).get("storage", "0")
    return amount(claim["spec"]["resources"]["requests"]["storage"]) > amount(have)
