"""States of a user record and the steps between them."""

from __future__ import annotations

import itertools

import pytest

from hubplane.domain.registration.decision import RegistrationRefused
from hubplane.domain.registration.records import Status, UserRecord, change_status, tombstone
from tests.unit.registration.people import EMAIL, SUB, record

STEPS = {
    ("pending", "approved"),
    ("pending", "refused"),
    ("approved", "disabled"),
    ("refused", "approved"),
    ("disabled", "approved"),
    *((status, "tombstone") for status in ("pending", "approved", "refused", "disabled")),
}


@pytest.mark.parametrize(("start", "end"), list(itertools.permutations(Status, 2)))
def test_only_the_steps_of_the_drawing_exist(start: Status, end: Status) -> None:
    before = record(status=start)
    if (start.value, end.value) in STEPS:
        after = change_status(before, end, by="hubert", reason="asked")
        assert after.changed
        assert after.record.status is end
        assert all(word in after.sentence for word in ("ada", start, end, "hubert", "asked"))
    else:
        with pytest.raises(RegistrationRefused, match=f"ada is .*{start}"):
            change_status(before, end, by="hubert", reason="asked")


@pytest.mark.parametrize("status", Status)
def test_the_same_step_again_is_no_change(status: Status) -> None:
    before = record(status=status)
    after = change_status(before, status, by="hubert", reason="again")
    assert (after.changed, after.record) == (False, before)


def test_approval_names_the_clusters_once_each() -> None:
    after = change_status(
        record(status=Status.PENDING), Status.APPROVED, by="hubert", reason="ok", clusters=["sar", "ice", "sar"]
    )
    assert after.record.clusters == ("ice", "sar")
    more = change_status(after.record, Status.APPROVED, by="hubert", reason="more", clusters=["ice", "sar", "sea"])
    assert (more.changed, more.record.clusters) == (True, ("ice", "sar", "sea"))


def test_a_tombstone_keeps_who_it_was_and_loses_every_right() -> None:
    after = tombstone(record(clusters=("ice",)), by="CloudTrail AdminDeleteUser", reason="deleted in the console").record
    assert (after.username, after.sub, after.email, after.status, after.clusters) == ("ada", SUB, EMAIL, Status.TOMBSTONE, ())


def test_a_decision_without_a_decider_is_refused() -> None:
    with pytest.raises(RegistrationRefused, match="who decides"):
        change_status(record(status=Status.PENDING), Status.APPROVED, by=" ", reason="ok")


@pytest.mark.parametrize(("username", "sub"), [("Ada", SUB), ("ada", "")], ids=["key in upper case", "no sub"])
def test_a_record_that_could_not_tell_whose_home_it_is_cannot_be_made(username: str, sub: str) -> None:
    with pytest.raises(ValueError, match=r"lower case|no sub"):
        UserRecord(username, sub, EMAIL, Status.PENDING)
