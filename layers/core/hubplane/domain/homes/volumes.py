"""A volume that is to be made from a snapshot: the whole request, so that asking again asks for the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class WantedVolume:
    """``client_token`` is of this one making and no other: up to 64 ASCII characters, never used again for another volume.

    ``size_gib`` is at least the snapshot's. The volume is encrypted, by the snapshot's key where that is encrypted, else by the
    account's default key. ``tags`` are on it from its first moment.
    """

    snapshot_id: str
    size_gib: int
    zone: str
    client_token: str
    tags: Mapping[str, str] = field(default_factory=dict)
    volume_type: str = "gp3"
