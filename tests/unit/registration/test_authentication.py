"""Who signs in, and what a token opens."""

from __future__ import annotations

import pytest

from hubplane.domain.registration.authentication import decide_authentication, groups_for_token, status_of
from hubplane.domain.registration.records import Status, UserRecord
from tests.unit.registration.people import OTHER_SUB, SUB, record

CLOSED = {status: status for status in Status if status is not Status.APPROVED} | {None: None}


def test_an_approved_person_signs_in() -> None:
    assert decide_authentication(Status.APPROVED).accepted


@pytest.mark.parametrize("status", CLOSED, ids=str)
def test_everybody_else_is_told_what_to_do(status: Status | None) -> None:
    decision = decide_authentication(status)
    assert not decision.accepted
    assert len(decision.sentence) > 40
    assert not decision.sentence.endswith(".")


def test_each_state_has_a_sentence_of_its_own() -> None:
    assert len({decide_authentication(status).sentence for status in CLOSED}) == len(CLOSED)


def test_a_name_that_nobody_has_gets_cognito_s_own_answer() -> None:
    assert decide_authentication(None, user_not_found=True).accepted


APPROVED = record(clusters=("sar", "ice"))
TOKENS: dict[str, tuple[UserRecord | None, str, tuple[str, ...], tuple[str, ...]]] = {
    "approved": (APPROVED, SUB, (), ("cluster:ice", "cluster:sar")),
    "groups of the pool stay": (APPROVED, SUB, ("admins",), ("admins", "cluster:ice", "cluster:sar")),
    "a pool group opens no cluster": (APPROVED, SUB, ("cluster:secret", "Cluster:secret"), ("cluster:ice", "cluster:sar")),
    "fault 20: new account of an old name": (APPROVED, OTHER_SUB, ("admins",), ()),
    "no record": (None, SUB, ("admins",), ()),
    **{f"{status}": (record(status=status, clusters=("ice",)), SUB, ("admins",), ()) for status in CLOSED if status},
}


@pytest.mark.parametrize(("held", "sub", "pool", "groups"), TOKENS.values(), ids=TOKENS)
def test_a_token_opens_what_the_record_of_this_account_says(
    held: UserRecord | None, sub: str, pool: tuple[str, ...], groups: tuple[str, ...]
) -> None:
    assert groups_for_token(held, sub, pool) == groups


def test_the_status_of_another_account_of_the_name_is_none() -> None:
    assert status_of(APPROVED, SUB) is Status.APPROVED
    assert status_of(APPROVED, OTHER_SUB) is None
