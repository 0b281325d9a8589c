"""From a mail's name and fields to subject, text and HTML."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jinja2

from hubplane.domain.mail.catalogue import MAILS, fields_of
from hubplane.domain.mail.fields import FieldInvalid, MailInvalid, clean, one_line

__all__ = ["MAX_SUBJECT_LENGTH", "TEMPLATES", "MailInvalid", "Rendered", "render", "templates"]

MAX_SUBJECT_LENGTH: Final = 140
"""Cognito's longest ``emailSubject`` (API reference, VerificationMessageTemplateType), and more than a phone shows."""

TEMPLATES: Final = pathlib.Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail as it is sent. The subject is one line, whatever it was made of."""

    subject: str
    text: str
    html: str

    def __post_init__(self) -> None:
        if self.subject != one_line(self.subject, MAX_SUBJECT_LENGTH):
            raise MailInvalid(
                f"subject {self.subject!a:.200} is not one line of visible text: render the mail, do not write it by hand"
            )


def render(name: str, context: Mapping[str, Any]) -> Rendered:
    """The mail ``name`` of ``catalogue.MAILS``, filled with ``context``: exactly its fields. The same arguments give equal mails.

    Raises ``MailInvalid`` listing every field that is missing, unknown or of another kind. No text in a text field does.
    """
    fields = _checked(name, context)
    environment = templates()
    text_template = environment.get_template(f"{name}.txt")
    subject = "".join(text_template.blocks["subject"](text_template.new_context(fields)))
    fields["subject"] = one_line(subject, MAX_SUBJECT_LENGTH)
    return Rendered(
        subject=fields["subject"],
        text=text_template.render(fields),
        html=environment.get_template(f"{name}.html").render(fields),
    )


def _checked(name: str, context: Mapping[str, Any]) -> dict[str, Any]:
    if name not in MAILS:
        raise MailInvalid(f"there is no mail {name!r}; there are: {', '.join(MAILS)}")
    kinds = fields_of(name)
    faults = [f"{field} is missing" for field in kinds if field not in context]
    faults += [f"{field} is no field of it" for field in context if field not in kinds]
    fields: dict[str, Any] = {}
    for field, kind in kinds.items():
        if field in context:
            try:
                fields[field] = clean(context[field], kind)
            except FieldInvalid as error:
                faults.append(f"{field} {error}")
    if faults:
        raise MailInvalid(f"mail {name}: {'; '.join(faults)}")
    return fields


@functools.cache
def templates() -> jinja2.Environment:
    """The templates with their rules: HTML is escaped, text is not, a name that is not filled is an error. One per process."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=jinja2.select_autoescape(enabled_extensions=("html",), default=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
