"""Decision links in the admins' mail: signed, for one decision on one person, once, until they expire.

A token is ``<payload>.<signature>`` in base64url without padding; the payload is JSON, the signature HMAC-SHA256 (RFC 2104) over
the payload's text. It proves that this control plane wrote it. That it is used *once* needs memory: whoever acts on it stores the
nonce on the condition that it is new, in the same transaction as the decision; ``spent`` is only the friendly early answer.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from hubplane.domain.registration.decision import Decision, accept, refuse

MIN_KEY_BYTES: Final = 32
"""RFC 2104, 3: keys shorter than the hash's output weaken the function."""

MAX_TOKEN_LENGTH: Final = 1024
"""Far above any real token (some 300 characters); longer text is refused unread."""

_CONTEXT: Final = b"hubplane decision link 1\n"


class LinkDecision(StrEnum):
    """What a link decides."""

    APPROVE = "approve"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Link:
    """``cluster`` the person is admitted to (empty: the installation as a whole), ``expires_at`` in seconds since 1970 (UTC).

    The links to approve and to refuse, and those of reminders, share the review's ``nonce``: whichever is used first decides.
    """

    cluster: str
    user_sub: str
    decision: LinkDecision
    expires_at: int
    nonce: str


@dataclass(frozen=True, slots=True)
class LinkVerdict:
    """``link`` is set only where ``decision`` accepts."""

    decision: Decision
    link: Link | None = None


UNUSABLE: Final = "This link is not valid. Please use the newest mail about this person, or decide by hand"
EXPIRED: Final = "This link has expired. Please use the newest mail about this person, or decide by hand"
USED: Final = "This decision was made before. Nothing was changed"


def make_link_token(key: bytes, link: Link) -> str:
    """The token of ``link``; the same arguments give the same one. Raises ``ValueError`` on a short key or empty parts."""
    _require_key(key)
    if not link.user_sub or not link.nonce:
        raise ValueError("a decision link needs the person's sub and a nonce: one for anybody or for ever would not be one")
    payload = _encode(json.dumps(asdict(link), sort_keys=True, separators=(",", ":")).encode())
    return f"{payload}.{_signature(key, payload)}"


def verify_link_token(
    key: bytes,
    token: str,
    *,
    now: datetime,
    user_sub: str | None = None,
    cluster: str | None = None,
    spent: Collection[str] = (),
) -> LinkVerdict:
    """Whether ``token`` may decide now, and what: ``link`` of the verdict says on whom.

    ``user_sub`` and ``cluster`` are those that the caller has in hand, None where only the token names them. ``spent`` are nonces
    that were used. The sentences do not tell a forged link from one for another person. No text makes it raise; a short key is a
    ``ValueError``.
    """
    _require_key(key)
    link = _read(key, token)
    if link is None:
        return LinkVerdict(refuse(UNUSABLE, "not a token of this control plane"))
    if not _fits(link.user_sub, user_sub) or not _fits(link.cluster, cluster):
        return LinkVerdict(refuse(UNUSABLE, "the token is for another person or cluster"))
    if link.nonce in spent:
        return LinkVerdict(refuse(USED, f"nonce {link.nonce} was used"))
    if now.timestamp() >= link.expires_at:
        return LinkVerdict(refuse(EXPIRED, f"expired at {link.expires_at}"))
    return LinkVerdict(accept(f"link to {link.decision}"), link)


def _read(key: bytes, token: str) -> Link | None:
    payload, dot, signature = token.partition(".")
    if not dot or len(token) > MAX_TOKEN_LENGTH or not token.isascii():
        return None
    # The signature is over the text, so a second spelling of the same bytes is a forgery as well.
    if not hmac.compare_digest(_signature(key, payload), signature):
        return None
    try:
        return _link(json.loads(_decode(payload)))
    except (ValueError, KeyError, TypeError):
        return None


def _link(fields: dict[str, Any]) -> Link:
    return Link(
        cluster=fields["cluster"],
        user_sub=fields["user_sub"],
        decision=LinkDecision(fields["decision"]),
        expires_at=int(fields["expires_at"]),
        nonce=fields["nonce"],
    )


def _signature(key: bytes, payload: str) -> str:
    return _encode(hmac.new(key, _CONTEXT + payload.encode(), hashlib.sha256).digest())


def _fits(one: str, other: str | None) -> bool:
    return other is None or hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError(str(error)) from error


def _require_key(key: bytes) -> None:
    if len(key) < MIN_KEY_BYTES:
        raise ValueError(
            f"the key of decision links has {len(key)} bytes and needs {MIN_KEY_BYTES}: make a new one in Secrets Manager"
        )
