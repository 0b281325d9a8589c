"""What CheckHub says: each fault of a hub by its own sentence with its likely cause, and nothing of a hub that is right."""

from __future__ import annotations

from typing import Any

import pytest

from hubplane.domain.hub_facts import Answer, Expectation, HubFacts, LoadBalancer, NoAnswer, Target, Url
from hubplane.domain.hub_health import control_plane_may_enter, judge_hub

HOST = "opensarlab.asf.alaska.edu"
DOMAIN = "opensarlab.auth.us-east-1.amazoncognito.com"
EXPECTED = Expectation(
    cluster_name="opensarlab",
    hub_url=Url("https", HOST, 443),
    node_port=30052,
    load_balancer_cidr="0.0.0.0/0",
    authorize_url=Url("https", DOMAIN, 443, "/oauth2/authorize"),
    scopes=("openid",),
    client_id="the-client",
    jupyterhub_version="5.5.0",
)
QUERY = {"client_id": "the-client", "redirect_uri": f"https://{HOST}/hub/oauth_callback", "scope": "openid", "state": "nonce"}
AUTHORIZE = Url("https", DOMAIN, 443, "/oauth2/authorize", QUERY)
HEALTHY = Answer(200, {"x-jupyterhub-version": "5.5.0"})
LOGIN = Answer(302, {"x-jupyterhub-version": "5.5.0"}, location=AUTHORIZE)
TO_HTTPS = Answer(301, location=Url("https", HOST, 443, "/hub/health"))
GOOD = Target("i-1", 30052, "healthy")
FACTS = HubFacts(LoadBalancer("a.elb", "active"), (GOOD,), health=HEALTHY, login=LOGIN, plain_http=TO_HTTPS)


def login(**query: str) -> Answer:
    return LOGIN._replace(location=AUTHORIZE._replace(query=QUERY | query))


def target(state: str, reason: str = "", description: str = "") -> tuple[Target, ...]:
    return (Target("i-2", 30052, state, reason, description),)


def test_a_hub_that_is_right_has_no_finding_and_tells_its_version() -> None:
    verdict = judge_hub(EXPECTED, FACTS)
    assert (verdict.findings, verdict.notes, verdict.jupyterhub_version) == ((), (), "5.5.0")


FAULTS: list[Any] = [
    ("no load balancer", {"load_balancer": None}, "no load balancer named opensarlab"),
    ("a new load balancer", {"load_balancer": LoadBalancer("a", "provisioning")}, "still being provisioned"),
    ("a failed load balancer", {"load_balancer": LoadBalancer("a", "failed", "no address")}, "failed: no address"),
    ("no target", {"targets": ()}, "no target: the node groups have no node yet"),
    ("a silent node", {"targets": target("unhealthy", "Target.Timeout")}, "security group opensarlab-nodes must let"),
    ("nothing on the node port", {"targets": target("unhealthy", "Target.FailedHealthChecks")}, "no ready pod (proxy or hub)"),
    ("another code", {"targets": target("unhealthy", "Target.ResponseCodeMismatch")}, "something answers on node port 30052"),
    ("a new node", {"targets": target("initial", "Elb.RegistrationInProgress")}, "is initial (Elb.RegistrationInProgress)"),
    ("an unknown reason", {"targets": target("unavailable", "New.Reason", "AWS's {words}")}, "(New.Reason): AWS's {words}"),
    ("no reason", {"targets": target("draining")}, "i-2:30052 is draining: AWS gives no reason"),
    ("502", {"health": Answer(502, {"server": "awselb/2.0"})}, "answers with 502: the load balancer gets no answer from a node"),
    ("503 of the load balancer", {"health": Answer(503, {"server": "awselb/2.0"})}, "opensarlab-nodes must let it in"),
    (
        "503 of the proxy",
        {"health": Answer(503, {}, "503 : Service\n Unavailable")},
        "503 (503 : Service Unavailable): the proxy answers",
    ),
    ("504", {"health": Answer(504, {"server": "awselb/2.0"})}, "the pods proxy and hub must be ready"),
    ("404", {"health": Answer(404)}, "another base URL"),
    ("500", {"health": Answer(500)}, "the hub itself fails: look at the log of pod hub"),
    ("another server", {"health": Answer(200, {}, "hello")}, "200 (hello), but without the header X-JupyterHub-Version"),
    (
        "a time-out",
        {"health": NoAnswer("timeout", "a:443, 10 s")},
        "security group opensarlab-load-balancer does not let the control",
    ),
    ("no name", {"health": NoAnswer("name", "a: not known")}, "does not resolve: a new one takes some minutes (a: not known)"),
    ("refused", {"health": NoAnswer("refused", "a:443")}, "no listener on port 443"),
    ("another certificate", {"health": NoAnswer("certificate_name", "mismatch")}, f"the certificate is not for {HOST}"),
    ("an untrusted one", {"health": NoAnswer("certificate", "expired")}, "the certificate is not trusted"),
    ("no TLS", {"health": NoAnswer("tls", "WRONG_VERSION_NUMBER")}, "does not speak HTTPS"),
    ("a closed connection", {"health": NoAnswer("closed", "reset")}, "closed without an answer (reset)"),
    (
        "another version",
        {"health": Answer(200, {"x-jupyterhub-version": "5.2.1"})},
        "JupyterHub 5.2.1 answers, but the release installs 5.5.0",
    ),
    ("plain HTTP served", {"plain_http": Answer(200)}, f"answers with status 200, not with a redirect to https://{HOST}"),
    ("a redirect elsewhere", {"plain_http": TO_HTTPS._replace(location=Url("http", "x", 80))}, "a redirect to http://x/"),
    ("port 80 closed", {"plain_http": NoAnswer("refused", "a:80")}, "no listener on port 80"),
    ("no sign-in page", {"login": Answer(404)}, "status 404 where a redirect to"),
    ("a broken sign-in", {"login": Answer(500)}, "status 500 where a redirect to"),
    ("a silent sign-in", {"login": NoAnswer("timeout", "a:443, 10 s")}, "/hub/oauth_login: no answer in time"),
    (
        "another provider",
        {"login": LOGIN._replace(location=AUTHORIZE._replace(host="other.org"))},
        "leads to https://other.org/oauth2/",
    ),
    (
        "another path",
        {"login": LOGIN._replace(location=AUTHORIZE._replace(path="/login"))},
        f"sign-in leads to https://{DOMAIN}/login",
    ),
    ("another client", {"login": login(client_id="old")}, "client_id 'old', not 'the-client'"),
    ("no client", {"login": login(client_id="")}, "client_id '', not 'the-client'"),
    (
        "another callback",
        {"login": login(redirect_uri="http://x/hub/oauth_callback")},
        "EnsureOAuthClient registers the right one",
    ),
    ("other scopes", {"login": login(scope="openid email")}, "['email', 'openid'], but oauth.scopes says ['openid']"),
]


@pytest.mark.parametrize(("changed", "sentence"), [pytest.param(facts, text, id=name) for name, facts, text in FAULTS])
def test_each_fault_is_one_finding_with_its_cause(changed: dict[str, Any], sentence: str) -> None:
    findings = judge_hub(EXPECTED, FACTS._replace(**changed)).findings
    assert len(findings) == 1, findings
    assert sentence in findings[0]
    assert "nonce" not in findings[0]


def test_all_findings_are_told_at_once() -> None:
    broken = HubFacts(
        LoadBalancer("a", "active"),
        target("unhealthy", "Target.Timeout"),
        health=Answer(504, {"server": "awselb/2.0"}),
        login=Answer(504),
        plain_http=Answer(200),
    )
    findings = judge_hub(EXPECTED, broken).findings
    assert ["target i-2" in findings[0], "http://" in findings[1], "/hub/health" in findings[2]] == [True] * 3
    assert len(findings) == 3, "the sign-in that the same fault stops is not told again"


@pytest.mark.parametrize(
    "others",
    [
        pytest.param(target("initial", "Elb.InitialHealthChecking"), id="a node that the autoscaler just added"),
        pytest.param(target("draining", "Target.DeregistrationInProgress"), id="a node that it is removing"),
        pytest.param(target("unhealthy", "Target.Timeout"), id="a node that does not answer"),
    ],
)
def test_one_healthy_node_serves_everybody_and_the_others_are_a_note(others: tuple[Target, ...]) -> None:
    verdict = judge_hub(EXPECTED, FACTS._replace(targets=(GOOD, *others)))
    assert verdict.findings == ()
    assert verdict.notes == (f"1 of 2 targets are healthy; i-2:30052 is {others[0].state} ({others[0].reason})",)


@pytest.mark.parametrize("field", ["client_id", "jupyterhub_version"])
def test_what_is_not_known_is_not_compared(field: str) -> None:
    facts = FACTS._replace(login=login(client_id="any"), health=Answer(200, {"x-jupyterhub-version": "9.9"}))
    known = judge_hub(EXPECTED, facts).findings
    unknown = judge_hub(EXPECTED._replace(**{field: None}), facts).findings
    assert (len(known), len(unknown)) == (2, 1)


def test_replies_that_were_not_asked_for_leave_the_targets_to_decide() -> None:
    assert judge_hub(EXPECTED, HubFacts(LoadBalancer("a", "active"), (GOOD,))).findings == ()
    assert len(judge_hub(EXPECTED, HubFacts(LoadBalancer("a", "active"), target("unhealthy"))).findings) == 1


@pytest.mark.parametrize(
    ("cidr", "enters"),
    [("0.0.0.0/0", True), ("137.229.0.0/16", False), ("0.0.0.0/1", False), ("10.0.0.1/0", True), ("203.0.113.7/32", False)],
)
def test_the_control_plane_comes_from_anywhere_in_the_internet(cidr: str, enters: bool) -> None:
    assert control_plane_may_enter(cidr) is enters
