"""What EC2 says of a volume's latest modification; ``client`` is a boto3 EC2 client. Reads only."""

from __future__ import annotations

from typing import Any, Final

from hubplane.domain.homes.growing import Modification
from hubplane.domain.provider_errors import error_code, translated

NEVER_MODIFIED: Final = "InvalidVolumeModification.NotFound"
"""For a volume that was not modified, or so long ago that EC2 forgot it (aws-ebs-csi-driver, ``pkg/cloud/cloud.go``)."""


def latest_modification(client: Any, volume_id: str) -> Modification | None:
    """The most recent modification of the volume; None where there is none."""
    with translated(f"look whether {volume_id} is being modified"):
        try:
            found = client.describe_volumes_modifications(VolumeIds=[volume_id])["VolumesModifications"]
        except Exception as error:
            if error_code(error) == NEVER_MODIFIED:
                return None
            raise
    latest = max(found, key=lambda item: item["StartTime"], default=None)
    if latest is None:
        return None
    return Modification(
        state=latest["ModificationState"],
        target_gib=int(latest.get("TargetSize") or 0),
        started_at=latest["StartTime"],
        progress=int(latest.get("Progress") or 0),
        message=latest.get("StatusMessage") or "",
    )
