"""Addresses and the rules on their domains: whole or below, never a part."""

from __future__ import annotations

import pytest

from hubplane.domain.registration.emails import (
    DomainRuleInvalid,
    DomainRules,
    check_email,
    matches,
    rules_from_text,
    same_address,
    split_address,
)

ADDRESSES = {
    "plain": ("ada@example.org", ("ada", "example.org")),
    "upper case": ("Ada@Example.ORG", ("ada", "example.org")),
    "plus": ("ada+hub@example.org", ("ada+hub", "example.org")),
    "Punycode": ("ada@xn--bcher-kva.example", ("ada", "xn--bcher-kva.example")),
    "no at": ("ada.example.org", None),
    "two ats": ("ada@evil.org@example.org", None),
    "quoted local part with an at": ('"ada@evil.org"@example.org', None),
    "empty": ("", None),
    "no local part": ("@example.org", None),
    "no domain": ("ada@", None),
    "no dot in the domain": ("ada@localhost", None),
    "address literal": ("ada@[127.0.0.1]", None),
    "numbers only": ("ada@127.0.0.1", None),
    "dot at the end": ("ada@example.org.", None),
    "dots together": ("a..da@example.org", None),
    "newline at the end": ("ada@example.org\n", None),
    "header injection": ("ada@example.org\r\nBcc: all@example.org", None),
    "header injection in the local part": ("ada\r\nBcc: x@example.org", None),
    "display name": ("Ada <ada@example.org>", None),
    "two addresses": ("ada@example.org,eve@example.org", None),
    "blank": ("ada @example.org", None),
    "Cyrillic domain letter": ("ada@ex\u0430mple.org", None),
    "full-width at": ("ada\uff20example.org", None),
    "Kelvin sign in the domain": ("ada@\u212ate.org", None),
    "accent in the local part": ("ad\u00e9@example.org", None),
    "65 characters before the at": ("a" * 65 + "@example.org", None),
    "255 characters": ("a@" + ".".join(["b" * 60] * 4) + "." + "c" * 9, None),
    "label of 64": ("a@" + "b" * 64 + ".org", None),
    "lone surrogate": ("a\ud800@example.org", None),
}


@pytest.mark.parametrize(("address", "parts"), ADDRESSES.values(), ids=ADDRESSES)
def test_only_addresses_that_mail_can_be_sent_to_are_taken(address: str, parts: tuple[str, str] | None) -> None:
    assert split_address(address) == parts


RULES = {
    "the domain": ("ada@uni.org", "uni.org", True),
    "the domain in another case": ("ada@UNI.org", "uni.org", True),
    "fault 15: longer local part": ("aa@b.cc", "a@b.cc", False),
    "fault 15: the address itself": ("a@b.cc", "a@b.cc", True),
    "fault 15: address as the start of a longer one": ("a@b.cc.evil.org", "a@b.cc", False),
    "domain with the rule as its end": ("ada@myuni.org", "uni.org", False),
    "domain with the rule as its start": ("ada@uni.org.evil.com", "uni.org", False),
    "rule in the local part": ("uni.org@evil.com", "uni.org", False),
    "subdomain of an exact rule": ("ada@cs.uni.org", "uni.org", False),
    "subdomain of a suffix rule": ("ada@cs.uni.org", "*.uni.org", True),
    "deep subdomain of a suffix rule": ("ada@a.b.cs.uni.org", "*.uni.org", True),
    "suffix rule and the domain itself": ("ada@uni.org", "*.uni.org", False),
    "suffix rule and a longer neighbour": ("ada@myuni.org", "*.uni.org", False),
    "everything under a top-level domain": ("ada@mit.edu", "*.edu", True),
    "another top-level domain that ends alike": ("ada@mit.xedu", "*.edu", False),
    "a dot is no wildcard": ("ada@unixorg.com", "uni.org", False),
    "no address": ("uni.org", "uni.org", False),
}


@pytest.mark.parametrize(("address", "rule", "named"), RULES.values(), ids=RULES)
def test_a_rule_names_an_address_as_a_whole(address: str, rule: str, named: bool) -> None:
    assert matches(address, [rule]) is named


DECISIONS = {
    "no rules": (DomainRules(), True),
    "allowed": (DomainRules(allowed=("uni.org",)), True),
    "not allowed": (DomainRules(allowed=("other.org",)), False),
    "blocked": (DomainRules(blocked=("uni.org",)), False),
    "blocked wins over allowed": (DomainRules(allowed=("uni.org",), blocked=("ada@uni.org",)), False),
    "another one is blocked": (DomainRules(blocked=("*.uni.org",)), True),
}


@pytest.mark.parametrize(("rules", "accepted"), DECISIONS.values(), ids=DECISIONS)
def test_blocked_wins_and_an_empty_list_allows_all(rules: DomainRules, accepted: bool) -> None:
    assert check_email("ada@uni.org", rules).accepted is accepted


def test_the_person_does_not_learn_what_the_lists_hold() -> None:
    blocked = check_email("ada@uni.org", DomainRules(blocked=("uni.org",)))
    not_allowed = check_email("ada@uni.org", DomainRules(allowed=("secret-project.org",)))
    assert blocked.sentence == not_allowed.sentence
    assert "secret-project" not in not_allowed.sentence


@pytest.mark.parametrize(
    "rule",
    ["", "edu", "@uni.org", "*", "*.", "uni", "Uni.org", "*uni.org", "uni.*", "a@*.uni.org", "uni.org\n", ".uni.org", "u ni.org"],
    ids=repr,
)
def test_a_rule_that_could_be_misread_is_refused_with_its_text(rule: str) -> None:
    with pytest.raises(DomainRuleInvalid, match="write it as one of these") as refusal:
        DomainRules(allowed=("good.org", rule))
    assert repr(rule) in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "rules"),
    [("", ()), (" , ,", ()), ("Uni.org, *.edu\na@b.cc,uni.org", ("uni.org", "*.edu", "a@b.cc"))],
    ids=["empty", "only commas", "three rules"],
)
def test_a_parameter_holds_rules_as_people_write_lists(text: str, rules: tuple[str, ...]) -> None:
    assert rules_from_text(text) == rules
    DomainRules(allowed=rules)


def test_one_mailbox_is_the_same_in_any_case_and_no_address_equals_nothing() -> None:
    assert same_address("Ada@Uni.org", "ada@uni.ORG")
    assert not same_address("ada@uni.org", "ada@uni.com")
    assert not same_address("", "")
