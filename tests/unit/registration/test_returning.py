"""A home goes to the same person's new account when an admin says so, and to nobody else."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from hubplane.domain.registration.decision import RegistrationRefused
from hubplane.domain.registration.records import ReturnGrant, Status
from hubplane.domain.registration.returning import RETURN_DAYS, allow_return, may_return, transfer_home
from tests.unit.registration.people import EMAIL, NOW, OTHER_SUB, SUB, record

GONE = record("ada", status=Status.TOMBSTONE, former_subs=("sub-0",))
NEW = record("ada2", sub=OTHER_SUB, status=Status.APPROVED)
ARGUMENTS: dict[str, Any] = {"former": GONE, "returning": NEW, "email_verified": True, "by": "hubert", "reason": "new phone"}


def test_an_approved_transfer_leads_to_the_old_homes_and_is_logged() -> None:
    transfer = transfer_home(**ARGUMENTS)
    assert transfer.returning.former_subs == (SUB, "sub-0")
    assert transfer.former.home_passed_to == OTHER_SUB
    assert transfer.former.status is Status.TOMBSTONE, "the name is still not handed on"
    assert all(word in transfer.sentence for word in ("ada", SUB, "ada2", OTHER_SUB, "hubert", "new phone"))


def test_the_same_transfer_again_changes_nothing() -> None:
    first = transfer_home(**ARGUMENTS)
    again = transfer_home(**{**ARGUMENTS, "former": first.former, "returning": first.returning})
    assert (again.changed, again.former, again.returning) == (False, first.former, first.returning)


REFUSED = {
    "former account exists": ({"former": record("ada", status=Status.DISABLED)}, "off-board"),
    "another address": ({"returning": dataclasses.replace(NEW, email="eve@uni.example.org")}, "change the new account's address"),
    "fault 15: address that contains the old one": ({"returning": dataclasses.replace(NEW, email="x" + EMAIL)}, "address"),
    "address not verified": ({"email_verified": False}, "not verified"),
    "no addresses at all": (
        {"former": record("ada", email="", status=Status.TOMBSTONE), "returning": dataclasses.replace(NEW, email="")},
        "address",
    ),
    "decided by the person": ({"by": " Ada2 "}, "person who gets the home"),
    "decided by nobody": ({"by": "  "}, "nobody"),
    "same account": ({"returning": dataclasses.replace(NEW, sub=SUB)}, "same sub"),
    "home went to a third account": ({"former": dataclasses.replace(GONE, home_passed_to="sub-3")}, "went to sub-3"),
    "new account refused": ({"returning": dataclasses.replace(NEW, status=Status.REFUSED)}, "is refused"),
    "new account gone": ({"returning": dataclasses.replace(NEW, status=Status.TOMBSTONE)}, "is tombstone"),
}


@pytest.mark.parametrize(("instead", "cause"), REFUSED.values(), ids=REFUSED)
def test_fault_20_nobody_else_gets_a_home(instead: dict[str, Any], cause: str) -> None:
    with pytest.raises(RegistrationRefused, match="the home of ada stays") as refusal:
        transfer_home(**{**ARGUMENTS, **instead})
    assert cause in str(refusal.value)


def test_permission_to_return_is_for_the_address_and_for_some_days() -> None:
    allowed = allow_return(GONE, by="hubert", now=NOW)
    assert allowed.changed
    assert allowed.record.return_grant == ReturnGrant("hubert", NOW + timedelta(days=RETURN_DAYS))
    assert may_return(allowed.record, EMAIL, NOW)
    assert not may_return(allowed.record, EMAIL, NOW + timedelta(days=RETURN_DAYS))
    assert not may_return(GONE, EMAIL, NOW)


NO_PERMISSION = {
    "account exists": (record("ada"), "hubert"),
    "person decides": (GONE, "ada"),
    "nobody decides": (GONE, ""),
    "home has another account": (dataclasses.replace(GONE, home_passed_to="sub-3"), "hubert"),
}


@pytest.mark.parametrize(("held", "by"), NO_PERMISSION.values(), ids=NO_PERMISSION)
def test_permission_to_return_is_an_admin_s_and_for_tombstones(held: Any, by: str) -> None:
    with pytest.raises(RegistrationRefused):
        allow_return(held, by=by, now=NOW)


@pytest.mark.parametrize(("home_sub", "theirs"), [(SUB, True), ("sub-0", True), (OTHER_SUB, False), ("", False)])
def test_fault_20_a_home_is_its_person_s_by_the_account_and_by_those_before_it(home_sub: str, theirs: bool) -> None:
    assert (home_sub in record(former_subs=("sub-0",)).subs) is theirs
