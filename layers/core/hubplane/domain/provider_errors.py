"""From a provider's error code to the error class that the state machines match.

Pure: it looks at the ``response`` of a botocore ``ClientError`` without importing botocore. Adapters wrap their calls in
``translated("describe subnets")`` so that every message says what was being done.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hubplane.domain.errors import HubplaneError, NotYet, ProviderError, Throttled

# EC2 says RequestLimitExceeded where others say Throttling*; botocore's retry handler lists the same codes
# (botocore/data/_retry.json and botocore.retries.standard.ThrottledRetryableChecker).
THROTTLING_CODES = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottledException",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "TransactionInProgressException",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "RequestThrottled",
        "SlowDown",
        "PriorRequestNotComplete",
        "EC2ThrottledException",
    }
)

# What a service says about an IAM role that was created seconds ago (domain fault 21).
NOT_YET_PHRASES = (
    "cannot be assumed",
    "is not authorized to perform: sts:assumerole",
    "role does not exist",
    "invalid principal",
)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise ``Throttled``, ``NotYet`` or ``ProviderError`` in place of a botocore error. Others pass through."""
    try:
        yield
    except HubplaneError:
        raise
    except Exception as error:
        code = error_code(error)
        if code is None:
            raise
        raise classify(doing, code, str(error)) from error


def error_code(error: Exception) -> str | None:
    """The provider's code in a botocore ``ClientError``, None for any other exception."""
    response = getattr(error, "response", None)
    if not isinstance(response, dict):
        return None
    code = response.get("Error", {}).get("Code")
    return code if isinstance(code, str) else None


def classify(doing: str, code: str, message: str) -> HubplaneError:
    """The error for a provider's code and words, saying what was being done."""
    if code in THROTTLING_CODES:
        return Throttled(f"{doing}: {message}")
    if any(phrase in message.lower() for phrase in NOT_YET_PHRASES):
        return NotYet(f"{doing}: {message}")
    return ProviderError(f"{doing}: {message}")
