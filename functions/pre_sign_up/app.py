"""PreSignUp: whether a name and an address may become an account. Stores nothing: PostConfirmation's write decides a race."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, partial

from hubplane.adapters.home_claims import claims_in_storage
from hubplane.adapters.light_client import LightClient
from hubplane.adapters.users_table import UsersTable
from hubplane.domain.registration.decision import Decision
from hubplane.domain.registration.events import TriggerEvent
from hubplane.domain.registration.known import Known
from hubplane.domain.registration.sign_up import decide_sign_up, keys_of, policy_from_text
from hubplane.settings import Surroundings, read_settings
from hubplane.trigger import Event, trigger


@dataclass(frozen=True)
class Settings:
    users_table_name: str
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
    request = asked.request(datetime.now(UTC))
    decision = decide_sign_up(request, POLICY, Known())
    if not decision.accepted:
        return decision  # by its text alone: nothing is looked up for whoever may not have an account anyway
    known = UsersTable(client("dynamodb"), SETTINGS.users_table_name).known(asked.username)
    decision = decide_sign_up(request, POLICY, known)
    if not decision.accepted:
        return decision
    _, claims = keys_of(asked.username)
    return decide_sign_up(request, POLICY, replace(known, storage_claims=claims_in_storage(client("ec2"), claims)))
