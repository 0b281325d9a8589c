"""Random people against the promises: no text is an error, and no two accepted people share a home under either scheme."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from hubplane.domain.names import claims_of, collisions, escape_slug, username_key
from hubplane.domain.registration.confirmation import CONFIRM_SIGN_UP, decide_confirmation
from hubplane.domain.registration.emails import DomainRules
from hubplane.domain.registration.events import SignUpRequest
from hubplane.domain.registration.known import Known
from hubplane.domain.registration.records import Status, UserRecord, tombstone
from hubplane.domain.registration.sign_up import SignUpPolicy, decide_sign_up
from hubplane.domain.registration.usernames import check_username
from tests.unit.registration.people import EMAIL, NOW, known_from

ANY_TEXT = st.one_of(
    st.text(max_size=140),
    st.text(st.characters(exclude_categories=()), max_size=20),  # lone surrogates, unassigned, private use: everything
    st.binary(max_size=128).map(lambda data: data.decode("latin-1")),
    st.text("ab-._2d5fe\n A\u212a\u0430", min_size=1, max_size=34),
)
PLAUSIBLE = st.from_regex(r"[a-c][ab2]{0,3}([._-][a-d2e]{1,3}){0,4}", fullmatch=True)


@st.composite
def neighbours(draw: st.DrawFn) -> str:
    """A plausible name, or one made from it so that claims come close: other case, other separators, its escaped form."""
    name = draw(PLAUSIBLE)
    change = draw(st.integers(0, 4))
    if change == 1:
        return name.upper()
    if change == 2:
        return escape_slug(name)
    if change == 3:
        return "".join(draw(st.sampled_from("._-")) if character in "._-" else character for character in name)
    return claims_of(name).safe.removeprefix("claim-") if change == 4 else name


@settings(max_examples=500, deadline=None)
@given(username=ANY_TEXT, email=ANY_TEXT, source=ANY_TEXT, sub=ANY_TEXT, verified=st.booleans())
def test_no_text_is_an_error_and_a_refusal_records_nothing(
    username: str, email: str, source: str, sub: str, verified: bool
) -> None:
    request = SignUpRequest(username, email, NOW)
    policy = SignUpPolicy(DomainRules(allowed=("*.org",)), auto_approved=DomainRules(allowed=("*.org",)))
    decision = decide_sign_up(request, policy, Known())
    assert bool(decision.sentence) is not decision.accepted
    decision.sentence.encode("ascii")
    for trigger in (source, CONFIRM_SIGN_UP):
        plan = decide_confirmation(trigger, request, policy, Known(), sub=sub, email_verified=verified)
        if not (decision.accepted and trigger == CONFIRM_SIGN_UP and sub):
            assert plan.record is None
            assert not plan.review


@settings(max_examples=500, deadline=None)
@given(ANY_TEXT)
def test_an_accepted_name_is_itself_everywhere(username: str) -> None:
    if check_username(username).accepted:
        assert username.isascii()
        assert username.isprintable()
        assert len(username_key(username)) == len(username) <= 32
        assert all(len(claim) <= 63 for claim in claims_of(username).all)


@settings(max_examples=300, deadline=None)
@example(["a-b", "a-2db"], set())
@example(["a_b_c-d_e.f-g_h_i-j-k-l", "a_b_c_d.e-f_g.h.i_j-k-l"], {0})
@example(["Bob", "bob", "BOB"], {0})
@given(names=st.lists(st.one_of(neighbours(), ANY_TEXT), min_size=2, max_size=12), leavers=st.sets(st.integers(0, 11)))
def test_no_two_accepted_people_ever_share_a_claim_whoever_has_left(names: list[str], leavers: set[int]) -> None:
    records: dict[str, UserRecord] = {}
    for number, name in enumerate(names):
        request = SignUpRequest(name, EMAIL, NOW)
        plan = decide_confirmation(
            CONFIRM_SIGN_UP, request, SignUpPolicy(), known_from(records.values()), sub=f"sub-{number}", email_verified=True
        )
        if plan.record is not None:
            assert plan.record.username not in records, "a name with a record never gets another one"
            gone = number in leavers
            records[plan.record.username] = tombstone(plan.record, by="hubert", reason="left").record if gone else plan.record
    assert collisions(records) == {}
    assert len({record.sub for record in records.values()}) == len(records)


@settings(max_examples=200, deadline=None)
@given(neighbours(), st.sampled_from(Status))
def test_storage_alone_keeps_a_name_when_the_record_is_lost(name: str, status: Status) -> None:
    """The Users table restored from an old day, or a cluster adopted: the volumes and snapshots still know."""
    for claim in claims_of(name).all:
        assert not decide_sign_up(
            SignUpRequest(name, EMAIL, NOW), SignUpPolicy(), Known(storage_claims=frozenset({claim}))
        ).accepted
    held = UserRecord(username_key(name), "sub-1", EMAIL, status)
    assert not decide_sign_up(SignUpRequest(name, EMAIL, NOW), SignUpPolicy(), known_from([held])).accepted
