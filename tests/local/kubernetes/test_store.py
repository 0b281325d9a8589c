"""The store: versions, snapshots, and a history that ends."""

from __future__ import annotations

import pytest

from local.kubernetes.api.errors import ApiError
from local.kubernetes.api.paging import page
from local.kubernetes.api.resources import BY_NAME
from local.kubernetes.store import HistoryGone, Store

MAPS = BY_NAME["configmaps"]


def make(store: Store, *names: str) -> None:
    """Config maps of these names."""
    for name in names:
        store.create(MAPS, {"metadata": {"name": name, "namespace": "x"}})


def names(store: Store, limit: int, token: str) -> tuple[list[str], str]:
    """The names on one page, and the token of the next."""
    found = page(store, MAPS, "x", lambda item: True, limit, token, selected=False)
    return [item["metadata"]["name"] for item in found.items], found.metadata.get("continue", "")


def test_pages_show_one_moment_whatever_happens_between_them() -> None:
    store = Store()
    make(store, "a", "b", "c", "d")
    first, token = names(store, 2, "")
    make(store, "bb", "e")
    store.remove(MAPS, "x", "c")
    store.replace(MAPS, {**store.list(MAPS)[-1], "data": {"changed": "yes"}})
    rest, end = names(store, 10, token)
    assert (first, rest, end) == (["a", "b"], ["c", "d"], "")


def test_a_token_of_a_forgotten_moment_has_expired_and_brings_a_fresh_one() -> None:
    store = Store(history_events=4)
    make(store, "a", "b", "c")
    _, token = names(store, 1, "")
    make(store, "d", "e", "f", "g", "h")
    with pytest.raises(ApiError) as expired:
        names(store, 1, token)
    assert (expired.value.code, expired.value.reason) == (410, "Expired")
    assert names(store, 2, expired.value.metadata["continue"])[0] == ["b", "c"]


def test_a_watcher_too_far_behind_is_told_so() -> None:
    store = Store(history_events=4)
    make(store, "a", "b", "c", "d", "e", "f")
    assert len(store.changes_after(store.revision - 4)) == 4
    with pytest.raises(HistoryGone, match="too old resource version"):
        store.changes_after(1)


def test_stored_objects_do_not_change_with_the_writers_copy() -> None:
    store = Store()
    mine = {"metadata": {"name": "a", "namespace": "x"}, "data": {"k": "v"}}
    store.create(MAPS, mine)
    mine["data"] = {"k": "changed"}
    assert store.list(MAPS)[0]["data"] == {"k": "v"}
