"""The only reader of the environment.

Each function declares what it needs as one frozen dataclass of ``str`` or ``int`` fields and reads it once, at init::

    @dataclass(frozen=True)
    class Settings:
        clusters_table_name: str

    SETTINGS = read_settings(Settings)

Field ``clusters_table_name`` comes from variable ``CLUSTERS_TABLE_NAME``. A missing or empty variable fails the init
with the name of every one that is missing; a field with a default may be absent or empty.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar

T = TypeVar("T")


class SettingsMissing(Exception):
    """The function was deployed without a variable that it needs; the message names each."""


@dataclass(frozen=True)
class Surroundings:
    """What Lambda itself sets for every function, and template.yaml may not; ``aws_endpoint_url`` only in the embedded cloud."""

    aws_region: str
    aws_endpoint_url: str = ""


def read_settings(kind: type[T], environment: Mapping[str, str] | None = None) -> T:
    """An instance of the dataclass ``kind`` from the environment. Raises ``SettingsMissing`` naming all absent variables."""
    source = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    missing: list[str] = []
    for item in fields(kind):  # type: ignore[arg-type]
        variable = item.name.upper()
        text = source.get(variable, "")
        if text:
            values[item.name] = int(text) if item.type in (int, "int") else text
        elif item.default is MISSING:
            missing.append(variable)
    if missing:
        raise SettingsMissing(f"set these variables of the function in template.yaml: {', '.join(missing)}")
    return kind(**values)
