"""A function that lacks a variable fails at init and names every one that is missing."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from hubplane.settings import SettingsMissing, read_settings


@dataclass(frozen=True)
class Example:
    clusters_table_name: str
    lease_seconds: int
    hub_connect_to: str = ""


def test_variables_become_fields() -> None:
    settings = read_settings(Example, {"CLUSTERS_TABLE_NAME": "t", "LEASE_SECONDS": "60"})
    assert settings == Example("t", 60, "")


@pytest.mark.parametrize("empty", [{}, {"CLUSTERS_TABLE_NAME": "", "LEASE_SECONDS": ""}], ids=["absent", "empty"])
def test_all_missing_variables_are_named_at_once(empty: dict[str, str]) -> None:
    with pytest.raises(SettingsMissing, match="CLUSTERS_TABLE_NAME, LEASE_SECONDS"):
        read_settings(Example, empty)
