"""Rules on the text of a username, for every kind of text that a sign-up form, an API call or an import can bring."""

from __future__ import annotations

import pytest

from hubplane.domain.names import claims_of
from hubplane.domain.registration.usernames import MAX_ESCAPED_LENGTH, check_username, is_reserved

GOOD = ["ada", "Ada", "emlundell_test1", "first.last", "a-b", "a1b", "x" * 32, "a.b-c_d"]

BAD = {
    "empty": "",
    "too short": "ab",
    "33 characters": "x" * 33,
    "128 characters, Cognito's longest": "x" * 128,
    "129 characters": "x" * 129,
    "newline at the end": "ada\n",
    "carriage return at the end": "ada\r",
    "newline inside": "ada\nBcc",
    "line separator": "ada\u2028",
    "NUL": "ada\x00",
    "DEL": "ada\x7f",
    "blank": "ada lovelace",
    "blank at the end": "ada ",
    "no-break space": "ada\u00a0",
    "zero width space": "ada\u200b",
    "right-to-left override": "ada\u202e",
    "soft hyphen": "a\u00adda",
    "byte order mark": "\ufeffada",
    "Cyrillic a": "\u0430da",
    "Greek omicron": "b\u03bfb",
    "full-width a": "\uff41da",
    "mathematical bold a": "\U0001d41ada",
    "Kelvin sign, whose lower case is k": "\u212aate",
    "Turkish dotted I, whose lower case is two characters": "\u0130stan",
    "sharp s": "wei\u00df",
    "combining accent": "ade\u0301",
    "composed accent": "ad\u00e9",
    "Arabic digits": "ada\u0661",
    "superscript digit": "ada\u00b2",
    "emoji": "ada\U0001f600",
    "lone surrogate": "ada\ud800",
    "starts with a digit": "1ada",
    "starts with a hyphen": "-ada",
    "ends with a hyphen": "ada-",
    "ends with a dot": "ada.",
    "two hyphens, which KubeSpawner joins server names with": "ada--x",
    "dot and hyphen together": "ada.-x",
    "address as a name": "ada@example.org",
    "path": "../ada",
    "slash": "a/da",
    "backslash": "a\\da",
    "percent": "a%64a",
    "markup": "<b>ada</b>",
    "template": "{{ada}}",
    "placeholder of Cognito": "{username}",
    "comma": "ada,bob",
    "too long once escaped": ".".join("abcdefghijklmnop"),
}


@pytest.mark.parametrize("username", GOOD)
def test_names_that_people_have_are_accepted(username: str) -> None:
    assert check_username(username).accepted


@pytest.mark.parametrize("username", BAD.values(), ids=BAD)
def test_names_that_would_not_stay_themselves_are_refused(username: str) -> None:
    decision = check_username(username)
    assert not decision.accepted
    assert decision.sentence and not decision.sentence.endswith("."), "Cognito adds the full stop"
    assert decision.reason.isprintable(), "the log shows what was sent, not what it does"


@pytest.mark.parametrize("code", range(256), ids=lambda code: f"byte {code:#04x}")
def test_every_byte_is_a_letter_a_digit_a_separator_or_refused(code: int) -> None:
    character = chr(code)
    decision = check_username(f"ad{character}a")
    assert decision.accepted is (character.isascii() and (character.isalnum() or character in "._-"))


def test_a_letter_of_another_alphabet_is_answered_with_the_letters_that_work() -> None:
    assert "letters a to z" in check_username("\u0430da").sentence
    assert "3 to 32" in check_username("a" * 33).sentence


def test_fault_15_a_newline_never_slips_past_the_end() -> None:
    assert check_username("ada").accepted
    assert [
        ending for ending in ("\n", "\r\n", "\x0b", "\x0c", "\x85", "\u2029") if check_username("ada" + ending).accepted
    ] == []


def test_the_longest_names_still_fit_a_pod_s_name() -> None:
    longest = "a.b.c.d.e.f.g.h.i.j.k." + "x" * 10
    assert len(longest) == 32
    assert check_username(longest).accepted
    assert len(claims_of(longest).escaped) <= len("claim-") + MAX_ESCAPED_LENGTH


@pytest.mark.parametrize(
    "word", ["admin", "Admin", "root", "jupyter-hub", "ad.min", "adm1n", "r00t", "hub", "s3rv1ce", "hub_db", "no-reply"]
)
def test_names_that_pose_as_the_house_are_reserved(word: str) -> None:
    assert is_reserved(word)


@pytest.mark.parametrize("word", ["ada", "adminton", "roots", "hubert", "test1", "emlundell_test1", "julia"])
def test_names_that_only_contain_a_reserved_word_are_free(word: str) -> None:
    assert not is_reserved(word)


def test_an_installation_reserves_words_of_its_own() -> None:
    assert is_reserved("uni-team", also=["UniTeam"])
    assert not is_reserved("uni-team")
