"""What follows a confirmation, and what does not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hubplane.domain.registration.confirmation import (
    CONFIRM_FORGOT_PASSWORD,
    CONFIRM_SIGN_UP,
    Account,
    ConfirmationPlan,
    decide_confirmation,
)
from hubplane.domain.registration.emails import DomainRules
from hubplane.domain.registration.known import Known
from hubplane.domain.registration.records import ReturnGrant, Status, UserRecord
from hubplane.domain.registration.sign_up import SignUpPolicy
from tests.unit.registration.people import EMAIL, NOW, OTHER_SUB, SUB, asks, known_from, record

WAITS = SignUpPolicy()
WELCOMES = SignUpPolicy(auto_approved=DomainRules(allowed=("*.example.org",)))


def confirmed(
    known: Known,
    policy: SignUpPolicy = WAITS,
    *,
    sub: str = SUB,
    source: str = CONFIRM_SIGN_UP,
    name: str = "Ada",
    verified: bool = True,
) -> ConfirmationPlan:
    return decide_confirmation(source, asks(name), policy, known, sub=sub, email_verified=verified)


def test_a_new_person_is_recorded_and_switched_off_until_an_admin_decides() -> None:
    plan = confirmed(Known())
    assert plan.record == UserRecord("ada", SUB, EMAIL, Status.PENDING)
    assert plan.claims == {"claim-ada"}
    assert (plan.account, plan.mails, plan.review) == (Account.DISABLE, ("please_wait",), True)


def test_a_person_of_a_welcome_domain_may_go_in_at_once() -> None:
    plan = confirmed(Known(), WELCOMES)
    assert plan.record is not None
    assert plan.record.status is Status.APPROVED
    assert (plan.account, plan.mails, plan.review) == (Account.LEAVE, ("approved",), False)


def test_an_address_can_be_left_out_of_a_welcome_domain() -> None:
    policy = SignUpPolicy(auto_approved=DomainRules(allowed=("*.example.org",), blocked=(EMAIL,)))
    assert confirmed(Known(), policy).review


def test_an_address_that_was_not_verified_welcomes_nobody() -> None:
    assert confirmed(Known(), WELCOMES, verified=False).review


@pytest.mark.parametrize("status", Status)
def test_fault_18_a_forgotten_password_neither_disables_nor_records_nor_welcomes(status: Status) -> None:
    plan = confirmed(known_from([record(status=status)]), source=CONFIRM_FORGOT_PASSWORD)
    assert (plan.account, plan.record, plan.claims, plan.review) == (Account.LEAVE, None, frozenset(), False)
    assert plan.mails == ("password_changed",)


@pytest.mark.parametrize("policy", [WAITS, WELCOMES], ids=["waits", "welcomed"])
def test_fault_18_called_again_with_its_own_record_the_plan_is_the_same(policy: SignUpPolicy) -> None:
    first = confirmed(Known(), policy)
    assert first.record is not None
    again = confirmed(known_from([first.record]), policy)
    assert (again.record, again.account, again.mails, again.review) == (first.record, first.account, first.mails, first.review)


@pytest.mark.parametrize(
    "source", ["", "PostConfirmation_Something", "PreSignUp_SignUp", "PostConfirmation_ConfirmSignUp\n"], ids=repr
)
def test_an_event_that_is_not_known_changes_nothing(source: str) -> None:
    assert confirmed(Known(), source=source) == ConfirmationPlan(Account.LEAVE, f"nothing follows from {source!a}")


@pytest.mark.parametrize("status", [Status.REFUSED, Status.DISABLED, Status.TOMBSTONE])
def test_a_late_repetition_does_not_undo_a_decision(status: Status) -> None:
    mine = record(status=status)
    plan = confirmed(known_from([mine]))
    assert (plan.record, plan.account, plan.mails, plan.review) == (mine, Account.DISABLE, (), False)


LOST = {
    "the name": ("ada", [record("ada", sub=OTHER_SUB, status=Status.PENDING)]),
    "a claim under the other scheme": ("a-2db", [record("a-b", sub=OTHER_SUB)]),
}


@pytest.mark.parametrize(("name", "held"), LOST.values(), ids=LOST)
def test_of_two_people_racing_for_one_home_the_second_gets_no_record(name: str, held: list[UserRecord]) -> None:
    plan = confirmed(known_from(held), WELCOMES, name=name)
    assert (plan.record, plan.account, plan.mails, plan.review) == (None, Account.DISABLE, ("refused",), False)


def test_an_account_without_a_sub_is_not_recorded() -> None:
    plan = confirmed(Known(), sub="")
    assert (plan.record, plan.account) == (None, Account.DISABLE)


GONE = record(
    status=Status.TOMBSTONE,
    former_subs=("sub-0",),
    return_grant=ReturnGrant(granted_by="hubert", expires_at=NOW + timedelta(days=1)),
)


def test_a_returning_person_keeps_the_home_and_waits_for_the_clusters() -> None:
    plan = confirmed(known_from([GONE], ["claim-ada"]), WELCOMES, sub=OTHER_SUB)
    assert plan.record == UserRecord("ada", OTHER_SUB, EMAIL, Status.PENDING, former_subs=(SUB, "sub-0"))
    assert plan.review


def test_a_return_needs_the_address_verified() -> None:
    plan = confirmed(known_from([GONE]), sub=OTHER_SUB, verified=False)
    assert (plan.record, plan.account) == (None, Account.DISABLE)
