"""Service Quotas: the limits of the account. Reads only, and never stops a build."""

from __future__ import annotations

from typing import Any, NamedTuple

from hubplane.domain.provider_errors import error_code


class Limit(NamedTuple):
    """``value`` None: the service did not say, for the reason in ``why_unknown``."""

    value: float | None
    why_unknown: str = ""


def limit(client: Any, service_code: str, quota_code: str) -> Limit:
    """The account's own value of a quota, else AWS's default. A refusal is an answer: quotas are advice, not a gate."""
    quota = {"ServiceCode": service_code, "QuotaCode": quota_code}
    try:
        return Limit(client.get_service_quota(**quota)["Quota"]["Value"])
    except Exception as error:
        if error_code(error) is None:
            raise
        if error_code(error) != "NoSuchResourceException":
            return Limit(None, str(error))
    try:
        return Limit(client.get_aws_default_service_quota(**quota)["Quota"]["Value"])
    except Exception as error:
        if error_code(error) is None:
            raise
        return Limit(None, str(error))
