"""The way from the internet to the proxy: load balancer, listeners, security groups, targets (what S0 met as a 502).

Only what is wrong before the pods: where the hub or its proxy is not ready, no target can be healthy, and ``hub_pod`` says so.
Reasons of targets: botocore elbv2, ``TargetHealthReasonEnum``.
"""

from __future__ import annotations

from collections.abc import Iterator

from hubplane.domain.diagnosis.causes import hub_serves
from hubplane.domain.diagnosis.facts import ClusterFacts
from hubplane.domain.diagnosis.findings import Finding
from hubplane.domain.diagnosis.mends import build_cluster

NAME = "entrance"
HTTPS, HTTP = 443, 80
PASSING = frozenset({"Elb.RegistrationInProgress", "Elb.InitialHealthChecking", "Target.DeregistrationInProgress"})


def judge(facts: ClusterFacts) -> Iterator[Finding]:
    """The first thing that is wrong on the way in, as a request meets it: what lies behind it is not judged twice."""
    balancer, name = facts.load_balancer, facts.cluster_name
    if balancer is None:
        sentence = (
            "The load balancer is gone, so nobody can reach the hub. The proposed build makes another one; the DNS record of the "
            "hub's URL has to point to the name of that (output LoadBalancerDnsName)."
        )
        yield _broken(facts, sentence, f"no load balancer is named {name}")
        return
    if balancer.state == "failed":
        said = f"load balancer {name} is failed: {balancer.state_reason or 'AWS gives no reason'}"
        yield _changed("The load balancer failed, so nobody can reach the hub.", said)
        return
    yield from _listeners(facts)
    rules = facts.ports
    if rules is not None and not rules.balancer_ports >= {HTTPS}:
        said = f"security group {name}-load-balancer lets nobody in on port 443"
        yield _broken(facts, "The load balancer's security group shuts people out.", said)
    healthy = any(target.state == "healthy" for target in facts.targets)
    if rules is not None and not rules.node_port_open and not healthy:
        port = facts.spec.hub.node_port
        said = f"security group {name}-nodes ({rules.node_group_id}) has no rule for port {port} from {rules.balancer_group_id}"
        sentence = f"The nodes shut the load balancer out: the rule for node port {port} is gone, so people get a 502 or 504."
        yield _broken(facts, sentence, said)
    elif hub_serves(facts) and _leads_to_nodes(facts):
        yield from _targets(facts)


def _leads_to_nodes(facts: ClusterFacts) -> bool:
    """Whether a listener uses the target group: of one that none uses, AWS looks at no target (``Target.NotInUse``)."""
    https = [item for item in facts.listeners if item.port == HTTPS]
    return any(facts.target_group_arn in (None, *item.target_group_arns) for item in https)


def _listeners(facts: ClusterFacts) -> Iterator[Finding]:
    https = next((item for item in facts.listeners if item.port == HTTPS), None)
    if https is None:
        yield _broken(facts, "The load balancer does not listen on port 443, so nobody can reach the hub.", "no listener on 443")
    elif facts.target_group_arn is not None and facts.target_group_arn not in https.target_group_arns:
        said = (
            f"the listener on 443 forwards to {', '.join(https.target_group_arns) or 'nothing'}, not to {facts.target_group_arn}"
        )
        yield _changed("The load balancer sends people somewhere else than to this cluster's nodes.", said)
    http = next((item for item in facts.listeners if item.port == HTTP), None)
    if http is None or not http.redirects:
        sentence = "Whoever types the hub's address without https is not led to it: the listener on port 80 is not as built."
        # One that is there and leads elsewhere, CloudFormation takes for the one it made.
        mend = build_cluster(facts) if http is None and https is not None else None
        said = "no listener on 80" if http is None else "the listener on 80 does not redirect"
        yield Finding(NAME, "notice", sentence, (said,), "diagnose-cluster", mend)


def _targets(facts: ClusterFacts) -> Iterator[Finding]:
    targets = facts.targets
    attached = [group for group in facts.node_groups if facts.target_group_arn in group.target_group_arns]
    if not targets or (facts.node_groups and not attached and facts.target_group_arn is not None):
        said = (
            "the target group has no target"
            if not targets
            else "no Auto Scaling group of a node group is attached to the target group"
        )
        yield _broken(facts, "The load balancer knows no node of this cluster, so people get a 503.", said)
        return
    if any(target.state == "healthy" for target in targets) or any(target.reason in PASSING for target in targets):
        return
    states = tuple(
        f"target {target.target_id}:{target.port} is {target.state} ({target.reason or target.description or 'no reason given'})"
        for target in targets
    )
    sentence = "No node answers the load balancer although the hub and its proxy run, so people get a 502 or 504."
    yield Finding(NAME, "critical", sentence, states, "diagnose-cluster", build_cluster(facts))


def _broken(facts: ClusterFacts, sentence: str, said: str) -> Finding:
    """What a build sets right: ChangeStack makes anew what is gone, ConfigureEks opens ports and attaches groups."""
    return Finding(NAME, "critical", sentence, (said,), "diagnose-cluster", build_cluster(facts))


def _changed(sentence: str, said: str) -> Finding:
    """A part of the cluster's stack that is there and not as built: CloudFormation sees no difference and changes nothing."""
    return Finding(NAME, "critical", sentence, (said,), "diagnose-cluster")
