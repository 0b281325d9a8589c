"""RollBackRelease from event to result: helm in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.functions.release_clients import UNREACHED, connect, event, load
from tests.unit.releases.fake_helm import FakeHelm, helm_with

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def handler_on(helm: FakeHelm, monkeypatch: pytest.MonkeyPatch) -> Handler:
    module = load("roll_back_release", monkeypatch)
    connect(module, UNREACHED, monkeypatch)
    monkeypatch.setattr(module, "find_helm", lambda configured: configured)
    monkeypatch.setattr(module, "Helm", lambda binary, connection: helm)
    handler: Handler = module.handler
    return handler


def test_back_to_the_last_good_revision_once(monkeypatch: pytest.MonkeyPatch) -> None:
    helm = helm_with("superseded", "deployed")
    handler = handler_on(helm, monkeypatch)
    first, again = (handler(event("roll_back_release"), None) for _ in range(2))
    assert (first["revision"], first["changes"]) == (3, ["rolled release jupyterhub back to revision 1"])
    assert (again["revision"], again["changes"]) == (3, [])
    assert "manifest unknown" in first["reason"]


def test_a_first_install_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    helm = helm_with("deployed")
    result = handler_on(helm, monkeypatch)(event("roll_back_release", revision=1, previous_revision=None), None)
    assert (result["revision"], result["changes"]) == (None, ["uninstalled release jupyterhub; volume claims stay"])


def test_without_a_previous_revision_in_the_event_nothing_is_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    helm = helm_with("deployed")
    incomplete = event("roll_back_release", revision=1)
    del incomplete["previous_revision"]
    with pytest.raises(KeyError):
        handler_on(helm, monkeypatch)(incomplete, None)
    assert helm.numbers() == [(1, "deployed")]
