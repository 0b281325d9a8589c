"""The way in to a cluster's hub: the listeners of its load balancer, and what its security groups let through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hubplane.domain.hub_facts import WEB_PORTS, Listener, LoadBalancer, PortRules
from hubplane.domain.provider_errors import error_code, translated

HTTPS = 443


class Entrance:
    """Questions about one cluster; boto3 clients of ``elbv2`` and ``ec2``."""

    def __init__(self, elbv2_client: Any, ec2_client: Any, cluster_name: str) -> None:
        self._elbv2, self._ec2, self._cluster_name = elbv2_client, ec2_client, cluster_name

    def load_balancer(self) -> tuple[LoadBalancer | None, tuple[Listener, ...]]:
        """The cluster's load balancer with its listeners; (None, ()) where there is none."""
        name = self._cluster_name
        with translated(f"describe load balancer {name} and its listeners"):
            try:
                item = self._elbv2.describe_load_balancers(Names=[name])["LoadBalancers"][0]
            except Exception as error:
                if error_code(error) == "LoadBalancerNotFound":
                    return None, ()
                raise
            pages = self._elbv2.get_paginator("describe_listeners").paginate(LoadBalancerArn=item["LoadBalancerArn"])
            listeners = tuple(_listener(found) for page in pages for found in page["Listeners"])
        state = item["State"]
        return LoadBalancer(item["DNSName"], state["Code"], state.get("Reason", "")), listeners

    def port_rules(self, vpc_id: str, node_port: int) -> PortRules:
        """What the groups ``<cluster>-load-balancer`` and ``<cluster>-nodes`` let in.

        A rule for addresses counts as open for the load balancer, whose addresses change: whether they are the right ones shows
        in the health of the targets.
        """
        names = [f"{self._cluster_name}-load-balancer", f"{self._cluster_name}-nodes"]
        filters = [{"Name": "group-name", "Values": names}, {"Name": "vpc-id", "Values": [vpc_id]}]
        with translated(f"describe the security groups of cluster {self._cluster_name}"):
            pages = self._ec2.get_paginator("describe_security_groups").paginate(Filters=filters)
            groups = {group["GroupName"]: group for page in pages for group in page["SecurityGroups"]}
        balancer, nodes = (groups.get(name) for name in names)
        balancer_id = balancer["GroupId"] if balancer else None
        return PortRules(
            balancer_ports=frozenset(port for port in WEB_PORTS if any(_rules_for(balancer, port))),
            node_port_open=any(
                rule.get("IpRanges") or balancer_id in {pair["GroupId"] for pair in rule.get("UserIdGroupPairs", ())}
                for rule in _rules_for(nodes, node_port)
            ),
            node_group_id=nodes["GroupId"] if nodes else None,
            balancer_group_id=balancer_id,
        )

    def open_node_port(self, node_group_id: str, balancer_group_id: str, node_port: int) -> None:
        """Let the load balancer in on the nodes' port, as the cluster's template does. Repeatable."""
        pair = {"GroupId": balancer_group_id, "Description": "port of the hub, from the load balancer only"}
        doing = f"let the load balancer of cluster {self._cluster_name} in on port {node_port}"
        self._let_in(doing, node_group_id, node_port, {"UserIdGroupPairs": [pair]})

    def open_web_port(self, balancer_group_id: str, port: int, cidr: str) -> None:
        """Let people in to the load balancer, as the cluster's template does. Repeatable."""
        doing = f"let {cidr} in to the load balancer of cluster {self._cluster_name} on port {port}"
        described = {"CidrIp": cidr, "Description": "the hub" if port == HTTPS else "redirected to https"}
        self._let_in(doing, balancer_group_id, port, {"IpRanges": [described]})

    def _let_in(self, doing: str, group_id: str, port: int, who: Mapping[str, Any]) -> None:
        permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **who}
        with translated(doing):
            try:
                self._ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[permission])
            except Exception as error:
                if error_code(error) != "InvalidPermission.Duplicate":
                    raise


def _rules_for(group: Mapping[str, Any] | None, port: int) -> Iterator[Mapping[str, Any]]:
    """The rules of a group that are for TCP on this port and name anybody at all."""
    for rule in (group or {}).get("IpPermissions", ()):
        if str(rule["IpProtocol"]) not in ("tcp", "6", "-1"):
            continue
        covers = str(rule["IpProtocol"]) == "-1" or int(rule.get("FromPort", 0)) <= port <= int(rule.get("ToPort", 65535))
        if covers and (rule.get("IpRanges") or rule.get("UserIdGroupPairs") or rule.get("PrefixListIds")):
            yield rule


def _listener(item: Mapping[str, Any]) -> Listener:
    actions = item.get("DefaultActions", [])
    forwarded = [
        arn
        for action in actions
        if action["Type"] == "forward"
        for arn in (
            [one["TargetGroupArn"] for one in (action.get("ForwardConfig") or {}).get("TargetGroups", [])]
            or [action.get("TargetGroupArn", "")]
        )
    ]
    certificates = item.get("Certificates") or [{}]
    return Listener(
        port=int(item["Port"]),
        protocol=item["Protocol"],
        certificate_arn=certificates[0].get("CertificateArn"),
        target_group_arns=tuple(forwarded),
        redirects=any(action["Type"] == "redirect" for action in actions),
    )
