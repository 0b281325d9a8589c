"""What a mail may be filled with, made harmless before any template sees it.

Escaping is the templates' (autoescape); here goes what escaping does not reach: line ends that would make headers or false
paragraphs, characters that reverse or hide text, links that are no links. A person's odd text never stops a mail, it is cleaned;
what only Hubplane itself fills in (links, counts, placeholders) is refused when it is wrong.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from hubplane.domain.errors import HubplaneError

MAX_TEXT_LENGTH: Final = 2000
"""Of one value. CloudFormation's longest status reasons are below it; a mail is no place for more."""

_ADDRESS: Final = re.compile(
    r"(?:https://[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*|http://(?:127\.0\.0\.1|localhost))(?::[0-9]{1,5})?(?:[/?][A-Za-z0-9._~:/?#@!$&()*+,;=%\[\]-]*)?"
)
_TOKEN: Final = re.compile(r"[A-Za-z0-9+/=_.-]{1,2048}")  # Step Functions API reference, SendTaskSuccess: at most 2048
_PLACEHOLDER: Final = re.compile(r"\{[A-Za-z_#]{1,40}\}")


class Kind(StrEnum):
    """What a field holds. ``SECTIONS`` are pairs of a title and lines; a ``TOKEN`` answers a waiting execution."""

    TEXT = "text"
    LINES = "lines"
    SECTIONS = "sections"
    COUNT = "count"
    URL = "url"
    PLACEHOLDER = "placeholder"
    TOKEN = "token"  # noqa: S105


class MailInvalid(HubplaneError):
    """A mail was asked for that does not exist, or with fields that it does not have; the message lists every fault."""


class FieldInvalid(ValueError):
    """A value has not the shape of its kind; the message says what was found and what is needed."""


def clean(value: Any, kind: Kind) -> Any:
    """``value`` as the templates may have it: text, int, tuple of text, or tuple of (title, lines). Raises ``FieldInvalid``."""
    return _CLEANERS[kind](value)


def one_line(text: str, max_length: int = MAX_TEXT_LENGTH) -> str:
    """``text`` on one line: line ends, control characters and blanks become one blank, invisible format characters go."""
    seen = "".join(_shown(character) for character in text)
    line = " ".join(seen.split())
    return line if len(line) <= max_length else line[: max_length - 1] + "…"


def is_placeholder(text: str) -> bool:
    """Whether ``text`` is a placeholder of Cognito's, such as ``{####}``: word in braces, nothing that markup is made of."""
    return _PLACEHOLDER.fullmatch(text) is not None


def _shown(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cc", "Zl", "Zp", "Zs"):
        return " "
    if category == "Cf":
        return ""
    # Lone surrogates cannot be sent as UTF-8; private and unassigned characters look like anything, or nothing, to the reader.
    return "\ufffd" if category in ("Cs", "Co", "Cn") else character


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise FieldInvalid(f"is {type(value).__name__}, give text")
    return one_line(value)


def _lines(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise FieldInvalid(f"is {type(value).__name__}, give a list of texts")
    return tuple(_text(item) for item in value)


def _sections(value: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise FieldInvalid(f"is {type(value).__name__}, give a list of pairs: a title and its lines")
    for item in value:
        if isinstance(item, str) or not isinstance(item, Sequence) or len(item) != 2:
            raise FieldInvalid("holds something that is no pair of a title and its lines")
    return tuple((_text(title), _lines(lines)) for title, lines in value)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise FieldInvalid(f"is {value!r:.40}, give a whole number from 0")
    return value


def _url(value: Any) -> str:
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        raise FieldInvalid("is no https address without user name and blanks; write it out in full")
    return value


def _placeholder(value: Any) -> str:
    if not isinstance(value, str) or not is_placeholder(value):
        raise FieldInvalid("is no placeholder; hand on codeParameter or usernameParameter of the event")
    return value


def _token(value: Any) -> str:
    # A command is made of it that people run as it stands, so it is refused where text would be cleaned or cut.
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise FieldInvalid("is no task token of Step Functions")
    return value


_CLEANERS: Final[Mapping[Kind, Callable[[Any], Any]]] = {
    Kind.TEXT: _text,
    Kind.LINES: _lines,
    Kind.SECTIONS: _sections,
    Kind.COUNT: _count,
    Kind.URL: _url,
    Kind.PLACEHOLDER: _placeholder,
    Kind.TOKEN: _token,
}
