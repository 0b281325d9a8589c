"""A made-up fleet as EC2 tells it: homes that are snapshotted every night, a part of their volumes gone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

ACCOUNT: Final = "111122223333"
CLUSTER: Final = "opensarlab"
NEWEST: Final = datetime(2026, 11, 25, 10, 0, 4, 123000, tzinfo=UTC)
NIGHTS: Final = 20
STANDING_SHARE: Final = 0.6
SIZE_GIB: Final = 500


def snapshot_items(count: int) -> Iterator[str]:
    """``count`` items of a ``snapshotSet``: homes one after the other, ``NIGHTS`` each, the oldest first.

    Every third home is in daily use: each of its snapshots has another ``server-stop-time``.
    """
    for number in range(count):
        home, night = divmod(number, NIGHTS)
        age = timedelta(days=NIGHTS - 1 - night, seconds=home % 3600)
        started_at = NEWEST - age
        stopped_at = started_at - timedelta(hours=9) if home % 3 == 0 else NEWEST - timedelta(days=40, seconds=home % 86400)
        yield (
            f"<item><snapshotId>snap-{number:017x}</snapshotId><volumeId>{_volume_id(home)}</volumeId><status>completed</status>"
            f"<startTime>{_stamp(started_at)}</startTime><progress>100%</progress><ownerId>{ACCOUNT}</ownerId>"
            f"<volumeSize>{SIZE_GIB}</volumeSize><description>Created by Hubplane</description><encrypted>true</encrypted>"
            "<kmsKeyId>arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab</kmsKeyId>"
            f"<storageTier>standard</storageTier>{_tag_set(home, stopped_at)}</item>"
        )


def volume_items(snapshots: int) -> Iterator[str]:
    """The volumes of the same fleet that still stand, as items of a ``volumeSet``."""
    homes = -(-snapshots // NIGHTS)
    for home in range(int(homes * STANDING_SHARE)):
        stopped_at = NEWEST - timedelta(hours=9, seconds=home % 3600)
        yield (
            f"<item><volumeId>{_volume_id(home)}</volumeId><size>{SIZE_GIB}</size><snapshotId/>"
            "<availabilityZone>us-east-1d</availabilityZone><status>available</status>"
            f"<createTime>{_stamp(NEWEST - timedelta(days=400))}</createTime><attachmentSet/>"
            f"<volumeType>gp3</volumeType><iops>3000</iops><encrypted>true</encrypted>{_tag_set(home, stopped_at)}</item>"
        )


def _volume_id(home: int) -> str:
    return f"vol-{home:017x}"


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def _tag_set(home: int, stopped_at: datetime) -> str:
    tags = {
        f"kubernetes.io/cluster/{CLUSTER}": "owned",
        "kubernetes.io/created-for/pvc/name": f"claim-user{home}",
        "kubernetes.io/created-for/pvc/namespace": "jupyter",
        "kubernetes.io/created-for/pv/name": f"pvc-{home:08x}-0000-4000-8000-000000000000",
        "ebs.csi.aws.com/cluster": "true",
        "server-stop-time": f"{stopped_at:%Y-%m-%d %H:%M:%S}+00:00",
        "osl-billing": CLUSTER,
    }
    items = "".join(f"<item><key>{key}</key><value>{value}</value></item>" for key, value in tags.items())
    return f"<tagSet>{items}</tagSet>"
