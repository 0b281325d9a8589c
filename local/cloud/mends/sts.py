"""STS: a presigned GetCallerIdentity URL is a proof of identity only if it is checked."""

from __future__ import annotations

import datetime as dt
import hashlib
from xml.sax.saxutils import escape

from ministack.core import sigv4
from ministack.core.iam_evaluator import (
    CredentialResolutionError,
    find_iam_access_key_account,
    resolve_credential,
)
from ministack.core.responses import _account_from_sts_session

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway, Request, Response
from local.cloud.mends import mend
from local.cloud.options import ACCOUNT_ID

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
MAX_EXPIRES_SECONDS = 7 * 24 * 3600  # AWS's limit of X-Amz-Expires
LIFETIME_SECONDS = 15 * 60
"""How long STS takes a URL after X-Amz-Date, whatever X-Amz-Expires says (aws-iam-authenticator, pkg/token/token.go)."""
CLOCK_SKEW_SECONDS = 300


@mend
def presigned_identity(cloud: Cloud, gateway: Gateway) -> None:
    """A presigned URL's signature, expiry and signed headers are never checked, so any token would open a cluster."""

    async def check(request: Request) -> Response | None:
        if "X-Amz-Signature" not in request.query or request.parameter("Action") != "GetCallerIdentity":
            return None
        refusal = refusal_of(request, dt.datetime.now(dt.UTC))
        return None if refusal is None else _denied(*refusal)

    gateway.intercept(check)


def refusal_of(request: Request, now: dt.datetime) -> tuple[str, str] | None:
    """Code and message with which AWS refuses a presigned request, or None if it is good.

    ``X-Amz-SignedHeaders`` may name headers such as ``x-k8s-aws-id``: their values are part of what is signed, so a missing
    or other value makes the signature wrong.
    """
    given = {name: values[0] for name, values in request.query.items()}
    scope = given.get("X-Amz-Credential", "").split("/")
    if given.get("X-Amz-Algorithm") != "AWS4-HMAC-SHA256" or len(scope) != 5 or scope[3:] != ["sts", "aws4_request"]:
        return "IncompleteSignature", "The request signature is not complete or not for this service"
    if not given.get("X-Amz-Date", "").startswith(scope[1]):
        return "IncompleteSignature", "X-Amz-Date and the date of the credential scope differ"
    return _stale(given, now) or _forged(request, given, scope)


def _stale(given: dict[str, str], now: dt.datetime) -> tuple[str, str] | None:
    try:
        signed_at = dt.datetime.strptime(given.get("X-Amz-Date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
        seconds = int(given.get("X-Amz-Expires", ""))
    except ValueError:
        return "IncompleteSignature", "X-Amz-Date or X-Amz-Expires is missing or malformed"
    if not 0 < seconds <= MAX_EXPIRES_SECONDS:
        return "IncompleteSignature", f"X-Amz-Expires must be within 1 and {MAX_EXPIRES_SECONDS}"
    age = (now - signed_at).total_seconds()
    if age > LIFETIME_SECONDS or age < -CLOCK_SKEW_SECONDS:
        return (
            "SignatureDoesNotMatch",
            f"Signature expired: {given['X-Amz-Date']} is not within 15 minutes of now",
        )
    return None


def _forged(request: Request, given: dict[str, str], scope: list[str]) -> tuple[str, str] | None:
    key, date, region = scope[:3]
    account = key if key.isdigit() else _account_from_sts_session(key) or find_iam_access_key_account(key) or ACCOUNT_ID
    credential = resolve_credential(key, account, given.get("X-Amz-Security-Token"))
    if isinstance(credential, CredentialResolutionError):
        return "InvalidClientTokenId", "The security token included in the request is invalid."
    signed_headers = given.get("X-Amz-SignedHeaders", "").lower()
    if "host" not in signed_headers.split(";"):
        return "SignatureDoesNotMatch", "host must be a signed header"
    canonical = sigv4.build_canonical_request(
        request.method, request.path or "/", request.headers, request.query, signed_headers, payload_hash=EMPTY_SHA256
    )
    to_sign = sigv4.build_string_to_sign(given["X-Amz-Date"], date, region, "sts", canonical)
    expected = sigv4.calculate_signature(credential.secret_access_key, date, region, "sts", to_sign)
    if not sigv4.signatures_match(expected, given["X-Amz-Signature"]):
        return "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided."
    return None


def _denied(code: str, message: str) -> Response:
    content = (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
        f"<Code>{code}</Code><Message>{escape(message)}</Message></Error></ErrorResponse>"
    )
    return 403, {"Content-Type": "text/xml"}, content.encode()
