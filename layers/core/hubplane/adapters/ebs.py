"""EBS as the executors see it: looks at a batch by filter, and the three calls that change something.

Looks take up to 200 values of a filter a call (EC2 User Guide, "List and filter using the CLI and API") and follow pages of 1,000
snapshots or 500 volumes. The calls that change something are sent once: a client that tries again by itself (botocore's default)
would start a second snapshot where only the answer was lost. ``changing_client`` makes one that does not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ConnectionError as NoConnection
from botocore.exceptions import HTTPClientError

from hubplane.domain.homes.marks import HUBPLANE_CLUSTER_TAG
from hubplane.domain.provider_errors import error_code, translated
from hubplane.domain.storage.ports import REFUSAL_OF_CODE, Refusal, Refused
from hubplane.domain.storage.records import Snapshot, Volume
from hubplane.domain.storage.tags import ANCESTRY_TAG, CLAIM_NAME_TAG, CLUSTER_TAG_PREFIX, CSI_CLUSTER_TAG, OWNER_TAG

VALUES_PER_FILTER = 200
SNAPSHOTS_PER_PAGE = 1000
VOLUMES_PER_PAGE = 500

# What says that the other side has done nothing, or perhaps: the machine's own retries are for these.
SERVER_ERRORS = frozenset({"InternalError", "InternalFailure", "ServiceUnavailable", "Unavailable"})


def looking_client(**options: Any) -> Any:
    """An EC2 client whose reads ride out a drained bucket by themselves."""
    return boto3.client("ec2", config=Config(retries={"mode": "standard", "total_max_attempts": 8}), **options)


def changing_client(**options: Any) -> Any:
    """An EC2 client that sends each call once."""
    return boto3.client("ec2", config=Config(retries={"mode": "standard", "total_max_attempts": 1}), **options)


class Ebs:
    """The port ``domain.storage.ports.Ebs`` of one Region; ``looking`` and ``changing`` are boto3 EC2 clients."""

    def __init__(self, looking: Any, changing: Any) -> None:
        self._looking = looking
        self._changing = changing

    @classmethod
    def connect(cls) -> Ebs:
        """EBS of the account and Region that the function runs in."""
        return cls(looking_client(), changing_client())

    def volumes(self, volume_ids: Collection[str]) -> tuple[Volume, ...]:
        """Those of these volumes that exist; a filter leaves absent ones out, where ``VolumeIds`` would refuse the call."""
        return self._volumes("volume-id", volume_ids)

    def volumes_of_claims(self, claim_names: Collection[str]) -> tuple[Volume, ...]:
        """All volumes that carry one of these claims' names, in any cluster."""
        return self._volumes(f"tag:{CLAIM_NAME_TAG}", claim_names)

    def volumes_of_owners(self, subs: Collection[str]) -> tuple[Volume, ...]:
        """All volumes that are marked as one of these accounts' homes, in any cluster."""
        return self._volumes(f"tag:{OWNER_TAG}", subs)

    def volumes_by_tag(self, key: str, values: Collection[str]) -> tuple[Volume, ...]:
        """All volumes that carry this tag with one of these values."""
        return self._volumes(f"tag:{key}", values)

    def volumes_made_from(self, snapshot_ids: Collection[str]) -> tuple[Volume, ...]:
        """All volumes that were made from one of these snapshots."""
        return self._volumes("snapshot-id", snapshot_ids)

    def snapshots(self, snapshot_ids: Collection[str]) -> tuple[Snapshot, ...]:
        """Those of these snapshots that exist and are this account's."""
        return self._snapshots("snapshot-id", snapshot_ids)

    def snapshots_of(self, volume_ids: Collection[str]) -> tuple[Snapshot, ...]:
        """All snapshots of these volumes that are this account's."""
        return self._snapshots("volume-id", volume_ids)

    def snapshots_of_claims(self, claim_names: Collection[str]) -> tuple[Snapshot, ...]:
        """All of this account's snapshots that carry one of these claims' names, in any cluster."""
        return self._snapshots(f"tag:{CLAIM_NAME_TAG}", claim_names)

    def snapshots_descending_from(self, volume_ids: Collection[str]) -> tuple[Snapshot, ...]:
        """This account's snapshots whose ancestry names one of these volumes (``domain.storage.ancestry``), by wildcard."""
        return self._snapshots(f"tag:{ANCESTRY_TAG}", [f"*{volume_id}@*" for volume_id in volume_ids])

    def pending(self) -> tuple[Snapshot, ...]:
        """The account's pending snapshots, whoever started them: at most 100, so one page."""
        return self._snapshots("status", ["pending"])

    def snapshots_by_tag(self, key: str, value: str, state: str | None = None) -> tuple[Snapshot, ...]:
        """This account's snapshots with this tag, of one state or of all."""
        return self._snapshots(f"tag:{key}", [value], state)

    def of_cluster(self, cluster_name: str) -> tuple[tuple[Volume, ...], tuple[Snapshot, ...]]:
        """Every volume and snapshot of this account that carries the cluster's tags in either form, and all of those volumes'."""
        forms = {CLUSTER_TAG_PREFIX + cluster_name: "owned", CSI_CLUSTER_TAG: cluster_name}
        volumes = {item.volume_id: item for key, value in forms.items() for item in self.volumes_by_tag(key, [value])}
        snapshots = {item.snapshot_id: item for key, value in forms.items() for item in self.snapshots_by_tag(key, value)}
        snapshots |= {item.snapshot_id: item for item in self.snapshots_of(volumes)}
        return tuple(volumes.values()), tuple(snapshots.values())

    def copies_of(self, cluster_name: str) -> tuple[tuple[Volume, ...], tuple[Snapshot, ...]]:
        """Every volume and snapshot that says whose it is without being in a plan's scope (``domain.homes.marks``)."""
        return (
            self.volumes_by_tag(HUBPLANE_CLUSTER_TAG, [cluster_name]),
            self.snapshots_by_tag(HUBPLANE_CLUSTER_TAG, cluster_name),
        )

    def create_snapshot(self, volume_id: str, tags: Mapping[str, str]) -> str:
        """Start a snapshot, tagged in the same call. Raises ``Refused``, ``Throttled``, ``ProviderError``."""
        with _sent_once(f"start a snapshot of {volume_id}"):
            answer = self._changing.create_snapshot(
                VolumeId=volume_id,
                Description=f"hubplane: {volume_id}",
                TagSpecifications=[
                    {"ResourceType": "snapshot", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
                ],
            )
        snapshot_id: str = answer["SnapshotId"]
        return snapshot_id

    def delete_snapshot(self, snapshot_id: str) -> None:
        """Delete one snapshot. Raises ``Refused``, ``Throttled``, ``ProviderError``. Repeatable: what is gone is ``GONE``."""
        with _sent_once(f"delete {snapshot_id}"):
            self._changing.delete_snapshot(SnapshotId=snapshot_id)

    def delete_volume(self, volume_id: str) -> None:
        """Delete one volume; as ``delete_snapshot``."""
        with _sent_once(f"delete {volume_id}"):
            self._changing.delete_volume(VolumeId=volume_id)

    def tag_volume(self, volume_id: str, tags: Mapping[str, str]) -> None:
        """Write tags on a volume, over older ones of their names. Repeatable. Raises ``Throttled``, ``ProviderError``."""
        self.tag([volume_id], tags)

    def tag(self, resource_ids: Collection[str], tags: Mapping[str, str]) -> None:
        """Write the same tags on volumes and snapshots, in one call; as ``tag_volume``."""
        with translated(f"tag {', '.join(resource_ids)} with {', '.join(tags)}"):
            written = [{"Key": key, "Value": value} for key, value in tags.items()]
            self._looking.create_tags(Resources=list(resource_ids), Tags=written)

    def _volumes(self, name: str, values: Collection[str]) -> tuple[Volume, ...]:
        found: list[Volume] = []
        for part in _parts(values):
            filters = [{"Name": name, "Values": part}]
            pages = self._pages("describe_volumes", "Volumes", MaxResults=VOLUMES_PER_PAGE, Filters=filters)
            found.extend(_volume(item) for item in pages)
        return tuple(found)

    def _snapshots(self, name: str, values: Collection[str], state: str | None = None) -> tuple[Snapshot, ...]:
        found: list[Snapshot] = []
        for part in _parts(values):
            filters = [{"Name": name, "Values": part}]
            if state is not None:
                filters.append({"Name": "status", "Values": [state]})
            asked = {"MaxResults": SNAPSHOTS_PER_PAGE, "OwnerIds": ["self"], "Filters": filters}
            found.extend(_snapshot(item) for item in self._pages("describe_snapshots", "Snapshots", **asked))
        return tuple(found)

    def _pages(self, operation: str, key: str, **asked: Any) -> Iterator[Any]:
        with translated(operation.replace("_", " ")):
            while True:
                answer = getattr(self._looking, operation)(**asked)
                yield from answer[key]
                if not answer.get("NextToken"):
                    return
                asked["NextToken"] = answer["NextToken"]


@contextmanager
def _sent_once(doing: str) -> Iterator[None]:
    """``Refused`` for what the executors understand; a call without an answer, or with a server's failure, is ``LOST``."""
    with translated(doing):
        try:
            yield
        except (NoConnection, HTTPClientError) as error:
            raise Refused(Refusal.LOST, f"{doing}: {error}") from error
        except Exception as error:
            code = error_code(error)
            if code in SERVER_ERRORS:
                raise Refused(Refusal.LOST, f"{doing}: {error}") from error
            if code is not None and code in REFUSAL_OF_CODE:
                raise Refused(REFUSAL_OF_CODE[code], f"{doing}: {error}") from error
            raise


def _parts(values: Collection[str]) -> Iterator[list[str]]:
    ordered = sorted(set(values))
    for start in range(0, len(ordered), VALUES_PER_FILTER):
        yield ordered[start : start + VALUES_PER_FILTER]


def _volume(item: Mapping[str, Any]) -> Volume:
    return Volume(
        volume_id=item["VolumeId"],
        size_gib=item["Size"],
        state=item["State"],
        created_at=item["CreateTime"].astimezone(UTC),
        tags=_tags(item),
        attached=any(attachment.get("State") != "detached" for attachment in item.get("Attachments", ())),
        source_snapshot_id=item.get("SnapshotId") or None,
        volume_type=item.get("VolumeType", ""),
        zone=item.get("AvailabilityZone", ""),
    )


def _snapshot(item: Mapping[str, Any]) -> Snapshot:
    return Snapshot(
        snapshot_id=item["SnapshotId"],
        volume_id=item["VolumeId"],
        state=item["State"],
        started_at=item["StartTime"].astimezone(UTC),
        size_gib=item["VolumeSize"],
        owner_id=item["OwnerId"],
        tags=_tags(item),
    )


def _tags(item: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in item.get("Tags", ())}
