"""A made-up fleet: homes that are snapshotted every night, a part of their volumes gone; as records, and as EC2 tells of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from hubplane.domain.storage.records import Inventory, Snapshot, Volume
from hubplane.domain.storage.sharing import Sharing
from hubplane.domain.storage.tags import is_for_planners

ACCOUNT: Final = "111122223333"
CLUSTER: Final = "opensarlab"
NEWEST: Final = datetime(2026, 11, 25, 10, 0, 4, 123000, tzinfo=UTC)
NIGHTS: Final = 20
STANDING_SHARE: Final = 0.6
SIZE_GIB: Final = 500


def snapshots(count: int, newest: datetime = NEWEST) -> Iterator[Snapshot]:
    """``count`` snapshots: homes one after the other, ``NIGHTS`` each, the oldest first.

    Every third home is in daily use: each of its snapshots has another ``server-stop-time``.
    """
    for number in range(count):
        home, night = divmod(number, NIGHTS)
        started_at = newest - timedelta(days=NIGHTS - 1 - night, seconds=home % 3600)
        rested = newest.replace(microsecond=0) - timedelta(days=40, seconds=home % 86400)
        stopped_at = started_at.replace(microsecond=0) - timedelta(hours=9) if home % 3 == 0 else rested
        yield Snapshot(
            snapshot_id=f"snap-{number:017x}",
            volume_id=_volume_id(home),
            state="completed",
            started_at=started_at,
            size_gib=SIZE_GIB,
            owner_id=ACCOUNT,
            tags=_tags(home, stopped_at),
        )


def volumes(count: int, newest: datetime = NEWEST) -> Iterator[Volume]:
    """The volumes of the fleet of ``count`` snapshots that still stand."""
    for home in range(int(-(-count // NIGHTS) * STANDING_SHARE)):
        yield Volume(
            volume_id=_volume_id(home),
            size_gib=SIZE_GIB,
            state="available",
            created_at=newest - timedelta(days=400),
            tags=_tags(home, newest.replace(microsecond=0) - timedelta(hours=9, seconds=home % 3600)),
            volume_type="gp3",
            zone="us-east-1d",
        )


def inventory(count: int) -> Inventory:
    """The fleet as a sweep leaves it: equal texts and sets of tags are one object, snapshots keep the tags that planners read."""
    sharing = Sharing()

    def kept(tags: Mapping[str, str]) -> Mapping[str, str]:
        return sharing.tags(tuple(text for pair in tags.items() if is_for_planners(pair[0], "do-not-delete") for text in pair))

    def swept(items: Iterable[Snapshot]) -> Iterator[Snapshot]:
        for item in items:
            volume_id, state, owner_id = map(sharing.text, (item.volume_id, item.state, item.owner_id))
            yield Snapshot(item.snapshot_id, volume_id, state, item.started_at, item.size_gib, owner_id, kept(item.tags))

    return Inventory(CLUSTER, ACCOUNT, tuple(volumes(count)), tuple(swept(snapshots(count))), claims=())


def snapshot_item(snapshot: Snapshot) -> str:
    """An item of a ``snapshotSet``, with what else EC2 tells of an encrypted snapshot."""
    return (
        f"<item><snapshotId>{snapshot.snapshot_id}</snapshotId><volumeId>{snapshot.volume_id}</volumeId>"
        f"<status>{snapshot.state}</status><startTime>{_stamp(snapshot.started_at)}</startTime><progress>100%</progress>"
        f"<ownerId>{snapshot.owner_id}</ownerId><volumeSize>{snapshot.size_gib}</volumeSize>"
        "<description>Created by Hubplane</description><encrypted>true</encrypted>"
        "<kmsKeyId>arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab</kmsKeyId>"
        f"<storageTier>standard</storageTier>{_tag_set(snapshot.tags)}</item>"
    )


def volume_item(volume: Volume) -> str:
    """An item of a ``volumeSet``."""
    return (
        f"<item><volumeId>{volume.volume_id}</volumeId><size>{volume.size_gib}</size><snapshotId/>"
        f"<availabilityZone>{volume.zone}</availabilityZone><status>{volume.state}</status>"
        f"<createTime>{_stamp(volume.created_at)}</createTime><attachmentSet/><volumeType>{volume.volume_type}</volumeType>"
        f"<iops>3000</iops><encrypted>true</encrypted>{_tag_set(volume.tags)}</item>"
    )


def _volume_id(home: int) -> str:
    return f"vol-{home:017x}"


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def _tags(home: int, stopped_at: datetime) -> dict[str, str]:
    return {
        f"kubernetes.io/cluster/{CLUSTER}": "owned",
        "kubernetes.io/created-for/pvc/name": f"claim-user{home}",
        "kubernetes.io/created-for/pvc/namespace": "jupyter",
        "kubernetes.io/created-for/pv/name": f"pvc-{home:08x}-0000-4000-8000-000000000000",
        "ebs.csi.aws.com/cluster": "true",
        "server-stop-time": str(stopped_at),
        "osl-billing": CLUSTER,
    }


def _tag_set(tags: Mapping[str, str]) -> str:
    return f"<tagSet>{''.join(f'<item><key>{key}</key><value>{value}</value></item>' for key, value in tags.items())}</tagSet>"
