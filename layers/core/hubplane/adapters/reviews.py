"""Sign-ups that wait for an admin: one Ledger item ``review#<sub>`` each, in the partition of people.

Every write is conditional. Storing a ruling consumes the links' nonce in the same write, so of two who decide at once, or of one
link used twice, one decides and the other is told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from hubplane.domain.mail.messages import PEOPLE
from hubplane.domain.provider_errors import error_code, translated
from hubplane.domain.registration.review import Review, Ruling, read_ruling, ruling_to_json

CONDITION_FAILED: Final = "ConditionalCheckFailedException"
TEXTS: Final = ("sub", "username", "email", "signed_up_at", "nonce", "execution_arn")
TIMES: Final = ("asked_at", "expires_at")


class Reviews:
    """Reads and conditional writes of one table; ``client`` is a boto3 DynamoDB client."""

    def __init__(self, client: Any, table_name: str) -> None:
        self._client = client
        self._table_name = table_name

    def read(self, sub: str) -> Review | None:
        """The review of an account, read consistently; None where nobody was ever asked."""
        with translated(f"read the review of {sub}"):
            item = self._client.get_item(TableName=self._table_name, Key=_key(sub), ConsistentRead=True).get("Item")
        return None if item is None else _review(item)

    def open(self, review: Review, seen: Review | None) -> Review:
        """Store a new round in place of ``seen``, and return the round that counts: this one, or that of who was faster."""
        item = {
            **_key(review.sub),
            **{name: {"S": getattr(review, name)} for name in TEXTS},
            **{name: {"S": getattr(review, name).isoformat()} for name in TIMES},
        }
        asked: dict[str, Any] = {"Item": item, "ConditionExpression": "attribute_not_exists(entry)"}
        if seen is not None:
            asked["ConditionExpression"] = "nonce = :seen AND attribute_not_exists(ruling)"
            asked["ExpressionAttributeValues"] = {":seen": {"S": seen.nonce}}
        with translated(f"open the review of {review.username}"):
            try:
                self._client.put_item(TableName=self._table_name, **asked)
            except Exception as error:
                if error_code(error) != CONDITION_FAILED:
                    raise
            else:
                return review
        return self.read(review.sub) or review

    def wait(self, review: Review, execution_arn: str, task_token: str, note: str) -> bool:
        """Remember who waits for the ruling, and what was wrong with the last answer. False: there is a ruling already."""
        return self._update(
            f"wait for the review of {review.username}",
            review.sub,
            "SET task_token = :token, execution_arn = :execution, note = :note",
            "nonce = :nonce AND attribute_not_exists(ruling)",
            {
                ":token": {"S": task_token},
                ":execution": {"S": execution_arn},
                ":note": {"S": note},
                ":nonce": {"S": review.nonce},
            },
        )

    def rule(self, review: Review, ruling: Ruling, now: datetime) -> bool:
        """Store the ruling of this round. False, and nothing written, where one is stored or another round began."""
        return self._update(
            f"decide on {review.username}",
            review.sub,
            "SET ruling = :ruling, ruled_at = :now",
            "nonce = :nonce AND attribute_not_exists(ruling)",
            {
                ":ruling": {"S": json.dumps(ruling_to_json(ruling), sort_keys=True)},
                ":now": {"S": now.isoformat()},
                ":nonce": {"S": review.nonce},
            },
        )

    def _update(self, doing: str, sub: str, expression: str, condition: str, values: Mapping[str, Any]) -> bool:
        with translated(doing):
            try:
                self._client.update_item(
                    TableName=self._table_name,
                    Key=_key(sub),
                    UpdateExpression=expression,
                    ConditionExpression=condition,
                    ExpressionAttributeValues=dict(values),
                )
            except Exception as error:
                if error_code(error) == CONDITION_FAILED:
                    return False
                raise
        return True


def _key(sub: str) -> dict[str, Any]:
    return {"cluster": {"S": PEOPLE}, "entry": {"S": f"review#{sub}"}}


def _review(item: Mapping[str, Any]) -> Review:
    ruling = item.get("ruling")
    token = item.get("task_token")
    asked_at, expires_at = (datetime.fromisoformat(item[name]["S"]) for name in TIMES)
    return Review(
        **{name: item[name]["S"] for name in TEXTS},
        asked_at=asked_at,
        expires_at=expires_at,
        ruling=None if ruling is None else read_ruling(json.loads(ruling["S"])),
        task_token=None if token is None else token["S"],
    )
