"""Events that AWS services put on the default bus by themselves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any


def emit(source: str, detail_type: str, detail: dict[str, Any], resources: Sequence[str] = ()) -> None:
    """Put one event of an AWS service on the default bus, in this request's account and Region."""
    from ministack.services import eventbridge  # noqa: PLC0415  after the environment is prepared

    entry = {"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail), "Resources": list(resources)}
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
