"""E-mail addresses that can be written to, and rules on their domains.

A rule is one of three forms, each compared as a whole and in lower case, never as a part of the address (an allow-list that was a
substring test let ``aa@b.c`` in as ``a@b.c``):

- ``someone@example.org``  that address
- ``example.org``          that domain, no subdomain
- ``*.example.org``        every domain below it, at any depth, not itself
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from hubplane.domain.registration.decision import Decision, accept, refuse

MAX_ADDRESS_LENGTH: Final = 254
"""RFC 5321 4.5.3.1.3 (a path of 256 with its brackets), as RFC 3696 erratum 1690 explains."""

MAX_LOCAL_LENGTH: Final = 64
"""RFC 5321 4.5.3.1.1."""

# RFC 5322 dot-atom in ASCII: SES takes 7-bit addresses only, other domains as Punycode (SES API reference, Destination).
_LOCAL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN: Final = re.compile(rf"(?:{_LABEL}\.)+(?!\d+\Z){_LABEL}")

ADDRESS_SENTENCE: Final = "Please give the full e-mail address that you read, in plain letters, such as name@example.org"
DOMAIN_SENTENCE: Final = "Accounts are not given to addresses of this e-mail provider. Please use the address of your institution"


class DomainRuleInvalid(ValueError):
    """A rule of the policy has none of the three forms; the message names every such rule."""


@dataclass(frozen=True, slots=True)
class DomainRules:
    """``blocked`` wins over ``allowed``; without any ``allowed`` everything that is not blocked is allowed."""

    allowed: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        invalid = [rule for rule in (*self.allowed, *self.blocked) if not _is_rule(rule)]
        if invalid:
            listed = ", ".join(repr(rule) for rule in invalid)
            raise DomainRuleInvalid(
                f"e-mail rules {listed}: a rule is an address (someone@example.org), a domain (example.org) or everything below "
                "one (*.example.org), in lower case; write it as one of these"
            )


def rules_from_text(text: str) -> tuple[str, ...]:
    """The rules of a template parameter: split at commas and blanks, in lower case, each once. Empty text is no rule."""
    return tuple(dict.fromkeys(text.lower().replace(",", " ").split()))


def split_address(address: str) -> tuple[str, str] | None:
    """Local part and domain in lower case, None where mail could not be sent to ``address`` or it could mislead a reader."""
    local, at, domain = address.rpartition("@")
    domain = domain.lower() if domain.isascii() else ""
    if not at or len(address) > MAX_ADDRESS_LENGTH or len(local) > MAX_LOCAL_LENGTH:
        return None
    if not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        return None
    return local.lower(), domain


def same_address(one: str, other: str) -> bool:
    """Whether both are one mailbox. Letter case never tells two apart, and text that is no address equals nothing."""
    first = split_address(one)
    return first is not None and first == split_address(other)


def matches(address: str, rules: Iterable[str]) -> bool:
    """Whether any of ``rules`` names ``address``; False for text that is no address."""
    parts = split_address(address)
    if parts is None:
        return False
    local, domain = parts
    return any(_matches(rule, local, domain) for rule in rules)


def check_email(address: str, rules: DomainRules) -> Decision:
    """Whether an account may be given to ``address``. Says nothing of the lists themselves to the person."""
    parts = split_address(address)
    if parts is None:
        return refuse(ADDRESS_SENTENCE, f"no usable address: {address[:MAX_ADDRESS_LENGTH]!a}")
    domain = parts[1]
    if matches(address, rules.blocked):
        return refuse(DOMAIN_SENTENCE, f"address at {domain} is blocked by rule {_first(rules.blocked, address)}")
    if rules.allowed and not matches(address, rules.allowed):
        return refuse(DOMAIN_SENTENCE, f"domain {domain} is in none of the {len(rules.allowed)} allowed rules")
    return accept(f"domain {domain} is allowed")


def _first(rules: Sequence[str], address: str) -> str:
    return next(rule for rule in rules if matches(address, [rule]))


def _matches(rule: str, local: str, domain: str) -> bool:
    if rule.startswith("*."):
        return domain.endswith(rule[1:])
    if "@" in rule:
        return rule == f"{local}@{domain}"
    return rule == domain


def _is_rule(rule: str) -> bool:
    if rule != rule.lower():
        return False
    if "@" in rule:
        return split_address(rule) is not None
    return _DOMAIN.fullmatch(rule.removeprefix("*.")) is not None or _is_top_level(rule)


def _is_top_level(rule: str) -> bool:
    """``*.edu``: everything below a top-level domain. A bare ``edu`` is no domain that mail comes from."""
    return rule.startswith("*.") and re.fullmatch(rf"(?!\d+\Z){_LABEL}", rule[2:]) is not None
