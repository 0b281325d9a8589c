"""What the Ledger says about people: one entry ``person#<username>#<time>#<id>`` per step, in the partition of people."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from hubplane.domain.mail.messages import PEOPLE


def entry_of_step(table_name: str, username: str, sentence: str, now: datetime) -> dict[str, Any]:
    """An item of TransactWriteItems: the sentence is written where the step is, and where it is not, it is not."""
    return {
        "Put": {
            "TableName": table_name,
            "Item": {
                "cluster": {"S": PEOPLE},
                # The id keeps apart what two functions do at one moment.
                "entry": {"S": f"person#{username}#{now.isoformat()}#{uuid.uuid4().hex[:8]}"},
                "sentence": {"S": sentence},
                "at": {"S": now.isoformat()},
            },
        }
    }
