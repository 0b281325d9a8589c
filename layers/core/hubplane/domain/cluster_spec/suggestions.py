"""What a person probably meant by a name that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

# Half of the letters in the right order: VpcID, vpc, Subnet find their names; a different word finds none.
_SIMILARITY: Final = 0.6


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like ``name``, upper and lower case being the same; None if nothing is alike."""
    by_folded = {_folded(item): item for item in known}
    close = difflib.get_close_matches(_folded(name[:80]), by_folded, n=1, cutoff=_SIMILARITY)
    return by_folded[close[0]] if close else None


def same_letters(name: str, known: Iterable[str]) -> str | None:
    """The known name that differs in case, hyphens and underscores only."""
    return {_folded(item): item for item in known}.get(_folded(name))


def _folded(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")
