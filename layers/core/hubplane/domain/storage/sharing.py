"""Equal texts and equal sets of tags kept once: a million snapshots name few volumes, states and tags, and mostly repeat them."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["Sharing"]


class Sharing:
    """Hands out one object for all that are equal. What it has handed out is never changed, or all would change with it."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._tag_sets: dict[tuple[str, ...], Mapping[str, str]] = {}

    def text(self, text: str) -> str:
        """The one object for this text."""
        return self._texts.setdefault(text, text)

    def tags(self, flat: tuple[str, ...]) -> Mapping[str, str]:
        """The one mapping for ``(key, value, key, value, …)``; a key that comes twice has its last value."""
        known = self._tag_sets.get(flat)
        if known is None:
            shared = tuple(map(self.text, flat))
            known = self._tag_sets[shared] = dict(zip(shared[::2], shared[1::2], strict=True))
        return known
