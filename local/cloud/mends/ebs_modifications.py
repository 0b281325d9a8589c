"""Volumes that are modified: in their own time, and not again at once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from ministack.services import ec2

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend, replace_action

_MODIFICATION = "HubplaneModification"


@mend
def modifications_take_time(cloud: Cloud, gateway: Gateway) -> None:
    """ModifyVolume is ``completed`` in its answer and every volume counts as modified just now; it also makes volumes smaller.

    With this a volume is ``modifying`` and has its old size for a while (``POST /_hubplane/ebs/pace``), then ``optimizing`` with
    the new one, then ``completed``; DescribeVolumesModifications knows only what was modified.
    """
    modify, describe = ec2._modify_volume, ec2._describe_volumes_modifications

    def modify_slowly(parameters: dict[str, Any]) -> Any:
        volume = ec2._volumes.get(ec2._p(parameters, "VolumeId"))
        asked = ec2._p(parameters, "Size")
        if volume is None or not asked:
            return modify(parameters)
        if int(asked) < volume["Size"]:
            return ec2._error("InvalidParameterValue", "New size cannot be smaller than existing size", 400)
        latest = volume.get(_MODIFICATION)
        if latest and latest["state"] != "completed":
            message = f"Volume {volume['VolumeId']} is in modification state {latest['state'].upper()}"
            return ec2._error("IncorrectModificationState", message, 400)
        record = {"state": "modifying", "from": volume["Size"], "to": int(asked), "started_at": datetime.now(UTC).isoformat()}
        volume[_MODIFICATION] = record
        seconds = cloud.ebs.modification_seconds

        def optimize() -> None:
            volume["Size"] = record["to"]
            record["state"] = "optimizing"

        for pause, step in ((seconds, optimize), (2 * seconds, lambda: record.update(state="completed"))):
            timer = threading.Timer(pause, step)
            timer.daemon = True
            timer.start()
        return ec2._xml(200, "ModifyVolumeResponse", f"<volumeModification>{_xml(volume)}</volumeModification>")

    def describe_modified(parameters: dict[str, Any]) -> Any:
        asked = ec2._parse_member_list(parameters, "VolumeId")
        for volume_id in asked:
            if _MODIFICATION not in (ec2._volumes.get(volume_id) or {}):
                message = f"Modification for volume '{volume_id}' does not exist."
                return ec2._error("InvalidVolumeModification.NotFound", message, 400)
        items = "".join(
            f"<item>{_xml(volume)}</item>"
            for volume_id, volume in ec2._volumes.items()
            if _MODIFICATION in volume and (not asked or volume_id in asked)
        )
        body = f"<volumeModificationSet>{items}</volumeModificationSet>"
        return ec2._xml(200, "DescribeVolumesModificationsResponse", body)

    replace_action(ec2, modify, modify_slowly)
    replace_action(ec2, describe, describe_modified)


@mend
def modifications_have_a_cool_down(cloud: Cloud, gateway: Gateway) -> None:
    """A volume may be modified again and again at once. With this not before ``cool_down_seconds`` after the last time."""
    modify = ec2._ACTION_MAP["ModifyVolume"]

    def modify_seldom(parameters: dict[str, Any]) -> Any:
        latest = (ec2._volumes.get(ec2._p(parameters, "VolumeId")) or {}).get(_MODIFICATION)
        pause = timedelta(seconds=cloud.ebs.cool_down_seconds)
        if latest and latest["state"] == "completed" and datetime.now(UTC) < datetime.fromisoformat(latest["started_at"]) + pause:
            message = (
                "You've reached the maximum modification rate per volume limit. Wait at least 6 hours between modifications."
            )
            return ec2._error("VolumeModificationRateExceeded", message, 400)
        return modify(parameters)

    replace_action(ec2, modify, modify_seldom)


def _xml(volume: Any) -> str:
    record = volume[_MODIFICATION]
    is_done = record["state"] == "completed"
    return f"""
        <volumeId>{volume["VolumeId"]}</volumeId>
        <modificationState>{record["state"]}</modificationState>
        <originalSize>{record["from"]}</originalSize>
        <targetSize>{record["to"]}</targetSize>
        <targetVolumeType>{volume["VolumeType"]}</targetVolumeType>
        <startTime>{datetime.fromisoformat(record["started_at"]):%Y-%m-%dT%H:%M:%S}.000Z</startTime>
        <progress>{100 if is_done else 50 if record["state"] == "optimizing" else 0}</progress>"""
