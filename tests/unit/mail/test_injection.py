"""Nothing that a person, a console or an error message can say changes what a mail is."""

from __future__ import annotations

import email
import email.message
import email.policy
import html
import html.parser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubplane.domain.mail.catalogue import MAILS, fields_of
from hubplane.domain.mail.fields import MAX_TEXT_LENGTH, Kind, one_line
from hubplane.domain.mail.rendering import MAX_SUBJECT_LENGTH, MailInvalid, Rendered, render
from tests.unit.mail.filling import filled


class Skeleton(html.parser.HTMLParser):
    """The tags, attributes and comments of a page, without its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.parts: list[Any] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.parts.append((tag, attrs))

    def handle_endtag(self, tag: str) -> None:
        self.parts.append(f"/{tag}")

    def handle_comment(self, data: str) -> None:
        self.parts.append(("comment", data))

    def handle_decl(self, decl: str) -> None:
        self.parts.append(("declaration", decl))

    def handle_pi(self, data: str) -> None:
        self.parts.append(("instruction", data))

    def handle_data(self, data: str) -> None:
        self.text += data


HARMLESS = {name: Skeleton(render(name, filled(name)).html).parts for name in MAILS}

ATTACKS = {
    "script": "<script>alert(1)</script>",
    "image": "<img src=x onerror=alert(1)>",
    "out of an attribute": '" onmouseover="alert(1)',
    "out of a single-quoted attribute": "' onmouseover='alert(1)",
    "end of the page": "</p></main></body></html>",
    "end of the title": "</title><script>alert(1)</script>",
    "end of the style": "</style><style>*{display:none}",
    "comment": "<!-- ",
    "character data": "<![CDATA[x]]>",
    "instruction": "<?php x ?>",
    "entity": "&lt;script&gt;",
    "template": "{{ 7 * 7 }}{% raw %}{# #}",
    "format": "%s %(x)s {0} {username}",
    "link in words of markup": '<a href="https://evil.example">here</a>',
    "NUL in a tag": "<scr\x00ipt>alert(1)</scr\x00ipt>",
}
FIELDS = [
    (name, field) for name in MAILS for field, kind in fields_of(name).items() if kind in (Kind.TEXT, Kind.LINES, Kind.SECTIONS)
]


def with_text(name: str, field: str, text: str) -> dict[str, Any]:
    return {**filled(name), field: filled(name, text)[field]}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
@pytest.mark.parametrize(("name", "field"), FIELDS, ids=str)
def test_fault_14_markup_in_any_field_is_shown_as_text(name: str, field: str, attack: str) -> None:
    mail = render(name, with_text(name, field, attack))
    page = Skeleton(mail.html)
    assert page.parts == HARMLESS[name]
    assert one_line(attack) in page.text, "the reader sees what was sent"
    assert one_line(attack) in mail.text + mail.subject


@pytest.mark.parametrize(
    "attack",
    ["\r\nBcc: all@example.org", "\nSubject: x", "\r\n\r\n<p>x", "\x0b", "\x85y", "\u2028z", "\u2029z", "\x00"],
    ids=ascii,
)
@pytest.mark.parametrize(("name", "field"), FIELDS, ids=str)
def test_a_line_end_in_any_field_makes_no_header_and_no_paragraph(name: str, field: str, attack: str) -> None:
    mail = render(name, with_text(name, field, f"a{attack}b"))
    harmless = render(name, with_text(name, field, "ab"))
    assert mail.subject.isprintable()
    assert len(mail.text.splitlines()) == len(harmless.text.splitlines())
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    message["Subject"] = mail.subject
    message["From"] = "hub@example.org"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    received = email.message_from_bytes(message.as_bytes(), policy=email.policy.default)
    assert sorted(received.keys()) == ["Content-Type", "From", "MIME-Version", "Subject"]
    assert received["Subject"] == mail.subject


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(sorted(MAILS)),
    text=st.one_of(
        st.text(st.characters(exclude_categories=()), max_size=128),
        st.binary(max_size=128).map(lambda data: data.decode("latin-1")),
        st.text("<>&\"'/=!-{}%# \r\nab", max_size=60),
    ),
)
def test_no_text_is_an_error_or_changes_the_page(name: str, text: str) -> None:
    mail = render(name, filled(name, text))
    assert Skeleton(mail.html).parts == HARMLESS[name]
    assert mail.subject.isprintable()
    assert len(mail.subject) <= MAX_SUBJECT_LENGTH
    for part in (mail.subject, mail.text, mail.html):
        part.encode("utf-8")


@pytest.mark.parametrize("code", range(256), ids=lambda code: f"byte {code:#04x}")
def test_every_byte_is_shown_or_a_blank(code: int) -> None:
    shown = one_line(f"a{chr(code)}b")
    assert shown in (f"a{chr(code)}b", "a b", "ab")
    assert shown.isprintable()


def test_hidden_and_reversing_characters_are_dropped() -> None:
    assert one_line("ada\u202egro.elpmaxe\u202c \u200b\ufeff\u00adx \ud800") == "adagro.elpmaxe x \ufffd"


def test_a_very_long_text_is_cut_and_says_so() -> None:
    mail = render("refused", {**filled("refused"), "reason": "x" * 100_000, "institution": "y" * 128})
    assert "x" * (MAX_TEXT_LENGTH - 1) + "…" in mail.text
    assert len(mail.subject) == MAX_SUBJECT_LENGTH
    assert mail.subject.endswith("…")


LINKS = {
    "plain": ("https://hub.example.org", True),
    "with path and query": ("https://x.lambda-url.us-east-1.on.aws/decide?token=a.b-c_d&x=1#y", True),
    "embedded cloud": ("http://127.0.0.1:8123/decide?token=a", True),
    "no encryption": ("http://hub.example.org/", False),
    "loopback as a start": ("http://127.0.0.1.evil.example/", False),
    "loopback as a user": ("http://127.0.0.1@evil.example/", False),
    "user name": ("https://hub.example.org@evil.example/", False),
    "script": ("javascript:alert(1)", False),
    "data": ("data:text/html,x", False),
    "quote": ('https://x.org/" onclick="x', False),
    "single quote": ("https://x.org/'x", False),
    "blank": ("https://x.org/ evil", False),
    "newline at the end": ("https://x.org/\n", False),
    "backslash": ("https://x.org\\@evil.example", False),
    "look-alike letter": ("https://ex\u0430mple.org/", False),
    "no host": ("https://", False),
    "relative": ("//evil.example", False),
    "empty": ("", False),
}


@pytest.mark.parametrize(("url", "accepted"), LINKS.values(), ids=LINKS)
def test_a_link_goes_where_it_seems_to_go_or_the_mail_is_refused(url: str, accepted: bool) -> None:
    context = {**filled("please_review"), "approve_url": url}
    if accepted:
        targets = [
            dict(attributes).get("href") for tag, attributes in anchors(render("please_review", context).html) if tag == "a"
        ]
        assert url in targets
    else:
        with pytest.raises(MailInvalid, match="approve_url is no https address"):
            render("please_review", context)


def anchors(page: str) -> list[Any]:
    return [part for part in Skeleton(page).parts if isinstance(part, tuple) and part[0] == "a"]


@pytest.mark.parametrize(
    "subject", ["a\r\nBcc: x", "a\n", " a", "a\u202eb", "x" * 141], ids=["header", "newline", "blank", "reversed", "long"]
)
def test_a_subject_cannot_be_made_of_more_than_a_line_even_by_hand(subject: str) -> None:
    with pytest.raises(MailInvalid, match="one line"):
        Rendered(subject, "text", "<p>text</p>")
