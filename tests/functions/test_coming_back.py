"""Coming back by an admin's word: under the old name, by a transfer, and as one of those whom an adopted system had."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from hubplane.adapters.users_table import RecordChange, UsersTable
from hubplane.domain.errors import PersonInputInvalid
from hubplane.domain.registration.decision import RegistrationRefused
from hubplane.domain.registration.records import Status, UserRecord
from hubplane.domain.registration.returning import may_return
from tests.functions.people_world import People, crashes_of
from tests.unit.storage.builders import snapshot, volume

MAIL = "ada@uni.example.org"
OLD_SUB = "old-sub"


def gone(people: People, username: str = "ada", email: str = MAIL, **more: Any) -> UserRecord:
    record = UserRecord(username, OLD_SUB, email, Status.TOMBSTONE, **more)
    assert UsersTable(people.dynamodb, "users").write(RecordChange(record))
    return record


def ask(people: People, **given: Any) -> dict[str, Any]:
    document = {"username": "ada", "way": "allow", "by": "Grace", "reason": "is back", "mode": "enforce", **given}
    return people.run("decide_return", {"username": "ada", "input": document, "execution_arn": "arn"})


def test_a_permission_lets_the_same_address_back_and_nobody_else(people: People) -> None:
    gone(people)
    ask(people)
    record, now = people.record(), datetime.now(UTC)
    assert may_return(record, MAIL, now)
    assert not may_return(record, "eve@uni.example.org", now)
    assert people.steps()[0].endswith("is back")


def test_the_disabled_account_makes_room_for_its_name(people: People) -> None:
    people.pool.accounts["ada"] = {"Username": "ada", "Attributes": [{"Name": "sub", "Value": OLD_SUB}], "Enabled": False}
    gone(people)
    assert ask(people, mode="plan")["changes"] == []
    assert "ada" in people.pool.accounts
    ask(people)
    assert "ada" not in people.pool.accounts


@pytest.mark.parametrize(("sub", "enabled"), [(OLD_SUB, True), ("another-sub", False), ("another-sub", True)])
def test_an_account_that_is_used_or_anothers_is_never_deleted(people: People, sub: str, enabled: bool) -> None:
    people.pool.accounts["ada"] = {"Username": "ada", "Attributes": [{"Name": "sub", "Value": sub}], "Enabled": enabled}
    gone(people)
    before = people.everything()
    with pytest.raises(RegistrationRefused):
        ask(people)
    assert people.everything() == before


def test_a_transfer_gives_the_home_to_the_same_persons_account_and_is_logged(people: People) -> None:
    gone(people)
    new_sub = people.sign_up("ada_new", MAIL, Status.APPROVED)
    plan = ask(people, way="transfer", to="ada_new", mode="plan")
    assert (plan["changes"], people.record().home_passed_to) == ([], None)
    for _ in range(2):
        ask(people, way="transfer", to="ada_new")
    assert people.record().home_passed_to == new_sub
    assert OLD_SUB in people.record("ada_new").subs
    assert people.steps() == [f"home of ada (old-sub) goes to ada_new ({new_sub}) by Grace: is back"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"email": "eve@uni.example.org"}, "had ada@uni.example.org", id="another address"),
        pytest.param({"verified": False}, "has not verified", id="an address that was never verified"),
        pytest.param({"pool_email": "eve@uni.example.org"}, "has not verified", id="an address that the pool has not"),
        pytest.param({"former": Status.APPROVED}, "not a tombstone", id="a home that is in use"),
        pytest.param({"status": Status.DISABLED}, "is disabled", id="a new account that is switched off"),
        pytest.param({"by": "ada_new"}, "nobody or the person", id="decided by the person"),
        pytest.param({"passed": "third-sub"}, "went to third-sub before", id="a home that somebody has"),
    ],
)
def test_no_home_goes_to_anybody_else(people: People, change: dict[str, Any], reason: str) -> None:
    former = UserRecord("ada", OLD_SUB, MAIL, change.get("former", Status.TOMBSTONE), home_passed_to=change.get("passed"))
    assert UsersTable(people.dynamodb, "users").write(RecordChange(former))
    email = change.get("email", MAIL)
    people.sign_up("ada_new", email, change.get("status", Status.APPROVED))
    attributes = people.pool.accounts["ada_new"]["Attributes"]
    attributes[1]["Value"] = change.get("pool_email", email)
    attributes[2]["Value"] = "true" if change.get("verified", True) else "false"
    before = people.everything()
    for mode in ("plan", "enforce"):
        with pytest.raises(RegistrationRefused, match=reason):
            ask(people, way="transfer", to="ada_new", by=change.get("by", "Grace"), mode=mode)
    assert people.everything() == before


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"way": "give"}, "way ="),
        ({"way": "transfer"}, "to = (absent)"),
        ({"to": "ada_new"}, "must be left out"),
        ({"username": "nobody"}, "nobody has or had this name"),
        ({"way": "transfer", "to": "nobody"}, "nobody has or had this name"),
        ({"reason": ""}, "reason ="),
        ({"mode": "now"}, "mode ="),
    ],
)
def test_a_wrong_input_is_refused(people: People, given: dict[str, Any], fault: str) -> None:
    gone(people)
    with pytest.raises(PersonInputInvalid) as raised:
        ask(people, **given)
    assert fault in str(raised.value)


def test_cut_off_anywhere_a_transfer_is_whole_or_not(new_world: Callable[[], People]) -> None:
    subs: dict[int, str] = {}

    def world() -> People:
        people = new_world()
        gone(people)
        subs[id(people)] = people.sign_up("ada_new", MAIL, Status.APPROVED)
        return people

    for people in crashes_of(world, lambda people: ask(people, way="transfer", to="ada_new") and None):
        assert people.record().home_passed_to == subs[id(people)]
        assert people.record("ada_new").former_subs == (OLD_SUB,)
        assert len(people.steps()) == 1


class Disks:
    """The storage of the adopted system."""

    def volumes_of_claims(self, claim_names: Any) -> Any:
        named = {"kubernetes.io/created-for/pvc/name": "claim-ada"}
        return (volume(tags=named),) if "claim-ada" in claim_names else ()

    def snapshots_of_claims(self, claim_names: Any) -> Any:
        named = {"kubernetes.io/created-for/pvc/name": "claim-ada"}
        return (snapshot(tags=named), snapshot("snap-2", tags=named, state="error")) if "claim-ada" in claim_names else ()


def bring(people: People, *users: tuple[str, str], mode: str = "enforce", verified: bool = True) -> dict[str, dict[str, Any]]:
    people.module("bind_users").disks = Disks
    listed = [
        {"username": name, "sub": sub, "email": f"{name.lower()}@uni.example.org", "email_verified": verified}
        for name, sub in users
    ]
    document = {"users": listed, "by": "Grace", "mode": mode}
    result = people.run("bind_users", {"username": "Grace", "input": document, "execution_arn": "arn"})
    return {line["username"]: line for line in result["people"]}


def test_people_of_2019_are_tombstones_that_may_return_and_nobody_else_gets_their_names(people: People) -> None:
    told = bring(people, ("ada", OLD_SUB), mode="plan")
    assert told["ada"]["fate"] == "bind"
    assert told["ada"]["storage"] == ["1 completed snapshot(s), the newest of 2026-11-14", "vol-1 (500 GiB)"]
    assert people.dynamodb.scan(TableName="users")["Count"] == 0
    bring(people, ("ada", OLD_SUB))
    record = people.record()
    assert (record.status, record.sub) == (Status.TOMBSTONE, OLD_SUB)
    assert may_return(record, MAIL, datetime.now(UTC))
    assert not may_return(record, "eve@uni.example.org", datetime.now(UTC))
    assert len(people.steps()) == 1


def test_an_import_again_renews_and_never_takes(people: People) -> None:
    bring(people, ("ada", OLD_SUB))
    assert bring(people, ("ada", OLD_SUB))["ada"]["fate"] == "renew"
    assert bring(people, ("ada", "another-sub"))["ada"]["fate"] == "refuse"
    assert people.record().sub == OLD_SUB
    people.sign_up("bob", "bob@uni.example.org", Status.APPROVED)
    sub = people.record("bob").sub
    assert bring(people, ("bob", sub))["bob"]["fate"] == "keep"
    assert people.record("bob").status is Status.APPROVED


@pytest.mark.parametrize(
    ("users", "refused"),
    [
        pytest.param([("x", "s1")], {"x"}, id="a name outside the rules"),
        pytest.param([("Ada", "s1"), ("ada", "s2")], {"Ada", "ada"}, id="two people whose names differ in case"),
        pytest.param([("a-2db", "s1"), ("a-b", "s2")], {"a-2db", "a-b"}, id="two people with one claim"),
        pytest.param([("ada", "s1"), ("bob", "s2")], set(), id="two people"),
    ],
)
def test_whose_home_it_is_must_be_certain(people: People, users: list[tuple[str, str]], refused: set[str]) -> None:
    told = bring(people, *users)
    assert {name for name, line in told.items() if line["fate"] == "refuse"} == refused


def test_without_a_verified_address_the_name_is_kept_and_nobody_returns(people: People) -> None:
    assert bring(people, ("ada", OLD_SUB), verified=False)["ada"]["fate"] == "reserve"
    assert (people.record().status, people.record().return_grant) == (Status.TOMBSTONE, None)


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ([], "give an object"),
        ({"by": "Grace"}, "users: must be a list"),
        ({"by": "Grace", "users": []}, "users: must be a list"),
        ({"by": "Grace", "users": ["ada"]}, "users[0].username"),
        ({"by": "Grace", "users": [{"username": "ada", "sub": "s", "email": MAIL}]}, "users[0].email_verified"),
        ({"users": [{"username": "ada", "sub": 7, "email": MAIL, "email_verified": True}]}, "users[0].sub = 7"),
    ],
)
def test_an_import_that_is_none_is_refused(people: People, document: Any, fault: str) -> None:
    with pytest.raises(PersonInputInvalid) as raised:
        people.run("bind_users", {"username": "Grace", "input": document, "execution_arn": "arn"})
    assert fault in str(raised.value)


def test_cut_off_anywhere_an_import_binds_each_once(new_world: Callable[[], People]) -> None:
    for people in crashes_of(new_world, lambda people: bring(people, ("ada", "s1"), ("bob", "s2")) and None):
        assert {people.record(name).sub for name in ("ada", "bob")} == {"s1", "s2"}
