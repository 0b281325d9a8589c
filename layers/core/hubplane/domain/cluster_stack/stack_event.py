"""An event of a stack. Apart from ``causes``, because the adapter that reads events is imported by functions that judge none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class StackEvent:
    """One event of the stack; ``token`` is the ClientRequestToken of the operation that caused it."""

    logical_id: str
    resource_type: str
    status: str
    reason: str
    at: datetime
    token: str | None = None
