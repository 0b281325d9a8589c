"""The attach/detach controller with the driver's attacher: a pod's EBS volumes are attached to its node before it starts.

Only nodes whose instance EC2 knows take part: those carry ``csi.volume.kubernetes.io/nodeid``, as the registrar writes it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import string
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from local.kubernetes.api.resources import BY_NAME
from local.kubernetes.api.writer import WriteOptions, Writer
from local.kubernetes.controllers.events import Recorder
from local.kubernetes.controllers.scheduler import claim_names
from local.kubernetes.controllers.volumes import CLAIMS, DRIVER, VOLUMES
from local.kubernetes.nodes import NODE_ID
from local.kubernetes.store import Change, Object

log = logging.getLogger(__name__)
PODS, NODES = BY_NAME["pods"], BY_NAME["nodes"]
ATTACHMENTS = BY_NAME["volumeattachments.storage.k8s.io"]
DETACH_SECONDS = 0.5
"""How long a volume stays attached after its last pod: the kubelet unmounts it first."""
RETRY_SECONDS = 1.0
# The driver's own range of names (aws-ebs-csi-driver, pkg/cloud/devicemanager: /dev/xvdaa to /dev/xvddx).
_DEVICES = [f"/dev/xvd{first}{second}" for first in "abcd" for second in string.ascii_lowercase]
_COMPONENT = "attachdetach-controller"
_GONE = ("InvalidVolume.NotFound", "IncorrectState", "InvalidInstanceID.NotFound", "InvalidAttachment.NotFound")


@dataclass
class _Held:
    """A volume on an instance: what is done with it, by which device name, and since when no pod needs it."""

    state: Literal["attaching", "attached", "detaching"]
    device: str
    node: str
    volume: str
    unneeded_at: float | None = None


@dataclass(frozen=True)
class _Need:
    pod: Object
    node: str
    volume: str


class Attachments:
    """The controller of one cluster."""

    ticks = True

    def __init__(self, writer: Writer, recorder: Recorder, ec2: Callable[[], Any]) -> None:
        self.writer, self.store, self.recorder = writer, writer.store, recorder
        self._make_client = ec2
        self._client: Any = None
        self._held: dict[tuple[str, str], _Held] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._not_before: dict[tuple[str, str], float] = {}

    def wants(self, change: Change) -> bool:
        return change.resource in (PODS, NODES, CLAIMS, VOLUMES)

    async def stop(self) -> None:
        """Wait for the calls under way."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def run(self) -> None:
        needs = {key: need for pod in self.store.list(PODS) for key, need in self._needs(pod).items()}
        now = time.monotonic()
        for key, need in needs.items():
            held = self._held.get(key)
            if held is None and now >= self._not_before.get(key, 0.0):
                self._held[key] = _Held("attaching", self._free_device(key[1]), need.node, need.volume)
                self._begin(self._attach(key, need))
            elif held is not None:
                held.unneeded_at = None
        for key, held in list(self._held.items()):
            if key in needs or held.state != "attached":
                continue
            held.unneeded_at = held.unneeded_at or now
            if now - held.unneeded_at >= DETACH_SECONDS:
                held.state = "detaching"
                self._begin(self._detach(key, held))

    def waited_for(self, pod: Object) -> str:
        """What the pod's volumes still wait for, or ""."""
        for (handle, _), need in self._needs(pod).items():
            held = next((held for (other, _), held in self._held.items() if other == handle and held.node == need.node), None)
            if held is None or held.state != "attached":
                return f'volume "{need.volume}" is not attached yet'
        return ""

    def holds(self, handle: str) -> bool:
        """Whether the EBS volume is attached, or about to be, or not yet detached."""
        return any(key[0] == handle for key in self._held)

    def _needs(self, pod: Object) -> dict[tuple[str, str], _Need]:
        node_name = pod["spec"].get("nodeName", "")
        if not node_name or pod["status"].get("phase") in ("Succeeded", "Failed"):
            return {}
        names = claim_names(pod)
        node = self.store.get(NODES, "", node_name) if names else None
        ids = json.loads(((node or {"metadata": {}})["metadata"].get("annotations") or {}).get(NODE_ID, "{}"))
        if DRIVER not in ids:
            return {}
        found = {}
        for name in names:
            claim = self.store.get(CLAIMS, pod["metadata"]["namespace"], name)
            volume = self.store.get(VOLUMES, "", claim["spec"].get("volumeName") or "") if claim else None
            csi = volume["spec"].get("csi") or {} if volume and claim and claim["status"].get("phase") == "Bound" else {}
            if volume and csi.get("driver") == DRIVER:
                found[csi["volumeHandle"], ids[DRIVER]] = _Need(pod, node_name, volume["metadata"]["name"])
        return found

    def _free_device(self, instance_id: str) -> str:
        taken = {held.device for (_, other), held in self._held.items() if other == instance_id}
        return next(device for device in _DEVICES if device not in taken)

    def _begin(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _attach(self, key: tuple[str, str], need: _Need) -> None:
        held = self._held[key]
        try:
            await self._ask("attach_volume", VolumeId=key[0], InstanceId=key[1], Device=held.device)
        except (ClientError, BotoCoreError) as error:
            del self._held[key]
            self._not_before[key] = time.monotonic() + RETRY_SECONDS
            message = f'AttachVolume.Attach failed for volume "{need.volume}" : rpc error: code = Internal desc = {error}'
            self.recorder.note(need.pod, _COMPONENT, "FailedAttachVolume", message, warning=True)
            return
        held.state = "attached"
        body = {
            "metadata": {"name": _name(need.volume, need.node)},
            "spec": {"attacher": DRIVER, "nodeName": need.node, "source": {"persistentVolumeName": need.volume}},
        }
        made = self.writer.create(ATTACHMENTS, "", body, WriteOptions(manager="kube-controller-manager")).found
        self.writer.set_status(ATTACHMENTS, made, {"attached": True})
        message = f'AttachVolume.Attach succeeded for volume "{need.volume}"'
        self.recorder.note(need.pod, _COMPONENT, "SuccessfulAttachVolume", message)

    async def _detach(self, key: tuple[str, str], held: _Held) -> None:
        try:
            await self._ask("detach_volume", VolumeId=key[0], InstanceId=key[1])
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in _GONE:
                self._again(held, error)
                return
        except BotoCoreError as error:
            self._again(held, error)
            return
        del self._held[key]
        name = _name(held.volume, held.node)
        if self.store.get(ATTACHMENTS, "", name):
            self.writer.delete(ATTACHMENTS, "", name, {})

    def _again(self, held: _Held, error: Exception) -> None:
        log.warning("detach %s from %s: %s", held.volume, held.node, error)
        held.state, held.unneeded_at = "attached", time.monotonic() + RETRY_SECONDS

    async def _ask(self, operation: str, **parameters: Any) -> Any:
        def call() -> Any:
            if self._client is None:
                self._client = self._make_client()
            return getattr(self._client, operation)(**parameters)

        return await asyncio.to_thread(call)


def _name(volume: str, node: str) -> str:
    """As Kubernetes names it (pkg/volume/csi: getAttachmentName)."""
    return "csi-" + hashlib.sha256(f"{volume}{DRIVER}{node}".encode()).hexdigest()
