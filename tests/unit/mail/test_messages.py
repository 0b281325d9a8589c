"""Messages of the mail queue: what may lie there, and that each says where its record lies wherever SES hands it on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubplane.domain.mail.catalogue import MAILS
from hubplane.domain.mail.feedback import News, feedback_of, tags_of
from hubplane.domain.mail.fields import Kind
from hubplane.domain.mail.messages import MAX_MAIL_ID_LENGTH, MailMessage, MessageInvalid, message_from_json
from tests.unit.mail.filling import filled

OF_COGNITO = {name for name, kind in MAILS.items() if Kind.PLACEHOLDER in kind.fields.values()}


def own_fields(name: str) -> dict[str, Any]:
    return {field: value for field, value in filled(name).items() if field in MAILS[name].fields}


@pytest.mark.parametrize("name", sorted(set(MAILS) - OF_COGNITO))
def test_every_mail_goes_through_json_unharmed(name: str) -> None:
    message = MailMessage(f"{name}#1", name, "sar", "ada@uni.example.org", own_fields(name), {"days": 3})
    read = message_from_json(message.to_json())
    assert json.loads(read.to_json()) == json.loads(message.to_json())
    assert (read.mail_id, read.name, read.cluster_name, read.to) == (f"{name}#1", name, "sar", "ada@uni.example.org")


@pytest.mark.parametrize("name", sorted(OF_COGNITO))
def test_a_mail_that_cognito_sends_is_not_queued(name: str) -> None:
    with pytest.raises(MessageInvalid, match="Cognito sends this mail itself"):
        MailMessage("x", name, None, "a@b.org", own_fields(name))


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"mail_id": ""}, "mail_id: ''; 1 to 300"),
        ({"mail_id": "a b"}, "mail_id: 'a b'"),
        ({"mail_id": "a\n"}, "mail_id: 'a\\\\n'"),
        ({"mail_id": "é"}, "mail_id: 'é'"),
        ({"mail_id": "x" * (MAX_MAIL_ID_LENGTH + 1)}, "mail_id: 'xxx"),
        ({"mail_id": 7}, "mail_id: 7"),
        ({"cluster_name": "SAR"}, "cluster_name: 'SAR'; a cluster's name, or null"),
        ({"cluster_name": "sar\n"}, "cluster_name:"),
        ({"name": "spam"}, "name: 'spam'; one of verification_code"),
        ({"name": None}, "name: None"),
        ({"to": ""}, "to: ''; one e-mail address"),
        ({"to": "a@b.org, c@d.org"}, "to: 'a@b.org, c@d.org'"),
        ({"to": "a@b.org\nBcc: c@d.org"}, "to: 'a@b.org\\\\nBcc"),
        ({"to": ["a@b.org"]}, "to: \\['a@b.org'\\]"),
        ({"context": {}}, "context.username: missing; please_wait needs it \\(text\\)"),
        ({"context": {"username": 7}}, "context.username: is int, give text"),
        ({"context": {"username": "ada", "institution": "x"}}, "context.'institution': no field of please_wait"),
        ({"context": []}, "context: list; an object"),
        ({"facts": "x"}, "facts: str; an object"),
        ({"facts": {"a": object()}}, "context, facts: .*object"),
        ({"facts": {"a": float("nan")}}, "context, facts: "),
        ({"facts": {"a": "x" * 262144}}, "fewer than 262144, a queue takes no more"),
        ({"context": {"username": "\ud800"}}, "values that JSON and UTF-8 can write"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_faults_are_told_by_field_value_and_rule(changes: dict[str, Any], said: str) -> None:
    good = {"mail_id": "x", "name": "please_wait", "to": "a@b.org", "context": {"username": "ada"}}
    with pytest.raises(MessageInvalid, match=said):
        MailMessage(**{**good, **changes})


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(MessageInvalid) as refused:
        MailMessage("a b", "approved", "A", "nobody", {"z": 1})
    assert [part.split(":")[0] for part in str(refused.value).removeprefix("mail message: ").split("; ")[::2]]
    for field in ("mail_id", "cluster_name", "to", "context.username", "context.sign_in_url", "context.clusters", "context.'z'"):
        assert f"{field}:" in str(refused.value)


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "is no JSON"),
        ("[]", "is list"),
        ('{"mail_id": "x"}', "name: missing"),
        ('{"mail_id": "x", "name": "approved", "too": "a@b.org"}', "'too' is no field of a message"),
    ],
)
def test_what_is_no_message_is_refused(text: str, said: str) -> None:
    with pytest.raises(MessageInvalid, match=said):
        message_from_json(text)


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=MAX_MAIL_ID_LENGTH),
    st.sampled_from([None, "sar"]),
)
def test_an_event_leads_back_to_the_record_of_its_mail(mail_id: str, cluster: str | None) -> None:
    tags = tags_of(cluster, mail_id)
    assert all(0 < len(value) <= 256 and value.replace("-", "").replace("_", "").isalnum() for value in tags.values())
    event = {"eventType": "Send", "mail": {"messageId": "1", "tags": {name: [value] for name, value in tags.items()}}}
    feedback = feedback_of(event)
    assert feedback is not None
    assert (feedback.news, feedback.cluster, feedback.mail_id) == (News.ACCEPTED, cluster or "people", mail_id)


SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["Bounce", "Permanent", "a@b.org"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["mail", "bounce", "tags", "messageId", "eventType", "bounceType", "bouncedRecipients", "emailAddress"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["eventType", "mail", "bounce", "complaint", "reject"]), SHAPES))
def test_an_event_of_any_shape_is_read_or_left(event: dict[str, Any]) -> None:
    feedback = feedback_of(event)
    assert feedback is None or isinstance(feedback.message_id, str)
