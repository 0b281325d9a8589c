"""Generations of a home in a real table: numbered, begun once, ended once, and read back as they were written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import boto3
import pytest
from moto import mock_aws

from hubplane.adapters.home_makings import HomeMakings
from hubplane.domain.errors import ProviderError
from hubplane.domain.homes.making import Making, Source
from hubplane.domain.homes.volumes import WantedVolume

NOW = datetime(2026, 11, 25, 10, 0, 0, 123, tzinfo=UTC)
WANTED = WantedVolume("snap-1", 12, "us-east-1d", "token", {"b": "2", "a": "1"})
FIRST = Making(1, Source.SNAPSHOT, "claim-ann", "home-token", NOW, wanted=WANTED, tries=2)


@pytest.fixture
def makings() -> Iterator[HomeMakings]:
    with mock_aws():
        client = boto3.client("dynamodb", "us-east-1")
        client.create_table(
            TableName="ledger",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("cluster", "entry")],
            KeySchema=[{"AttributeName": "cluster", "KeyType": "HASH"}, {"AttributeName": "entry", "KeyType": "RANGE"}],
        )
        yield HomeMakings(client, "ledger")


def test_a_generation_is_read_back_as_it_was_begun_noted_and_ended(makings: HomeMakings) -> None:
    assert makings.last("lab", "claim-ann") is None
    assert makings.begin("lab", FIRST)
    assert makings.last("lab", "claim-ann") == FIRST
    makings.note("lab", FIRST, "vol-1", NOW)
    assert makings.last("lab", "claim-ann") == replace(FIRST, volume_id="vol-1", made_at=NOW)
    for _ in range(2):
        makings.end("lab", FIRST, "vol-1", NOW)
    assert makings.last("lab", "claim-ann") == replace(FIRST, volume_id="vol-1", made_at=NOW, ended_at=NOW)


def test_a_number_is_given_once(makings: HomeMakings) -> None:
    assert makings.begin("lab", FIRST)
    assert not makings.begin("lab", replace(FIRST, wanted=replace(WANTED, client_token="another")))
    assert makings.last("lab", "claim-ann") == FIRST


def test_the_highest_number_of_this_home_is_the_last(makings: HomeMakings) -> None:
    adoption = Making(0, Source.VOLUME, "claim-ann", "pvc-1", NOW, volume_id="vol-7")
    for number in (2, 10, 1, 9):
        assert makings.begin("lab", replace(adoption, number=number))
    assert makings.begin("lab", replace(adoption, number=99, claim_name="claim-ann-2db"))
    assert makings.begin("other", replace(adoption, number=98))
    assert makings.last("lab", "claim-ann") == replace(adoption, number=10)


def test_nothing_is_ended_that_was_not_begun(makings: HomeMakings) -> None:
    with pytest.raises(ProviderError):
        makings.end("lab", FIRST, "vol-1", NOW)
    assert makings.last("lab", "claim-ann") is None
