"""A home comes back at a spawn: from its copy or to its volume, once, to its owner, killed anywhere, and never an empty one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto import mock_aws

from hubplane.adapters.home_holds import HomeHolder
from tests.adapters.fake_ebs import ACCOUNT
from tests.adapters.kubernetes_api import running_api, status
from tests.adapters.test_claims import NAMESPACE, csi, put_volume
from tests.functions.spawning import CLAIM, CLAIM_PATH, OWNER, POOL_URL, TAGS, ZONE, Spawn

LATER = datetime(2026, 11, 20, 8, tzinfo=UTC)


@pytest.fixture
def spawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spawn]:
    with mock_aws(), running_api() as api:
        spawn = Spawn(monkeypatch, api)
        spawn.person()
        yield spawn


def actions(answers: list[dict[str, Any]]) -> list[str]:
    return [answer["action"] for answer in answers]


def test_a_home_comes_back_from_its_copy_step_by_step(spawn: Spawn) -> None:
    spawn.copy(VolumeSize=30)
    first = spawn.ask()
    (volume_id,) = spawn.made()
    assert (first["allowed"], first["action"], first["retry_seconds"]) == (False, "restore", 5)
    assert f"Its volume {volume_id} is being made" in first["sentence"]
    made = spawn.ask()
    assert (made["action"], made["retry_seconds"]) == ("wait", 5)
    assert f"({volume_id}) is being made from snap-1" in made["sentence"]
    spawn.settle()
    bound = spawn.ask()
    assert (bound["allowed"], bound["action"], bound["retry_seconds"]) == (False, "adopt", 1)
    joined = spawn.ask()
    assert (joined["allowed"], joined["action"]) == (False, "wait")
    assert "joined with its claim" in joined["sentence"]
    spawn.settle()
    last = spawn.ask()
    assert (last["allowed"], last["action"], last["volume_id"]) == (True, "use", volume_id)
    assert (spawn.ebs.volumes[volume_id]["Size"], spawn.ebs.volumes[volume_id]["AvailabilityZone"]) == (30, ZONE)
    assert spawn.ledger("hold#") == []


def test_fault_6_a_restored_home_says_what_it_is_from_its_first_moment(spawn: Spawn) -> None:
    carried = {"osl-billing": "lab", "hubplane:ancestry": "vol-9@1767607200000", "hubplane:volume-protected": "true"}
    spawn.copy(tags={**carried, "volume-delete-time": "2026-11-01 10:00:00+00:00", "CSIVolumeName": "pvc-1"})
    spawn.ask()
    (volume_id,) = spawn.made()
    tags, name = spawn.tags(volume_id), spawn.ledger()[0]["persistent_volume_name"]["S"]
    started = int(spawn.ebs.snapshots["snap-1"]["StartTime"].timestamp() * 1000)
    assert tags == {
        "kubernetes.io/cluster/opensarlab": "owned",
        "KubernetesCluster": "opensarlab",
        "kubernetes.io/created-for/pvc/name": CLAIM,
        "kubernetes.io/created-for/pvc/namespace": "jupyter",
        "kubernetes.io/created-for/pv/name": name,
        "ebs.csi.aws.com/cluster": "true",
        "Name": f"opensarlab-{CLAIM}",
        OWNER: "sub-ada",
        "hubplane:ancestry": f"vol-0@{started},vol-9@1767607200000",
        "server-stop-time": "2026-10-31 10:00:00+00:00",
        "do-not-delete": "true",
        "osl-billing": "lab",
    }
    assert [call for call, _ in spawn.ebs.calls if call == "create_tags"] == []


def test_the_ledger_tells_of_it_before_and_after(spawn: Spawn) -> None:
    spawn.copy()
    spawn.ebs.refusals["create_volume"] = ["VolumeLimitExceeded"]
    spawn.ask()
    (begun,) = spawn.ledger()
    assert begun["entry"]["S"] == f"home#{CLAIM}#000001"
    assert "volume_id" not in begun
    spawn.ask_until_it_ends()
    (ended,) = spawn.ledger()
    assert ended["volume_id"] == ended["held_volume_id"] == {"S": spawn.made()[0]}
    assert ended["begun_at"]["S"] < ended["ended_at"]["S"]


def test_fault_1_a_restore_that_fails_refuses_the_spawn_and_says_what_to_do(spawn: Spawn) -> None:
    spawn.copy()
    spawn.ebs.refusals["create_volume"] = ["VolumeLimitExceeded"]
    answer = spawn.ask()
    assert (answer["allowed"], answer["action"], answer["retry_seconds"]) == (False, "refuse", None)
    assert answer["sentence"] == (
        "Your home is safe in its copy snap-1, but EC2 makes no volume of it (VolumeLimitExceeded): ask an operator to look at "
        "it, then start again."
    )
    assert "CreateVolume" in answer["reason"]
    assert CLAIM_PATH not in spawn.api.objects
    assert spawn.ask_until_it_ends()[-1]["action"] == "use"


def test_fault_1_a_volume_that_failed_is_no_home(spawn: Spawn) -> None:
    spawn.copy()
    spawn.ask()
    (volume_id,) = spawn.made()
    spawn.ebs.volumes[volume_id]["State"] = "error"
    answer = spawn.ask()
    assert (answer["allowed"], answer["retry_seconds"]) == (False, None)
    assert f"delete that volume ({volume_id})" in answer["sentence"] or f"({volume_id}) failed" in answer["sentence"]
    del spawn.ebs.volumes[volume_id]
    spawn.late += timedelta(minutes=3)
    assert spawn.ask_until_it_ends()[-1]["action"] == "use"
    assert len(spawn.made()) == 2


def test_fault_1_volumes_that_vanish_end_in_a_refusal_not_in_an_endless_wait(spawn: Spawn) -> None:
    spawn.copy()
    answers = []
    for _ in range(4):
        answers.append(spawn.ask())
        spawn.ebs.volumes.clear()
        spawn.late += timedelta(minutes=3)
    assert actions(answers) == ["restore", "restore", "restore", "refuse"]
    assert "3 volumes of it vanished as soon as they were made" in answers[-1]["sentence"]
    assert len(spawn.made()) == 3
    spawn.late += timedelta(hours=1)
    assert spawn.ask_until_it_ends()[-1]["action"] == "use"


def test_an_old_token_never_gives_back_a_deleted_volume(spawn: Spawn) -> None:
    spawn.copy()
    spawn.ask_until_it_ends()
    (first,) = spawn.made()
    spawn.ebs.volumes.clear()
    spawn.api.objects.clear()
    spawn.late += timedelta(days=9)
    assert spawn.ask_until_it_ends()[-1]["action"] == "use"
    assert len(set(spawn.made())) == 2
    assert list(spawn.ebs.volumes) != [first]
    assert [item["entry"]["S"][-1] for item in spawn.ledger()] == ["1", "2"]


def test_what_ec2_does_not_show_yet_is_not_made_twice(spawn: Spawn) -> None:
    spawn.copy()
    spawn.ask()
    (volume_id,) = spawn.made()
    hidden = spawn.ebs.volumes.pop(volume_id)
    again = spawn.ask()
    assert (again["action"], spawn.made()) == ("restore", [volume_id])
    spawn.copy("snap-2", StartTime=LATER)
    assert spawn.ask()["action"] == "wait"
    del spawn.ebs.snapshots["snap-1"], spawn.ebs.snapshots["snap-2"]
    nothing_shows = spawn.ask()
    assert (nothing_shows["allowed"], nothing_shows["action"]) == (False, "wait")
    spawn.copy()
    spawn.ebs.volumes[volume_id] = hidden
    assert spawn.ask_until_it_ends()[-1]["volume_id"] == volume_id


CALLS = (
    *("put_item", "create_volume", "update_item", "delete_item"),
    *("PersistentVolume", "PersistentVolumeClaim", "create_tags"),
)


class Kill(BaseException):
    """The function is ended: nothing in it catches that."""


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", CALLS)
def test_a_restore_that_is_killed_at_any_call_ends_the_same(
    spawn: Spawn, monkeypatch: pytest.MonkeyPatch, call: str, after: bool, number: int
) -> None:
    spawn.copy()
    left = [number]

    def once(deed: Callable[[], Any], wanted: bool = True) -> Any:
        left[0] -= wanted
        if not wanted or left[0] != 0:
            return deed()
        if after:
            deed()
        raise Kill

    spawn.cut(call, once, monkeypatch)
    try:
        answers = spawn.ask_until_it_ends()
    except Kill:
        answers = spawn.ask_until_it_ends()
    assert answers[-1]["allowed"], answers
    assert [answers[-1]["volume_id"]] == spawn.made() == list(spawn.ebs.volumes)
    assert len([key for key in spawn.api.objects if key.startswith("/api/v1/persistentvolumes/")]) == 1
    assert len(spawn.ledger()) == 1


def test_of_two_spawns_at_once_one_waits_and_one_volume_is_made(spawn: Spawn, monkeypatch: pytest.MonkeyPatch) -> None:
    spawn.copy()
    made, seen = spawn.ebs.create_volume, []

    def second_comes(**asked: Any) -> Any:
        seen.append(spawn.ask())
        return made(**asked)

    monkeypatch.setattr(spawn.ebs, "create_volume", second_comes)
    first = spawn.ask()
    assert (first["action"], [answer["action"] for answer in seen]) == ("restore", ["wait"])
    assert "another start" in seen[0]["sentence"]
    monkeypatch.setattr(spawn.ebs, "create_volume", made)
    assert spawn.ask_until_it_ends()[-1]["allowed"]
    assert len(spawn.ebs.volumes) == 1


def test_a_home_that_a_machine_holds_is_not_touched(spawn: Spawn) -> None:
    spawn.home("sub-ada")
    why = "Your home is being made larger; it comes back in some minutes."
    holds = HomeHolder(spawn.dynamodb, "ledger", "clusters")
    holds.hold("opensarlab", CLAIM, "arn:aws:states:expand", why, datetime.now(UTC) + timedelta(minutes=10))
    answer = spawn.ask()
    assert (answer["allowed"], answer["action"], answer["sentence"], answer["retry_seconds"]) == (False, "wait", why, 60)
    assert spawn.ebs.calls == []
    holds.release("opensarlab", CLAIM, "arn:aws:states:expand")
    assert spawn.ask()["allowed"]


def test_a_volume_that_was_found_gets_its_claim_back_once_ec2_has_settled(spawn: Spawn) -> None:
    spawn.ebs.volume("vol-1", TAGS, AvailabilityZone=ZONE)
    put_volume(spawn.api, "pv-of-somebody-else", **csi("vol-77"))
    answers = spawn.ask_until_it_ends()
    assert actions(answers)[0] == "adopt"
    assert "two minutes" in answers[0]["sentence"]
    assert (answers[-1]["action"], answers[-1]["volume_id"]) == ("use", "vol-1")
    assert spawn.late >= timedelta(minutes=2)
    assert spawn.tags()[OWNER] == "sub-ada"
    assert spawn.ebs.made == {}
    assert spawn.api.objects[CLAIM_PATH]["spec"]["volumeName"] == "home-vol-1"


def test_a_volume_that_was_only_still_shown_gets_no_claim(spawn: Spawn) -> None:
    spawn.copy()
    spawn.ebs.volume("vol-0", {**TAGS, OWNER: "sub-ada"}, AvailabilityZone=ZONE)
    assert spawn.ask()["action"] == "adopt"
    del spawn.ebs.volumes["vol-0"]
    spawn.late += timedelta(minutes=11)
    answers = spawn.ask_until_it_ends()
    assert (answers[-1]["action"], answers[-1]["volume_id"]) == ("use", spawn.made()[0])


def test_a_volume_that_another_object_stands_for_gets_no_second_one(spawn: Spawn) -> None:
    spawn.ebs.volume("vol-1", {**TAGS, OWNER: "sub-ada"}, AvailabilityZone=ZONE)
    put_volume(spawn.api, "pvc-old", **csi("vol-1"))
    answer = spawn.ask_until_it_ends()[-1]
    assert (answer["action"], answer["retry_seconds"]) == ("refuse", None)
    assert "known to the cluster as pvc-old" in answer["sentence"]
    assert CLAIM_PATH not in spawn.api.objects


def test_a_claim_that_somebody_made_meanwhile_is_left_as_it_is(spawn: Spawn) -> None:
    spawn.copy()
    spawn.ask()
    spawn.settle()
    spawn.api.refusals["GET", CLAIM_PATH] = status(404, "NotFound", "not found")
    put = {"kind": "PersistentVolumeClaim", "metadata": {"name": CLAIM, "uid": "u"}, "spec": {}, "status": {"phase": "Pending"}}
    spawn.api.put(CLAIM_PATH, put)
    answer = spawn.ask()
    assert not answer["allowed"]
    assert spawn.api.objects[CLAIM_PATH]["spec"] == {}


def test_fault_23_a_volume_in_another_zone_is_not_bound(spawn: Spawn) -> None:
    spawn.ebs.volume("vol-1", {**TAGS, OWNER: "sub-ada"}, AvailabilityZone="us-east-1a")
    answer = spawn.ask()
    assert (answer["allowed"], answer["retry_seconds"]) == (False, None)
    assert "lies in us-east-1a, the cluster in us-east-1d: ask an operator to move it (move_home)" in answer["sentence"]
    assert CLAIM_PATH not in spawn.api.objects


def test_fault_25_of_two_volumes_none_is_chosen(spawn: Spawn) -> None:
    for volume_id in ("vol-1", "vol-2"):
        spawn.ebs.volume(volume_id, {**TAGS, OWNER: "sub-ada"}, AvailabilityZone=ZONE)
    assert spawn.ask()["action"] == "refuse"
    assert CLAIM_PATH not in spawn.api.objects


def test_fault_20_another_s_copy_is_not_restored(spawn: Spawn) -> None:
    spawn.copy(owner="sub-before")
    answer = spawn.ask()
    assert (answer["allowed"], answer["retry_seconds"]) == (False, None)
    assert spawn.ebs.made == {}


def test_a_pending_copy_is_waited_for_and_a_foreign_one_is_none(spawn: Spawn) -> None:
    spawn.copy()
    spawn.copy("snap-2", State="pending", StartTime=LATER)
    assert (spawn.ask()["action"], spawn.made()) == ("wait", [])
    spawn.ebs.snapshots["snap-2"]["State"] = "completed"
    spawn.copy("snap-3", StartTime=LATER, OwnerId=str(int(ACCOUNT) + 1))
    spawn.ask()
    assert spawn.ebs.volumes[spawn.made()[0]]["SnapshotId"] == "snap-2"


def test_the_requested_size_counts_where_it_is_larger(spawn: Spawn) -> None:
    spawn.release(storage={"home_size_gib": 80, "class_name": "fast"}, oauth={"domain_url": f"{POOL_URL}/"})
    spawn.copy(VolumeSize=30)
    answer = spawn.ask_until_it_ends()[-1]
    assert answer["allowed"], answer
    assert spawn.ebs.volumes[answer["volume_id"]]["Size"] == 80
    claim = spawn.api.objects[CLAIM_PATH]["spec"]
    assert (claim["storageClassName"], claim["resources"]["requests"]["storage"]) == ("fast", "80Gi")
    assert f"{NAMESPACE}/persistentvolumeclaims/{CLAIM}" == CLAIM_PATH


def test_an_object_that_waits_for_its_removal_is_named(spawn: Spawn) -> None:
    spawn.ebs.volume("vol-1", {**TAGS, OWNER: "sub-ada", "kubernetes.io/created-for/pv/name": "pvc-1"}, AvailabilityZone=ZONE)
    put_volume(spawn.api, "pvc-1", **csi("vol-1"), claimRef={"namespace": "jupyter", "name": CLAIM, "uid": "gone"})
    spawn.api.objects["/api/v1/persistentvolumes/pvc-1"]["status"] = {"phase": "Released"}
    answer = spawn.ask_until_it_ends()[-1]
    assert (answer["allowed"], answer["retry_seconds"]) == (False, None)
    assert "persistent volume pvc-1 is of a claim that is gone and waits for its own removal" in answer["sentence"]
    assert CLAIM_PATH not in spawn.api.objects
