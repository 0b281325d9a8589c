"""Contexts that the tests of mails share: every field filled with a word of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubplane.domain.mail.catalogue import fields_of
from hubplane.domain.mail.fields import Kind


def filled(name: str, text: str | None = None) -> dict[str, Any]:
    """All fields of a mail. Text is ``text``, or a word that only this field has."""
    return {field: _value(field, kind, text) for field, kind in fields_of(name).items()}


def _value(field: str, kind: Kind, text: str | None) -> Any:
    word = f"the-{field.replace('_', '-')}" if text is None else text
    values: dict[Kind, Any] = {
        Kind.TEXT: word,
        Kind.LINES: [word, word],
        Kind.SECTIONS: [(word, [word]), (word, [])],
        Kind.COUNT: 47,
        Kind.URL: f"https://the-{field.replace('_', '-')}.example.org/",
        Kind.TOKEN: f"the-{field.replace('_', '-')}",
        Kind.PLACEHOLDER: {"code": "{####}", "username": "{username}"}.get(field),
    }
    return values[kind]


def words(context: Mapping[str, Any]) -> list[str]:
    """Every text in a context, however deep."""
    found: list[str] = []
    for value in context.values():
        found += _texts(value)
    return found


def _texts(value: Any) -> list[str]:
    if isinstance(value, (list, tuple)):
        return [text for item in value for text in _texts(item)]
    return [str(value)]
