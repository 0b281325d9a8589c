"""What off-boarding will do to one person, said before it is done, and what it found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hubplane.domain.registration.records import Status, UserRecord
from hubplane.domain.storage.leaving_home import Home
from hubplane.domain.storage.records import Volume
from hubplane.domain.storage.tags import OWNER_TAG, read_tags


@dataclass(frozen=True, slots=True)
class LeavingPlan:
    """``homes`` get a last snapshot, ``clusters`` are asked whether a server runs; ``sentences`` say all of it in order."""

    homes: tuple[Home, ...]
    clusters: tuple[str, ...]
    sentences: tuple[str, ...]
    notes: tuple[str, ...]


def plan_leaving(
    record: UserRecord, volumes: Iterable[Volume], clusters: Sequence[str], stopped_by_hand: Sequence[str], protection_tag: str
) -> LeavingPlan:
    """The plan for ``record``. ``volumes`` carry the person's claims or subs; ``clusters`` are all that were built."""
    homes: dict[str, Home] = {}
    notes: list[str] = []
    for volume in volumes:
        facts = read_tags(volume.tags, protection_tag)
        known = sorted(facts.clusters & set(clusters)) or sorted(facts.clusters)
        if not known:
            notes.append(f"{volume.volume_id} carries the person's name and no cluster's: nobody can prove what it holds")
            continue
        if facts.owner_sub not in (None, record.sub, *record.former_subs):
            notes.append(f"{volume.volume_id} is marked as the home of another account, {volume.tags[OWNER_TAG]}")
        homes[volume.volume_id] = Home(volume.volume_id, known[0], volume.size_gib)
    asked = tuple(name for name in clusters if name not in stopped_by_hand)
    sentences = (
        *_of_account(record),
        *(f"stop the servers of {record.username} in cluster {name}" for name in asked),
        *(f"prove that a snapshot holds all of {home.volume_id} ({home.size_gib} GiB)" for home in homes.values()),
        *([] if record.status is Status.TOMBSTONE else [f"keep {record.username} as a tombstone: nobody else gets the name"]),
    )
    return LeavingPlan(tuple(homes.values()), asked, sentences, tuple(notes))


def farewell(reason: str, homes: Iterable[Home]) -> str:
    """The ledger's reason of the tombstone: why, and which snapshots hold the homes."""
    proofs = [f"{home.volume_id} is held by {home.proof}" for home in homes]
    return f"{reason} ({'; '.join(proofs) or 'there is no volume of a home'})"


def _of_account(record: UserRecord) -> list[str]:
    if record.status is Status.TOMBSTONE:
        return [f"{record.username} is a tombstone already: the account is disabled again where it still stands"]
    return [f"disable the account {record.username} ({record.status}) and sign it out everywhere"]
