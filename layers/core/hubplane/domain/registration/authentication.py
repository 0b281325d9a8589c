"""Who may sign in, and which clusters a token opens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from hubplane.domain.registration.decision import Decision, accept, refuse
from hubplane.domain.registration.records import Status, UserRecord

CLUSTER_GROUP_PREFIX: Final = "cluster:"
"""A token's group ``cluster:<name>`` opens that cluster. A group of the pool that looks like it is dropped: the record counts."""

SENTENCES: Final[Mapping[Status | None, str]] = {
    Status.PENDING: "Your account waits for an administrator's decision. You get a mail as soon as it is made",
    Status.REFUSED: "Your account was not approved. The mail that you got says why and whom to ask",
    Status.DISABLED: "Your account is switched off. Please write to the administrators to have it switched on again",
    Status.TOMBSTONE: "This account is closed. Please write to the administrators if you want to come back",
    None: "Your account is not set up yet. Please try again in some minutes, then write to the administrators",
}


def status_of(record: UserRecord | None, sub: str) -> Status | None:
    """The status of the account ``sub`` as the record of its name says; None where the record is absent or another account's."""
    return record.status if record is not None and record.sub == sub else None


def decide_authentication(status: Status | None, *, user_not_found: bool = False) -> Decision:
    """Whether an account in ``status`` may sign in; None (no record of its own) may not.

    ``user_not_found`` is Cognito's flag for a name that nobody has, sent with ``PreventUserExistenceErrors``: accepted, so that
    Cognito gives the answer it gives for a wrong password.
    """
    if user_not_found:
        return accept("no such account: Cognito answers as for a wrong password")
    if status is Status.APPROVED:
        return accept("the account is approved")
    return refuse(SENTENCES[status], f"account is {status or 'without a record of its own'}")


def groups_for_token(record: UserRecord | None, sub: str, pool_groups: Iterable[str] = ()) -> tuple[str, ...]:
    """The groups of a token for the account ``sub``, sorted: those of the pool and one per cluster.

    Nothing at all for an account that is not approved, has no record, or whose name is another account's: a token made by a
    new account of an old name opens nothing.
    """
    if record is None or status_of(record, sub) is not Status.APPROVED:
        return ()
    kept = {group for group in pool_groups if not group.lower().startswith(CLUSTER_GROUP_PREFIX)}
    return tuple(sorted(kept | {CLUSTER_GROUP_PREFIX + cluster for cluster in record.clusters}))


def response_with_groups(event: Mapping[str, Any], groups: tuple[str, ...]) -> dict[str, Any]:
    """The response to a ``TokenGeneration_*`` event that makes ``groups`` the token's, in the shape of the event's version.

    IAM roles of pool groups are left out: no cluster is entered by one, and a token for nobody must not carry any. (AWS Cognito
    developer guide, "Pre token generation Lambda trigger": ``claimsOverrideDetails`` in version 1,
    ``claimsAndScopeOverrideDetails`` in 2 and 3.)
    """
    overridden = {"groupOverrideDetails": {"groupsToOverride": list(groups), "iamRolesToOverride": []}}
    if str(event.get("version")) in ("2", "3"):
        return {"claimsAndScopeOverrideDetails": overridden}
    return {"claimsOverrideDetails": overridden}
