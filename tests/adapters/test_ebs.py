"""The EBS adapter: batch looks by filter, and calls that are sent once."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from hubplane.adapters.ebs import Ebs, changing_client
from hubplane.domain.errors import HubplaneError, ProviderError, Throttled
from hubplane.domain.storage.ports import Refusal, Refused
from tests.adapters.fake_aws import fake_client
from tests.adapters.fake_ebs import CREATED, FakeEbs

PVC = "kubernetes.io/created-for/pvc/name"


@pytest.fixture
def fake() -> FakeEbs:
    return FakeEbs()


@pytest.fixture
def ebs(fake: FakeEbs) -> Ebs:
    client = fake_client("ec2", fake)
    return Ebs(client, client)


def test_a_look_follows_pages_and_leaves_out_what_is_gone(fake: FakeEbs, ebs: Ebs) -> None:
    for number in range(5):
        fake.volume(f"vol-{number}", {PVC: f"claim-{number}"})
    found = ebs.volumes([f"vol-{number}" for number in range(7)])
    assert [item.volume_id for item in found] == [f"vol-{number}" for number in range(5)]
    assert len(fake.calls) == 3
    assert (found[0].size_gib, found[0].created_at, found[0].attached, found[0].tags) == (10, CREATED, False, {PVC: "claim-0"})


def test_a_look_at_more_than_200_takes_several_calls(fake: FakeEbs, ebs: Ebs) -> None:
    fake.page = 500
    for number in range(201):
        fake.volume(f"vol-{number:03}")
    assert len(ebs.volumes(list(fake.volumes))) == 201
    assert len(fake.calls) == 2


def test_looks_by_claim_by_source_and_by_ancestry(fake: FakeEbs, ebs: Ebs) -> None:
    fake.volume("vol-a", {PVC: "claim-ann"}, Attachments=[{"State": "attaching"}])
    fake.volume("vol-b", {PVC: "claim-bob"}, SnapshotId="snap-a")
    fake.snapshot("snap-a", "vol-a")
    fake.snapshot("snap-b", "vol-b", {"hubplane:ancestry": "vol-a@1767607200000"})
    fake.snapshot("snap-c", "vol-c", {"hubplane:ancestry": "vol-aa@1767607200000"})
    fake.snapshot("snap-foreign", "vol-a", OwnerId="999988887777")
    assert [(item.volume_id, item.attached) for item in ebs.volumes_of_claims({"claim-ann"})] == [("vol-a", True)]
    assert [item.volume_id for item in ebs.volumes_made_from({"snap-a"})] == ["vol-b"]
    assert [item.snapshot_id for item in ebs.snapshots_of({"vol-a"})] == ["snap-a"]
    assert [item.snapshot_id for item in ebs.snapshots_descending_from({"vol-a"})] == ["snap-b"]
    assert [item.volume_id for item in ebs.snapshots({"snap-b", "snap-gone"})] == ["vol-b"]


def test_a_snapshot_is_tagged_in_the_call_that_creates_it(fake: FakeEbs, ebs: Ebs) -> None:
    fake.volume("vol-a")
    snapshot_id = ebs.create_snapshot("vol-a", {"hubplane:run": "r1", "x": "y"})
    assert [operation for operation, _ in fake.calls] == ["create_snapshot"]
    assert [item.snapshot_id for item in ebs.pending()] == [snapshot_id]
    (found,) = ebs.snapshots_by_tag("hubplane:run", "r1", "pending")
    assert (found.snapshot_id, found.tags) == (snapshot_id, {"hubplane:run": "r1", "x": "y"})
    assert ebs.snapshots_by_tag("hubplane:run", "r1", "completed") == ()


REFUSALS = [
    ("create_snapshot", "InvalidVolume.NotFound", Refusal.GONE),
    ("create_snapshot", "PendingSnapshotLimitExceeded", Refusal.NO_ROOM),
    ("create_snapshot", "SnapshotCreationPerVolumeRateExceeded", Refusal.TOO_SOON),
    ("create_snapshot", "RequestLimitExceeded", Throttled),
    ("create_snapshot", "IncorrectState", ProviderError),
    ("create_snapshot", "InternalError", Refusal.LOST),
    ("delete_snapshot", "InvalidSnapshot.NotFound", Refusal.GONE),
    ("delete_snapshot", "InvalidSnapshot.InUse", Refusal.IN_USE),
    ("delete_volume", "InvalidVolume.NotFound", Refusal.GONE),
    ("delete_volume", "VolumeInUse", Refusal.IN_USE),
    ("delete_volume", "UnauthorizedOperation", ProviderError),
]


def _do(ebs: Ebs, operation: str) -> None:
    if operation == "create_snapshot":
        ebs.create_snapshot("vol-a", {})
    elif operation == "delete_snapshot":
        ebs.delete_snapshot("snap-a")
    else:
        ebs.delete_volume("vol-a")


@pytest.mark.parametrize(("operation", "code", "expected"), [pytest.param(*case, id=f"{case[0]}-{case[1]}") for case in REFUSALS])
def test_a_refusal_says_what_executors_need_to_know(fake: FakeEbs, ebs: Ebs, operation: str, code: str, expected: Any) -> None:
    fake.refusals[operation] = [code]
    with pytest.raises(HubplaneError) as raised:
        _do(ebs, operation)
    if isinstance(expected, Refusal):
        assert isinstance(raised.value, Refused)
        assert raised.value.kind is expected
    else:
        assert type(raised.value) is expected


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ReadTimeoutError(endpoint_url="https://ec2"), id="no answer in time"),
        pytest.param(EndpointConnectionError(endpoint_url="https://ec2"), id="no connection"),
    ],
)
def test_a_call_without_an_answer_is_lost_not_failed(error: Exception) -> None:
    class Silent:
        def delete_volume(self, **_asked: Any) -> None:
            raise error

    with pytest.raises(Refused) as raised:
        Ebs(None, Silent()).delete_volume("vol-a")
    assert raised.value.kind is Refusal.LOST


def test_what_changes_something_is_never_sent_twice_by_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert changing_client().meta.config.retries["total_max_attempts"] == 1
