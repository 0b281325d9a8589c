"""Off-boarding: what each step does and refuses, and that any of them may be cut off and done again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from hubplane.adapters.secretsmanager import SecretsManager
from hubplane.domain.errors import (
    ClusterUnknown,
    HomeInputInvalid,
    HomeNotProved,
    PersonInputInvalid,
    ProviderError,
    ServerRuns,
)
from hubplane.domain.registration.records import Status
from hubplane.domain.releases.hub_secrets import NEXT
from tests.functions.people_world import FIRST, People, crashes_of
from tests.unit.storage.builders import volume

EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:hubplane-offboard-user:one"
HOME = {"volume_id": "vol-1", "cluster_name": "sar", "size_gib": 500, "first_seen_at": None, "unattached_since": None}
PROVED = {**HOME, "proof": "snap-1", "said": ""}


class Disks:
    """What EBS says about the person's volumes."""

    def __init__(self, *volumes: Any) -> None:
        self.found = volumes

    def volumes_of_claims(self, claim_names: Any) -> Any:
        return tuple(item for item in self.found if item.tags.get("kubernetes.io/created-for/pvc/name") in claim_names)

    def volumes_of_owners(self, subs: Any) -> Any:
        return tuple(item for item in self.found if item.tags.get("hubplane:owner-sub") in subs)


def prepare(people: People, *volumes: Any, **given: Any) -> dict[str, Any]:
    people.module("prepare_offboarding").disks = lambda: Disks(*volumes)
    document = {"username": "ada", "by": "Grace", "reason": "left", **given}
    return people.run("prepare_offboarding", {"username": "ada", "input": document, "execution_arn": EXECUTION})


def who(sub: str, **more: Any) -> dict[str, Any]:
    return {"username": "ada", "sub": sub, "by": "Grace", "said_reason": "left", "execution_arn": EXECUTION, **more}


def ada_volume(volume_id: str = "vol-1", claim: str | None = "claim-ada", cluster: str | None = "sar", **more: str) -> Any:
    named = {"kubernetes.io/created-for/pvc/name": claim} if claim else {}
    owned = {f"kubernetes.io/cluster/{cluster}": "owned"} if cluster else {}
    return volume(volume_id, tags={**named, **owned, **more})


def test_the_plan_says_everything_and_changes_nothing(new_world: Callable[..., People]) -> None:
    people = new_world("ice", "sar")
    sub = people.sign_up(status=Status.APPROVED)
    before = people.everything()
    plan = prepare(people, ada_volume(), ada_volume("vol-2", claim=None, **{"hubplane:owner-sub": sub}))
    assert plan["plan"] == [
        "disable the account ada (approved) and sign it out everywhere",
        "stop the servers of ada in cluster ice",
        "stop the servers of ada in cluster sar",
        "prove that a snapshot holds all of vol-1 (500 GiB)",
        "prove that a snapshot holds all of vol-2 (500 GiB)",
        "keep ada as a tombstone: nobody else gets the name",
    ]
    assert (plan["mode"], plan["sub"], [home["volume_id"] for home in plan["homes"]]) == ("plan", sub, ["vol-1", "vol-2"])
    assert people.everything() == before


def test_what_is_odd_about_a_volume_is_said(people: People) -> None:
    people.sign_up(status=Status.APPROVED)
    stray, other = ada_volume("vol-3", cluster=None), ada_volume("vol-4", **{"hubplane:owner-sub": "another-sub"})
    plan = prepare(people, stray, other, servers_stopped_in=["sar"])
    assert [home["volume_id"] for home in plan["homes"]] == ["vol-4"]
    assert len(plan["notes"]) == 2
    assert plan["clusters"] == []


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"username": "nobody"}, "nobody has this name"),
        ({"username": ""}, "username ="),
        ({"by": "ADA"}, "somebody else than the person"),
        ({"by": "ada"}, "somebody else than the person"),
        ({"by": " "}, "by ="),
        ({"reason": None}, "reason ="),
        ({"mode": "force"}, "mode ="),
        ({"servers_stopped_in": "sar"}, "servers_stopped_in ="),
        ({"delete": True}, "is no field"),
    ],
)
def test_a_wrong_input_is_refused_with_its_faults(people: People, given: dict[str, Any], fault: str) -> None:
    people.sign_up(status=Status.APPROVED)
    with pytest.raises(PersonInputInvalid) as raised:
        prepare(people, **given)
    assert fault in str(raised.value)


def test_who_leaves_is_disabled_and_signed_out(people: People) -> None:
    sub = people.sign_up(status=Status.APPROVED)
    people.run("disable_account", who(sub))
    assert (people.record().status, people.enabled()) == (Status.DISABLED, False)
    assert people.pool.calls[-1][0] == "admin_user_global_sign_out"
    before = people.everything()
    assert people.run("disable_account", who(sub))["changes"] == []
    assert people.everything() == before


def test_another_account_of_the_name_is_left_alone(people: People) -> None:
    sub = people.sign_up(status=Status.APPROVED)
    people.pool.add("ada", "eve@uni.example.org")
    assert "no account" in people.run("disable_account", who(sub))["reason"]
    assert people.enabled()
    with pytest.raises(PersonInputInvalid):
        people.run("disable_account", who("another-sub"))


class Hub:
    """A hub whose servers stop one look after they are asked to."""

    def __init__(self, *servers: str) -> None:
        self.servers = list(servers)
        self.stopping: set[str] = set()

    def running_servers(self, username: str) -> tuple[str, ...]:
        assert username == "ada"
        seen = tuple(self.servers)
        self.servers = [name for name in self.servers if name not in self.stopping]
        return seen

    def knows(self, username: str) -> bool:
        return username == "ada"

    def stop(self, _username: str, server: str) -> None:
        self.stopping.add(server)


def test_servers_are_stopped_in_every_cluster_until_none_runs(new_world: Callable[..., People], monkeypatch: Any) -> None:
    people = new_world("ice", "sar")
    hubs = {"ice": Hub(), "sar": Hub("", "second")}
    monkeypatch.setattr(people.module("stop_user_servers"), "hub_of", lambda name, _url: hubs[name])
    event = {"username": "ada", "clusters": ["ice", "sar", "gone"], "execution_arn": EXECUTION}
    first = people.run("stop_user_servers", event)
    assert (first["done"], first["running"]) == (False, ["sar/", "sar/second"])
    assert people.run("stop_user_servers", event)["done"]
    assert people.run("stop_user_servers", event)["changes"] == []


def test_one_server_is_stopped_by_its_name_and_the_others_run_on(new_world: Callable[..., People], monkeypatch: Any) -> None:
    people = new_world("sar")
    hub = Hub("", "second")
    monkeypatch.setattr(people.module("stop_user_servers"), "hub_of", lambda _name, _url: hub)
    event = {"input": {"cluster_name": "sar", "username": "ada", "server_name": "second"}}
    assert people.run("stop_user_servers", event)["running"] == ["sar/second"]
    assert people.run("stop_user_servers", event) == {
        "done": True,
        "running": [],
        "changes": [],
        "reason": "no server of ada runs",
        "cluster_name": "sar",
        "username": "ada",
        "server_name": "second",
    }
    assert hub.servers == [""]


def test_a_mistyped_person_is_told_and_not_taken_for_one_without_a_server(
    new_world: Callable[..., People], monkeypatch: Any
) -> None:
    people, hub = new_world("sar"), Hub()
    monkeypatch.setattr(hub, "running_servers", lambda _username: ())
    monkeypatch.setattr(people.module("stop_user_servers"), "hub_of", lambda _name, _url: hub)
    answers = [people.run("stop_user_servers", {"input": {"cluster_name": "sar", "username": name}}) for name in ("adda", "ada")]
    assert [answer["done"] for answer in answers] == [True, True]
    assert "the hub of sar knows nobody called adda (is the name right?)" in answers[0]["reason"]
    assert answers[1]["reason"] == "no server of ada runs"


@pytest.mark.parametrize(
    ("given", "error"),
    [({"cluster_name": "ice", "username": "ada"}, ClusterUnknown), ({"cluster_name": "sar"}, HomeInputInvalid)],
)
def test_a_server_of_nobody_or_nowhere_is_not_asked_for(people: People, given: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        people.run("stop_user_servers", {"input": given})


def test_a_hub_without_the_control_planes_token_is_an_unknown_and_says_what_to_do(people: People) -> None:
    with pytest.raises(ServerRuns, match=r'"servers_stopped_in": \["sar"\]'):
        people.run("stop_user_servers", {"username": "ada", "clusters": ["sar"], "execution_arn": EXECUTION})


def test_the_hub_is_asked_with_the_kept_token(people: People, monkeypatch: Any) -> None:
    people.clients["secretsmanager"].create_secret(Name="hubplane/sar/hub-token", SecretString="ab" * 32)
    hub = people.module("stop_user_servers").hub_of("sar", "https://sar.example.org")
    assert (hub.token, "ab" * 32 in repr(hub)) == ("ab" * 32, False)


def test_while_a_rotation_is_under_way_the_hub_may_be_asked_with_the_staged_token(people: People) -> None:
    secrets, name = people.clients["secretsmanager"], "hubplane/sar/hub-token"
    secrets.create_secret(Name=name, SecretString="ab" * 32)
    hub = people.module("stop_user_servers").hub_of("sar", "https://sar.example.org")
    assert hub.newest_token() == hub.token
    secrets.put_secret_value(SecretId=name, SecretString="cd" * 32, VersionStages=[NEXT])
    assert (hub.token, hub.newest_token()) == ("ab" * 32, "cd" * 32)
    assert SecretsManager(secrets).promote(name, NEXT)
    assert hub.newest_token() == "cd" * 32, "the rotation ended after the token was read"


def test_a_staged_token_that_is_none_is_sent_to_nobody_and_quoted_nowhere(people: People) -> None:
    secrets, name = people.clients["secretsmanager"], "hubplane/sar/hub-token"
    secrets.create_secret(Name=name, SecretString="ab" * 32)
    secrets.put_secret_value(SecretId=name, SecretString="planted\n", VersionStages=[NEXT])
    hub = people.module("stop_user_servers").hub_of("sar", "https://sar.example.org")
    with pytest.raises(ProviderError, match=name) as refused:
        hub.newest_token()
    assert "planted" not in str(refused.value)


def test_nobody_is_a_tombstone_before_every_home_is_proved(people: People) -> None:
    sub = people.sign_up(status=Status.APPROVED)
    people.run("disable_account", who(sub))
    before = people.everything()
    with pytest.raises(HomeNotProved, match="vol-1: no snapshot proves"):
        people.run("tombstone_account", who(sub, homes=[PROVED | {"proof": None}]))
    assert people.everything() == before
    people.run("tombstone_account", who(sub, homes=[PROVED]))
    assert (people.record().status, people.record().sub) == (Status.TOMBSTONE, sub)
    assert people.steps()[-1].endswith("by Grace: left (vol-1 is held by snap-1)")


def test_a_waiting_review_ends_with_the_person(people: People) -> None:
    sub = people.sign_up()
    people.ask(sub)
    people.run("tombstone_account", who(sub, homes=[]))
    assert people.executions.answers[FIRST]["outcome"] == "withdrawn"
    assert people.decide(sub, people.executions.answers[FIRST])["status"] == "tombstone"


def test_homes_are_proved_with_the_clusters_policy_and_the_runs_name(people: People, monkeypatch: Any) -> None:
    asked: list[dict[str, Any]] = []

    def prove(home: Any, _disks: Any, policy: Any, uses: Any, **more: Any) -> Any:
        asked.append({"volume": home.volume_id, "uses": len(uses), **more})
        return home, "snap-new"

    module = people.module("prove_homes")
    monkeypatch.setattr(module, "prove_home", prove)
    module.disks = Disks
    result = people.run("prove_homes", {"username": "ada", "homes": [HOME], "execution_arn": EXECUTION})
    assert (result["done"], result["changes"]) == (False, ["started snap-new of vol-1"])
    assert (asked[0]["account_id"], asked[0]["run_id"], asked[0]["volume"]) == ("123456789012", "offboard/one", "vol-1")
    assert asked[0]["now"] <= datetime.now(UTC)
    assert people.run("prove_homes", {"username": "ada", "homes": [], "execution_arn": EXECUTION})["done"]


@pytest.mark.parametrize("step", ["disable_account", "tombstone_account"])
def test_cut_off_anywhere_a_step_ends_the_same(new_world: Callable[[], People], step: str) -> None:
    subs: dict[int, str] = {}

    def world() -> People:
        people = new_world()
        subs[id(people)] = people.sign_up(status=Status.APPROVED)
        return people

    def act(people: People) -> None:
        people.run(step, who(subs[id(people)], homes=[PROVED]))

    ended = {(people.record().status, len(people.steps())) for people in crashes_of(world, act)}
    assert ended == {(Status.DISABLED if step == "disable_account" else Status.TOMBSTONE, 1)}
