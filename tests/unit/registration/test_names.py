"""Claims are computed forward, as KubeSpawner does, and every way to share one is found."""

from __future__ import annotations

import json
import pathlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubplane.domain.names import claims_of, collisions, username_key

# What kubespawner 7.1.0 itself answered for the lower-case name: `claim-{user_server}` with slug_scheme "escape" and "safe".
RECORDED = json.loads(pathlib.Path(__file__).with_name("kubespawner_claims.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("username", RECORDED, ids=ascii)
def test_claims_are_those_that_kubespawner_makes(username: str) -> None:
    claims = claims_of(username)
    assert {"escaped": claims.escaped, "safe": claims.safe} == RECORDED[username]


@pytest.mark.parametrize(
    ("username", "escaped"),
    [("a-b", "claim-a-2db"), ("emlundell_test1", "claim-emlundell-5ftest1"), ("Bob", "claim-bob"), ("bob", "claim-bob")],
)
def test_claims_of_the_2019_system_stay_valid(username: str, escaped: str) -> None:
    assert claims_of(username).escaped == escaped


@pytest.mark.parametrize("username", ["claim-claim-", "mail", "laim", "claimclaim-x", "aim-cl"])
def test_fault_12_a_name_made_of_the_prefix_s_letters_keeps_them_all(username: str) -> None:
    """``lstrip("claim-")`` made nothing of ``mail``; forward computation loses no character."""
    claim = claims_of(username).escaped
    assert claim.removeprefix("claim-").replace("-2d", "-") == username


COLLIDING = {
    "case": (("Bob", "bob"), "claim-bob"),
    "escape of one is the safe form of the other": (("a-b", "a-2db"), "claim-a-2db"),
    "hash of KubeSpawner 7 collides": (
        ("a_b_c-d_e.f-g_h_i-j-k-l", "a_b_c_d.e-f_g.h.i_j-k-l"),
        "claim-a-b-c-d-e-f-g-h-i-j-k-l---4cd064ea",
    ),
    "Kelvin sign has k as its lower case": (("\u212aate", "kate"), "claim-kate"),
    "a name that is another's hashed form": (("a_b", "a-b---648fa9b3x"[:-1]), None),
}


@pytest.mark.parametrize(("usernames", "claim"), COLLIDING.values(), ids=COLLIDING)
def test_usernames_that_share_a_home_are_found(usernames: tuple[str, str], claim: str | None) -> None:
    expected = {} if claim is None else {claim: tuple(sorted(usernames))}
    found = collisions(usernames)
    assert expected.items() <= found.items()
    assert bool(found) is bool(claim), "KubeSpawner hashes every name with `--`, so none can pose as a hash"


def test_names_that_share_nothing_do_not_collide() -> None:
    assert collisions(["ada", "a-da", "a_da", "a.da", "adb", "ada"]) == {}


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=128))
def test_any_text_has_claims_that_kubernetes_could_hold(username: str) -> None:
    claims = claims_of(username)
    assert claims == claims_of(username_key(username))
    assert set(claims.escaped + claims.safe) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert len(claims.safe) <= len("claim-") + 48


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"], ids=ascii)
def test_a_lone_surrogate_is_answered_too(text: str) -> None:
    assert claims_of(text).all
