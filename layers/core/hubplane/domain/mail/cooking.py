"""The mails of ``cognito`` out of their templates, rendered before anybody waits for them."""

from __future__ import annotations

import json
from typing import Any

from hubplane.domain.mail.catalogue import fields_of
from hubplane.domain.mail.cognito import MARKS, TEMPLATE_OF_SOURCE
from hubplane.domain.mail.fields import Kind
from hubplane.domain.mail.rendering import render


def cooked() -> str:
    """What ``cognito_mails.json`` has to hold: subject and HTML of each mail by name, with ``MARKS`` where values go."""
    mails = {name: render(name, _marks(name)) for name in sorted(set(TEMPLATE_OF_SOURCE.values()))}
    return json.dumps({name: {"subject": mail.subject, "html": mail.html} for name, mail in mails.items()}, indent=1) + "\n"


def _marks(name: str) -> dict[str, Any]:
    return {field: int(MARKS[field]) if kind is Kind.COUNT else MARKS[field] for field, kind in fields_of(name).items()}
