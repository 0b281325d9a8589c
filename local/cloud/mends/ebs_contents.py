"""What is written on a volume, as one text: enough to see whose data a volume holds, and of when."""

from __future__ import annotations

from typing import Any

from ministack.services import ec2

from local.cloud.cloud import Cloud
from local.cloud.ebs_seed import CONTENT
from local.cloud.gateway import Gateway
from local.cloud.mends import mend, replace_action


@mend
def contents_are_copied(cloud: Cloud, gateway: Gateway) -> None:
    """Volumes hold nothing. With this a text that was written on one (``POST /_hubplane/ebs/write``) is in each snapshot that
    is started afterwards, and on each volume that is made of such a snapshot."""
    for action, source, made in (
        ("CreateSnapshot", ("VolumeId", ec2._volumes), ec2._snapshots),
        ("CreateVolume", ("SnapshotId", ec2._snapshots), ec2._volumes),
    ):
        handler = ec2._ACTION_MAP[action]
        replace_action(ec2, handler, _copying(handler, *source, made))


def write(volume_id: str, content: str) -> None:
    """Put the text in the place of what is there. Raises ``ValueError`` where there is no such volume."""
    if volume_id not in ec2._volumes:
        raise ValueError(f"volume_id: there is no volume {volume_id}")
    ec2._volumes[volume_id][CONTENT] = content


def _copying(handler: Any, source_name: str, sources: Any, made: Any) -> Any:
    def handle(parameters: dict[str, Any]) -> Any:
        content = (sources.get(ec2._p(parameters, source_name)) or {}).get(CONTENT)
        before = set(made)
        answer = handler(parameters)
        if content is not None:
            for record_id in [record_id for record_id in made if record_id not in before]:
                made[record_id][CONTENT] = content
        return answer

    return handle
