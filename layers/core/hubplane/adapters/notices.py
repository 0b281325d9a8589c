"""Mails to the operators, each once.

SNS has no idempotency for standard topics, so the Ledger keeps a claim per notice: written before sending, marked after.
A claim without a mark is sent again: a mail twice is better than a mail lost.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hubplane.domain.provider_errors import error_code, translated

LONGEST_SUBJECT = 99
"""SNS refuses subjects of 100 characters and more, and any line break (botocore sns Publish)."""


class Notices:
    """Publishes to the operators' topic; ``sns`` and ``dynamodb`` are boto3 clients."""

    def __init__(self, sns: Any, dynamodb: Any, topic_arn: str, ledger_table_name: str) -> None:
        self._sns = sns
        self._dynamodb = dynamodb
        self._topic_arn = topic_arn
        self._ledger_table_name = ledger_table_name

    def send_once(self, cluster_name: str, notice_id: str, subject: str, text: str, now: datetime) -> bool:
        """Send unless the Ledger shows it as sent. True if it was sent now."""
        key = {"cluster": {"S": cluster_name}, "entry": {"S": f"notice#{notice_id}"}}
        with translated(f"claim notice {notice_id}"):
            try:
                self._dynamodb.put_item(
                    TableName=self._ledger_table_name,
                    Item={**key, "subject": {"S": subject}, "claimed_at": {"S": now.isoformat()}},
                    ConditionExpression="attribute_not_exists(sent_at)",
                )
            except Exception as error:
                if error_code(error) == "ConditionalCheckFailedException":
                    return False
                raise
        with translated(f"send notice {notice_id}"):
            line = " ".join(subject.split())[:LONGEST_SUBJECT]
            self._sns.publish(TopicArn=self._topic_arn, Subject=line.encode("ascii", "replace").decode(), Message=text)
        with translated(f"mark notice {notice_id} as sent"):
            self._dynamodb.update_item(
                TableName=self._ledger_table_name,
                Key=key,
                UpdateExpression="SET sent_at = :now",
                ExpressionAttributeValues={":now": {"S": now.isoformat()}},
            )
        return True
