"""The 2019 README has a successor for each of its sections, and what the documents tell people to type exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from hubplane.domain.diagnosis.checks import CHECKS
from hubplane_cli.main import program

REPOSITORY = Path(__file__).parents[2]
DOCUMENT = REPOSITORY / "docs/from-the-2019-readme.md"
SECTIONS = (
    "Installation of JupyterHub with CodePipeline",
    "Create an User Role",
    "Setup AWS Cognito",
    "Create a Build Pipeline",
    "Add build step to Pipeline and rerun",
    "To delete the cluster",
    "Some important things to note",
    "Manage cluster locally",
    "Using Helm",
    "Troubleshooting",
    "Out of Storage Space",
    "500 Error on Notebook Startup",
    "A 500 Error On Login Page",
    "Autoscaler Error During Build",
    "Gitpuller Error",
    "Issue With Volume Mounts",
)
"""The headings of the 2019 README below its title, in its order; "Using Helm" is one in bold type."""
ROWS = [
    [cell.strip() for cell in line.strip("|\n").split("|")]
    for line in DOCUMENT.read_text().splitlines()
    if line.startswith("|") and not line.startswith(("|---", "| section"))
]


def known_names() -> set[str]:
    """State machines, functions, checks of a diagnosis: whatever a name in code type may be."""
    machines = {path.name.split(".")[0] for path in (REPOSITORY / "statemachines").glob("*.asl.json")}
    functions = {path.parent.name for path in (REPOSITORY / "functions").glob("*/app.py")}
    return machines | functions | {check.name for check in CHECKS}


def test_no_section_is_left_out_and_none_is_invented() -> None:
    assert tuple(row[0] for row in ROWS) == SECTIONS


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_each_machine_function_and_check_exists(row: list[str]) -> None:
    named = set(re.findall(r"`([a-z]+(?:_[a-z0-9]+)+|entrance|versions|nodes|autoscaler)`", row[1]))

    assert named <= known_names()


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_each_was_run_in_a_test_that_exists(row: list[str]) -> None:
    paths = [path.strip() for path in row[2].split(",")]

    assert paths
    assert [path for path in paths if not (REPOSITORY / path).exists()] == []


DOCUMENTS = [REPOSITORY / "README.md", DOCUMENT, *sorted((REPOSITORY / "docs/runbooks").glob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_each_linked_page_exists(document: Path) -> None:
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", document.read_text()) if "://" not in link]

    assert [link for link in links if link and not (document.parent / link).exists()] == []


def commands_in(text: str) -> list[str]:
    """Every ``hubplane …`` in code type, and each that a line of a console block begins with."""
    inline = re.findall(r"`(hubplane [^`]+)`", text)
    blocks = re.findall(r"^ *```console\n(.*?)^ *```", text, flags=re.MULTILINE | re.DOTALL)
    typed = [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [command.partition(" | ")[0] for command in (*inline, *typed) if command.startswith("hubplane ")]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_each_command_is_one_that_the_program_takes(document: Path) -> None:
    for command in commands_in(document.read_text()):
        words = shlex.split(command)[1:]
        if words[0].startswith("--"):
            continue
        with click.Context(program) as root:
            try:
                name, found, rest = program.resolve_command(root, words)
                assert found is not None
                if rest and "--help" not in rest:  # a command by its name alone is a mention
                    found.make_context(str(name), list(rest), parent=root)
            except click.ClickException as error:
                pytest.fail(f"{document.name}: {command}: {error.format_message()}")
