"""EC2: what the account check needs to know of subnets, instance types, images, instances and volumes. Reads only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hubplane.domain.account_check.facts import Ami, InstanceType, Subnet
from hubplane.domain.provider_errors import error_code, translated

AMI_ABSENT = frozenset({"InvalidAMIID.NotFound", "InvalidAMIID.Unavailable", "InvalidAMIID.Malformed"})


class Ec2:
    """Questions to one Region; ``client`` is a boto3 EC2 client. Each can be repeated."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def subnets(self, subnet_ids: Iterable[str]) -> dict[str, Subnet]:
        """The subnets that exist, by id; an absent one is left out."""
        wanted = sorted(set(subnet_ids))
        if not wanted:
            return {}
        filters = [{"Name": "subnet-id", "Values": wanted}]
        return {
            item["SubnetId"]: Subnet(
                subnet_id=item["SubnetId"],
                vpc_id=item["VpcId"],
                availability_zone=item["AvailabilityZone"],
                availability_zone_id=item.get("AvailabilityZoneId", ""),
                free_addresses=item["AvailableIpAddressCount"],
            )
            for item in self._pages("describe subnets", "describe_subnets", "Subnets", Filters=filters)
        }

    def instance_types(self, names: Iterable[str]) -> dict[str, InstanceType]:
        """The instance types that this Region knows, by name, each with the zones that offer it."""
        found = {}
        for name in sorted(set(names)):
            description = self._instance_type(name)
            if description is not None:
                found[name] = InstanceType(
                    name=name,
                    vcpus=description["VCpuInfo"]["DefaultVCpus"],
                    architectures=tuple(description["ProcessorInfo"]["SupportedArchitectures"]),
                    addresses_per_interface=description["NetworkInfo"]["Ipv4AddressesPerInterface"],
                    availability_zones=self._zones_offering(name),
                )
        return found

    def _instance_type(self, name: str) -> Any:
        with translated(f"describe instance type {name}"):
            try:
                answer = self._client.describe_instance_types(InstanceTypes=[name])
            except Exception as error:
                if error_code(error) == "InvalidInstanceType":
                    return None
                raise
        return next(iter(answer["InstanceTypes"]), None)

    def _zones_offering(self, name: str) -> frozenset[str]:
        offerings = self._pages(
            f"describe the zones that offer {name}",
            "describe_instance_type_offerings",
            "InstanceTypeOfferings",
            LocationType="availability-zone",
            Filters=[{"Name": "instance-type", "Values": [name]}],
        )
        return frozenset(item["Location"] for item in offerings)

    def offered_types(self, names: Iterable[str], availability_zone: str) -> tuple[str, ...]:
        """Those of the instance types that the zone offers, in the order of ``names``; whether it has one now, nobody says."""
        wanted = list(names)
        offerings = self._pages(
            f"describe the instance types that {availability_zone} offers",
            "describe_instance_type_offerings",
            "InstanceTypeOfferings",
            LocationType="availability-zone",
            Filters=[{"Name": "instance-type", "Values": wanted}, {"Name": "location", "Values": [availability_zone]}],
        )
        offered = {item["InstanceType"] for item in offerings}
        return tuple(name for name in wanted if name in offered)

    def amis(self, ami_ids: Iterable[str]) -> dict[str, Ami]:
        """The machine images that exist and that this account may use, deprecated ones included, by id."""
        found = {}
        for ami_id in sorted(set(ami_ids)):
            with translated(f"describe image {ami_id}"):
                try:
                    answer = self._client.describe_images(ImageIds=[ami_id], IncludeDeprecated=True)
                except Exception as error:
                    if error_code(error) in AMI_ABSENT:
                        continue
                    raise
            for item in answer["Images"]:
                found[ami_id] = Ami(
                    ami_id=ami_id,
                    name=item.get("Name", ""),
                    description=item.get("Description", ""),
                    state=item["State"],
                    architecture=item["Architecture"],
                    tags={tag["Key"]: tag["Value"] for tag in item.get("Tags", [])},
                    root_device=item.get("RootDeviceName", ""),
                    root_size_gib=_root_size_gib(item),
                )
        return found

    def on_demand_vcpus(self, cluster_name: str, quota_of: Callable[[str], str | None]) -> dict[str, int]:
        """vCPUs of running on-demand instances by ``quota_of(instance type)``, without the nodes of this cluster.

        Spot instances have a quota of their own. EKS tags the nodes of managed node groups with ``eks:cluster-name``.
        """
        reservations = self._pages(
            "describe running instances",
            "describe_instances",
            "Reservations",
            Filters=[{"Name": "instance-state-name", "Values": ["pending", "running"]}],
        )
        used: Counter[str] = Counter()
        for instance in (item for reservation in reservations for item in reservation["Instances"]):
            tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
            quota = quota_of(instance["InstanceType"])
            if quota is None or "InstanceLifecycle" in instance or tags.get("eks:cluster-name") == cluster_name:
                continue
            cpus = instance.get("CpuOptions", {})
            used[quota] += cpus.get("CoreCount", 0) * cpus.get("ThreadsPerCore", 1)
        return dict(used)

    def count_security_groups(self) -> int:
        """All security groups of the account in this Region."""
        return sum(1 for _ in self._pages("describe security groups", "describe_security_groups", "SecurityGroups"))

    def volume_zones(self, cluster_name: str) -> dict[str, int]:
        """How many volumes that Kubernetes made for claims of this cluster lie in each zone, by either of the cluster's tags."""
        claimed = {"Name": "tag-key", "Values": ["kubernetes.io/created-for/pvc/name"]}
        zones: dict[str, str] = {}
        for tag, value in ((f"kubernetes.io/cluster/{cluster_name}", "owned"), ("KubernetesCluster", cluster_name)):
            filters = [claimed, {"Name": f"tag:{tag}", "Values": [value]}]
            for item in self._pages("describe the cluster's volumes", "describe_volumes", "Volumes", Filters=filters):
                zones[item["VolumeId"]] = item["AvailabilityZone"]
        return dict(Counter(zones.values()))

    def _pages(self, doing: str, operation: str, key: str, **arguments: Any) -> list[Any]:
        with translated(doing):
            return [item for page in self._client.get_paginator(operation).paginate(**arguments) for item in page[key]]


def _root_size_gib(image: Mapping[str, Any]) -> int:
    """GiB of the snapshot that the image's root disk is made from, 0 where the image does not say."""
    root = image.get("RootDeviceName")
    mappings = (item for item in image.get("BlockDeviceMappings", []) if item.get("DeviceName") == root)
    return next((int(item.get("Ebs", {}).get("VolumeSize", 0)) for item in mappings), 0)
