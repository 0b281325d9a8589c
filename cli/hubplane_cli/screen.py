"""What people see: progress on standard error, results on standard output, tables as wide as what is in them.

On a terminal the last line shows where the execution is now and is written over; anywhere else there are only whole lines.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import click

from hubplane_cli.follow import Ending, Told
from hubplane_cli.machines import command_for

_CLEAR = "\r\x1b[K"


def colors() -> bool | None:
    """False where nobody wants any (no-color.org) or the terminal has none; None lets Click look whether it is a terminal."""
    return False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None


def say(text: str) -> None:
    """A result on standard output. Where nobody reads on (``hubplane … | head``) it goes nowhere, and the exit code holds."""
    try:
        click.echo(text)
    except BrokenPipeError:
        unheard(sys.stdout)


def unheard(stream: TextIO) -> None:
    """Lead a stream that nobody reads to nowhere: Python would fail at its own end otherwise, with exit code 120."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class Progress:
    """Lines of progress on standard error. ``quiet`` shows nothing but questions."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._is_live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._is_written = False

    def tell(self, told: Told) -> None:
        """One line, indented by the depth of the execution that it is of."""
        if self._quiet and told.kind != "question":
            return
        self.clear()
        indent = "  " * told.depth
        if told.kind == "question":
            first, *rest = told.words.splitlines()
            click.secho(f"{clock(told.seconds)}  {indent}waiting for an answer: {first}", err=True, fg="yellow")
            for line in rest:
                click.echo(f"       {indent}{line}", err=True)
        elif told.kind == "execution":
            click.secho(f"       {indent}{told.words}", err=True, dim=True)
        else:
            click.echo(f"{clock(told.seconds)}  {indent}{told.words}", err=True)

    def now(self, seconds: float, path: str) -> None:
        """The line that is written over; nothing where there is no terminal."""
        if self._is_live and not self._quiet and path:
            line = f"{clock(seconds)}  … {path}"[: shutil.get_terminal_size().columns - 1]  # a wrapped line cannot be taken back
            shown = line if colors() is False else click.style(line, dim=True)
            click.echo(f"{_CLEAR}{shown}", err=True, nl=False, color=True)
            self._is_written = True

    def clear(self) -> None:
        """Take the live line away."""
        if self._is_written:
            click.echo(_CLEAR, err=True, nl=False, color=True)
            self._is_written = False

    def note(self, words: str) -> None:
        """A sentence for a person, on standard error."""
        self.clear()
        if not self._quiet:
            click.echo(words, err=True)


def clock(seconds: float) -> str:
    """``03:05``, or ``1:03:05`` from an hour on."""
    minutes, rest = divmod(int(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def show_ending(ended: Ending, as_json: bool) -> None:
    """The result on standard output, or why there is none: as JSON on standard output, as words on standard error."""
    if as_json:
        print_json(ended.as_json())
    elif ended.succeeded:
        say("\n".join(lines_of(ended.result)))
    else:
        click.secho(f"{ended.status} after {clock(ended.seconds)}: {ended.error or 'no error was given'}", err=True, fg="red")
        if ended.cause:
            click.echo(ended.cause, err=True)


def print_json(document: Any) -> None:
    """A document on standard output, for programs."""
    say(json.dumps(document, indent=2, ensure_ascii=False, default=str))


def lines_of(value: Any, indent: int = 0) -> list[str]:
    """Any JSON value as lines: objects by key with the reason first, lists of objects that are alike as tables."""
    pad = "  " * indent
    if isinstance(value, Mapping):
        keys = sorted(value, key=lambda key: key != "reason")
        return [line for key in keys for line in _entry(key, value[key], indent)]
    if isinstance(value, list) and value and all(_is_row(item) for item in value):
        return [f"{pad}{line}" for line in table(value)]
    if isinstance(value, list):
        return [line for item in value for line in _item(item, indent)]
    return [f"{pad}{plain(value)}"]


def _entry(key: str, value: Any, indent: int) -> list[str]:
    pad = "  " * indent
    if isinstance(value, Mapping) and set(value) == {"machine", "input"}:  # an execution that is proposed
        return [f"{pad}{key}: {command_for(value['machine'], value['input'])}"]
    if isinstance(value, (Mapping, list)):
        return [f"{pad}{key}:", *lines_of(value, indent + 1)] if value else [f"{pad}{key}: none"]
    return [f"{pad}{key}: {plain(value)}"]


def _item(item: Any, indent: int) -> list[str]:
    first, *rest = lines_of(item, indent + 1) or [""]
    return [f"{'  ' * indent}- {first.strip()}", *rest]


def _is_row(item: Any) -> bool:
    return isinstance(item, Mapping) and not any(isinstance(value, (Mapping, list)) for value in item.values())


def plain(value: Any) -> str:
    """A value without parts in a person's words."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value).replace("\n", " ")


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> list[str]:
    """Rows as lines with a heading; the columns are given, or all keys in the order in which they first appear."""
    names = list(columns) or list(dict.fromkeys(name for row in rows for name in row))
    cells = [[name.replace("_", " ").upper() for name in names], *[[plain(row.get(name)) for name in names] for row in rows]]
    widths = [max(len(line[index]) for line in cells) for index in range(len(names))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
