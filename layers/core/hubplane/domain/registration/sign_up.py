"""Whether a sign-up may go on. One answer for every way in: a person's own, an admin's, an import, another identity provider.

The order keeps others' accounts out of sight: rules on the text come first and depend on the request alone, so whoever has no
allowed address learns nothing about names; after that every refusal is one and the same sentence, whether the name is
reserved, taken, gone, or close to one that is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from hubplane.domain.names import claims_of, username_key
from hubplane.domain.registration.decision import Decision, accept, refuse
from hubplane.domain.registration.emails import DomainRules, check_email, rules_from_text
from hubplane.domain.registration.events import SignUpRequest
from hubplane.domain.registration.known import Known
from hubplane.domain.registration.returning import may_return
from hubplane.domain.registration.usernames import check_username, is_reserved

NOT_AVAILABLE: Final = "This user name is not available. Please choose another one"


@dataclass(frozen=True, slots=True)
class SignUpPolicy:
    """``auto_approved`` are e-mail rules whose people need no admin's decision; empty means that everybody waits for one."""

    domains: DomainRules = field(default_factory=DomainRules)
    reserved: tuple[str, ...] = ()
    auto_approved: DomainRules | None = None


def policy_from_text(*, allowed: str = "", blocked: str = "", reserved: str = "", auto_approved: str = "") -> SignUpPolicy:
    """The policy of an installation from its parameters, each a list of rules or words split at commas and blanks.

    Raises ``DomainRuleInvalid`` naming every rule that is none.
    """
    welcome = rules_from_text(auto_approved)
    return SignUpPolicy(
        domains=DomainRules(rules_from_text(allowed), rules_from_text(blocked)),
        reserved=rules_from_text(reserved),
        auto_approved=DomainRules(allowed=welcome) if welcome else None,
    )


def keys_of(username: str) -> tuple[str, frozenset[str]]:
    """What to look up before deciding: the key of the name's record, and the claims of ``claim_holders`` and storage."""
    return username_key(username), claims_of(username).all


def decide_sign_up(request: SignUpRequest, policy: SignUpPolicy, known: Known) -> Decision:
    """Whether ``request`` may become an account. No side effect; the same for every trigger source. Never raises on any text."""
    for check in (check_username(request.username), check_email(request.email, policy.domains)):
        if not check.accepted:
            return check
    conflict = _conflict(request, policy, known)
    return refuse(NOT_AVAILABLE, conflict) if conflict else accept("the name is free under every scheme")


def _conflict(request: SignUpRequest, policy: SignUpPolicy, known: Known) -> str | None:
    """Why the name is not to be had, for the log; None where it is free."""
    key, claims = keys_of(request.username)
    if is_reserved(key, policy.reserved):
        return f"{key} reads as a reserved word"
    record = known.records.get(key)
    returns = record is not None and may_return(record, request.email, request.asked_at)
    if record is not None and not returns:
        return f"{key} is held by {record.sub}, {record.status}"
    for claim in sorted(claims):
        holder = known.claim_holders.get(claim, key)
        if holder != key:
            return f"{claim} is the claim of {holder}"
        if record is None and claim in known.claim_holders:
            return f"{claim} is held for {holder}, whose record is missing"
    # A returning person's own storage carries the name; whose it is, the spawn checks by sub.
    stored = claims & known.storage_claims
    if stored and not returns:
        return f"storage carries {', '.join(sorted(stored))}"
    return None
