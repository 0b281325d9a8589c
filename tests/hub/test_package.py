"""What the package imports is in its image: JupyterHub, KubeSpawner, hub/requirements.txt, and nothing of the control plane."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

HUB = Path(__file__).resolve().parents[2] / "hub"
OF_THE_BASE_IMAGE = {"kubernetes_asyncio", "kubespawner", "tornado"}
MODULES = sorted((HUB / "hubplane_hub").glob("*.py"))


def imported(module: Path) -> set[str]:
    """The top packages that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_nothing_is_imported_that_the_image_lacks(module: Path) -> None:
    added = set(re.findall(r"^([a-z0-9_-]+)==", (HUB / "requirements.txt").read_text(), re.MULTILINE))
    assert imported(module) - set(sys.stdlib_module_names) - {"hubplane_hub"} <= added | OF_THE_BASE_IMAGE


def test_the_hub_s_pins_are_those_that_are_tried_here() -> None:
    tried = set((HUB.parent / "local/kubelet/requirements.txt").read_text().split())
    pins = set(re.findall(r"^[a-z0-9_-]+==\S+", (HUB / "requirements.txt").read_text(), re.MULTILINE))
    assert pins <= tried
    tornado = next(line for line in tried if line.startswith("tornado=="))
    assert f'"{tornado}"' in (HUB.parent / "pyproject.toml").read_text()
