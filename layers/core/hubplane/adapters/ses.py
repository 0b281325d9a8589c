"""SES: one mail handed over, and what its answer means for sending once.

The client must not try again by itself (``total_max_attempts`` 1): a second try after a lost answer is a second mail.
"""

from __future__ import annotations

import email.utils
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.config import Config
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, HTTPClientError, ProxyConnectionError, SSLError

from hubplane.domain.errors import HubplaneError, ProviderError
from hubplane.domain.mail.claims import MailInDoubt, MailRefused
from hubplane.domain.provider_errors import error_code, translated

if TYPE_CHECKING:
    from hubplane.domain.mail.rendering import Rendered

CLIENT_CONFIG: Final = Config(retries={"total_max_attempts": 1}, connect_timeout=3, read_timeout=15)
"""For the ``sesv2`` client of ``send``: see above; the times keep a batch within its function's timeout."""

REFUSALS: Final = frozenset({"MessageRejected", "BadRequestException"})
NEVER_LEFT: Final = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError, SSLError)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes: ``name`` and ``address`` as people see them, where answers go, and the configuration set that reports back."""

    name: str
    address: str
    reply_to: str
    configuration_set: str


def send(client: Any, sender: Sender, to: str, mail: Rendered, tags: Mapping[str, str]) -> str:
    """Hand one mail over and return SES's message id. ``client`` is a boto3 ``sesv2`` client made with ``CLIENT_CONFIG``.

    Raises ``MailRefused``, ``MailInDoubt``, or, where nothing was sent but may be later, ``Throttled`` or ``ProviderError``. Not
    repeatable: whoever calls keeps the claim.
    """
    doing = "hand a mail over to SES"
    try:
        answer = client.send_email(
            FromEmailAddress=email.utils.formataddr((sender.name, sender.address)),
            ReplyToAddresses=[sender.reply_to],
            Destination={"ToAddresses": [to]},
            Content={
                "Simple": {
                    "Subject": _content(mail.subject),
                    "Body": {"Text": _content(mail.text), "Html": _content(mail.html)},
                    # RFC 3834: keeps out-of-office answers away.
                    "Headers": [{"Name": "Auto-Submitted", "Value": "auto-generated"}],
                }
            },
            EmailTags=[{"Name": name, "Value": value} for name, value in tags.items()],
            ConfigurationSetName=sender.configuration_set,
        )
    except NEVER_LEFT as error:
        raise ProviderError(f"{doing}: SES cannot be reached: {error}") from error
    except HTTPClientError as error:
        raise MailInDoubt(f"{doing}: no answer: {error}") from error
    except Exception as error:
        raise _meaning(doing, error, sender) from error
    message_id: str = answer["MessageId"]
    return message_id


def _meaning(doing: str, error: Exception, sender: Sender) -> Exception:
    code = error_code(error)
    if code is None:
        return error
    if getattr(error, "response", {}).get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
        return MailInDoubt(f"{doing}: {error}")
    # "Email address is not verified. The following identities failed the check in region …" is the recipient's fault in SES's
    # sandbox, and ours where it names the sender: then every mail waits until the identity is verified.
    if code in REFUSALS and sender.address.lower() not in str(error).lower():
        return MailRefused(f"SES refused: {error}")
    try:
        with translated(doing):
            raise error
    except HubplaneError as known:
        return known


def _content(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}
