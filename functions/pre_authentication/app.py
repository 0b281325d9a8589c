"""PreAuthentication: whoever is not approved gets a sentence in place of a session.

An account that an admin made is recorded here, at its first sign-in: Cognito calls no PostConfirmation for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, partial

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.home_claims import claims_in_storage
from hubplane.adapters.light_client import LightClient
from hubplane.adapters.users_table import RecordChange, UsersTable
from hubplane.domain.registration.authentication import decide_authentication, status_of
from hubplane.domain.registration.confirming import INVITED, record_of_invited
from hubplane.domain.registration.decision import Decision
from hubplane.domain.registration.events import TriggerEvent
from hubplane.domain.registration.records import Status
from hubplane.domain.registration.sign_up import keys_of, policy_from_text
from hubplane.settings import Surroundings, read_settings
from hubplane.trigger import Event, trigger


@dataclass(frozen=True)
class Settings:
    users_table_name: str
    clusters_table_name: str
    allowed_email_domains: str = ""
    blocked_email_domains: str = ""
    reserved_user_names: str = ""


SETTINGS, AWS = read_settings(Settings), read_settings(Surroundings)
POLICY = policy_from_text(
    allowed=SETTINGS.allowed_email_domains, blocked=SETTINGS.blocked_email_domains, reserved=SETTINGS.reserved_user_names
)
client = cache(partial(LightClient, region=AWS.aws_region, endpoint_url=AWS.aws_endpoint_url))


@trigger
def handler(asked: TriggerEvent, event: Event) -> Decision:
    if asked.user_not_found:
        return decide_authentication(None, user_not_found=True)
    status = status_of(users().read(asked.username), asked.sub)
    if status is None and asked.user_status == INVITED:
        status = record_invited(asked)
    return decide_authentication(status)


def record_invited(asked: TriggerEvent) -> Status | None:
    """Store the record of an account that an admin made; its status, None where the name is not to be had. Repeatable."""
    key, claims = keys_of(asked.username)
    known = replace(users().known(asked.username), storage_claims=claims_in_storage(client("ec2"), claims))
    record = record_of_invited(asked, POLICY, known, clusters, datetime.now(UTC))
    if record is None or not users().write(RecordChange(record, known.records.get(key))):
        return status_of(users().read(asked.username), asked.sub)
    return record.status


def clusters() -> tuple[str, ...]:
    """Those that were built."""
    built = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).built()
    return tuple(cluster.cluster_name for cluster in built)


def users() -> UsersTable:
    """The Users table."""
    return UsersTable(client("dynamodb"), SETTINGS.users_table_name)
