"""The way in: certificate, load balancer and node port."""

from __future__ import annotations

from datetime import datetime, timedelta

from hubplane.domain.account_check.facts import AccountFacts, Certificate
from hubplane.domain.account_check.findings import Findings
from hubplane.domain.cluster_spec.model import ClusterSpec

EXPIRY_NOTICE = timedelta(days=30)


def covers(domain_name: str, host: str) -> bool:
    """Whether a certificate's name is good for a host: ``*`` stands for exactly one label, the leftmost (RFC 6125, 6.4.3)."""
    pattern, name = domain_name.lower().rstrip("."), host.lower().rstrip(".")
    if pattern.startswith("*."):
        first, _, rest = name.partition(".")
        return bool(first) and rest == pattern[2:]
    return pattern == name


def hub_host(spec: ClusterSpec) -> str | None:
    """The host name in the hub's URL (``https://host[:port][/path]``); None while the load balancer's own name is used."""
    if spec.hub.url is None:
        return None
    host = spec.hub.url.partition("://")[2].partition("/")[0].partition(":")[0]
    return host or None


def judge_certificate(spec: ClusterSpec, facts: AccountFacts, now: datetime, findings: Findings) -> None:
    """Issued, of this Region, in time, and for the hub's host."""
    arn = spec.hub.certificate_arn
    service, region = arn.split(":")[2:4]
    if service == "iam":
        findings.note(f"certificate {arn} is kept in IAM: its names and its end were not checked, and nothing renews it")
        return
    if region != facts.region:
        findings.fault(
            f"certificate {arn} is in {region}, the load balancer is in {facts.region}: request or import it in "
            f"{facts.region} and "
            "name that one in hub.certificate_arn"
        )
        return
    if facts.certificate is None:
        findings.fault(
            f"certificate {arn} does not exist: request it in Certificate Manager and name its ARN in hub.certificate_arn"
        )
        return
    _judge_state(facts.certificate, now, findings)
    host = hub_host(spec)
    if host is None:
        findings.note("hub.url is not set: people will reach the hub by the load balancer's name, which no certificate covers")
    elif not any(covers(name, host) for name in facts.certificate.domain_names):
        findings.fault(
            f"certificate {arn} is for {', '.join(facts.certificate.domain_names)}, not for {host}: name a certificate "
            "that covers "
            "the host of hub.url"
        )


def _judge_state(certificate: Certificate, now: datetime, findings: Findings) -> None:
    if certificate.status == "PENDING_VALIDATION":
        findings.fault(
            f"certificate {certificate.arn} waits for validation: create the DNS records that Certificate Manager shows "
            "and start "
            "the build again when it is issued"
        )
    elif certificate.status == "EXPIRED" or (certificate.not_after is not None and certificate.not_after <= now):
        findings.fault(f"certificate {certificate.arn} has expired: renew or replace it")
    elif certificate.status != "ISSUED":
        findings.fault(f"certificate {certificate.arn} is {certificate.status}: name one that is ISSUED")
    elif certificate.not_after is not None and certificate.not_after - now < EXPIRY_NOTICE:
        day = certificate.not_after.date().isoformat()
        renewal = "ACM renews it" if certificate.renewal_eligibility == "ELIGIBLE" else "nothing renews it"
        findings.note(f"certificate {certificate.arn} ends on {day}; {renewal}")


def judge_node_port(spec: ClusterSpec, facts: AccountFacts, findings: Findings) -> None:
    """Whether the load balancer can hand over to the node port.

    Each cluster has nodes and a load balancer of its own, so no two clusters can compete for a port. Before the cluster
    exists, "free" means that the two names which carry the port, unique in the account and Region, are free or are this
    cluster's own: the load balancer ``<cluster>`` and the target group ``<cluster>-<port>``. Once it exists, another
    Service of the cluster may hold the port; Kubernetes refuses a second one by itself, in the words of the release.
    """
    name = spec.cluster_name
    if facts.load_balancer_vpc_id not in (None, spec.network.vpc_id):
        findings.fault(
            f"a load balancer {name} exists in {facts.load_balancer_vpc_id}, the cluster is to be in "
            f"{spec.network.vpc_id}: names of "
            "load balancers are unique in a Region, so remove that one or choose another cluster name"
        )
    group = facts.target_group
    if group is None:
        return
    strangers = [item for item in group.load_balancer_names if item != name]
    if group.vpc_id != spec.network.vpc_id or group.port != spec.hub.node_port or strangers:
        used_by = f", used by load balancer {', '.join(strangers)}" if strangers else ""
        findings.fault(
            f"target group {group.name} exists for port {group.port} in {group.vpc_id}{used_by}: it is not this cluster's, "
            "so remove "
            "it or choose another hub.node_port"
        )
