"""Bearer tokens as EKS reads them: a signed STS GetCallerIdentity URL that names the cluster.

The rules are those of aws-iam-authenticator's server side (pkg/token/token.go, ``Verify``); STS itself checks the signature.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

PREFIX = "k8s-aws-v1."
CLUSTER_HEADER = "x-k8s-aws-id"
LONGEST_TOKEN_BYTES = 16 * 1024
LONGEST_EXPIRY_SECONDS = 900
LIFETIME = timedelta(minutes=15)
"""STS takes a signed URL for 15 minutes after X-Amz-Date, whatever X-Amz-Expires says (same source)."""
CLOCK_SKEW = timedelta(minutes=5)

_STS_HOST = re.compile(r"^sts(-fips)?(\.[a-z0-9-]+)?\.amazonaws\.com(\.cn)?$")
_KNOWN_PARAMETERS = {
    "action",
    "version",
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
    "x-amz-user-agent",
}


class TokenRefused(Exception):
    """The token is not one that EKS would take; the message says which rule it breaks."""


@dataclass(frozen=True)
class SignedRequest:
    """The request to STS that a token holds: path with query, and the host that was signed."""

    host: str
    path_and_query: str
    signed_at: datetime


def read_token(token: str, aws_endpoint: str, now: datetime) -> SignedRequest:
    """The STS request inside ``token``. Raises ``TokenRefused``. ``aws_endpoint`` is the one host allowed beside STS's own."""
    if len(token) > LONGEST_TOKEN_BYTES:
        raise TokenRefused("token is too large")
    if not token.startswith(PREFIX):
        raise TokenRefused(f"token is missing expected {PREFIX!r} prefix")
    text = token[len(PREFIX) :]
    if "=" in text:
        raise TokenRefused("token is not base64url without padding")
    try:
        url = urlsplit(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode())
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise TokenRefused(f"token is not base64url: {error}") from error
    allowed = urlsplit(aws_endpoint)
    at_endpoint = (url.scheme, _this_machine(url.netloc)) == (allowed.scheme, _this_machine(allowed.netloc))
    if not at_endpoint and not (url.scheme == "https" and _STS_HOST.match(url.netloc)):
        raise TokenRefused(f"unexpected hostname {url.netloc!r} in pre-signed URL")
    if url.path not in ("", "/"):
        raise TokenRefused(f"unexpected path {url.path!r} in pre-signed URL")
    parameters = _parameters(url.query)
    if parameters.get("action") != "GetCallerIdentity":
        raise TokenRefused(f"unexpected action {parameters.get('action')!r} in pre-signed URL")
    if CLUSTER_HEADER not in parameters.get("x-amz-signedheaders", "").lower().split(";"):
        raise TokenRefused(f"client did not sign the {CLUSTER_HEADER} header in the pre-signed URL")
    expires = parameters.get("x-amz-expires", "")
    if not expires.isdigit() or int(expires) > LONGEST_EXPIRY_SECONDS:
        raise TokenRefused(f"invalid X-Amz-Expires {expires!r} in pre-signed URL: at most {LONGEST_EXPIRY_SECONDS} seconds")
    signed_at = _signed_at(parameters.get("x-amz-date", ""))
    if now > signed_at + LIFETIME:
        raise TokenRefused(f"X-Amz-Date {signed_at:%Y%m%dT%H%M%SZ} is expired (15 minute expiration)")
    if signed_at > now + CLOCK_SKEW:
        raise TokenRefused(f"X-Amz-Date {signed_at:%Y%m%dT%H%M%SZ} is in the future")
    return SignedRequest(url.netloc, f"/?{url.query}", signed_at)


def _this_machine(netloc: str) -> str:
    return re.sub(r"^localhost(?=:|$)", "127.0.0.1", netloc)


def _parameters(query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        lower = name.lower()
        if lower not in _KNOWN_PARAMETERS:
            raise TokenRefused(f"non-whitelisted query parameter {name!r}")
        if lower in found:
            raise TokenRefused(f"query parameter {name!r} with multiple values not supported")
        found[lower] = value
    return found


def _signed_at(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise TokenRefused(f"X-Amz-Date {text!r} must be present in pre-signed URL as YYYYMMDDTHHMMSSZ") from error
