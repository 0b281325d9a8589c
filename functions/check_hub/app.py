"""CheckHub: the targets' health, and the hub's answers as people get them through the load balancer.

Event: ``spec``, ``hub_url``, ``load_balancer_dns_name``, ``target_group_arn``; compared where given: the client id in
``oauth_secret_arn``, and ``expected_jupyterhub_version``. Result: ``healthy`` (true), ``jupyterhub_version`` (None where the
address was not tried), ``notes``, no ``changes``, ever. Ends with ``HubUnhealthy``, which lists every finding and is worth
trying again. Calls elasticloadbalancing:DescribeLoadBalancers and elasticloadbalancing:DescribeTargetHealth, which know no
resources, and secretsmanager:GetSecretValue.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.elasticloadbalancing import ElasticLoadBalancing
from hubplane.adapters.hub_http import Address, get, parse_connect_to, parse_url
from hubplane.adapters.secretsmanager import SecretsManager
from hubplane.domain.cluster_spec.model import spec_from_json
from hubplane.domain.errors import HubUnhealthy
from hubplane.domain.hub_facts import HEALTH_PATH, LOGIN_PATH, Answer, Expectation, HubFacts, NoAnswer, Url
from hubplane.domain.hub_health import control_plane_may_enter, judge_hub
from hubplane.domain.releases.hub_secrets import oauth_client_from_secret
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    hub_connect_to: str = ""


SETTINGS = read_settings(Settings)
CONNECT_TO = parse_connect_to(SETTINGS.hub_connect_to)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    """Looks only, so it can be repeated. Takes up to half a minute where nothing answers."""
    expected = expectation(event)
    balancing = ElasticLoadBalancing(client("elbv2"))
    balancer, targets = balancing.load_balancer(expected.cluster_name), balancing.target_health(event["target_group_arn"])
    facts, notes = HubFacts(balancer, targets), []
    healthy = f"{sum(target.state == 'healthy' for target in targets)} of {len(targets)} targets are healthy"
    if control_plane_may_enter(expected.load_balancer_cidr):
        facts, notes = ask_hub(expected, facts, event["load_balancer_dns_name"])
        reason = f"{healthy}; {expected.hub_url.place()} answers and sends sign-ins to {expected.authorize_url.place()}"
    else:
        reason = f"{healthy}; the public address was not tried, for it lets in {expected.load_balancer_cidr} only"
    verdict = judge_hub(expected, facts)
    if verdict.findings:
        raise HubUnhealthy("\n".join(f"- {finding}" for finding in (*verdict.findings, *verdict.notes)))
    return {
        "healthy": True,
        "jupyterhub_version": verdict.jupyterhub_version,
        "notes": [*verdict.notes, *notes],
        "changes": [],
        "reason": reason,
    }


def expectation(event: dict[str, Any]) -> Expectation:
    """What the specification says about the answers. Without a URL of its own the hub has the load balancer's name."""
    spec = spec_from_json(event["spec"])
    domain_url = spec.oauth.domain_url.rstrip("/")
    return Expectation(
        cluster_name=spec.cluster_name,
        hub_url=parse_url(event.get("hub_url") or spec.hub.url or f"https://{event['load_balancer_dns_name']}"),
        node_port=spec.hub.node_port,
        load_balancer_cidr=spec.network.load_balancer_cidr,
        authorize_url=parse_url(domain_url + spec.oauth.authorize_path),
        scopes=spec.oauth.scopes,
        client_id=client_id(event.get("oauth_secret_arn")),
        jupyterhub_version=event.get("expected_jupyterhub_version"),
    )


def client_id(secret_arn: str | None) -> str | None:
    """The client's id, of which the sign-in must speak; None where no secret is named. The secret part is not kept."""
    if secret_arn is None:
        return None
    return oauth_client_from_secret(SecretsManager(client("secretsmanager")).read(secret_arn), secret_arn).client_id


def ask_hub(expected: Expectation, facts: HubFacts, load_balancer_dns_name: str) -> tuple[HubFacts, list[str]]:
    """``facts`` with the hub's replies, and what could not be looked at."""
    hub, notes = expected.hub_url, []
    own_name = hub.host == load_balancer_dns_name.lower()
    if own_name:
        notes.append("the hub has no URL of its own: no certificate can name its load balancer, so that name was not verified")

    def ask(scheme: str, port: int, path: str) -> Answer | NoAnswer:
        address = CONNECT_TO.get(port, Address(load_balancer_dns_name, port))
        return get(Url(scheme, hub.host, port, path), address, verify_host_name=not own_name)

    plain_http = None
    if CONNECT_TO and 80 not in CONNECT_TO:
        notes.append("the redirect from port 80 was not tried: HUB_CONNECT_TO has no address for it")
    else:
        plain_http = ask("http", 80, HEALTH_PATH)
    health = ask("https", 443, HEALTH_PATH)
    login = ask("https", 443, LOGIN_PATH) if isinstance(health, Answer) else None
    return HubFacts(facts.load_balancer, facts.targets, health=health, login=login, plain_http=plain_http), notes
