"""Whether a hub answers through its load balancer as it should, and what is the likely cause where it does not.

Pure: the adapters look, this module judges. Each finding is one sentence with what was found, what is right and where to
look. What keeps nobody out, such as one of several nodes that is still being registered, is a note.

Causes of status codes: "Troubleshoot your Application Load Balancers" in AWS's Elastic Load Balancing user guide; states
and reasons of targets: botocore's elbv2 model (``TargetHealthStateEnum``, ``TargetHealthReasonEnum``); the redirect:
oauthenticator 17.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network

from hubplane.domain.hub_facts import HEALTH_PATH, LOGIN_PATH, Answer, Expectation, Failure, HubFacts, NoAnswer, Target

VERSION_HEADER = "x-jupyterhub-version"
BODY_EXCERPT_CHARACTERS = 200
REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class Verdict:
    """``findings`` empty means healthy. ``jupyterhub_version`` None: no response told it."""

    findings: tuple[str, ...]
    notes: tuple[str, ...]
    jupyterhub_version: str | None


def control_plane_may_enter(load_balancer_cidr: str) -> bool:
    """Whether the load balancer lets the whole internet in, which is where the control plane comes from."""
    return ip_network(load_balancer_cidr, strict=False).prefixlen == 0


def judge_hub(expected: Expectation, facts: HubFacts) -> Verdict:
    """All findings and notes about ``facts``, in the order in which a request travels."""
    health = facts.health
    version = health.headers.get(VERSION_HEADER) if isinstance(health, Answer) else None
    findings = [*_load_balancer(expected, facts), *_targets(expected, facts.targets)]
    if facts.plain_http is not None:
        findings += _plain_http(expected, facts.plain_http)
    if health is not None:
        findings += _health(expected, health)
    # A sign-in that failed on the way, or at the same broken place, would only say the same thing twice.
    if facts.login is not None and isinstance(health, Answer) and health.status == 200:
        findings += _login(expected, facts.login)
    if version and expected.jupyterhub_version and version != expected.jupyterhub_version:
        findings.append(
            f"JupyterHub {version} answers, but the release installs {expected.jupyterhub_version}: an older hub pod still "
            "serves; see whether the roll-out of deployment hub has ended"
        )
    return Verdict(tuple(findings), tuple(_notes(facts.targets)), version)


def _load_balancer(expected: Expectation, facts: HubFacts) -> Iterator[str]:
    found = facts.load_balancer
    if found is None:
        yield f"there is no load balancer named {expected.cluster_name}: it was removed; start the build again to make it anew"
    elif found.state == "provisioning":
        yield f"load balancer {expected.cluster_name} is still being provisioned, which takes some minutes"
    elif found.state == "failed":
        yield f"load balancer {expected.cluster_name} failed: {found.state_reason or 'AWS gives no reason'}"


# What each reason of an unhealthy target means here, where all targets are nodes and the port is the proxy's node port.
_TARGET_CAUSES = {
    "Target.Timeout": "the node does not answer: its security group {cluster}-nodes must let the load balancer in on port "
    "{port}, and the proxy's Service must have that node port",
    "Target.FailedHealthChecks": "the node refuses or breaks the connection: no ready pod (proxy or hub) is behind node port "
    "{port}, or security group {cluster}-nodes shuts the load balancer out",
    "Target.ResponseCodeMismatch": "something answers on node port {port}, but not with the code of the health check: "
    "the proxy is up and the hub behind it is not, or another Service has the port",
    "Elb.RegistrationInProgress": "it was registered moments ago",
    "Elb.InitialHealthChecking": "its first health checks are still running",
    "Target.NotInUse": "no listener of the load balancer uses the target group, or the node's zone is none of the load "
    "balancer's",
    "Target.InvalidState": "the instance is stopped or terminated",
    "Target.DeregistrationInProgress": "the node is being removed",
    "Elb.InternalError": "the load balancer itself has a fault",
}


def _targets(expected: Expectation, targets: tuple[Target, ...]) -> Iterator[str]:
    if not targets:
        yield (
            "the target group has no target: the node groups have no node yet, or their Auto Scaling groups are not attached "
            f"to target group {expected.cluster_name}-{expected.node_port}"
        )
    if any(target.state == "healthy" for target in targets):
        return
    for target in targets:
        cause = _TARGET_CAUSES.get(target.reason, target.description or "AWS gives no reason")
        cause = cause.format(cluster=expected.cluster_name, port=expected.node_port) if target.reason in _TARGET_CAUSES else cause
        yield f"target {_target(target)}: {cause}"


def _target(target: Target) -> str:
    reason = f" ({target.reason})" if target.reason else ""
    return f"{target.target_id}:{target.port} is {target.state}{reason}"


def _notes(targets: tuple[Target, ...]) -> Iterator[str]:
    others = [target for target in targets if target.state != "healthy"]
    if others and len(others) < len(targets):
        listed = ", ".join(_target(target) for target in others)
        yield f"{len(targets) - len(others)} of {len(targets)} targets are healthy; {listed}"


def _plain_http(expected: Expectation, reply: Answer | NoAnswer) -> Iterator[str]:
    asked = f"http://{expected.hub_url.host}{HEALTH_PATH}"
    if isinstance(reply, NoAnswer):
        yield f"{asked}: {_no_answer(expected, reply, 80)}"
        return
    target = reply.location
    https = target is not None and (target.scheme, target.host) == ("https", expected.hub_url.host)
    if reply.status not in REDIRECTS or not https:
        found = f"a redirect to {target.place()}" if target else f"status {reply.status}"
        yield (
            f"{asked} answers with {found}, not with a redirect to https://{expected.hub_url.host}: the load balancer's "
            "listener on port 80 was changed; start the build again to put it right"
        )


def _health(expected: Expectation, reply: Answer | NoAnswer) -> Iterator[str]:
    asked = f"{_at(expected)}{HEALTH_PATH}"
    if isinstance(reply, NoAnswer):
        yield f"{asked}: {_no_answer(expected, reply, 443)}"
    elif reply.status != 200:
        yield f"{asked} answers with {_status(reply)}: {_status_cause(expected, reply)}"
    elif VERSION_HEADER not in reply.headers:
        yield (
            f"{asked} answers with {_status(reply)}, but without the header X-JupyterHub-Version: something other than "
            f"JupyterHub serves node port {expected.node_port}"
        )


def _at(expected: Expectation) -> str:
    return expected.hub_url.place().rstrip("/")


def _status(reply: Answer) -> str:
    body = " ".join(reply.body.split())[:BODY_EXCERPT_CHARACTERS]
    return f"{reply.status} ({body})" if body else str(reply.status)


def _status_cause(expected: Expectation, reply: Answer) -> str:
    port, nodes = expected.node_port, f"security group {expected.cluster_name}-nodes"
    # The load balancer names itself in what it answers in place of a target; the proxy does not.
    by_load_balancer = reply.headers.get("server", "").lower().startswith("awselb")
    match reply.status:
        case 503 if not by_load_balancer:
            return "the proxy answers, but the hub behind it does not: pod hub is not ready, so look at its log"
        case 502 | 503 | 504:
            return (
                f"the load balancer gets no answer from a node on port {port}: {nodes} must let it in, and the pods proxy "
                "and hub must be ready"
            )
        case 404 | 403 | 301 | 302:
            return f"something other than this hub serves node port {port}, or the hub has another base URL than /"
        case _:
            return "the hub itself fails: look at the log of pod hub"


def _no_answer(expected: Expectation, reply: NoAnswer, port: int) -> str:
    host, group = expected.hub_url.host, f"security group {expected.cluster_name}-load-balancer"
    causes: dict[Failure, str] = {
        "name": "the load balancer's name does not resolve: a new one takes some minutes",
        "timeout": f"no answer in time: {group} does not let the control plane in on port {port} although load_balancer_cidr is "
        f"{expected.load_balancer_cidr}, or no healthy node is behind it",
        "refused": f"the connection was refused: the load balancer has no listener on port {port}",
        "certificate_name": f"the certificate is not for {host}: give one in hub.certificate_arn that names it",
        "certificate": "the certificate is not trusted: hub.certificate_arn must be of a public authority and not expired",
        "tls": f"no TLS could be agreed on: the listener on port {port} does not speak HTTPS",
        "closed": "the connection was closed without an answer",
    }
    return f"{causes[reply.failure]} ({reply.detail})"


def _login(expected: Expectation, reply: Answer | NoAnswer) -> Iterator[str]:
    asked = f"{_at(expected)}{LOGIN_PATH}"
    if isinstance(reply, NoAnswer):
        yield f"{asked}: {_no_answer(expected, reply, 443)}"
        return
    target = reply.location
    if reply.status not in REDIRECTS or target is None:
        cause = "the hub's authenticator is not OAuth" if reply.status in (200, 403, 404) else "look at the log of pod hub"
        yield f"{asked} answers with status {reply.status} where a redirect to {expected.authorize_url.place()} is right: {cause}"
        return
    if target.place() != expected.authorize_url.place():
        yield (
            f"sign-in leads to {target.place()}, but oauth.domain_url and oauth.authorize_path say "
            f"{expected.authorize_url.place()}: the hub runs with other values; see whether InstallJupyterHub ended"
        )
    client_id = target.query.get("client_id", "")
    if not client_id or (expected.client_id and client_id != expected.client_id):
        yield (
            f"sign-in uses client_id {client_id!r}, not {expected.client_id or 'one'!r}: the OAuth client was made anew; "
            "EnsureOAuthClient and then InstallJupyterHub hand its id to the hub"
        )
    redirect_uri = target.query.get("redirect_uri", "")
    if redirect_uri != expected.redirect_uri:
        yield (
            f"sign-in would come back to redirect_uri {redirect_uri!r}, not {expected.redirect_uri!r}: hub.url changed after the "
            "OAuth client was made; EnsureOAuthClient registers the right one"
        )
    scopes = set(target.query.get("scope", "").split())
    if scopes != set(expected.scopes):
        yield (
            f"sign-in asks for the scopes {sorted(scopes)}, but oauth.scopes says {sorted(expected.scopes)}: the hub runs with "
            "other values; see whether InstallJupyterHub ended"
        )
