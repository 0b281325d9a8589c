"""What follows when Cognito has confirmed something: the ``PostConfirmation`` trigger.

It fires for ``ConfirmForgotPassword`` too, which must not disable, record or welcome anybody again, and Cognito may call it up
to three times (AWS Cognito developer guide, "Customizing user pool workflows with Lambda triggers": 5 s, 3 attempts). So
the plan is what has to be true afterwards, and making it so again changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hubplane.domain.names import claims_of, username_key
from hubplane.domain.registration.decision import Decision
from hubplane.domain.registration.emails import matches
from hubplane.domain.registration.events import SignUpRequest
from hubplane.domain.registration.known import Known
from hubplane.domain.registration.records import Status, UserRecord
from hubplane.domain.registration.returning import may_return, returned
from hubplane.domain.registration.sign_up import SignUpPolicy, decide_sign_up

CONFIRM_SIGN_UP: Final = "PostConfirmation_ConfirmSignUp"
CONFIRM_FORGOT_PASSWORD: Final = "PostConfirmation_ConfirmForgotPassword"  # noqa: S105


class Account(StrEnum):
    """What becomes of the Cognito account."""

    LEAVE = "leave"
    DISABLE = "disable"


@dataclass(frozen=True, slots=True)
class ConfirmationPlan:
    """What has to be true afterwards.

    ``record`` is to be stored on the condition that the name has no record of another sub (or the tombstone it returns from),
    with one item per claim of ``claims`` in the same transaction; None stores nothing. ``mails`` are names of
    ``hubplane.domain.mail``, each sent once per sub. ``review`` starts ``review_sign_up``, named after the sub, so that a second
    start is refused; it is what asks the admins.
    """

    account: Account
    reason: str
    record: UserRecord | None = None
    claims: frozenset[str] = frozenset()
    mails: tuple[str, ...] = ()
    review: bool = False


def decide_confirmation(
    trigger_source: str, request: SignUpRequest, policy: SignUpPolicy, known: Known, *, sub: str, email_verified: bool
) -> ConfirmationPlan:
    """The plan for one event of the trigger. ``sub`` and ``email_verified`` are Cognito's attributes. No text makes it raise."""
    if trigger_source == CONFIRM_FORGOT_PASSWORD:
        return ConfirmationPlan(Account.LEAVE, "a new password, no new account", mails=("password_changed",))
    if trigger_source != CONFIRM_SIGN_UP:
        return ConfirmationPlan(Account.LEAVE, f"nothing follows from {trigger_source!a}")
    if not sub:
        return ConfirmationPlan(Account.DISABLE, "the event has no sub: there is nobody to record")
    return _decide_account(request, policy, known, sub, email_verified)


def _decide_account(
    request: SignUpRequest, policy: SignUpPolicy, known: Known, sub: str, email_verified: bool
) -> ConfirmationPlan:
    mine = known.records.get(username_key(request.username))
    if mine is not None and mine.sub == sub:
        return _plan(mine, "recorded before")
    decision = decide_sign_up(request, policy, known)
    if not decision.accepted:
        return _refused(decision)
    status = Status.APPROVED if _needs_no_admin(request, policy, email_verified) else Status.PENDING
    if mine is None:
        key = username_key(request.username)
        return _plan(UserRecord(key, sub, request.email, status), f"a new account, {status}")
    if not (email_verified and may_return(mine, request.email, request.asked_at)):
        return ConfirmationPlan(Account.DISABLE, f"{mine.username} may return only with its verified address", mails=("refused",))
    return _plan(returned(mine, sub=sub, status=Status.PENDING), f"the person of {mine.sub} returns")


def _plan(record: UserRecord, reason: str) -> ConfirmationPlan:
    claims = claims_of(record.username).all
    if record.status is Status.PENDING:
        return ConfirmationPlan(Account.DISABLE, reason, record, claims, ("please_wait",), review=True)
    if record.status is Status.APPROVED:
        return ConfirmationPlan(Account.LEAVE, reason, record, claims, ("approved",))
    return ConfirmationPlan(Account.DISABLE, f"{reason}, {record.status}", record, claims)


def _refused(decision: Decision) -> ConfirmationPlan:
    """Somebody else was faster, or the rules have changed since: the name is not this account's, so nothing is recorded."""
    return ConfirmationPlan(Account.DISABLE, f"refused at confirmation: {decision.reason}", mails=("refused",))


def _needs_no_admin(request: SignUpRequest, policy: SignUpPolicy, email_verified: bool) -> bool:
    rules = policy.auto_approved
    if rules is None or not email_verified:
        return False
    return matches(request.email, rules.allowed) and not matches(request.email, rules.blocked)
