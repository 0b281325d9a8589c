"""The certificate of the hub's address: there, in time, and for that address."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from hubplane.domain.account_check.entrance import covers, hub_host
from hubplane.domain.diagnosis.facts import ClusterFacts
from hubplane.domain.diagnosis.findings import Finding, Severity

NAME = "certificate"
# ACM renews 60 days before the end (https://docs.aws.amazon.com/acm/latest/userguide/managed-renewal.html): a month later it
# tried and failed. Who renews by hand needs two weeks.
RENEWAL_IS_LATE = timedelta(days=30)
NOTICE = timedelta(days=14)


def judge(facts: ClusterFacts) -> Iterator[Finding]:
    """One finding at most. A certificate that IAM keeps cannot be looked at, and is not judged."""
    arn, certificate = facts.spec.hub.certificate_arn, facts.certificate
    if arn.split(":")[2] != "acm":
        return
    if certificate is None:
        yield _finding("critical", "The hub's certificate is gone; browsers will refuse the hub.", f"{arn} does not exist")
        return
    host, ends = hub_host(facts.spec), certificate.not_after
    if certificate.status == "EXPIRED" or (ends is not None and ends <= facts.now):
        yield _finding(
            "critical", "The hub's certificate has expired; browsers refuse the hub.", f"{arn} ended on {ends:%Y-%m-%d}"
        )
    elif certificate.status != "ISSUED":
        yield _finding(
            "critical", "The hub's certificate is not valid; browsers refuse the hub.", f"{arn} is {certificate.status}"
        )
    elif host is not None and not any(covers(name, host) for name in certificate.domain_names):
        said = f"{arn} is for {', '.join(certificate.domain_names)}"
        yield _finding("critical", f"The hub's certificate is not for {host}; browsers refuse the hub.", said)
    elif ends is not None:
        renews = certificate.renewal_eligibility == "ELIGIBLE"
        if ends - facts.now < (RENEWAL_IS_LATE if renews else NOTICE):
            why = "ACM should have renewed it by now: look at its DNS records" if renews else "nothing renews it"
            said = f"{arn} ends on {ends:%Y-%m-%d}; {why}"
            yield _finding("warning", "The hub's certificate ends soon; browsers will refuse the hub then.", said)


def _finding(severity: Severity, sentence: str, said: str) -> Finding:
    return Finding(NAME, severity, sentence, (said,), "diagnose-cluster")
