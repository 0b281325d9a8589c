"""What the pages tell people to type to AWS exists: the operation, each option, and names that an expression may have."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name
from botocore.model import OperationModel
from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

from hubplane_cli.machines import MACHINES

REPOSITORY = Path(__file__).parents[2]
PAGES = sorted((REPOSITORY / "docs/runbooks").glob("*.md"))
OF_THE_CLI = {"query", "output", "region", "profile", "max-items", "cli-binary-format"}
"""Options of the AWS CLI itself ("Command line options in the AWS CLI")."""
OTHER_COMMANDS = {("s3", "cp"), ("eks", "get-token"), ("eks", "update-kubeconfig"), ("sso", "login")}
"""Commands of the AWS CLI that are no operation."""
RENAMED = {"eks": {"version": "kubernetes-version"}}
"""Members that the AWS CLI has another option for: --version is its own (awscli/customizations/argrename.py)."""
TAKES_A_FILE = {("lambda", "invoke")}
"""Operations whose answer goes to a file that is named last."""


TYPED = re.compile(r"""^ *(aws (?:[^\n'"]|'[^']*'|"[^"]*")*)""", flags=re.MULTILINE)
"""A line of a block, to its end or to that of the line on which a quotation ends."""


def aws_commands(page: Path) -> Iterator[tuple[list[str], bool]]:
    """The words of every ``aws …``, its pipes and what stands around it cut off, and whether it stands in a block, whole."""
    text = page.read_text()
    blocks = re.findall(r"^ *```(?:console|)\n(.*?)^ *```", text, flags=re.MULTILINE | re.DOTALL)
    typed = [(found, True) for block in blocks for found in TYPED.findall(re.sub(r"\\\n\s*", "", block))]
    mentioned = [(found, False) for found in re.findall(r"`(aws [^`]+)`", text)]
    for line, is_whole in (*typed, *mentioned):
        words = shlex.split(line.replace("…", "X"))
        yield words[: next((place for place, word in enumerate(words) if word in ("|", ">", "&&")), len(words))], is_whole


FOUND = [(page, words, is_whole) for page in PAGES for words, is_whole in aws_commands(page)]
COMMANDS = [pytest.param(words, is_whole, id=f"{page.stem}: {' '.join(words[:3])}") for page, words, is_whole in FOUND]


@cache
def operations(service: str) -> dict[str, OperationModel]:
    model = botocore.session.get_session().get_service_model(service)
    return {xform_name(name, "-"): model.operation_model(name) for name in model.operation_names}


def option(service: str, member: str) -> str:
    name = xform_name(member, "-")
    return RENAMED.get(service, {}).get(name, name)


def test_commands_are_found() -> None:
    assert len(COMMANDS) > 20


@pytest.mark.parametrize(("words", "is_whole"), COMMANDS)
def test_each_aws_command_is_an_operation_with_these_options(words: list[str], is_whole: bool) -> None:
    service, operation, *rest = words[1:]
    if (service, operation) in OTHER_COMMANDS:
        return
    model = operations(service)[operation]
    shape = model.input_shape
    members = {option(service, name): member for name, member in shape.members.items()} if shape else {}
    given = [word.removeprefix("--") for word in rest if word.startswith("--")]
    known = {*OF_THE_CLI, *members, *(f"no-{name}" for name, member in members.items() if member.type_name == "boolean")}

    assert [name for name in given if name not in known] == []
    if is_whole and (service, operation) not in TAKES_A_FILE:
        needed = {option(service, name) for name in shape.required_members} if shape else set()
        assert needed - set(given) == set()


@pytest.mark.parametrize("words", [words for _, words, _ in FOUND if "--key-condition-expression" in words])
def test_no_expression_names_what_dynamodb_keeps_for_itself(words: list[str]) -> None:
    expression = words[words.index("--key-condition-expression") + 1]
    reserved = set(ReservedKeywords.get_reserved_keywords()) - {"AND", "BETWEEN"}

    assert {name for name in re.findall(r"(?<![#:\w])\w+", expression) if name.upper() in reserved} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_output_of_a_machine_exists(page: Path) -> None:
    named = set(re.findall(r"\b([A-Z]\w+StateMachineArn)\b", page.read_text()))

    assert named <= {machine.output_key for machine in MACHINES}
