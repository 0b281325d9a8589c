"""The pod runtime of the embedded cloud: the chart's hub and proxy as real processes."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.kubelet.command import (
    HUB_PORT,
    PROXY_PORT,
    CommandRefused,
    container_command,
    expanded,
    hub_command,
    proxy_command,
    with_sign_in_addresses,
)
from local.kubelet.drill import DrillPod, is_drill
from local.kubelet.kubeconfig import IN_CLUSTER_VARIABLES, cluster_key, service_account_kubeconfig
from local.kubelet.layout import HUB_DATA, PathMap, lay_out, map_paths, remove
from local.kubelet.process import Probe, RealPod, RefusedPod
from local.kubernetes.runtime import PodStart, RunningPod

REPOSITORY = Path(__file__).parents[2]
TOOLS = REPOSITORY / ".tools" / "hub"
HOOKS = REPOSITORY / "hub"  # where hub/Dockerfile puts its package: /usr/local/lib/hubplane
DIRECTORY_VARIABLE = "HUBPLANE_KUBELET_DIR"
KUBECONFIG = "/home/pod/kubeconfig"  # where the pod would see it; any path of its own will do
DEFAULT_PROBES = {"hub": Probe(HUB_PORT, "/hub/health"), "proxy": Probe(PROXY_PORT, "/_chp_healthz")}
HUB_BASE_REPOSITORY = "quay.io/jupyterhub/k8s-hub"  # the chart's hub.image.name
PROGRAMS = {"hub": "jupyterhub", "proxy": "configurable-http-proxy", "singleuser-server": "jupyterhub-singleuser"}
NOTEBOOK, NOTEBOOK_PORT = Path(__file__).with_name("notebook.py"), 8888  # KubeSpawner's `port`


class ToolsMissing(Exception):
    """The environment of the hub was not made yet; the message says how."""


def make_runtime() -> HubRuntime:
    """The runtime that works below the folder named by ``HUBPLANE_KUBELET_DIR``.

    Raises ``ToolsMissing`` when that is not set or ``.tools/hub`` was not made.
    """
    directory = os.environ.get(DIRECTORY_VARIABLE, "")
    if not directory:
        raise ToolsMissing(f"set {DIRECTORY_VARIABLE} to a folder for the files, volumes and logs of the pods")
    return HubRuntime(Path(directory))


class HubRuntime:
    """Starts JupyterHub's pods (labels ``app=jupyterhub`` and ``component=hub``, ``proxy`` or ``singleuser-server``), and drills.

    Below ``directory``: ``pods/<cluster>/<namespace>_<pod>/`` with the mounted files (removed when it stops) and ``log``;
    ``volumes/<cluster>/<namespace>/<claim>/``, which stay.
    """

    def __init__(self, directory: Path, tools: Path = TOOLS) -> None:
        if not (tools / ".ready").is_file():
            raise ToolsMissing(f"{tools} is not ready: run local/kubelet/setup.sh, which installs JupyterHub and its proxy there")
        self._directory = directory.resolve()
        self._tools = tools

    def start(self, start: PodStart) -> RunningPod | None:
        """The running pod; None for a pod of another kind. A pod that can't be started answers why through ``failure``.

        Returns at once; the hub takes some 4 s to become ready. To start the same pod again, stop it first.
        """
        component = _component(start.pod)
        if component is None:
            return self._drill(start) if is_drill(start.pod) else None
        metadata, cluster = start.pod["metadata"], cluster_key(start.files)
        namespace = metadata.get("namespace", "default")
        home = self._directory / "pods" / cluster / f"{namespace}_{metadata['name']}"
        root = home / "root"
        remove(root)
        kubeconfig = service_account_kubeconfig(start.environment, start.files)
        files = {path: with_sign_in_addresses(content, start.aws_endpoint) for path, content in start.files.items()}
        files |= {KUBECONFIG: kubeconfig.encode()} if kubeconfig else {}
        volumes = self._directory / "volumes" / cluster / namespace
        paths = map_paths(start.pod, start.container, files, root, volumes)
        try:
            lay_out(files, paths)
            arguments = container_command(start.container, PROGRAMS[component], start.environment)
        except (CommandRefused, ValueError) as refusal:
            return RefusedPod(str(refusal))
        working_directory = paths.locate(HUB_DATA) or root
        working_directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        return RealPod(
            container_name=str(start.container.get("name", component)),
            command=self._command(component, [paths.rewrite(word) for word in arguments], start),
            environment=self._environment(start, paths, root, with_kubeconfig=kubeconfig is not None),
            directory=working_directory,
            log_path=home / "log",
            probe=_probe(component, start),
            cleanup=lambda: remove(root),
        )

    def _drill(self, start: PodStart) -> RunningPod:
        try:
            return DrillPod(start, self._directory / "pods" / "drill" / start.pod["metadata"]["uid"])
        except (OSError, ValueError) as refusal:
            return RefusedPod(str(refusal))

    def _command(self, component: str, arguments: list[str], start: PodStart) -> list[str]:
        if component == "hub":
            return hub_command(self._tools, arguments, start.environment, start.reserved_ports)
        if component == "singleuser-server":
            return [str(self._tools / "bin" / "python"), "-I", str(NOTEBOOK), start.address, str(NOTEBOOK_PORT)]
        return proxy_command(self._tools, arguments, start.reserved_ports)

    def _environment(self, start: PodStart, paths: PathMap, root: Path, *, with_kubeconfig: bool) -> dict[str, str]:
        """What the image would set, then the pod's own. Nothing of this machine's environment: a pod does not see it."""
        environment = {name: paths.rewrite(expanded(value, start.environment)) for name, value in start.environment.items()}
        if with_kubeconfig:
            environment["KUBECONFIG"] = paths.rewrite(KUBECONFIG)
            # On a machine that is itself a pod, the client would otherwise find that pod's token and send it here.
            for name in IN_CLUSTER_VARIABLES:
                environment.pop(name, None)
        image = {"PYTHONUNBUFFERED": "1", "LANG": "C.UTF-8"}
        if not str(start.container.get("image", "")).startswith(HUB_BASE_REPOSITORY):
            # Only an image that hub/Dockerfile was built into has the hooks; the chart's own has not.
            image["PYTHONPATH"] = str(HOOKS)
        if start.aws_endpoint:
            # The names of AWS lead to the emulator, as the cluster's network would have it.
            environment["AWS_ENDPOINT_URL"] = start.aws_endpoint
            image["HOME_VOLUME_URL"] = f"{start.aws_endpoint}/_hubplane/ebs"
            image["HOME_VOLUME_ID"] = next(iter(start.ebs_volumes.values()), "")
        fixed = {"PATH": f"{self._tools / 'bin'}:{os.defpath}", "HOME": str(root)}
        return image | environment | fixed


def _component(pod: Mapping[str, Any]) -> str | None:
    labels = pod.get("metadata", {}).get("labels", {})
    component = labels.get("component")
    return component if labels.get("app") == "jupyterhub" and component in PROGRAMS else None


def _probe(component: str, start: PodStart) -> Probe | None:
    """The container's own readiness probe where it asks over HTTP, on the reserved port; else the image's usual one, if any."""
    usual = DEFAULT_PROBES.get(component)
    if usual is None:
        return None
    declared = start.container.get("readinessProbe", {}).get("httpGet", {})
    named = {port.get("name"): port["containerPort"] for port in start.container.get("ports", [])}
    port = declared.get("port", usual.port)
    if isinstance(port, str):
        port = int(port) if re.fullmatch(r"\d+", port) else named.get(port, usual.port)
    return Probe(start.reserved_ports.get(port, port), declared.get("path", usual.path))
