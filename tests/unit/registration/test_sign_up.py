"""A name is given once; a refusal says nothing about others."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from hubplane.domain.registration.emails import DomainRules
from hubplane.domain.registration.known import Known
from hubplane.domain.registration.records import ReturnGrant, Status
from hubplane.domain.registration.sign_up import NOT_AVAILABLE, SignUpPolicy, decide_sign_up, keys_of
from tests.unit.registration.people import EMAIL, NOW, asks, known_from, record

POLICY = SignUpPolicy(domains=DomainRules(allowed=("*.example.org", "gone.org")), reserved=("observatory",))
HELD = [record(status=status) for status in Status]

UNAVAILABLE = {
    **{f"held, {held.status}": ("ada", known_from([held])) for held in HELD},
    "held in another case": ("ADA", known_from([record("ada")])),
    "reserved word": ("admin", Known()),
    "reserved word of the installation": ("observatory", Known()),
    "escape claim of another is its safe claim": ("a-2db", known_from([record("a-b")])),
    "safe claim of another is its escape claim": ("a-b", known_from([record("a-2db")])),
    "hash of another": ("a_b_c_d.e-f_g.h.i_j-k-l", known_from([record("a_b_c-d_e.f-g_h_i-j-k-l")])),
    "claim of a tombstone": ("a-2db", known_from([record("a-b", status=Status.TOMBSTONE)])),
    "storage under the escape claim": ("a-b", Known(storage_claims=frozenset({"claim-a-2db"}))),
    "storage under the safe claim": ("a-b", Known(storage_claims=frozenset({"claim-a-b"}))),
    "claim held, record lost": ("ada", Known(claim_holders={"claim-ada": "ada"})),
}


@pytest.mark.parametrize(("username", "known"), UNAVAILABLE.values(), ids=UNAVAILABLE)
def test_a_name_that_leads_to_another_s_home_is_not_available(username: str, known: Known) -> None:
    decision = decide_sign_up(asks(username), POLICY, known)
    assert not decision.accepted
    assert decision.sentence == NOT_AVAILABLE, "one sentence for all, or it would tell reserved, taken, gone and close apart"
    assert decision.reason


def test_fault_20_a_deleted_person_s_name_and_its_case_variants_are_never_handed_on() -> None:
    gone = record("emlundell", email="em@gone.org", status=Status.TOMBSTONE)
    for name in ("emlundell", "EMLundell", "Emlundell"):
        for email in (EMAIL, "em@gone.org"):
            assert not decide_sign_up(asks(name, email), POLICY, known_from([gone])).accepted


FREE = {
    "nobody is known": ("ada", Known()),
    "others are known": ("ada", known_from([record("bob"), record("a-da")])),
    "storage of others": ("ada", Known(storage_claims=frozenset({"claim-adax", "claim-ad", "hub-db-dir"}))),
}


@pytest.mark.parametrize(("username", "known"), FREE.values(), ids=FREE)
def test_a_free_name_is_given(username: str, known: Known) -> None:
    assert decide_sign_up(asks(username), POLICY, known).accepted


def test_whoever_has_no_allowed_address_learns_nothing_about_names() -> None:
    known = known_from([record("ada")])
    answers = {decide_sign_up(asks(name, "eve@evil.com"), POLICY, known).sentence for name in ("ada", "bob", "admin")}
    assert len(answers) == 1
    assert NOT_AVAILABLE not in answers


GRANT = ReturnGrant(granted_by="root-admin", expires_at=NOW + timedelta(days=1))
GONE = record("ada", status=Status.TOMBSTONE, return_grant=GRANT)
RETURNS = {
    "with the same address": (GONE, EMAIL, True),
    "with the same address in another case": (GONE, EMAIL.upper(), True),
    "with another address": (GONE, "eve@uni.example.org", False),
    "with a longer address": (GONE, "x" + EMAIL, False),
    "without permission": (dataclasses.replace(GONE, return_grant=None), EMAIL, False),
    "after the permission": (dataclasses.replace(GONE, return_grant=ReturnGrant("root-admin", NOW)), EMAIL, False),
    "after the home went elsewhere": (dataclasses.replace(GONE, home_passed_to="sub-3"), EMAIL, False),
    "while the account exists": (dataclasses.replace(GONE, status=Status.DISABLED), EMAIL, False),
}


@pytest.mark.parametrize(("held", "email", "accepted"), RETURNS.values(), ids=RETURNS)
def test_only_the_person_of_a_tombstone_returns_and_only_when_an_admin_said_so(held: object, email: str, accepted: bool) -> None:
    known = known_from([held], storage_claims=["claim-ada"])  # type: ignore[list-item]
    assert decide_sign_up(asks("Ada", email), POLICY, known).accepted is accepted


def test_a_return_does_not_lead_to_another_s_claim() -> None:
    """A record from before a second scheme was known: its name's claim has another holder by now."""
    known = Known({"ada": GONE}, {"claim-ada": "eve"})
    assert "claim of eve" in decide_sign_up(asks(), POLICY, known).reason


def test_keys_of_a_name_are_all_that_has_to_be_looked_up() -> None:
    assert keys_of("A-b") == ("a-b", frozenset({"claim-a-b", "claim-a-2db"}))
