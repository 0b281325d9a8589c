"""Where a pod's absolute paths lie on this machine.

A real kubelet gives each container a root of its own. Here a path below a mount of the container becomes a path in the
pod's private folder, in arguments, environment and the text of mounted files alike: the hub's configuration names the
other files it reads by their absolute paths.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

HUB_DATA = "/srv/jupyterhub"  # the working directory of the hub image, where the chart mounts the hub's claim
SHALLOWEST_FOLDER_PARTS = 3  # "/", and two more: a rewritten "/etc" would catch the machine's own files


@dataclass(frozen=True)
class PathMap:
    """Container paths -> local paths. A path that lies below none of them stays as it is."""

    local_by_container_path: Mapping[str, Path]

    def rewrite(self, text: str) -> str:
        """``text`` with each mapped path, and each path below one, replaced. Longer container paths win."""
        if not self.local_by_container_path:
            return text
        longest_first = sorted(self.local_by_container_path, key=len, reverse=True)
        alternatives = "|".join(re.escape(path) for path in longest_first)
        # A path starts where no name precedes ("x/srv" is another path), and ends at a slash or where the name ends.
        pattern = rf"(?<![\w.-])(?:{alternatives})(?![\w.-])"
        return re.sub(pattern, lambda found: str(self.local_by_container_path[found[0]]), text)

    def locate(self, container_path: str) -> Path | None:
        """The local path of one absolute container path, None where it lies below no mapped path."""
        path = PurePosixPath(container_path)
        for candidate in (path, *path.parents):
            local = self.local_by_container_path.get(str(candidate))
            if local is not None:
                return local / path.relative_to(candidate)
        return None


def map_paths(
    pod: Mapping[str, Any], container: Mapping[str, Any], files: Mapping[str, bytes], root: Path, volumes: Path
) -> PathMap:
    """Claims go to ``volumes`` by their name and outlive the pod; the folders of mounted files and the rest go to ``root``."""
    local: dict[str, Path] = {HUB_DATA: root / HUB_DATA.lstrip("/")}
    for file in files:
        folder = PurePosixPath(file).parent
        kept = str(folder) if len(folder.parts) >= SHALLOWEST_FOLDER_PARTS else file
        local[kept] = root / kept.lstrip("/")
    claims = {
        volume["name"]: volume["persistentVolumeClaim"]["claimName"]
        for volume in pod.get("spec", {}).get("volumes", [])
        if "persistentVolumeClaim" in volume
    }
    for mount in container.get("volumeMounts", []):
        if mount["name"] in claims:
            claim = volumes / claims[mount["name"]] / mount.get("subPath", "")
            local[str(PurePosixPath(mount["mountPath"]))] = claim
    return PathMap(_without_nested(local, root))


def _without_nested(local: dict[str, Path], root: Path) -> dict[str, Path]:
    """Without the entries that another one implies: ``/a/b/c`` beside ``/a/b`` when both lie in the same place."""
    implied = {
        path
        for path in local
        for parent in PurePosixPath(path).parents
        if str(parent) in local and local[path] == local[str(parent)] / PurePosixPath(path).relative_to(parent)
    }
    return {path: place for path, place in local.items() if path not in implied}


def lay_out(files: Mapping[str, bytes], paths: PathMap) -> None:
    """Write the mounted files where ``paths`` says, readable by this user only: some are secrets. Replaces older ones.

    Raises ``ValueError`` for a file whose path is not absolute or leaves its folder.
    """
    for place in paths.local_by_container_path.values():
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    for container_path, content in files.items():
        wanted = PurePosixPath(container_path)
        target = paths.locate(container_path) if wanted.is_absolute() and ".." not in wanted.parts else None
        if target is None:
            raise ValueError(f"mounted file {container_path!r}: not an absolute path without '..'")
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        target.touch(mode=0o600)
        target.write_bytes(_rewritten(content, paths))


def _rewritten(content: bytes, paths: PathMap) -> bytes:
    try:
        return paths.rewrite(content.decode()).encode()
    except UnicodeDecodeError:
        return content


def remove(folder: Path) -> None:
    """Remove a folder with everything in it; nothing there is fine."""
    shutil.rmtree(folder, ignore_errors=True)
