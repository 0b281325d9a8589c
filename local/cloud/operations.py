"""Names of operations that the emulator cannot tell, from botocore's models."""

from __future__ import annotations

import re
from functools import cache

import botocore.exceptions
import botocore.session

_PLACEHOLDER = re.compile(r"\{\w+(\+?)\}")


def operation_of(service: str, method: str, path: str, target: str) -> str | None:
    """``service:Operation`` of a request, None where it is unknown. ``service``: the signing name, ``target``: x-amz-target."""
    if target:
        return f"{service}:{target.rsplit('.', 1)[-1]}"
    found = next((name for verb, pattern, name in _routes(service) if verb == method and pattern.fullmatch(path)), None)
    return f"{service}:{found}" if found else None


@cache
def _routes(service: str) -> tuple[tuple[str, re.Pattern[str], str], ...]:
    """The routes of a service with a REST protocol that is called like its signing name, those with fewer placeholders first."""
    try:
        model = botocore.session.get_session().get_service_model(service)
    except botocore.exceptions.UnknownServiceError:
        return ()
    if not model.protocol.startswith("rest"):
        return ()
    found = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        parts = _PLACEHOLDER.split(http["requestUri"].partition("?")[0])
        pattern = "".join(re.escape(part) if index % 2 == 0 else (".+" if part else "[^/]+") for index, part in enumerate(parts))
        found.append((len(parts), (http["method"], re.compile(pattern), name)))
    return tuple(route for _, route in sorted(found, key=lambda item: item[0]))
