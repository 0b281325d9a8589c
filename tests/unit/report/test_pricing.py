"""Prices: dated, sourced, of the Region asked for, or said to be another's."""

from __future__ import annotations

import json
from datetime import date

import pytest

from hubplane.domain.report.pricing import TABLE, prices_of


@pytest.mark.parametrize(
    ("region", "volume_type", "size_gib", "usd"),
    [
        pytest.param("us-east-1", "gp3", 500, 40.0, id="gp3 in Virginia"),
        pytest.param("us-east-1", "gp2", 500, 50.0, id="gp2 costs more"),
        pytest.param("us-west-2", "st1", 1000, 45.0, id="st1"),
        pytest.param("eu-central-1", "gp3", 100, 9.52, id="Frankfurt"),
        pytest.param("us-east-1", "", 100, 8.0, id="a type that was not told counts as gp3"),
        pytest.param("us-east-1", "gp9", 100, 8.0, id="a type of the future counts as gp3"),
        pytest.param("us-east-1", "snapshot", 100, 8.0, id="a snapshot is no type of volume"),
        pytest.param("us-east-1", "gp3", 0, 0.0, id="nothing costs nothing"),
    ],
)
def test_a_volume_costs_what_its_type_costs_there(region: str, volume_type: str, size_gib: int, usd: float) -> None:
    assert prices_of(region).volume_usd(volume_type, size_gib) == pytest.approx(usd)


@pytest.mark.parametrize(
    ("region", "priced_as", "usd"),
    [
        pytest.param("us-east-1", "us-east-1", 5.0, id="in the table"),
        pytest.param("eu-central-1", "eu-central-1", 5.4, id="in the table, dearer"),
        pytest.param("mx-central-1", "us-east-1", 5.0, id="not in the table"),
        pytest.param("", "us-east-1", 5.0, id="not told"),
    ],
)
def test_a_region_without_prices_says_whose_it_takes(region: str, priced_as: str, usd: float) -> None:
    prices = prices_of(region)
    assert (prices.region, prices.priced_as) == (region, priced_as)
    assert prices.snapshot_usd(100) == pytest.approx(usd)


def test_the_table_is_dated_and_every_region_has_every_price() -> None:
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    assert date.fromisoformat(table["as_of"]) >= date(2022, 1, 1)
    assert table["url"].startswith("https://aws.amazon.com/")
    for region, figures in table["regions"].items():
        assert figures.keys() == table["regions"]["us-east-1"].keys(), region
        assert figures["snapshot_archive"] == pytest.approx(figures["snapshot"] / 4), region
        assert figures["sc1"] < figures["st1"] < figures["gp3"] < figures["gp2"] < figures["io1"], region
