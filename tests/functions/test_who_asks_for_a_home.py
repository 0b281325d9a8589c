"""Whose home it is: the account that signed in, of the user pool or of another provider, and nobody else of the name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws

from hubplane.adapters.users_table import RecordChange
from hubplane.domain.registration.records import Status, UserRecord
from tests.adapters.kubernetes_api import running_api
from tests.functions.spawning import OWNER, Spawn

PROVIDER = "login.uni.example.org"
KEY = f"external#{PROVIDER}#ada_lovelace"


@pytest.fixture
def spawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spawn]:
    with mock_aws(), running_api() as api:
        yield Spawn(monkeypatch, api)


@pytest.fixture
def outside(spawn: Spawn) -> Spawn:
    """A cluster whose people sign in elsewhere."""
    spawn.release(oauth={"domain_url": f"https://{PROVIDER.upper()}/oauth"})
    return spawn


@pytest.mark.parametrize(
    ("subject", "allowed"), [("sub-ada", True), (None, True), ("sub-eve", False)], ids=["hers", "not-told", "another-s"]
)
def test_fault_20_another_account_of_the_pool_gets_no_home_under_the_name(
    spawn: Spawn, subject: str | None, allowed: bool
) -> None:
    spawn.person()
    spawn.home("sub-ada")
    answer = spawn.ask(subject=subject)
    assert answer["allowed"] is allowed
    if not allowed:
        assert "signed in with another account" in answer["sentence"]
        assert spawn.ebs.calls == []


def test_fault_20_the_first_home_pins_who_a_name_of_another_provider_is(outside: Spawn) -> None:
    first = outside.ask(subject="1234")
    assert (first["allowed"], first["action"]) == (True, "create")
    record = outside.users.read(KEY)
    assert record == UserRecord(KEY, f"{PROVIDER}|1234", "", Status.APPROVED, ("opensarlab",))
    outside.home()
    assert outside.ask(subject="1234")["allowed"]
    assert outside.tags()[OWNER] == f"{PROVIDER}|1234"
    other = outside.ask(subject="9999")
    assert (other["allowed"], other["retry_seconds"]) == (False, None)
    assert "signed in with another account" in other["sentence"]
    assert outside.users.read(KEY) == record
    (entry,) = outside.ledger("person#")
    assert entry["sentence"]["S"] == f"{KEY} is {PROVIDER}|1234 from the first home on: opensarlab"


@pytest.mark.parametrize("pinned", [False, True])
def test_who_is_signed_in_without_a_subject_gets_no_home(outside: Spawn, pinned: bool) -> None:
    if pinned:
        outside.ask(subject="1234")
    assert outside.ask(subject=None)["allowed"] is False
    assert (outside.users.read(KEY) is not None) is pinned


def test_a_name_is_not_pinned_to_who_finds_another_s_home_under_it(outside: Spawn) -> None:
    outside.home(f"{PROVIDER}|1234")
    assert outside.ask(subject="9999")["allowed"] is False
    assert outside.users.read(KEY) is None
    assert outside.ask(subject="1234")["allowed"]


def test_people_of_the_pool_and_of_another_provider_keep_apart(outside: Spawn) -> None:
    outside.person()
    assert outside.ask(subject="1234")["allowed"]
    pool = outside.users.known("ada_lovelace")
    assert pool.records["ada_lovelace"].sub == "sub-ada"
    assert set(pool.claim_holders.values()) == {"ada_lovelace"}
    assert set(outside.users.known(KEY).claim_holders.values()) == {KEY}
    assert outside.ask(username=KEY, subject=None)["allowed"] is False


def test_two_names_of_one_provider_that_lead_to_one_claim_are_kept_apart(outside: Spawn) -> None:
    assert outside.ask(username="a-b", claim_name="claim-a-2db", subject="1")["allowed"]
    answer = outside.ask(username="a-2db", claim_name="claim-a-2db", subject="2")
    assert answer["allowed"] is False
    assert "another name may lead to it" in answer["sentence"]


def test_a_person_who_is_known_gets_the_next_cluster_of_the_provider_as_well(outside: Spawn) -> None:
    before = UserRecord(KEY, f"{PROVIDER}|1234", "", Status.APPROVED, ("another",))
    assert outside.users.write(RecordChange(before))
    assert outside.ask(subject="1234")["allowed"]
    record = outside.users.read(KEY)
    assert record is not None
    assert record.clusters == ("another", "opensarlab")


@pytest.mark.parametrize("state", [Status.DISABLED, Status.TOMBSTONE])
def test_who_was_sent_away_stays_away(outside: Spawn, state: Status) -> None:
    assert outside.users.write(RecordChange(UserRecord(KEY, f"{PROVIDER}|1234", "", state, ())))
    assert outside.ask(subject="1234")["allowed"] is False


def test_of_two_who_come_first_one_is_the_name(outside: Spawn, monkeypatch: pytest.MonkeyPatch) -> None:
    app = outside.apps["ensure_home"]
    write = app.UsersTable.write

    def second_was_faster(table: object, change: RecordChange, **more: object) -> bool:
        monkeypatch.setattr(app.UsersTable, "write", write)
        assert outside.ask(subject="9999")["allowed"]
        return bool(write(table, change, **more))

    monkeypatch.setattr(app.UsersTable, "write", second_was_faster)
    assert outside.ask(subject="1234")["action"] == "wait"
    assert outside.ask(subject="1234")["action"] == "refuse"
    record = outside.users.read(KEY)
    assert record is not None
    assert record.sub.endswith("9999")
