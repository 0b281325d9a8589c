"""Whose homes are whose."""

from __future__ import annotations

from datetime import UTC, datetime

from hubplane.domain.registration.owners import emails_of, owners_of
from hubplane.domain.registration.records import Status
from hubplane.domain.storage.records import Owner
from tests.unit.registration.people import record

SPRING, AUTUMN = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)


def test_each_claim_that_a_name_leads_to_has_its_owner() -> None:
    assert owners_of([record("a-b", sub="s1", last_seen_at=SPRING)], "lab") == (
        Owner("s1", "a-b", "claim-a-2db", SPRING),
        Owner("s1", "a-b", "claim-a-b", SPRING),
    )
    assert owners_of([record("ada", sub="s1")], "lab") == (Owner("s1", "ada", "claim-ada"),)


def test_a_tombstone_keeps_its_data_under_its_sub() -> None:
    assert owners_of([record("ada", sub="s1", status=Status.TOMBSTONE)], "lab") == (Owner("s1", "ada", "claim-ada"),)


def test_a_returned_person_owns_what_was_marked_with_a_former_sub() -> None:
    assert {owner.sub for owner in owners_of([record("ada", sub="s2", former_subs=("s1",))], "lab")} == {"s1", "s2"}


def test_a_home_that_was_passed_on_is_in_use_while_its_person_is() -> None:
    former = record("ada", sub="s1", status=Status.TOMBSTONE, home_passed_to="s2", last_seen_at=SPRING)
    returning = record("ada.l", sub="s2", former_subs=("s1",), last_seen_at=AUTUMN)
    for order in ([former, returning], [returning, former]):
        [owner] = [owner for owner in owners_of(order, "lab") if owner.claim_name == "claim-ada"]
        assert (owner.sub, owner.last_seen_at) == ("s1", AUTUMN)


def test_mail_about_a_former_accounts_home_goes_to_the_account_that_has_it() -> None:
    former = record("ada", sub="s1", email="old@example.org", status=Status.TOMBSTONE, home_passed_to="s2")
    returning = record("ada.l", sub="s2", email="new@example.org", former_subs=("s1",))
    for order in ([former, returning], [returning, former]):
        assert emails_of(order) == {"s1": "new@example.org", "s2": "new@example.org"}
    assert emails_of([former]) == {"s1": "old@example.org"}
    assert emails_of([record(email="")]) == {}


def test_people_of_another_provider_own_homes_where_they_were_let_in_and_keep_apart_from_the_pool_s() -> None:
    pool = record("ada", sub="s1")
    outside = record("external#login.example.org#ada", sub="login.example.org|1", clusters=("lab",))
    assert owners_of([pool, outside], "other") == (Owner("s1", "ada", "claim-ada"),)
    assert owners_of([pool, outside], "lab") == (
        Owner("s1", "ada", "claim-ada"),
        Owner("login.example.org|1", "external#login.example.org#ada", "claim-ada"),
    )
