"""Certificate Manager: the certificate of a load balancer. Reads only."""

from __future__ import annotations

from typing import Any

from hubplane.domain.account_check.facts import Certificate
from hubplane.domain.provider_errors import error_code, translated


def certificate(client: Any, arn: str) -> Certificate | None:
    """The certificate; None where the client's Region has none of this ARN."""
    with translated(f"describe certificate {arn}"):
        try:
            found = client.describe_certificate(CertificateArn=arn)["Certificate"]
        except Exception as error:
            if error_code(error) == "ResourceNotFoundException":
                return None
            raise
    names = dict.fromkeys([found["DomainName"], *found.get("SubjectAlternativeNames", [])])
    return Certificate(
        arn=arn,
        status=found["Status"],
        domain_names=tuple(names),
        not_after=found.get("NotAfter"),
        renewal_eligibility=found.get("RenewalEligibility"),
    )
