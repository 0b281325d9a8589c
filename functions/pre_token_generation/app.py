"""PreTokenGeneration: the clusters that a person may enter, as groups of the token; none for another account of an old name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial

from hubplane.adapters.light_client import LightClient
from hubplane.adapters.users_table import UsersTable
from hubplane.domain.registration.authentication import groups_for_token, response_with_groups
from hubplane.domain.registration.decision import Decision, accept
from hubplane.domain.registration.events import TriggerEvent
from hubplane.settings import Surroundings, read_settings
from hubplane.trigger import Event, trigger


@dataclass(frozen=True)
class Settings:
    users_table_name: str


SETTINGS, AWS = read_settings(Settings), read_settings(Surroundings)
client = cache(partial(LightClient, region=AWS.aws_region, endpoint_url=AWS.aws_endpoint_url))


@trigger
def handler(asked: TriggerEvent, event: Event) -> Decision:
    record = UsersTable(client("dynamodb"), SETTINGS.users_table_name).read(asked.username)
    groups = groups_for_token(record, asked.sub, asked.groups)
    event["response"] = response_with_groups(event, groups)
    return accept(f"{len(groups)} groups")
