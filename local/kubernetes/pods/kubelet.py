"""The kubelets of one cluster: every scheduled pod is started, pretended or refused here, and ended when it is deleted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.kubernetes.access.pod_identity import PodIdentities
from local.kubernetes.access.service_accounts import ServiceAccountTokens
from local.kubernetes.api.resources import BY_NAME
from local.kubernetes.api.selectors import selects
from local.kubernetes.api.writer import Writer
from local.kubernetes.controllers.events import Recorder
from local.kubernetes.controllers.ownership import controller_uid, is_ready
from local.kubernetes.controllers.scheduler import claim_names
from local.kubernetes.controllers.services import target_port
from local.kubernetes.faults import Faults
from local.kubernetes.pods.contents import ContentMissing, environment, mounted_files
from local.kubernetes.pods.ports import PortBook, free_port, service_variables
from local.kubernetes.pods.process import PodProcess
from local.kubernetes.pods.status import ContainerState, own_address, pod_status
from local.kubernetes.runtime import PodRuntime, PodStart
from local.kubernetes.store import Change, Object

log = logging.getLogger(__name__)
PODS, NODES = BY_NAME["pods"], BY_NAME["nodes"]
_COMPONENT = "kubelet"
_GAVE_WAY = ContainerState(waiting="PortTaken", message="a newer pod of the same Service runs on this machine's port")


@dataclass(frozen=True)
class ApiAddress:
    """Where pods reach the cluster's own API."""

    host: str
    port: int
    certificate: str


@dataclass
class _Run:
    process: PodProcess
    ports: Mapping[int, int]
    owner: str
    pod_name: str
    ending: bool = False


@dataclass
class Kubelet:
    """Runs the pods of one cluster, with ``runtime`` (None: all pretend) for those that are real.

    ``waits``: what the volumes of a pod still wait for, or "".
    """

    writer: Writer
    recorder: Recorder
    faults: Faults
    tokens: ServiceAccountTokens
    api: ApiAddress
    runtime: PodRuntime | None
    waits: Callable[[Object], str]
    aws_endpoint: str = ""
    identities: PodIdentities | None = None
    ticks: bool = True
    _runs: dict[str, _Run] = field(default_factory=dict)
    _pretended: set[str] = field(default_factory=set)
    _gave_way: dict[str, str] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _stopped: bool = False

    def __post_init__(self) -> None:
        self.store = self.writer.store
        self.ports = PortBook(self.store)

    def wants(self, change: Change) -> bool:
        return change.resource.qualified in ("pods", "nodes", "configmaps", "secrets", "persistentvolumeclaims")

    def run(self) -> None:
        """One look at all pods."""
        nodes = {node["metadata"]["name"]: node for node in self.store.list(NODES)}
        # Those that end come first: the pod that follows one of the same owner takes over its ports, and the addresses with them.
        pods = sorted(self.store.list(PODS), key=lambda pod: not pod["metadata"].get("deletionTimestamp"))
        alive = {pod["metadata"]["uid"] for pod in pods}
        staying = {pod["metadata"]["uid"] for pod in pods if not pod["metadata"].get("deletionTimestamp")}
        self._gave_way = {old: new for old, new in self._gave_way.items() if new in staying}
        for pod in pods:
            node = nodes.get(pod["spec"].get("nodeName", ""))
            if node is None or self._stopped:
                continue
            try:
                if pod["metadata"].get("deletionTimestamp"):
                    self._end(pod)
                elif pod["status"].get("phase") not in ("Succeeded", "Failed"):
                    self._care(pod, node)
            except Exception:  # One pod's trouble must not keep the others waiting
                log.exception("pod %s/%s", pod["metadata"]["namespace"], pod["metadata"]["name"])
        for uid in set(self._runs) - alive:
            self._stop(uid)
        self._pretended &= alive

    async def stop(self) -> None:
        """End every process and wait for it."""
        self._stopped = True
        for uid in list(self._runs):
            self._stop(uid)
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def log(self, pod: Object, container: str) -> str:
        """What the container wrote; a line that says so for one that only pretends to run."""
        run = self._runs.get(pod["metadata"]["uid"])
        text = await run.process.log(container) if run else None
        if text is None:
            image = next(one["image"] for one in pod["spec"]["containers"] if one["name"] == container)
            text = f"the stand-in only pretends to run container {container} of image {image}\n"
        return text + "".join(f"{line}\n" for line in self.faults.log_lines(pod["metadata"]["uid"]))

    def node_port(self, number: int) -> tuple[int, str]:
        """The port of the process behind a NodePort, or 0 and why there is none."""
        for service in self.store.named("services"):
            for port in service["spec"].get("ports") or ():
                if port.get("nodePort") == number:
                    return self._behind(service, port)
        return 0, f"no Service of this cluster has node port {number}"

    def _behind(self, service: Object, port: Object) -> tuple[int, str]:
        where = f"Service {service['metadata']['namespace']}/{service['metadata']['name']}"
        pods = self._selected(service)
        if not pods:
            return 0, f"{where} selects no pod"
        ready = [pod for pod in pods if is_ready(pod) and not pod["metadata"].get("deletionTimestamp")]
        if not ready:
            states = ", ".join(f"{pod['metadata']['name']} is {pod['status'].get('phase')}" for pod in pods)
            return 0, f"{where} has no ready pod: {states}"
        for pod in ready:
            run = self._runs.get(pod["metadata"]["uid"])
            target = target_port(port, pod)
            if run and run.process.real and not run.ending and target is not None and target in run.ports:
                return run.ports[target], ""
        return 0, f"{where} has ready pods, but they only pretend to run: no runtime has a process for them"

    def _selected(self, service: Object) -> list[Object]:
        selector = service["spec"].get("selector")
        if not selector:
            return []
        pods = self.store.list(PODS, service["metadata"]["namespace"])
        return [pod for pod in pods if selects({"matchLabels": selector}, pod["metadata"].get("labels"))]

    def _care(self, pod: Object, node: Object) -> None:
        uid = pod["metadata"]["uid"]
        if uid in self._runs:
            return
        waiting = _GAVE_WAY if uid in self._gave_way else self._obstacle(pod)
        if waiting:
            self._pretended.discard(uid)
            self._report(pod, dict.fromkeys((one["name"] for one in pod["spec"]["containers"]), waiting))
        elif self.runtime is None or uid in self._pretended:
            self._pretend(pod)
        else:
            self._start(pod)

    def _obstacle(self, pod: Object) -> ContainerState | None:
        """Why the pod cannot start now, if anything: a fault put in, a volume or a content that is missing."""
        namespace = pod["metadata"]["namespace"]
        for container in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]):
            if fault := self.faults.image(namespace, container["image"]):
                self.recorder.note(pod, _COMPONENT, "Failed", f"Error: {fault.reason}: {fault.message}", warning=True)
                return ContainerState(waiting=fault.reason, message=fault.message)
        for name in claim_names(pod):
            claim = self.store.find("persistentvolumeclaims", namespace, name)
            if claim is None or claim["status"].get("phase") != "Bound":
                message = f'persistentvolumeclaim "{name}" {"is not bound" if claim else "not found"}'
                self.recorder.note(pod, _COMPONENT, "FailedMount", f"Unable to attach or mount volumes: {message}", warning=True)
                return ContainerState(waiting="ContainerCreating", message=message)
        if message := self.waits(pod):
            return ContainerState(waiting="ContainerCreating", message=message)
        for container in pod["spec"]["containers"]:
            try:
                mounted_files(self.store, pod, container, "", "")
            except ContentMissing as missing:
                self.recorder.note(pod, _COMPONENT, "FailedMount", f"MountVolume.SetUp failed: {missing}", warning=True)
                return ContainerState(waiting="ContainerCreating", message=str(missing))
            try:
                environment(self.store, pod, container)
            except ContentMissing as missing:
                self.recorder.note(pod, _COMPONENT, "Failed", f"Error: {missing}", warning=True)
                return ContainerState(waiting="CreateContainerConfigError", message=str(missing))
        return None

    def _pretend(self, pod: Object) -> None:
        self._pretended.add(pod["metadata"]["uid"])
        owners = {reference["kind"] for reference in pod["metadata"].get("ownerReferences") or () if reference.get("controller")}
        completes = "Job" in owners or pod["spec"]["restartPolicy"] == "Never"
        was_running = pod["status"].get("phase") == "Running"
        state = ContainerState(exit_code=0) if completes and was_running else ContainerState(ready=True)
        self._report(pod, dict.fromkeys((one["name"] for one in pod["spec"]["containers"]), state))

    def _start(self, pod: Object) -> None:
        assert self.runtime is not None  # noqa: S101
        uid, owner = pod["metadata"]["uid"], controller_uid(pod)
        ports = self.ports.of_pod(pod)
        for other_uid, other in self._runs.items():
            if set(ports.values()).isdisjoint(other.ports.values()):
                continue
            if owner and other.owner == owner and not other.ending:
                ports = {container_port: free_port() for container_port in ports}
                continue
            # One machine has each port once: the newcomer takes it over from the pod of the older template
            log.info("pod %s takes the ports of %s", pod["metadata"]["name"], other.pod_name)
            self._gave_way[other_uid] = uid
            self._stop(other_uid)
            return
        account = pod["metadata"]["namespace"], pod["spec"].get("serviceAccountName", "default")
        token, _ = self.tokens.issue(*account)
        starts, volumes = {}, self._ebs_volumes(pod)
        pod_address = "127.0.0.1" if self._is_served(pod) else own_address(uid)
        for container in pod["spec"]["containers"]:
            variables = self._service_variables(pod) | environment(self.store, pod, container)
            files = mounted_files(self.store, pod, container, token, self.api.certificate)
            if self.identities:
                variables |= self.identities.environment(*account)
                files |= self.identities.files(*account, token)
            starts[container["name"]] = PodStart(pod, container, variables, files, ports, volumes, self.aws_endpoint, pod_address)
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]

        def report(states: Mapping[str, ContainerState]) -> None:
            current = self.store.get(PODS, namespace, name)
            run = self._runs.get(uid)
            if current and current["metadata"]["uid"] == uid:
                real = run is not None and run.process.real
                self._report(current, states, address=pod_address if real else "")
                if len(states) == len(starts) and not real and all(state.ready for state in states.values()):
                    self._forget_pretended(uid)

        restart = pod["spec"]["restartPolicy"] != "Never"
        self._runs[uid] = _Run(PodProcess(self.runtime, starts, report, restart=restart), ports, owner, name)

    def _is_served(self, pod: Object) -> bool:
        """Whether a Service selects the pod: then the Service's reserved ports on 127.0.0.1 lead to it."""
        services = self.store.named("services", pod["metadata"]["namespace"])
        labels = pod["metadata"].get("labels")
        return any(
            selector and selects({"matchLabels": selector}, labels) for selector in (s["spec"].get("selector") for s in services)
        )

    def _ebs_volumes(self, pod: Object) -> dict[str, str]:
        """Claim -> EBS volume, of those claims of the pod that have one."""
        found = {}
        for name in claim_names(pod):
            claim = self.store.find("persistentvolumeclaims", pod["metadata"]["namespace"], name)
            bound_to = claim["spec"].get("volumeName", "") if claim else ""
            volume = self.store.find("persistentvolumes", "", bound_to) if bound_to else None
            handle = (volume["spec"].get("csi") or {}).get("volumeHandle") if volume else None
            if handle:
                found[name] = handle
        return found

    def _forget_pretended(self, uid: str) -> None:
        """The runtime has nothing real for this pod: it goes on as a pretended one."""
        self._runs.pop(uid, None)
        self._pretended.add(uid)

    def _service_variables(self, pod: Object) -> dict[str, str]:
        found = {
            "KUBERNETES_SERVICE_HOST": self.api.host,
            "KUBERNETES_SERVICE_PORT": str(self.api.port),
            "KUBERNETES_SERVICE_PORT_HTTPS": str(self.api.port),
        }
        if not pod["spec"].get("enableServiceLinks", True):
            return found
        services = [
            service
            for service in self.store.named("services", pod["metadata"]["namespace"])
            if service["spec"].get("clusterIP") not in (None, "", "None")
        ]
        addresses = {}
        for service in services:
            for port in service["spec"].get("ports") or ():
                live, _ = self._behind(service, port)
                addresses[service["metadata"]["name"], port["port"]] = ("127.0.0.1", live or self.ports.of_service(service, port))
        return found | service_variables(services, addresses)

    def _end(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        if uid in self._runs:
            self._stop(uid)
        else:
            self.writer.delete(PODS, pod["metadata"]["namespace"], pod["metadata"]["name"], {"gracePeriodSeconds": 0})

    def _stop(self, uid: str) -> None:
        run = self._runs[uid]
        if run.ending:
            return
        run.ending = True

        async def stop() -> None:
            await run.process.stop()
            self._runs.pop(uid, None)
            if not self._stopped:
                self.run()

        self._spawn(stop())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _report(self, pod: Object, states: Mapping[str, ContainerState], *, address: str = "") -> None:
        node = self.store.get(NODES, "", pod["spec"]["nodeName"])
        host = next(
            (one["address"] for one in (node or {}).get("status", {}).get("addresses", ()) if one["type"] == "InternalIP"), ""
        )
        self.writer.set_status(PODS, pod, pod_status(pod, states, host, address=address))
