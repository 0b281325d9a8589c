"""Homes' volumes in EC2: made from a snapshot, once for each client token.

CreateVolume is the one call of EBS that changes something and has a token, so botocore may send it again: EC2 answers the volume
that it made the first time, and refuses the token for any other request (``IdempotentParameterMismatch``; EC2 API Reference,
"Ensuring idempotency"). It answers that volume also where it was deleted since: whoever gets an id looks for it.
"""

from __future__ import annotations

from typing import Any

from hubplane.domain.homes.volumes import WantedVolume
from hubplane.domain.provider_errors import error_code, translated


class HomeVolumes:
    """CreateVolume and the state of one volume; ``client`` is a boto3 EC2 client."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def create(self, wanted: WantedVolume) -> str:
        """The id of the volume, which is ``creating`` at first. Repeatable with the same request. Raises ``Throttled``,
        ``ProviderError`` with EC2's words (a snapshot that is not completed, a quota, a token of another request)."""
        with translated(f"make a volume of {wanted.size_gib} GiB from {wanted.snapshot_id} in {wanted.zone}"):
            answer = self._client.create_volume(
                SnapshotId=wanted.snapshot_id,
                Size=wanted.size_gib,
                AvailabilityZone=wanted.zone,
                VolumeType=wanted.volume_type,
                Encrypted=True,
                ClientToken=wanted.client_token,
                # In one order always: a request that is sent again has to be the same.
                TagSpecifications=[
                    {
                        "ResourceType": "volume",
                        "Tags": [{"Key": key, "Value": value} for key, value in sorted(wanted.tags.items())],
                    }
                ],
            )
        volume_id: str = answer["VolumeId"]
        return volume_id

    def state(self, volume_id: str) -> str | None:
        """``creating``, ``available``, ``in-use``, ``error``; None where it does not exist, or does not show yet. Reads only.

        Where the key of its snapshot may not be used, EC2 makes a volume and removes it within seconds: None for good.
        """
        with translated(f"look at {volume_id}"):
            try:
                (found,) = self._client.describe_volumes(VolumeIds=[volume_id])["Volumes"]
            except Exception as error:
                if error_code(error) == "InvalidVolume.NotFound":
                    return None
                raise
        state: str = found["State"]
        return state
