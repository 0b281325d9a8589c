"""What makes 100,000 steps affordable: tags that were read once are not read again."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from hubplane.domain.storage import view
from hubplane.domain.storage.tags import TagFacts, read_tags

MOST_REMEMBERED = 20_000


@pytest.fixture(autouse=True)
def tags_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model never writes into a mapping of tags, so its identity tells its facts. A third of the time goes without this."""
    known: dict[tuple[int, str], tuple[Mapping[str, str], TagFacts]] = {}

    def remembered(tags: Mapping[str, str], protection_tag: str) -> TagFacts:
        found = known.get((id(tags), protection_tag))
        if found is None:
            if len(known) > MOST_REMEMBERED:
                known.clear()
            found = known[id(tags), protection_tag] = (tags, read_tags(tags, protection_tag))
        return found[1]

    monkeypatch.setattr(view, "read_tags", remembered)
