"""Systems Manager: public parameters that AWS keeps. Reads only."""

from __future__ import annotations

from typing import Any

from hubplane.domain.provider_errors import error_code, translated


def public_parameter(client: Any, name: str) -> str | None:
    """The parameter's value; None where there is none of this name."""
    with translated(f"read parameter {name}"):
        try:
            value: str = client.get_parameter(Name=name)["Parameter"]["Value"]
        except Exception as error:
            if error_code(error) == "ParameterNotFound":
                return None
            raise
    return value
