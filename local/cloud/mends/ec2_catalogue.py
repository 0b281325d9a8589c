"""What EC2 offers: zones, instance types, machine images; and dry runs that act."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

from ministack.services import ec2

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway, Request, Response
from local.cloud.mends import mend, replace_action
from local.cloud.seed import seed


@mend
def dry_runs_do_nothing(cloud: Cloud, gateway: Gateway) -> None:
    """``DryRun=True`` deletes the volume. With this it answers ``DryRunOperation`` and touches nothing."""

    async def refuse(request: Request) -> Response | None:
        if request.service != "ec2" or request.parameter("DryRun") != "true":
            return None
        message = "Request would have succeeded, but DryRun flag is set."
        return ec2._error("DryRunOperation", message, 412)

    gateway.intercept(refuse)


@mend
def real_zones(cloud: Cloud, gateway: Gateway) -> None:
    """A Region has the zones a, b and c only. With this us-east-1 has its six."""

    def describe(parameters: dict[str, Any]) -> Any:
        filters = ec2._parse_filters(parameters)
        names = ec2._parse_member_list(parameters, "ZoneName") or filters.get("zone-name") or seed()["zones"]
        items = "".join(
            f"<item><zoneName>{zone}</zoneName><zoneState>available</zoneState><regionName>{zone[:-1]}</regionName>"
            f"<zoneId>{ec2._az_id_for_zone_name(zone)}</zoneId><groupName>{zone[:-1]}-zg-1</groupName>"
            f"<networkBorderGroup>{zone[:-1]}</networkBorderGroup><optInStatus>opt-in-not-required</optInStatus>"
            "<zoneType>availability-zone</zoneType></item>"
            for zone in seed()["zones"]
            if zone in names
        )
        return ec2._xml(200, "DescribeAvailabilityZonesResponse", f"<availabilityZoneInfo>{items}</availabilityZoneInfo>")

    replace_action(ec2, ec2._describe_availability_zones, describe)


@mend
def real_instance_types(cloud: Cloud, gateway: Gateway) -> None:
    """Any name is an instance type, with made-up figures, and offerings cannot be asked for.

    With this the seed's types have their real figures, others are ``InvalidInstanceType``, and offerings are answered by zone.
    """
    describe_types = ec2._describe_instance_types

    def describe(parameters: dict[str, Any]) -> Any:
        wanted = ec2._parse_member_list(parameters, "InstanceType") or list(seed()["instance_types"])
        unknown = [name for name in wanted if name not in seed()["instance_types"]]
        if unknown:
            message = f"The following supplied instance types do not exist: [{', '.join(unknown)}]"
            return ec2._error("InvalidInstanceType", message, 400)
        items = "".join(_type_item(name) for name in wanted)
        return ec2._xml(200, "DescribeInstanceTypesResponse", f"<instanceTypeSet>{items}</instanceTypeSet>")

    def offerings(parameters: dict[str, Any]) -> Any:
        filters = ec2._parse_filters(parameters)
        kind = ec2._p(parameters, "LocationType") or "region"
        zones = [zone for zone in seed()["zones"] if zone not in seed()["not_offered_in"]]
        places = zones if kind == "availability-zone" else sorted({zone[:-1] for zone in zones})
        items = "".join(
            f"<item><instanceType>{name}</instanceType><locationType>{kind}</locationType><location>{place}</location></item>"
            for name in seed()["instance_types"]
            for place in places
            if name in filters.get("instance-type", [name]) and place in filters.get("location", [place])
        )
        return ec2._xml(
            200, "DescribeInstanceTypeOfferingsResponse", f"<instanceTypeOfferingSet>{items}</instanceTypeOfferingSet>"
        )

    replace_action(ec2, describe_types, describe)
    ec2._ACTION_MAP["DescribeInstanceTypeOfferings"] = offerings


@mend
def unknown_images_are_refused(cloud: Cloud, gateway: Gateway) -> None:
    """Asking for an image id that does not exist answers an empty list. With this it is ``InvalidAMIID.NotFound``."""
    describe = ec2._describe_images

    def describe_known(parameters: dict[str, Any]) -> Any:
        known = {image["ImageId"] for image in ec2._images.values()} | {stub[0] for stub in ec2._STUB_AMIS}
        unknown = [item for item in ec2._parse_member_list(parameters, "ImageId") if item not in known]
        if unknown:
            return ec2._error("InvalidAMIID.NotFound", f"The image id '[{escape(unknown[0])}]' does not exist", 400)
        return describe(parameters)

    replace_action(ec2, describe, describe_known)


def _type_item(name: str) -> str:
    facts = seed()["instance_types"][name]
    vcpus = facts["vcpus"]
    return (
        f"<item><instanceType>{name}</instanceType><currentGeneration>true</currentGeneration>"
        f"<processorInfo><supportedArchitectures><item>{facts.get('architecture', 'x86_64')}</item></supportedArchitectures>"
        f"</processorInfo><vCpuInfo><defaultVCpus>{vcpus}</defaultVCpus><defaultCores>{vcpus // 2}</defaultCores>"
        "<defaultThreadsPerCore>2</defaultThreadsPerCore></vCpuInfo>"
        f"<memoryInfo><sizeInMiB>{facts['memory_mib']}</sizeInMiB></memoryInfo>"
        f"<networkInfo><maximumNetworkInterfaces>{facts['interfaces']}</maximumNetworkInterfaces>"
        f"<ipv4AddressesPerInterface>{facts['addresses']}</ipv4AddressesPerInterface></networkInfo></item>"
    )
