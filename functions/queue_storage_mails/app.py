"""QueueStorageMails: the warnings that a pruning plan found due, and what was deleted, as mails to the owners.

Event: ``run``. Result: ``queued``. Outside ``enforce`` nobody is written to. Repeatable: a mail queued twice is sent once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.mail_queue import queue_mails
from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.adapters.users_table import UsersTable
from hubplane.domain.errors import ClusterUnknown
from hubplane.domain.mail.messages import MailMessage
from hubplane.domain.mail.storage_mails import Homes, Recipient, deletion_mail, is_told, warning_mail
from hubplane.domain.storage.documents import warning_from_json
from hubplane.domain.storage.outcomes import outcome_from_json
from hubplane.domain.storage.policy import policy_from_json
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    users_table_name: str
    storage_bucket_name: str
    mail_queue_url: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    run = event["run"]
    if run["mode"] != "enforce":
        return {"queued": 0, "changes": [], "reason": f"mode is {run['mode']}: nobody is written to"}
    mails = Mails(event["cluster_name"], run)
    messages = [*mails.warnings(), *mails.deletions()]
    queued = queue_mails(client("sqs"), SETTINGS.mail_queue_url, messages)
    nobody = f"; {mails.nobodys} deleted homes belong to nobody who is known" if mails.nobodys else ""
    return {"queued": queued, "changes": [f"queued {queued} mails"] if queued else [], "reason": f"{queued} mails{nobody}"}


class Mails:
    """The mails of one step of one run. ``nobodys`` counts deletions of which nobody can be told."""

    def __init__(self, cluster_name: str, run: dict[str, Any]) -> None:
        self.cluster_name, self.policy = cluster_name, policy_from_json(run["policy"])
        self.home = f"{run['prefix']}{run['step']}/"
        self.bucket = StorageBucket(client("s3"), SETTINGS.storage_bucket_name)
        self.homes = Homes(self.bucket.cluster(run["prefix"]).inventory)
        self.users = UsersTable(client("dynamodb"), SETTINGS.users_table_name)
        self.hub_url = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).read(cluster_name).hub_url
        if self.hub_url is None:
            raise ClusterUnknown(f"cluster {cluster_name} has no release with an address to sign in at: build it first")
        self.nobodys = 0

    def warnings(self) -> Iterator[MailMessage]:
        """A mail per warning. Without a known person it has no address, is recorded as told to nobody, and never counts."""
        for line in self.bucket.lines(f"{self.home}warnings.jsonl.gz"):
            warning = warning_from_json(line)
            username = self.homes.username(warning.owner_sub, warning.claim_name) or warning.claim_name
            to = self.recipient(username, warning.owner_sub)
            yield warning_mail(self.cluster_name, warning, to, str(self.hub_url), datetime.now(UTC))

    def deletions(self) -> Iterator[MailMessage]:
        """A mail per home whose volume was put away, or whose last copy went."""
        for key in self.bucket.keys(f"{self.home}outcomes/"):
            for outcome in map(outcome_from_json, self.bucket.lines(key)):
                if not is_told(outcome):
                    continue
                username = self.homes.username(outcome.owner_sub, outcome.claim_name)
                if username is None:
                    self.nobodys += 1
                    continue
                to, used_at = self.recipient(username, outcome.owner_sub), self.homes.last_used_at(outcome.resource_id)
                yield deletion_mail(self.cluster_name, outcome, to, str(self.hub_url), self.policy, used_at)

    def recipient(self, username: str, owner_sub: str | None) -> Recipient:
        """Name and address; no address where the name's record is another person's."""
        record = self.users.read(username)
        is_theirs = record is not None and (owner_sub is None or owner_sub in record.subs)
        return Recipient(username, record.email or None if record is not None and is_theirs else None)
