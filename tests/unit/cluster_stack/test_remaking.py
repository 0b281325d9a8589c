"""What somebody removed of the way in is made anew, and nothing else of the template is touched."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any

import pytest

from hubplane.domain.cluster_stack.change_set import ResourceChange
from hubplane.domain.cluster_stack.remaking import has_entrance, lost_parts, remake
from hubplane.domain.cluster_stack.template import render_cluster_template
from hubplane.domain.cluster_stack.verdict import classify_change_set
from tests.unit.cluster_stack.specs import BASE, FACTS, SPEC_2019

TEMPLATE = render_cluster_template(BASE, SPEC_2019, FACTS)
WAY_IN = ("HttpListener", "HttpsListener", "LoadBalancer")
BALANCER, LISTENER = "AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::ElasticLoadBalancingV2::Listener"


def way_in(template: dict[str, Any]) -> list[str]:
    """The logical ids of load balancer and listeners."""
    return sorted(name for name, item in template["Resources"].items() if item["Type"] in (BALANCER, LISTENER))


@pytest.mark.parametrize(
    ("listening", "lost"),
    [
        pytest.param({80, 443}, (), id="all-there"),
        pytest.param({80, 443, 8080}, (), id="more-than-we-made"),
        pytest.param({80}, ("HttpsListener",), id="no-https"),
        pytest.param({443}, ("HttpListener",), id="no-http"),
        pytest.param(set(), ("HttpListener", "HttpsListener"), id="no-listener"),
        pytest.param(None, WAY_IN, id="no-load-balancer"),
    ],
)
def test_what_is_lost_is_what_is_not_there(listening: Collection[int] | None, lost: tuple[str, ...]) -> None:
    assert tuple(sorted(lost_parts(listening))) == lost


def test_where_nothing_is_lost_the_template_stays_as_it_is() -> None:
    assert remake(TEMPLATE, TEMPLATE, ()) == TEMPLATE
    assert remake(TEMPLATE, None, WAY_IN) == TEMPLATE
    assert has_entrance(TEMPLATE)
    assert not has_entrance(None)
    assert not has_entrance({"Resources": {"LoadBalancerSecurityGroup": {}}})


def test_a_lost_load_balancer_takes_its_listeners_with_it() -> None:
    made = remake(TEMPLATE, TEMPLATE, WAY_IN)
    assert way_in(made) == ["HttpListener2", "HttpsListener2", "LoadBalancer2"]
    assert made["Resources"]["HttpsListener2"]["Properties"]["LoadBalancerArn"] == {"Ref": "LoadBalancer2"}
    assert made["Outputs"]["LoadBalancerArn"]["Value"] == {"Ref": "LoadBalancer2"}
    assert made["Outputs"]["LoadBalancerDnsName"]["Value"] == {"Fn::GetAtt": ["LoadBalancer2", "DNSName"]}
    others = {name: item for name, item in made["Resources"].items() if name not in way_in(made)}
    assert others == {name: item for name, item in TEMPLATE["Resources"].items() if name not in WAY_IN}
    assert made["Resources"]["LoadBalancer2"] == TEMPLATE["Resources"]["LoadBalancer"]
    depended = {name for item in made["Resources"].values() for name in item.get("DependsOn", "").split()}
    assert depended.isdisjoint(WAY_IN)
    assert not re.search(rf"\$\{{({'|'.join(WAY_IN)})[.}}]", json.dumps(made)), "rename leaves Fn::Sub alone"


def test_later_builds_keep_what_was_remade_and_a_second_loss_gets_a_third_id() -> None:
    once = remake(TEMPLATE, TEMPLATE, ["HttpsListener"])
    assert way_in(once) == ["HttpListener", "HttpsListener2", "LoadBalancer"]
    assert remake(TEMPLATE, once, ()) == once
    assert way_in(remake(TEMPLATE, once, ["HttpsListener"])) == ["HttpListener", "HttpsListener3", "LoadBalancer"]


def change(action: str, logical_id: str, kind: str) -> ResourceChange:
    return ResourceChange(action, logical_id, kind)


def test_what_is_only_forgotten_needs_nobodys_word() -> None:
    made = remake(TEMPLATE, TEMPLATE, WAY_IN)
    pairs = [(name, f"{name}2", BALANCER if name == "LoadBalancer" else LISTENER) for name in WAY_IN]
    changes = [change("Add", new, kind) for _, new, kind in pairs] + [change("Remove", old, kind) for old, _, kind in pairs]
    verdict = classify_change_set(changes, TEMPLATE, made)
    assert verdict.kind == "safe"
    said = (
        "forgets load balancer opensarlab, which somebody removed: it is made anew, and the hub's URL has to point to the new "
        "one's DNS name"
    )
    assert said in verdict.changes


def test_a_load_balancer_that_is_really_removed_still_waits_for_a_person() -> None:
    without = {**TEMPLATE, "Resources": {name: item for name, item in TEMPLATE["Resources"].items() if name not in WAY_IN}}
    verdict = classify_change_set([change("Remove", "LoadBalancer", BALANCER)], TEMPLATE, without)
    assert verdict.kind == "needs_approval"
    made = remake(TEMPLATE, TEMPLATE, ["HttpsListener"])
    verdict = classify_change_set([change("Remove", "LoadBalancer", BALANCER)], TEMPLATE, made)
    assert verdict.kind == "needs_approval"
