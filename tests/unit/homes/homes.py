"""Every part that a home can be in, by a word: the tables of test_plans name them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hubplane.domain.homes.facts import HomeFacts, SeenClaim
from hubplane.domain.names import claims_of
from hubplane.domain.registration.records import Status, UserRecord
from hubplane.domain.storage.records import Snapshot, Volume
from tests.unit.storage.builders import ACCOUNT, CLUSTER, ago, snapshot, tags, volume

MINE, EARLIER, ANOTHERS = "sub-ann", "sub-ann-before", "sub-eve"
ZONE = "us-east-1d"
OWNER = "hubplane:owner-sub"
ANCESTRY = "hubplane:ancestry"


def home_volume(volume_id: str = "vol-1", owner: str | None = MINE, **fields: Any) -> Volume:
    return volume(volume_id, more={OWNER: owner} if owner else {}, **{"zone": ZONE, **fields})


def copy_of(snapshot_id: str, volume_id: str = "vol-1", owner: str | None = MINE, days_old: float = 9, **fields: Any) -> Snapshot:
    more = {OWNER: owner} if owner else {}
    return snapshot(snapshot_id, volume_id, days_old, **{"tags": tags(**more, **fields.pop("more", {})), **fields})


def used(moment: datetime) -> dict[str, str]:
    return {"server-stop-time": str(moment)}


CLAIMS: dict[str, tuple[SeenClaim, ...]] = {
    "no claim": (),
    "claim not bound": (SeenClaim("claim-ann"),),
    "claim bound to vol-1": (SeenClaim("claim-ann", "pv-1", "vol-1"),),
    "claim not joined with vol-1 yet": (SeenClaim("claim-ann", "pv-1", "vol-1", phase="Pending"),),
    "claim bound to a volume that is gone": (SeenClaim("claim-ann", "pv-0", "vol-0"),),
    "claim being deleted": (SeenClaim("claim-ann", "pv-1", "vol-1", ending=True),),
}
VOLUMES: dict[str, tuple[Volume, ...]] = {
    "no volume": (),
    "vol-1 mine": (home_volume(),),
    "vol-1 of an earlier account": (home_volume(owner=EARLIER),),
    "vol-1 of nobody": (home_volume(owner=None),),
    "vol-1 another's": (home_volume(owner=ANOTHERS),),
    "vol-1 attached": (home_volume(state="in-use", attached=True),),
    "vol-1 being made": (home_volume(state="creating"),),
    "vol-1 being removed": (home_volume(state="deleting"),),
    "vol-1 failed": (home_volume(state="error"),),
    "vol-1 in another zone": (home_volume(zone="us-east-1a"),),
    "vol-1 and vol-2": (home_volume(), home_volume("vol-2")),
}
SNAPSHOTS: dict[str, tuple[Snapshot, ...]] = {
    "no snapshot": (),
    "complete": (copy_of("snap-1", days_old=9),),
    "two complete": (copy_of("snap-1", days_old=9), copy_of("snap-2", days_old=8)),
    "newest pending": (copy_of("snap-1", days_old=9), copy_of("snap-2", days_old=8, state="pending")),
    "newest failed, used since": (
        copy_of("snap-1", days_old=9),
        copy_of("snap-2", days_old=7, state="error", more=used(ago(8))),
    ),
    "newest failed, not used since": (
        copy_of("snap-1", days_old=9),
        copy_of("snap-2", days_old=7, state="error", more=used(ago(10))),
    ),
    "of nobody": (copy_of("snap-1", owner=None),),
    "another's": (copy_of("snap-1", owner=ANOTHERS),),
    "of another line": (copy_of("snap-1", "vol-1", days_old=9), copy_of("snap-2", "vol-9", days_old=8)),
    "of an ancestor": (
        copy_of("snap-1", "vol-9", days_old=20),
        copy_of("snap-2", "vol-1", days_old=8, more={ANCESTRY: "vol-9@1767607200000"}),
    ),
}


def ann(**fields: Any) -> UserRecord:
    whole: dict[str, Any] = {"username": "ann", "sub": MINE, "email": "ann@uni.example.org", "status": Status.APPROVED}
    return UserRecord(**{**whole, "clusters": (CLUSTER,), "former_subs": (EARLIER,), **fields})


def facts(**fields: Any) -> HomeFacts:
    """Ann's first spawn, nothing there yet."""
    whole: dict[str, Any] = {
        "cluster_name": CLUSTER,
        "account_id": ACCOUNT,
        "username": "ann",
        "claim_name": "claim-ann",
        "zone": ZONE,
        "requested_gib": 100,
        "record": ann(),
        "claim_holders": dict.fromkeys(claims_of("ann").all, "ann"),
    }
    return HomeFacts(**{**whole, **fields})
