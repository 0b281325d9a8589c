"""What the Ledger holds about mails: one entry ``mail#<mail_id>`` each, and the addresses that get none any more.

An entry is claimed before its mail is handed over and marked after, each under a condition: of two that try only one sends.

- ``claimed_at`` alone: somebody is sending, or ended in between; ``CLAIM_SETTLES_IN`` later it may be taken over
- ``accepted_at``: SES took the mail (told by its answer or by its SEND event); nobody sends it again
- ``refused_at`` with ``reason``: not sent, or sent and bounced, which takes ``accepted_at`` away; asking again looks again
- ``bounced``: the messages of this mail that did not arrive, so that late news of one does not count as accepted

``facts`` is a set with the facts of every try that may have reached the person: a second try may have told another date.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from hubplane.domain.mail.claims import Claim, Standing
from hubplane.domain.mail.messages import PEOPLE, MailMessage, ledger_partition
from hubplane.domain.provider_errors import error_code, translated

CLAIM_SETTLES_IN: Final = timedelta(minutes=5)
"""How long a claim without a mark is left alone. SES's SEND event comes within seconds; shorter than the queue's visibility
timeout, so that the next delivery of the message may take it over."""

OPEN: Final = "attribute_not_exists(accepted_at)"
CONDITION_FAILED: Final = "ConditionalCheckFailedException"


class MailLedger:
    """Conditional writes and reads of one table; ``client`` is a boto3 DynamoDB client."""

    def __init__(self, client: Any, table_name: str) -> None:
        self._client = client
        self._table_name = table_name

    def claim(self, message: MailMessage, to: str | None, now: datetime) -> Claim:
        """Claim a mail for sending to ``to``; what is known of it is written with the claim. See ``Standing``."""
        cluster = ledger_partition(message.cluster_name)
        facts = json.dumps(dict(message.facts), sort_keys=True)
        values = {
            ":now": {"S": now.isoformat()},
            ":settled": {"S": (now - CLAIM_SETTLES_IN).isoformat()},
            ":name": {"S": message.name},
            ":to": {"S": to} if to else {"NULL": True},
            ":facts": {"SS": [facts]},
            ":one": {"N": "1"},
        }
        old = self._update(
            f"claim mail {message.mail_id}",
            _key(cluster, _entry(message.mail_id)),
            "SET claimed_at = :now, #name = :name, #to = :to REMOVE refused_at, reason ADD tries :one, facts :facts",
            f"{OPEN} AND (attribute_not_exists(claimed_at) OR claimed_at <= :settled)",
            values,
            {"#name": "name", "#to": "to"},
        )
        standing = Standing.MINE if old is None else Standing.HELD if _is_open(old) else Standing.SENT
        return Claim(standing, cluster, message.mail_id, now, facts)

    def mark_accepted(self, cluster: str, mail_id: str, message_id: str, now: datetime) -> bool:
        """SES took it. The first to tell sets the time. False: there is no such entry, or the message bounced. Repeatable."""
        old = self._update(
            f"mark mail {mail_id} as accepted",
            _key(cluster, _entry(mail_id)),
            "SET accepted_at = if_not_exists(accepted_at, :now), message_id = :message_id REMOVE claimed_at, refused_at, reason",
            "attribute_exists(entry) AND NOT contains(bounced, :message_id)",
            {":now": {"S": now.isoformat()}, ":message_id": {"S": message_id}},
        )
        return old is None

    def mark_bounced(self, cluster: str, mail_id: str, message_id: str, reason: str, now: datetime) -> bool:
        """It did not arrive, so it does not count as accepted. False: there is no such entry, or a later try counts. Repeatable.

        Both steps may come before SES's answer is marked: what has bounced is never marked as accepted.
        """
        key = _key(cluster, _entry(mail_id))
        doing = f"mark mail {mail_id} as bounced"
        values: dict[str, Any] = {":message_id": {"SS": [message_id]}}
        if self._update(doing, key, "ADD bounced :message_id", "attribute_exists(entry)", values) is not None:
            return False
        old = self._update(
            doing,
            key,
            "SET refused_at = :now, reason = :reason REMOVE accepted_at, claimed_at",
            "attribute_exists(entry) AND (attribute_not_exists(message_id) OR message_id = :message_id)",
            {":now": {"S": now.isoformat()}, ":reason": {"S": reason}, ":message_id": {"S": message_id}},
        )
        return old is None

    def refuse(self, claim: Claim, reason: str, now: datetime) -> None:
        """It is not sent, for a reason in words, and nobody tries again by himself. Nothing where the claim was taken over."""
        self._end(claim, "SET refused_at = :at, reason = :reason REMOVE claimed_at DELETE facts :facts", reason, now)

    def give_back(self, claim: Claim, reason: str, now: datetime) -> None:
        """Nothing was sent, and the next delivery may try at once. Nothing where the claim was taken over."""
        self._end(claim, "SET failed_at = :at, reason = :reason REMOVE claimed_at DELETE facts :facts", reason, now)

    def suppress(self, address: str, reason: str, message_id: str, now: datetime) -> None:
        """No more mail to ``address``. The first reason stays. Repeatable; to lift it, delete the entry."""
        self._update(
            "suppress an address",
            _key(PEOPLE, _suppressed(address)),
            "SET suppressed_at = :now, reason = :reason, message_id = :message_id",
            "attribute_not_exists(entry)",
            {":now": {"S": now.isoformat()}, ":reason": {"S": reason}, ":message_id": {"S": message_id}},
        )

    def suppression(self, address: str) -> str | None:
        """Why ``address`` gets no mail; None: it does. Read consistently."""
        with translated("ask whether an address is suppressed"):
            key = _key(PEOPLE, _suppressed(address))
            item = self._client.get_item(TableName=self._table_name, Key=key, ConsistentRead=True).get("Item")
        return None if item is None else f"{item['reason']['S']} on {item['suppressed_at']['S']}"

    def _end(self, claim: Claim, expression: str, reason: str, now: datetime) -> None:
        values: dict[str, Any] = {
            ":at": {"S": now.isoformat()},
            ":reason": {"S": reason},
            ":mine": {"S": claim.claimed_at.isoformat()},
            ":facts": {"SS": [claim.facts]},
        }
        key = _key(claim.cluster, _entry(claim.mail_id))
        self._update(f"end the claim of mail {claim.mail_id}", key, expression, f"{OPEN} AND claimed_at = :mine", values)

    def _update(
        self,
        doing: str,
        key: Mapping[str, Any],
        expression: str,
        condition: str,
        values: Mapping[str, Any],
        names: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any] | None:
        """None when it was written; the item as it is, empty where there is none, when the condition did not hold."""
        with translated(doing):
            try:
                self._client.update_item(
                    TableName=self._table_name,
                    Key=key,
                    UpdateExpression=expression,
                    ConditionExpression=condition,
                    ExpressionAttributeValues=dict(values),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **({"ExpressionAttributeNames": dict(names)} if names else {}),
                )
            except Exception as error:
                if error_code(error) == CONDITION_FAILED:
                    item: Mapping[str, Any] = getattr(error, "response", {}).get("Item", {})
                    return item
                raise
        return None


def _is_open(item: Mapping[str, Any]) -> bool:
    return "accepted_at" not in item


def _key(cluster: str, entry: str) -> dict[str, Any]:
    return {"cluster": {"S": cluster}, "entry": {"S": entry}}


def _entry(mail_id: str) -> str:
    return f"mail#{mail_id}"


def _suppressed(address: str) -> str:
    """Addresses that differ in letter case only are one mailbox nearly everywhere; the safe side is to write to neither."""
    return f"suppressed#{address.lower()}"
