"""Which load balancer, listener and action a request meets: read from the emulator's records, no I/O.

Follows the Application Load Balancer user guide: the security group lets the client in or does not, the listener's rules are
tried in the order of their priority, the default rule is last.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any

from ministack.services import alb, ec2


@dataclass(frozen=True)
class Asked:
    """A request as it came to the front."""

    method: str
    scheme: str
    host: str
    path: str
    raw_query: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    client_ip: str


def balancer_for(host: str, hosts: dict[str, str]) -> dict[str, Any] | None:
    """The load balancer that a host name leads to: its own DNS name, a name told to the front, or the only one there is."""
    name = host.rsplit(":", 1)[0].lower()
    balancers = list(alb._lbs.values())
    wanted = hosts.get(name, name)
    for balancer in balancers:
        if wanted in (balancer["DNSName"].lower(), balancer["LoadBalancerName"], balancer["LoadBalancerArn"]):
            return dict(balancer)
    return dict(balancers[0]) if len(balancers) == 1 else None


def listener_for(balancer: dict[str, Any], scheme: str) -> dict[str, Any] | None:
    """The listener with the protocol that the client speaks."""
    for listener in alb._listeners.values():
        if listener["LoadBalancerArn"] == balancer["LoadBalancerArn"] and listener["Protocol"].lower() == scheme:
            return dict(listener)
    return None


def admits(balancer: dict[str, Any], port: int, client_ip: str) -> bool:
    """Whether one of the load balancer's security groups lets the client's address in on the port."""
    address = ipaddress.ip_address(client_ip)
    for group_id in balancer.get("SecurityGroups", []):
        for permission in ec2._security_groups.get(group_id, {}).get("IpPermissions", []):
            if str(permission.get("IpProtocol")) not in ("tcp", "6", "-1"):
                continue
            everything = str(permission.get("IpProtocol")) == "-1"
            if not everything and not int(permission.get("FromPort", 0)) <= port <= int(permission.get("ToPort", 65535)):
                continue
            if any(address in ipaddress.ip_network(item["CidrIp"], strict=False) for item in permission.get("IpRanges", [])):
                return True
    return False


def action_for(listener: dict[str, Any], asked: Asked) -> dict[str, Any] | None:
    """The last action of the first rule that fits."""
    rules = [rule for rule in alb._rules.values() if rule["ListenerArn"] == listener["ListenerArn"]]
    for rule in sorted(rules, key=alb._rule_sort_key):
        fits = rule.get("IsDefault") or all(
            alb._match_condition(condition, asked.method, asked.path, asked.headers, asked.query)
            for condition in rule.get("Conditions", [])
        )
        if fits:
            # A changed listener has its new default actions; the default rule keeps those it was made with.
            actions = listener["DefaultActions"] if rule.get("IsDefault") else rule["Actions"]
            return dict(sorted(actions, key=lambda action: int(action.get("Order") or 1))[-1]) if actions else None
    return None


def redirect_location(config: dict[str, Any], asked: Asked, port: int, local_ports: dict[int, int]) -> str:
    """Where a redirect leads, with the placeholders of ALB.

    A person on this machine asked for 127.0.0.1 or localhost and is sent to the front's own port; for every other host the
    port is the one that the rule says.
    """
    host = asked.host.rsplit(":", 1)[0]
    values = {
        "protocol": asked.scheme,
        "host": host,
        "port": str(port),
        "path": asked.path.lstrip("/"),
        "query": asked.raw_query,
    }

    def filled(field: str, default: str) -> str:
        text = str(config.get(field) or default)
        for name, value in values.items():
            text = text.replace(f"#{{{name}}}", value)
        return text

    target_host, target_port = filled("Host", "#{host}"), int(filled("Port", "#{port}"))
    if target_host in ("127.0.0.1", "localhost"):
        target_port = local_ports.get(target_port, target_port)
    query = filled("Query", "#{query}")
    return f"{filled('Protocol', '#{protocol}').lower()}://{target_host}:{target_port}{filled('Path', '/#{path}')}" + (
        f"?{query}" if query else ""
    )
