"""EnsureHome and RecordServerStop from event to result: tables by moto, a cluster's API over TLS, EC2 by a fake."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from moto import mock_aws

from hubplane.domain.registration.records import Status
from tests.adapters.kubernetes_api import running_api, status
from tests.adapters.test_claims import NAMESPACE, csi, put_claim, put_volume
from tests.functions.spawning import CLAIM, OWNER, TAGS, ZONE, Spawn


@pytest.fixture
def spawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spawn]:
    with mock_aws(), running_api() as api:
        yield Spawn(monkeypatch, api)


def test_a_home_without_a_name_gets_its_owner_and_the_start_is_noted(spawn: Spawn) -> None:
    spawn.person()
    spawn.home()
    first, again = spawn.ask(), spawn.ask()
    assert (first["allowed"], first["volume_id"], first["changes"]) == (True, "vol-1", ["vol-1 got its owner"])
    assert (again["allowed"], again["changes"]) == (True, [])
    assert spawn.tags()[OWNER] == "sub-ada"
    assert datetime.fromisoformat(spawn.tags()["server-start-time"]).utcoffset() is not None
    owners = [asked for name, asked in spawn.ebs.calls if name == "create_tags" and asked["Tags"][0]["Key"] == OWNER]
    assert len(owners) == 1


def test_a_first_home_is_the_hub_s_to_make(spawn: Spawn) -> None:
    spawn.person()
    answer = spawn.ask()
    assert (answer["allowed"], answer["action"], answer["volume_id"]) == (True, "create", None)


@pytest.mark.parametrize("owner", ["sub-before", None])
def test_fault_20_a_name_with_a_new_account_does_not_mount_the_home(spawn: Spawn, owner: str | None) -> None:
    spawn.person(sub="sub-of-the-newcomer")
    spawn.home(owner)
    spawn.ebs.snapshot("snap-1", "vol-1", {**TAGS, OWNER: "sub-before"})
    answer = spawn.ask()
    assert (answer["allowed"], answer["retry_seconds"]) == (False, None)
    assert "another account" in answer["sentence"]
    assert "server-start-time" not in spawn.tags()


def test_a_tombstone_is_refused_without_a_look_at_the_cluster(spawn: Spawn) -> None:
    spawn.person(Status.TOMBSTONE)
    answer = spawn.ask()
    assert not answer["allowed"]
    assert "closed" in answer["sentence"]
    assert spawn.api.requests == []


@pytest.mark.parametrize("status", ["DELETING", "DELETION_FAILED", "DELETED"])
def test_nobody_starts_in_a_cluster_that_ends_and_its_homes_are_not_touched(spawn: Spawn, status: str) -> None:
    spawn.person()
    spawn.home()
    spawn.dynamodb.update_item(
        TableName="clusters",
        Key={"cluster_name": {"S": "opensarlab"}},
        UpdateExpression="SET #status = :status",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":status": {"S": status}},
    )
    answer = spawn.ask()
    assert (answer["allowed"], answer["retry_seconds"]) == (False, None)
    assert "Your home is kept" in answer["sentence"]
    assert OWNER not in spawn.tags()
    assert spawn.api.requests == []


def test_a_claim_s_volume_that_carries_no_tags_is_looked_up_by_its_id(spawn: Spawn) -> None:
    spawn.person()
    put_claim(spawn.api, CLAIM, "pv-1")
    put_volume(spawn.api, "pv-1", **csi("vol-1"))
    spawn.ebs.volume("vol-1", {}, AvailabilityZone=ZONE)
    assert spawn.ask()["allowed"]
    assert spawn.tags()[OWNER] == "sub-ada"


@pytest.mark.parametrize(
    ("code", "retry_seconds"),
    [pytest.param(503, 60, id="a-busy-cluster"), pytest.param(422, None, id="an-answer-that-nobody-expects")],
)
def test_a_cluster_that_does_not_answer_refuses_the_spawn(spawn: Spawn, code: int, retry_seconds: int | None) -> None:
    spawn.person()
    spawn.home()
    spawn.api.refusals[("GET", f"{NAMESPACE}/persistentvolumeclaims/{CLAIM}")] = status(code, "Busy", "no")
    answer = spawn.ask()
    assert (answer["allowed"], answer["retry_seconds"]) == (False, retry_seconds)


@pytest.mark.parametrize("asked", [{"username": None}, {"cluster_name": "nowhere"}, {"username": "claim#claim-ada"}])
def test_bad_input_refuses_the_spawn(spawn: Spawn, asked: dict[str, Any]) -> None:
    spawn.person()
    assert spawn.ask(**asked)["allowed"] is False


def test_a_home_that_cannot_be_marked_is_not_mounted(spawn: Spawn) -> None:
    spawn.person()
    spawn.home()
    spawn.ebs.refusals["create_tags"] = ["UnauthorizedOperation"]
    answer = spawn.ask()
    assert not answer["allowed"]
    assert "cannot be looked at" in answer["sentence"]


def test_the_end_of_a_server_is_written_on_its_volume(spawn: Spawn) -> None:
    spawn.home("sub-ada")
    assert spawn.ask("record_server_stop")["recorded"] is True
    assert datetime.fromisoformat(spawn.tags()["server-stop-time"]).utcoffset() is not None


def test_a_server_without_a_home_has_no_end_to_record(spawn: Spawn) -> None:
    answer = spawn.ask("record_server_stop")
    assert (answer["recorded"], answer["changes"]) == (False, [])
