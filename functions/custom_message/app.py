"""CustomMessage: the mails that Cognito sends itself, in the institution's words. Cognito's own go out where that fails."""

from __future__ import annotations

from dataclasses import dataclass

from hubplane.domain.mail.cognito import custom_message
from hubplane.domain.registration.decision import Decision, accept
from hubplane.domain.registration.events import TriggerEvent
from hubplane.settings import read_settings
from hubplane.trigger import Event, lenient_trigger


@dataclass(frozen=True)
class Settings:
    institution_name: str
    sender_address: str
    user_pool_domain_url: str
    temporary_password_days: int
    reply_to_address: str = ""
    contact_address: str = ""


SETTINGS = read_settings(Settings)
LETTERHEAD = {
    "institution": SETTINGS.institution_name,
    "contact": SETTINGS.contact_address or SETTINGS.reply_to_address or SETTINGS.sender_address,
}


@lenient_trigger
def handler(asked: TriggerEvent, event: Event) -> Decision:
    mail = custom_message(
        asked.trigger_source,
        code=asked.code_parameter,
        username=asked.username_parameter,
        letterhead=LETTERHEAD,
        sign_in_url=SETTINGS.user_pool_domain_url,
        valid_days=SETTINGS.temporary_password_days,
    )
    if mail is None:
        return accept("Cognito's own words")
    former = event.get("response")
    event["response"] = {
        **(former if isinstance(former, dict) else {}),
        "emailSubject": mail.subject,
        "emailMessage": mail.html,
    }
    return accept("the institution's words")
