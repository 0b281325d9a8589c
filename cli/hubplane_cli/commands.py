"""The commands that start a state machine, made from the table in ``machines``."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from hubplane_cli.cloud import Cloud, Place
from hubplane_cli.errors import TROUBLE, WrongUse
from hubplane_cli.machines import MACHINES, Field, Machine, execution_input


class ClusterName(click.ParamType[str]):
    """A cluster's name. The shell completes it from the Clusters table, and says nothing where that is out of reach."""

    name = "cluster"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        import logging

        logging.disable(logging.CRITICAL)
        # One quick try: somebody waits with a finger on the tab key.
        patience = {"connect_timeout": 1, "read_timeout": 2, "retries": {"total_max_attempts": 1}}
        try:
            names = Cloud(place_of(ctx), patience).cluster_names()
        except Exception:
            return []
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def place_of(ctx: click.Context) -> Place:
    """Where the control plane is, as the options in front of the command and their variables say; also while completing."""
    given = ctx.find_root().params
    return Place(given.get("stack") or Place.stack, given.get("region"), given.get("profile"))


def with_place(command: click.Command) -> click.Command:
    """Let --stack, --region and --profile stand behind the command as well as in front of it."""

    def moved(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
        if value is not None:
            ctx.find_root().params[str(param.name)] = value
            ctx.obj = Cloud(place_of(ctx))

    for name, words in (("stack", "The control plane's stack."), ("region", "AWS Region."), ("profile", "AWS profile.")):
        command.params.append(click.Option([f"--{name}"], callback=moved, expose_value=False, is_eager=True, help=words))
    return command


def follow_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--watch, --json and --name, for whatever starts an execution."""
    command = click.option("--watch/--no-watch", help="Follow it to its end and print the result.")(command)
    command = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")(command)
    return click.option("--name", help="The execution's name; the same name and input never run twice at once.")(command)


def command_of(machine: Machine) -> click.Command:
    """The command of one row of the table."""

    def start(watch: bool, as_json: bool, name: str | None, **given: Any) -> int:
        from hubplane_cli import executions
        from hubplane_cli.specification import build_input

        cloud: Cloud = click.get_current_context().obj
        spec_file = given.pop("spec_file", None)
        keyed = {field.key: given[_python_name(field)] for field in machine.fields}
        if machine.reads_specification:
            document = build_input(_text_of(spec_file), keyed["cluster_name"])
        else:
            document = execution_input(machine, {field.key: _value(field, keyed[field.key]) for field in machine.fields})
        if "cluster_name" in document and not machine.is_new_cluster:
            cloud.require_cluster(document["cluster_name"])
        return executions.run(cloud, machine.name, document, name, watch, as_json)

    command = click.command(machine.command, help=_help(machine), short_help=machine.words)(follow_options(start))
    own = [_parameter(field, machine) for field in machine.fields]
    if machine.reads_specification:
        own.append(click.Option(["--spec", "spec_file"], type=click.Path(), required=True, help=_SPEC_HELP))
    command.params[:0] = own
    return command


def _help(machine: Machine) -> str:
    if machine.good is None:
        return f"{machine.words}."
    watched = f"With --watch it exits with {TROUBLE} where {machine.good.key} in the result says that something is wrong."
    return f"{machine.words}.\n\n{watched}"


_SPEC_HELP = "File with the specification: JSON, YAML, or the 2019 parameter file as it stands. - reads standard input."


def _python_name(field: Field) -> str:
    return field.key.replace(".", "_")


def _parameter(field: Field, machine: Machine) -> click.Parameter:
    kinds: dict[str, Any] = {"cluster": ClusterName(), "number": click.IntRange(min=1), "json_file": click.Path()}
    kind = kinds.get(field.kind, click.Choice(field.choices) if field.kind == "choice" else click.STRING)
    name = _python_name(field)
    if field.is_argument:
        required, shown = not machine.reads_specification, field.key.upper()
        return click.Argument([name], type=kind, required=required, metavar=shown if required else f"[{shown}]")
    if field.kind == "yes_no":
        yes, no = field.choices
        return click.Option([f"--{yes}/--{no}", name], default=None, help=_sentence(field.words))
    if field.kind == "author":
        return click.Option(
            [f"--{field.name}", name], default=_who, show_default="your user name here", help=_sentence(field.words)
        )
    is_list = field.kind in ("texts", "pairs")
    return click.Option([f"--{field.name}", name], type=kind, multiple=is_list, help=_sentence(field.words))


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def _who() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return ""


def _value(field: Field, value: Any) -> Any:
    if field.kind == "pairs":
        return _pairs(field, value) or None
    if field.kind == "confirmation" and value is None and sys.stdin.isatty():
        return click.prompt("To confirm, type the name again", err=True)
    return read_json(value) if field.kind == "json_file" else None if field.kind == "author" and value == "" else value


def _pairs(field: Field, given: Sequence[str]) -> dict[str, str]:
    wrong = [pair for pair in given if "=" not in pair]
    if wrong:
        raise WrongUse(f"--{field.name} {wrong[0]}: give it as NAME=VALUE")
    return {name: value for name, _, value in (pair.partition("=") for pair in given)}


def read_json(path: str) -> Any:
    """The JSON document in a file, or on standard input where ``path`` is ``-``. Raises ``WrongUse``."""
    import json

    try:
        return json.loads(_text_of(path))
    except ValueError as error:
        raise WrongUse(f"{path} is no JSON: {error}") from error


def _text_of(path: str) -> str:
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"cannot read {path}: {error}") from error


@functools.cache
def machine_commands() -> dict[str, click.Command]:
    """Command name -> command, in the order of the table."""
    return {machine.command: command_of(machine) for machine in MACHINES}
