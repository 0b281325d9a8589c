"""PostConfirmation: the record of a confirmed account, which waits for an admin unless its address is welcome.

For ``ConfirmForgotPassword`` only the admins are told. Repeatable: Cognito may call it three times.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial

from hubplane.adapters.accounts import Accounts
from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.home_claims import claims_in_storage
from hubplane.adapters.light_client import LightClient
from hubplane.adapters.mail_queue import queue_mail
from hubplane.adapters.stepfunctions import start_once
from hubplane.adapters.users_table import RecordChange, UsersTable
from hubplane.domain.mail.messages import MailMessage
from hubplane.domain.registration.confirming import Hands, confirm
from hubplane.domain.registration.decision import Decision, accept
from hubplane.domain.registration.events import TriggerEvent
from hubplane.domain.registration.sign_up import policy_from_text
from hubplane.settings import Surroundings, read_settings
from hubplane.trigger import Event, logger, trigger

# Three tries of 5 s each; a person who changes a password twice within it is told of once.
ONE_CHANGE = timedelta(minutes=1)


@dataclass(frozen=True)
class Settings:
    users_table_name: str
    clusters_table_name: str
    mail_queue_url: str
    review_sign_up_state_machine_arn: str
    user_pool_domain_url: str
    allowed_email_domains: str = ""
    blocked_email_domains: str = ""
    reserved_user_names: str = ""
    auto_approved_emails: str = ""


SETTINGS, AWS = read_settings(Settings), read_settings(Surroundings)
REVIEW_ARN = SETTINGS.review_sign_up_state_machine_arn
POLICY = policy_from_text(
    allowed=SETTINGS.allowed_email_domains,
    blocked=SETTINGS.blocked_email_domains,
    reserved=SETTINGS.reserved_user_names,
    auto_approved=SETTINGS.auto_approved_emails,
)
client = cache(partial(LightClient, region=AWS.aws_region, endpoint_url=AWS.aws_endpoint_url))


@trigger
def handler(asked: TriggerEvent, event: Event) -> Decision:
    now = datetime.now(UTC)
    tools = hands(str(event.get("userPoolId") or "none"), now)
    return accept(confirm(asked, POLICY, tools, now, SETTINGS.user_pool_domain_url))


def hands(user_pool_id: str, now: datetime) -> Hands:
    """What ``confirm`` acts with. The pool is named by the event: a variable would be a circle in the template."""
    users = UsersTable(client("dynamodb"), SETTINGS.users_table_name)

    def queue(message: MailMessage) -> None:
        try:
            queue_mail(client("sqs"), SETTINGS.mail_queue_url, message)
        except Exception:
            logger.exception("mail not queued", extra={"mail_id": message.mail_id})  # a person's account matters more

    return Hands(
        known=users.known,
        storage_claims=lambda claims: claims_in_storage(client("ec2"), claims),
        write=lambda record, old: users.write(RecordChange(record, old)),
        hub_urls=cache(ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).hub_urls),
        disable=lambda username: Accounts(client("cognito-idp"), user_pool_id).disable(username),
        review=lambda name, document: start_once(client("stepfunctions"), REVIEW_ARN, name, document),
        queue=queue,
        password_changed=lambda username, sub: users.password_changed(username, sub, now, ONE_CHANGE),
    )
