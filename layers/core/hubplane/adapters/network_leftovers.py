"""Load balancers, target groups, network interfaces and security groups that outlive a cluster, as places of its sweep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hubplane.domain.deletion.things import CLUSTER_TAG_PREFIX, NAME_TAGS, Kind, Thing, tagged_thing, tags_of
from hubplane.domain.errors import NotYet
from hubplane.domain.provider_errors import error_code, translated

NAMES_PER_CALL = 20
"""DescribeTags of Elastic Load Balancing takes so many resources, in both versions (API reference)."""

GONE_CODES = ("LoadBalancerNotFound", "TargetGroupNotFound")


class LoadBalancerPlace:
    """Load balancers and then target groups of a Region; ``client`` is a boto3 ``elbv2`` client."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def find(self, cluster_name: str) -> Iterator[Thing]:
        """Those that carry a tag of the cluster, or its name."""
        for kind, arns in ((Kind.LOAD_BALANCER, self._load_balancers()), (Kind.TARGET_GROUP, self._target_groups())):
            for arn, tags in self._tags(list(arns)).items():
                thing, name = tagged_thing(kind, arn, tags), arn.split("/")[-2]
                # A target group is called after the cluster and its port (docs/architecture.md, "Names").
                is_called = name == cluster_name or (kind is Kind.TARGET_GROUP and name.rpartition("-")[0] == cluster_name)
                if cluster_name in thing.clusters or (is_called and not thing.clusters):
                    yield thing

    def again(self, thing: Thing) -> Thing | None:
        """With its tags as they are now."""
        listed = self._load_balancers() if thing.kind is Kind.LOAD_BALANCER else self._target_groups()
        return _again(thing, listed, self._tags)

    def remove(self, thing: Thing) -> None:
        """A load balancer takes its listeners with it; a target group that one still uses is refused (``ResourceInUse``)."""
        with translated(f"delete {thing.kind} {thing.thing_id}"):
            if thing.kind is Kind.LOAD_BALANCER:
                self._client.delete_load_balancer(LoadBalancerArn=thing.thing_id)
            else:
                self._client.delete_target_group(TargetGroupArn=thing.thing_id)

    def _load_balancers(self) -> list[str]:
        with translated("describe load balancers"):
            pages = self._client.get_paginator("describe_load_balancers").paginate()
            return [item["LoadBalancerArn"] for page in pages for item in page["LoadBalancers"]]

    def _target_groups(self) -> list[str]:
        with translated("describe target groups"):
            pages = self._client.get_paginator("describe_target_groups").paginate()
            return [item["TargetGroupArn"] for page in pages for item in page["TargetGroups"]]

    def _tags(self, arns: list[str]) -> dict[str, dict[str, str]]:
        return _tags_of_balancers(lambda part: self._client.describe_tags(ResourceArns=part), arns, "ResourceArn")


class ClassicBalancerPlace:
    """The load balancers that Kubernetes itself makes for a Service where no AWS Load Balancer Controller runs; ``client`` is a
    boto3 ``elb`` client. Their names are hashes, so only tags tell whose they are; so are the groups ``k8s-elb-…`` of each, which
    carry the same tags (cloud-provider-aws, pkg/providers/v1/tags.go) and are found with the others."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def find(self, cluster_name: str) -> Iterator[Thing]:
        """Those that carry a tag of the cluster."""
        for name, tags in self._tags(self._names()).items():
            thing = tagged_thing(Kind.CLASSIC_LOAD_BALANCER, name, tags)
            if cluster_name in thing.clusters:
                yield thing

    def again(self, thing: Thing) -> Thing | None:
        """With its tags as they are now."""
        return _again(thing, self._names(), self._tags)

    def remove(self, thing: Thing) -> None:
        """Repeatable: the call succeeds for one that is gone (DeleteLoadBalancer, API reference of 2012-06-01)."""
        with translated(f"delete {thing.kind} {thing.thing_id}"):
            self._client.delete_load_balancer(LoadBalancerName=thing.thing_id)

    def _names(self) -> list[str]:
        with translated("describe classic load balancers"):
            pages = self._client.get_paginator("describe_load_balancers").paginate()
            return [item["LoadBalancerName"] for page in pages for item in page["LoadBalancerDescriptions"]]

    def _tags(self, names: list[str]) -> dict[str, dict[str, str]]:
        return _tags_of_balancers(lambda part: self._client.describe_tags(LoadBalancerNames=part), names, "LoadBalancerName")


def _again(thing: Thing, listed: list[str], tags_of_all: Callable[[list[str]], dict[str, dict[str, str]]]) -> Thing | None:
    """None also for what is listed and not found: the list lags behind a delete."""
    if thing.thing_id not in listed:
        return None
    try:
        tags = tags_of_all([thing.thing_id])[thing.thing_id]
    except NotYet as error:
        if isinstance(error.__cause__, Exception) and error_code(error.__cause__) in GONE_CODES:
            return None  # nobody else's was asked for
        raise
    return tagged_thing(thing.kind, thing.thing_id, tags)


def _tags_of_balancers(ask: Callable[[list[str]], Any], names: list[str], key: str) -> dict[str, dict[str, str]]:
    """The tags of each. Raises ``NotYet`` where one went since it was listed, whosesoever it is: the next call lists anew."""
    found: dict[str, dict[str, str]] = {name: {} for name in names}
    with translated("describe tags of load balancers"):
        for start in range(0, len(names), NAMES_PER_CALL):
            try:
                answer = ask(names[start : start + NAMES_PER_CALL])
            except Exception as error:
                if error_code(error) in GONE_CODES:
                    raise NotYet(f"a load balancer or target group went while its tags were asked for: {error}") from error
                raise
            for item in answer["TagDescriptions"]:
                found[item[key]] = tags_of(item.get("Tags", ()))
    return found


class NetworkPlace:
    """Network interfaces and then security groups of a Region; ``client`` is a boto3 EC2 client."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def find(self, cluster_name: str) -> Iterator[Thing]:
        """Those that carry a tag of the cluster in any form."""
        groups = {item["GroupId"]: item for item in self._tagged("describe_security_groups", "SecurityGroups", cluster_name)}
        tagged = self._tagged("describe_network_interfaces", "NetworkInterfaces", cluster_name)
        things = [_interface(item) for item in _once(tagged, "NetworkInterfaceId")] + [_group(item) for item in groups.values()]
        yield from (thing for thing in things if cluster_name in thing.clusters)

    def again(self, thing: Thing) -> Thing | None:
        """As it is now; by filter, which leaves out what is gone."""
        if thing.kind is Kind.NETWORK_INTERFACE:
            found = self._pages(
                "describe_network_interfaces", "NetworkInterfaces", [_filter("network-interface-id", thing.thing_id)]
            )
            return next((_interface(item) for item in found if item["NetworkInterfaceId"] == thing.thing_id), None)
        found = self._pages("describe_security_groups", "SecurityGroups", [_filter("group-id", thing.thing_id)])
        return next((_group(item) for item in found if item["GroupId"] == thing.thing_id), None)

    def remove(self, thing: Thing) -> None:
        """An interface that is attached, or a group that something uses, is refused by EC2 (``DependencyViolation``)."""
        with translated(f"delete {thing.kind} {thing.thing_id}"):
            try:
                if thing.kind is Kind.NETWORK_INTERFACE:
                    self._client.delete_network_interface(NetworkInterfaceId=thing.thing_id)
                else:
                    self._client.delete_security_group(GroupId=thing.thing_id)
            except Exception as error:
                if error_code(error) not in ("InvalidNetworkInterfaceID.NotFound", "InvalidGroup.NotFound"):
                    raise

    def _tagged(self, operation: str, key: str, cluster_name: str) -> Iterator[Mapping[str, Any]]:
        """By each form of the tag: a filter over several keys would ask for all of them at once."""
        yield from self._pages(operation, key, [_filter("tag-key", CLUSTER_TAG_PREFIX + cluster_name)])
        for name in NAME_TAGS:
            yield from self._pages(operation, key, [_filter(f"tag:{name}", cluster_name)])

    def _pages(self, operation: str, key: str, filters: list[dict[str, Any]]) -> list[Mapping[str, Any]]:
        with translated(operation.replace("_", " ")):
            pages = self._client.get_paginator(operation).paginate(Filters=filters)
            return [item for page in pages for item in page[key]]


def _filter(name: str, value: str) -> dict[str, Any]:
    return {"Name": name, "Values": [value]}


def _once(items: Iterator[Mapping[str, Any]], key: str) -> list[Mapping[str, Any]]:
    return list({item[key]: item for item in items}.values())


def _interface(item: Mapping[str, Any]) -> Thing:
    tags = tags_of(item.get("TagSet", ()))
    attachment = item.get("Attachment") or {}
    busy = f"it is {item['Status']} on {attachment.get('InstanceId', 'something')}" if item["Status"] != "available" else ""
    return tagged_thing(Kind.NETWORK_INTERFACE, item["NetworkInterfaceId"], tags, busy=busy)


def _group(item: Mapping[str, Any]) -> Thing:
    return tagged_thing(Kind.SECURITY_GROUP, item["GroupId"], tags_of(item.get("Tags", ())))
