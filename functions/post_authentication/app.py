"""PostAuthentication: remembers when a person was last here, at most once an hour. Its failure stops nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial

from hubplane.adapters.light_client import LightClient
from hubplane.adapters.users_table import UsersTable
from hubplane.domain.registration.decision import Decision, accept
from hubplane.domain.registration.events import TriggerEvent
from hubplane.settings import Surroundings, read_settings
from hubplane.trigger import Event, lenient_trigger

# Retention counts in days; an hour keeps a busy person's writes few.
AT_MOST_EVERY = timedelta(hours=1)


@dataclass(frozen=True)
class Settings:
    users_table_name: str


SETTINGS, AWS = read_settings(Settings), read_settings(Surroundings)
client = cache(partial(LightClient, region=AWS.aws_region, endpoint_url=AWS.aws_endpoint_url))


@lenient_trigger
def handler(asked: TriggerEvent, event: Event) -> Decision:
    users = UsersTable(client("dynamodb"), SETTINGS.users_table_name)
    seen = users.see(asked.username, asked.sub, datetime.now(UTC), AT_MOST_EVERY)
    return accept("seen" if seen else "seen within the hour, or no record of its own")
