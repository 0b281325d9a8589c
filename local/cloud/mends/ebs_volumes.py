"""Volumes: made from snapshots, in their own time, made once, attached where they are."""

from __future__ import annotations

import threading
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import ec2

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend, replace_action
from local.cloud.options import ACCOUNT_ID

# What of a request says which volume it asks for; the rest is signature and the client's own.
_ASKED = (
    "AvailabilityZone",
    "Encrypted",
    "Iops",
    "KmsKeyId",
    "Size",
    "SnapshotId",
    "TagSpecification",
    "Throughput",
    "VolumeType",
)


@mend
def volumes_from_snapshots(cloud: Cloud, gateway: Gateway) -> None:
    """A volume from a snapshot has 8 GiB, and any snapshot id is taken.

    With this it has the snapshot's size at least, and snapshots that are absent, another account's or not completed are
    refused; so is a volume without size and snapshot.
    """
    create = ec2._create_volume

    def create_checked(parameters: dict[str, Any]) -> Any:
        size, snapshot_id = ec2._p(parameters, "Size"), ec2._p(parameters, "SnapshotId")
        if not snapshot_id:
            if size:
                return create(parameters)
            return ec2._error("MissingParameter", "The request must contain the parameter size/snapshot", 400)
        snapshot = ec2._snapshots.get(snapshot_id)
        if snapshot is None or snapshot["OwnerId"] != ACCOUNT_ID:
            return ec2._error("InvalidSnapshot.NotFound", f"The snapshot '{escape(snapshot_id)}' does not exist.", 400)
        if snapshot["State"] != "completed":
            return ec2._error("IncorrectState", f"Snapshot is in invalid state - {snapshot['State']}", 400)
        if size and int(size) < snapshot["VolumeSize"]:
            message = f"Volume of {size}GiB is smaller than snapshot '{snapshot_id}', expect size >= {snapshot['VolumeSize']}GiB"
            return ec2._error("InvalidParameterValue", message, 400)
        return create({**parameters, "Size": [size or str(snapshot["VolumeSize"])]})

    replace_action(ec2, create, create_checked)


@mend
def volumes_take_time(cloud: Cloud, gateway: Gateway) -> None:
    """A volume from a snapshot is ``available`` in the answer to CreateVolume.

    With this it is ``creating`` for a while (``POST /_hubplane/ebs/pace``), and cannot be attached until then.
    """
    create, attach = ec2._ACTION_MAP["CreateVolume"], ec2._ACTION_MAP["AttachVolume"]

    def create_slowly(parameters: dict[str, Any]) -> Any:
        before = set(ec2._volumes)
        answer = create(parameters)
        fresh = [ec2._volumes[volume_id] for volume_id in ec2._volumes if volume_id not in before]
        if answer[0] != 200 or len(fresh) != 1 or not fresh[0]["SnapshotId"]:
            return answer
        (record,) = fresh
        record["State"] = "creating"
        timer = threading.Timer(cloud.ebs.volume_seconds, record.update, kwargs={"State": "available"})
        timer.daemon = True
        timer.start()
        return ec2._xml(200, "CreateVolumeResponse", ec2._volume_inner_xml(record))

    def attach_checked(parameters: dict[str, Any]) -> Any:
        record = ec2._volumes.get(ec2._p(parameters, "VolumeId"))
        if record and record["State"] == "creating":
            return ec2._error("IncorrectState", f"Volume '{record['VolumeId']}' is in the 'creating' state.", 400)
        return attach(parameters)

    replace_action(ec2, create, create_slowly)
    replace_action(ec2, attach, attach_checked)


@mend
def client_tokens_of_volumes(cloud: Cloud, gateway: Gateway) -> None:
    """CreateVolume with a ``ClientToken`` that was used makes a second volume.

    With this it answers the first one again, also where that was deleted since, and refuses the token for another request.
    """
    create = ec2._ACTION_MAP["CreateVolume"]
    made: dict[str, tuple[dict[str, Any], Any]] = {}

    def create_once(parameters: dict[str, Any]) -> Any:
        token = ec2._p(parameters, "ClientToken")
        asked = {name: value for name, value in parameters.items() if name.startswith(_ASKED)}
        if token in made:
            before, record = made[token]
            if before != asked:
                message = "Arguments on this idempotent request are inconsistent with arguments used in previous request(s)."
                return ec2._error("IdempotentParameterMismatch", message, 400)
            return ec2._xml(200, "CreateVolumeResponse", ec2._volume_inner_xml(record))
        known = set(ec2._volumes)
        answer = create(parameters)
        fresh = [record for volume_id, record in ec2._volumes.items() if volume_id not in known]
        if token and answer[0] == 200 and len(fresh) == 1:
            made[token] = (asked, fresh[0])
        return answer

    replace_action(ec2, create, create_once)


@mend
def attachments_are_checked(cloud: Cloud, gateway: Gateway) -> None:
    """A volume is attached to an instance of another zone, or taken from one that holds it; detaching it twice succeeds."""
    attach, detach = ec2._attach_volume, ec2._detach_volume

    def attach_checked(parameters: dict[str, Any]) -> Any:
        volume = ec2._volumes.get(ec2._p(parameters, "VolumeId"))
        instance = ec2._instances.get(ec2._p(parameters, "InstanceId"))
        if volume and instance:
            volume_id, instance_id = volume["VolumeId"], instance["InstanceId"]
            if volume["AvailabilityZone"] != instance["Placement"]["AvailabilityZone"]:
                message = f"The volume '{volume_id}' is not in the same availability zone as instance '{instance_id}'"
                return ec2._error("InvalidVolume.ZoneMismatch", message, 400)
            if volume["Attachments"]:
                return ec2._error("VolumeInUse", f"{volume_id} is already attached to an instance", 400)
        return attach(parameters)

    def detach_checked(parameters: dict[str, Any]) -> Any:
        volume = ec2._volumes.get(ec2._p(parameters, "VolumeId"))
        if volume and not volume["Attachments"]:
            return ec2._error("IncorrectState", f"Volume '{volume['VolumeId']}' is in the 'available' state.", 400)
        return detach(parameters)

    replace_action(ec2, attach, attach_checked)
    replace_action(ec2, detach, detach_checked)
