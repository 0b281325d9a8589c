"""Volumes of homes as EC2 makes them: whole, tagged, once for a token."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hubplane.adapters.home_volumes import HomeVolumes
from hubplane.domain.errors import ProviderError, Throttled
from hubplane.domain.homes.volumes import WantedVolume
from tests.adapters.fake_aws import fake_client
from tests.adapters.fake_ebs import FakeEbs

WANTED = WantedVolume("snap-1", 12, "us-east-1d", "token-1", {"kubernetes.io/created-for/pvc/name": "claim-ann"})


@pytest.fixture
def ebs() -> FakeEbs:
    ebs = FakeEbs()
    ebs.snapshot("snap-1", "vol-1")
    return ebs


def homes(ebs: FakeEbs) -> HomeVolumes:
    return HomeVolumes(fake_client("ec2", ebs))


def test_a_volume_is_made_of_a_snapshot_whole_and_tagged_in_one_call(ebs: FakeEbs) -> None:
    volume_id = homes(ebs).create(WANTED)
    made = ebs.volumes[volume_id]
    assert (made["Size"], made["AvailabilityZone"], made["SnapshotId"], made["VolumeType"]) == (12, "us-east-1d", "snap-1", "gp3")
    assert made["Tags"] == [{"Key": "kubernetes.io/created-for/pvc/name", "Value": "claim-ann"}]
    assert [name for name, _ in ebs.calls] == ["create_volume"]
    assert ebs.calls[0][1]["Encrypted"] is True


def test_a_token_makes_one_volume_and_answers_it_even_when_it_is_gone(ebs: FakeEbs) -> None:
    whole = replace(WANTED, tags={"b": "2", "a": "1"})
    first = homes(ebs).create(whole)
    assert homes(ebs).create(replace(whole, tags={"a": "1", "b": "2"})) == first
    del ebs.volumes[first]
    assert homes(ebs).create(whole) == first
    assert homes(ebs).state(first) is None
    assert homes(ebs).create(replace(WANTED, client_token="token-2")) != first


def test_the_state_of_a_volume(ebs: FakeEbs) -> None:
    volume_id = homes(ebs).create(WANTED)
    assert homes(ebs).state(volume_id) == "creating"
    ebs.volumes[volume_id]["State"] = "available"
    assert homes(ebs).state(volume_id) == "available"
    assert homes(ebs).state("vol-nowhere") is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"snapshot_id": "snap-2"}, "InvalidSnapshot.NotFound", id="no-such-snapshot"),
        pytest.param({"size_gib": 9}, "InvalidParameterValue", id="smaller-than-the-snapshot"),
    ],
)
def test_what_ec2_refuses_is_said_with_what_was_asked(ebs: FakeEbs, changes: dict[str, object], words: str) -> None:
    wanted = replace(WANTED, **changes)  # type: ignore[arg-type]
    with pytest.raises(ProviderError, match=rf"make a volume of {wanted.size_gib} GiB from {wanted.snapshot_id}.*{words}"):
        homes(ebs).create(wanted)
    assert ebs.volumes == {}


def test_a_pending_snapshot_a_used_token_and_a_drained_bucket(ebs: FakeEbs) -> None:
    ebs.snapshots["snap-1"]["State"] = "pending"
    with pytest.raises(ProviderError, match="IncorrectState"):
        homes(ebs).create(WANTED)
    ebs.snapshots["snap-1"]["State"] = "completed"
    homes(ebs).create(WANTED)
    with pytest.raises(ProviderError, match="IdempotentParameterMismatch"):
        homes(ebs).create(replace(WANTED, size_gib=13))
    ebs.refusals["create_volume"] = ["RequestLimitExceeded"] * 5
    with pytest.raises(Throttled):
        homes(ebs).create(replace(WANTED, client_token="token-2"))
