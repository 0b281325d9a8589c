"""What the hub answers through its load balancer: health, and where a sign-in leads.

Only where the way in and the pods are sound and the hub's log tells nothing: what those say explains any answer.
"""

from __future__ import annotations

from collections.abc import Iterator

from hubplane.domain.diagnosis.causes import hub_log_troubles, hub_serves
from hubplane.domain.diagnosis.checks import certificate, entrance
from hubplane.domain.diagnosis.facts import ClusterFacts
from hubplane.domain.diagnosis.findings import Finding
from hubplane.domain.diagnosis.mends import build_cluster, restart_hub
from hubplane.domain.hub_facts import Answer, Expectation, HubFacts, NoAnswer, Target, Url
from hubplane.domain.hub_health import judge_hub

NAME = "hub_answers"


def judge(facts: ClusterFacts) -> Iterator[Finding]:
    """One finding with all that is wrong about the answers."""
    answers = facts.hub_answers
    explained = [*entrance.judge(facts), *certificate.judge(facts), *hub_log_troubles(facts)]
    if answers.health is None or explained or not hub_serves(facts):
        return
    found = HubFacts(facts.load_balancer, (Target("nodes", facts.spec.hub.node_port, "healthy"),), answers.health, answers.login)
    said = judge_hub(_expectation(facts), found).findings
    if not said:
        return
    if _fails(answers.health) or _fails(answers.login):
        sentence = "The hub answers with errors although its pod is ready; a restart of the hub is worth trying first."
        yield Finding(NAME, "critical", sentence, said, "restart-hub", restart_hub(facts))
    else:
        sentence = "The hub does not answer as its specification says."
        yield Finding(NAME, "warning", sentence, said, "diagnose-cluster", build_cluster(facts))


def _fails(answer: Answer | NoAnswer | None) -> bool:
    return isinstance(answer, NoAnswer) or (answer is not None and answer.status >= 500)


def _expectation(facts: ClusterFacts) -> Expectation:
    """The client's id is not known here, for a diagnosis reads no secret; without a URL of its own the hub has the balancer's."""
    oauth = facts.spec.oauth
    domain = oauth.domain_url.rstrip("/")
    name = facts.load_balancer.dns_name if facts.load_balancer else ""
    return Expectation(
        cluster_name=facts.cluster_name,
        hub_url=_url(facts.spec.hub.url or f"https://{name}", ""),
        node_port=facts.spec.hub.node_port,
        load_balancer_cidr=facts.spec.network.load_balancer_cidr,
        authorize_url=_url(domain, oauth.authorize_path),
        scopes=oauth.scopes,
    )


def _url(base: str, path: str) -> Url:
    scheme, _, rest = base.partition("://")
    host, _, more = rest.partition("/")
    name, _, port = host.partition(":")
    default = {"http": 80, "https": 443}.get(scheme)
    tail = f"/{more.rstrip('/')}" if more.rstrip("/") else ""
    return Url(scheme, name.lower(), int(port) if port else default, f"{tail}{path}" or "/")
