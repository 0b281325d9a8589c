"""What the stores say about names, for whoever decides on one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hubplane.domain.registration.records import UserRecord


@dataclass(frozen=True, slots=True)
class Known:
    """What the stores say about one name.

    ``records`` by username key, ``claim_holders`` from a claim to the key of the name that holds it (tombstones too),
    ``storage_claims`` are claims that any volume, snapshot or claim carries. It is enough to look up ``keys_of`` the name.
    """

    records: Mapping[str, UserRecord] = field(default_factory=dict)
    claim_holders: Mapping[str, str] = field(default_factory=dict)
    storage_claims: frozenset[str] = frozenset()
