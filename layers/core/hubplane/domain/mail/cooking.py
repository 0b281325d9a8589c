"""The mails of ``cognito`` out of their templates, rendered before anybody waits for them."""

from __future__ import annotations

import pprint
from typing import Any, Final

from hubplane.domain.mail.catalogue import fields_of
from hubplane.domain.mail.cognito import MARKS, TEMPLATE_OF_SOURCE
from hubplane.domain.mail.fields import Kind
from hubplane.domain.mail.rendering import render

HEAD: Final = """# ruff: noqa
# fmt: off
\"\"\"Written by `python -m local.cognito_mails` out of the templates; change those.\"\"\"

COOKED: dict[str, dict[str, str]] = """


def cooked() -> str:
    """What ``cognito_mails.py`` has to hold: subject and HTML of each mail by name, with the marks where values go.

    A module, because compiled it is read faster than any file of data.
    """
    mails = {name: render(name, _marks(name)) for name in sorted(set(TEMPLATE_OF_SOURCE.values()))}
    told = {name: {"subject": mail.subject, "html": mail.html} for name, mail in mails.items()}
    return f"{HEAD}{pprint.pformat(told, width=120)}\n"


def _marks(name: str) -> dict[str, Any]:
    return {field: int(MARKS[field]) if kind is Kind.COUNT else MARKS[field] for field, kind in fields_of(name).items()}
