"""The way in as ELB and EC2 tell of it, and the one rule that is made again."""

from __future__ import annotations

from typing import Any

import pytest

from hubplane.adapters.entrance import Entrance
from tests.adapters.fake_aws import Refusal, fake_client

BALANCER, NODES = "sg-0balancer", "sg-0nodes"


def rule(first: int, last: int, protocol: str = "tcp", **who: Any) -> dict[str, Any]:
    return {"IpProtocol": protocol, "FromPort": first, "ToPort": last, **who}


ANYBODY = {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
FROM_BALANCER = {"UserIdGroupPairs": [{"GroupId": BALANCER}]}
FROM_OTHERS = {"UserIdGroupPairs": [{"GroupId": "sg-0others"}]}


class Backend:
    """Both services; ``groups`` are the security groups by name."""

    def __init__(self, nodes: list[dict[str, Any]], balancer: list[dict[str, Any]] | None = None) -> None:
        world = [rule(80, 80, **ANYBODY), rule(443, 443, **ANYBODY)]
        self.groups = [
            {"GroupName": "sar-load-balancer", "GroupId": BALANCER, "IpPermissions": world if balancer is None else balancer},
            {"GroupName": "sar-nodes", "GroupId": NODES, "IpPermissions": nodes},
        ]
        self.asked: list[dict[str, Any]] = []

    def describe_security_groups(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        return {"SecurityGroups": self.groups}

    def authorize_security_group_ingress(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        if len(self.asked) > 1:
            raise Refusal("InvalidPermission.Duplicate")
        return {}

    def describe_load_balancers(self, **_: Any) -> dict[str, Any]:
        raise Refusal("LoadBalancerNotFound")


def entrance(backend: Backend) -> Entrance:
    return Entrance(fake_client("elbv2", backend), fake_client("ec2", backend), "sar")


@pytest.mark.parametrize(
    ("nodes", "is_open"),
    [
        pytest.param([rule(30052, 30052, **FROM_BALANCER)], True, id="as-built"),
        pytest.param([rule(30000, 32767, **FROM_BALANCER)], True, id="a-range"),
        pytest.param([rule(30052, 30052, **ANYBODY)], True, id="anybody"),
        pytest.param([{"IpProtocol": "-1", **FROM_BALANCER}], True, id="every-protocol"),
        pytest.param([], False, id="no-rule"),
        pytest.param([rule(30053, 30053, **FROM_BALANCER)], False, id="another-port"),
        pytest.param([rule(30052, 30052, "udp", **FROM_BALANCER)], False, id="another-protocol"),
        pytest.param([rule(30052, 30052, **FROM_OTHERS)], False, id="another-group"),
        pytest.param([rule(30052, 30052)], False, id="nobody"),
    ],
)
def test_whether_the_nodes_let_the_load_balancer_in(nodes: list[dict[str, Any]], is_open: bool) -> None:
    rules = entrance(Backend(nodes)).port_rules("vpc-1", 30052)
    assert rules.node_port_open is is_open
    assert (rules.balancer_group_id, rules.node_group_id) == (BALANCER, NODES)
    assert rules.balancer_ports == {80, 443}


def test_groups_of_this_cluster_in_this_vpc_only() -> None:
    backend = Backend([])
    entrance(backend).port_rules("vpc-1", 30052)
    assert {item["Name"]: item["Values"] for item in backend.asked[0]["Filters"]} == {
        "group-name": ["sar-load-balancer", "sar-nodes"],
        "vpc-id": ["vpc-1"],
    }


def test_a_group_that_is_gone_is_told() -> None:
    backend = Backend([])
    backend.groups.clear()
    rules = entrance(backend).port_rules("vpc-1", 30052)
    assert (rules.balancer_group_id, rules.node_group_id, rules.node_port_open, rules.balancer_ports) == (
        None,
        None,
        False,
        set(),
    )


def test_the_rule_is_made_from_the_load_balancers_group_and_may_be_there_already() -> None:
    backend = Backend([])
    for _ in range(2):
        entrance(backend).open_node_port(NODES, BALANCER, 30052)
    [permission] = backend.asked[0]["IpPermissions"]
    assert (permission["FromPort"], permission["ToPort"], permission["IpProtocol"]) == (30052, 30052, "tcp")
    assert [pair["GroupId"] for pair in permission["UserIdGroupPairs"]] == [BALANCER]
    assert backend.asked[0]["GroupId"] == NODES


@pytest.mark.parametrize(("port", "words"), [(443, "the hub"), (80, "redirected to https")])
def test_people_are_let_in_as_the_template_does_and_may_be_already(port: int, words: str) -> None:
    backend = Backend([])
    for _ in range(2):
        entrance(backend).open_web_port(BALANCER, port, "137.229.0.0/16")
    [permission] = backend.asked[0]["IpPermissions"]
    assert (permission["FromPort"], permission["ToPort"], permission["IpProtocol"]) == (port, port, "tcp")
    assert permission["IpRanges"] == [{"CidrIp": "137.229.0.0/16", "Description": words}]
    assert backend.asked[0]["GroupId"] == BALANCER


def test_a_load_balancer_that_is_gone_has_no_listeners() -> None:
    assert entrance(Backend([])).load_balancer() == (None, ())
