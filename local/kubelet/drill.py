"""Pods that only run a shell on homes, as real processes: a restore drill's, and the one of docs/runbooks/restore-home.md.

Each runs its own command, on a folder that holds what is written on the EBS volume. The emulated volume's content is one text
(``local/cloud/mends/ebs_contents``); a pod finds it in one file, by the name of the drill's own. What that holds in the end is on
the volume, where the pod may write.
"""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.kubelet.layout import map_paths, remove
from local.kubernetes.runtime import PodStart

LABELS, FILE = frozenset({"hubplane-drill", "hubplane-copy"}), "hubplane-canary"
SHELL = ("sh", "-c")
CALL_SECONDS = 10.0


def is_drill(pod: Mapping[str, Any]) -> bool:
    """Whether a drill made this pod, or a person who copies from a restored home."""
    return pod["metadata"].get("labels", {}).get("app") in LABELS


class DrillPod:
    """One such pod, of the ``EndingPod`` protocol. Below ``home``: its log, and what it mounts, removed when it stops."""

    def __init__(self, start: PodStart, home: Path) -> None:
        self._start, self._home, self._written_back = start, home, False
        root = home / "root"
        remove(home)
        root.mkdir(parents=True, mode=0o700)
        paths = map_paths(start.pod, start.container, {}, root, root / "volumes")
        self._mounts = {name: root / "volumes" / name for name in start.ebs_volumes}
        for name, folder in self._mounts.items():
            folder.mkdir(parents=True)
            content = written_on(start.aws_endpoint, start.ebs_volumes[name])
            if content is not None:
                (folder / FILE).write_text(content)
        command = list(start.container.get("command") or ())
        if tuple(command[:2]) != SHELL:
            raise ValueError(f"a drill's pod runs {' '.join(SHELL)}, not {command[:2]}")
        with (home / "log").open("wb") as output:
            self._process = subprocess.Popen(
                [paths.rewrite(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=root,
                env={"PATH": os.defpath, **start.environment},
                start_new_session=True,
            )

    def ready(self) -> bool:
        """Whether it runs: there is nothing to ask it."""
        return self._process.poll() is None

    def failure(self) -> str | None:
        """Why it ended by itself; None while it runs, or where it ended well."""
        code = self._process.poll()
        return None if not code else f"container drill ended with exit code {code}; its log:\n{self.log()}"

    def succeeded(self) -> bool:
        """Whether it has ended well. What it wrote is on the volume then."""
        if self._process.poll() != 0:
            return False
        if not self._written_back:
            self._write_back()
            self._written_back = True
        return True

    def log(self) -> str:
        """Everything it has written so far."""
        path = self._home / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self) -> None:
        """End it and remove what it mounted; may be repeated."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        remove(self._home)

    def _write_back(self) -> None:
        read_only = {mount["name"] for mount in self._start.container.get("volumeMounts", ()) if mount.get("readOnly")}
        for volume in self._start.pod["spec"].get("volumes", ()):
            claim = (volume.get("persistentVolumeClaim") or {}).get("claimName", "")
            file = self._mounts.get(claim, self._home) / FILE
            if volume["name"] in read_only or claim not in self._mounts or not file.is_file():
                continue
            body = {"volume_id": self._start.ebs_volumes[claim], "content": file.read_text()}
            _call(f"{self._start.aws_endpoint}/_hubplane/ebs/write", body)


def written_on(aws_endpoint: str, volume_id: str) -> str | None:
    """What is written on an emulated volume, None where nothing is."""
    found = _call(f"{aws_endpoint}/_hubplane/ebs")
    content: str | None = next((item.get("content") for item in found["volumes"] if item["volume_id"] == volume_id), None)
    return content


def _call(url: str, body: Mapping[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # all of it is on this machine
    with opener.open(request, timeout=CALL_SECONDS) as answer:
        return json.loads(answer.read() or b"null")
