"""Classic load balancers, the API of 2012-06-01: made, listed, tagged and deleted; no traffic goes through one."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from ministack.services import alb

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend

VERSION = "2012-06-01"


@mend
def classic_load_balancers(cloud: Cloud, gateway: Gateway) -> None:
    """A request of the API of 2012-06-01 (boto3 ``elb``) is answered as one of 2015-12-01, which has the same host and other
    names: one lists the other's load balancers without a name. With this each version has its own."""
    handle, balancers = alb.handle_request, dict[str, dict[str, str]]()

    async def handle_version(method: str, path: str, headers: Any, body: Any, query_params: Any) -> Any:
        text = body.decode("utf-8", errors="replace") if isinstance(body, bytes) else body or ""
        asked = {**{key: values[0] for key, values in query_params.items()}, **{k: v[0] for k, v in parse_qs(text).items()}}
        if asked.get("Version") != VERSION:
            return await handle(method, path, headers, body, query_params)
        return _answer(asked, balancers)

    alb.handle_request = handle_version


def _answer(asked: dict[str, str], balancers: dict[str, dict[str, str]]) -> Any:
    action, name = asked["Action"], asked.get("LoadBalancerName", "")
    if action == "CreateLoadBalancer":
        keys = [key for key in asked if key.startswith("Tags.member.") and key.endswith(".Key")]
        balancers[name] = {asked[key]: asked.get(f"{key.removesuffix('Key')}Value", "") for key in keys}
        return alb._xml(200, action, f"<DNSName>{name}.us-east-1.elb.amazonaws.com</DNSName>")
    if action == "DeleteLoadBalancer":
        balancers.pop(name, None)
        return alb._xml(200, action, "")
    if action == "DescribeLoadBalancers":
        listed = "".join(f"<member><LoadBalancerName>{key}</LoadBalancerName></member>" for key in sorted(balancers))
        return alb._xml(200, action, f"<LoadBalancerDescriptions>{listed}</LoadBalancerDescriptions>")
    if action == "DescribeTags":
        names = [value for key, value in asked.items() if key.startswith("LoadBalancerNames.member.")]
        if missing := [key for key in names if key not in balancers]:
            return alb._error("LoadBalancerNotFound", f"There is no ACTIVE Load Balancer named '{missing[0]}'")
        told = "".join(_tags_of(key, balancers[key]) for key in names)
        return alb._xml(200, action, f"<TagDescriptions>{told}</TagDescriptions>")
    return alb._error("InvalidAction", f"the stand-in knows no {action} of {VERSION}")


def _tags_of(name: str, tags: dict[str, str]) -> str:
    listed = "".join(f"<member><Key>{key}</Key><Value>{value}</Value></member>" for key, value in tags.items())
    return f"<member><LoadBalancerName>{name}</LoadBalancerName><Tags>{listed}</Tags></member>"
