"""Every mail: complete, in both forms, and made of exactly its fields."""

from __future__ import annotations

import re
from typing import Any

import jinja2
import jinja2.meta
import pytest

from hubplane.domain.mail.catalogue import LETTERHEAD, MAILS, fields_of
from hubplane.domain.mail.fields import Kind
from hubplane.domain.mail.rendering import TEMPLATES, MailInvalid, render, templates
from tests.unit.mail.filling import filled, words

# What the issue asks for, by the name that the sender will use.
PROMISED = {
    "please_wait",
    "please_review",
    "review_expired",
    "approved",
    "refused",
    "password_changed",
    "storage_warning",
    "volume_deleted",
    "snapshot_deleted",
    "home_changed",
    "home_expanded",
    "home_change_finished",
    "drill_failed",
    "cluster_mended",
    "cluster_upgraded",
    "cluster_unwell",
    "build_finished",
    "build_failed",
    "cluster_deleted",
    "deletion_failed",
    "approval_needed",
    "daily_report",
    "verification_code",
    "password_code",
    "invitation",
}


def test_every_promised_mail_exists_in_both_forms_and_no_other() -> None:
    assert set(MAILS) == PROMISED
    files = {path.name for path in TEMPLATES.iterdir() if path.suffix in (".txt", ".html")}
    assert files == {f"{name}.{form}" for name in PROMISED for form in ("txt", "html")} | {
        "layout.txt",
        "layout.html",
        "parts.html",
    }


# What `from "parts.html" import` brings looks undeclared to jinja2.meta.
MACROS = {"bullets", "button", "fact"}


@pytest.mark.parametrize("name", MAILS)
def test_templates_use_the_declared_fields_and_no_others(name: str) -> None:
    environment = jinja2.Environment(autoescape=True)
    used: set[str] = set()
    for file in (f"{name}.txt", f"{name}.html", "layout.txt", "layout.html"):
        used |= jinja2.meta.find_undeclared_variables(environment.parse((TEMPLATES / file).read_text(encoding="utf-8")))
    assert used - {"subject", *MACROS} == set(fields_of(name))


@pytest.mark.parametrize("form", ["text", "html"])
@pytest.mark.parametrize("name", MAILS)
def test_every_value_reaches_the_reader(name: str, form: str) -> None:
    context = filled(name)
    mail = render(name, context)
    shown = mail.subject + getattr(mail, form)
    missing = [word for word in words(context) if word not in shown]
    assert missing == []


# What the commands in a mail answer a waiting execution with: braces of JSON, not of a template.
ANSWERS = ('{"approved": true, "by": "your name"}', '{"approved": false, "by": "your name", "reason": "why"}')


@pytest.mark.parametrize("name", MAILS)
def test_fault_14_no_placeholder_of_ours_is_ever_printed(name: str) -> None:
    mail = render(name, filled(name))
    placeholders = {word for field, kind in fields_of(name).items() if kind is Kind.PLACEHOLDER for word in [filled(name)[field]]}
    body = re.sub(r"<style>.*?</style>", "", mail.html, flags=re.DOTALL)
    for text in (mail.subject, mail.text, body):
        found = set(re.findall(r"\{[^}]*\}?|%\}|\}\}", text))
        assert found <= {*placeholders, *(ANSWERS if name == "approval_needed" else ())}


@pytest.mark.parametrize("name", MAILS)
def test_a_mail_can_be_read_on_a_phone_without_loading_anything(name: str) -> None:
    html = render(name, filled(name)).html
    assert html.startswith("<!DOCTYPE html>\n")
    assert html.endswith("</html>\n")
    assert 'name="viewport" content="width=device-width' in html
    assert not re.search(r"<(?:img|script|link|iframe|table|form)|src=|@import|url\(", html, re.IGNORECASE)
    assert len(html.encode()) < 20_000, "Cognito takes at most 20,000 characters, and Gmail cuts mails above 102 kB"


@pytest.mark.parametrize(("name", "field"), [(name, field) for name in MAILS for field in fields_of(name)])
def test_a_missing_field_is_named_and_nothing_is_written(name: str, field: str) -> None:
    context = filled(name)
    del context[field]
    with pytest.raises(MailInvalid, match=f"mail {name}: {field} is missing"):
        render(name, context)


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "unknown mail": ("no_such", {}, "there are: verification_code"),
    "unknown field": ("please_wait", {"usrname": "ada"}, "usrname is no field"),
    "number for text": ("please_wait", {"username": 7}, "give text"),
    "None for text": ("please_wait", {"username": None}, "give text"),
    "text for lines": ("approved", {"clusters": "sar"}, "give a list"),
    "text for a count": ("storage_warning", {"days_left": "3"}, "whole number"),
    "bool for a count": ("storage_warning", {"days_left": True}, "whole number"),
    "negative count": ("storage_warning", {"days_left": -1}, "whole number"),
    "pairs missing": ("daily_report", {"sections": ["Deleted"]}, "pair"),
    "triple": ("daily_report", {"sections": [("a", [], [])]}, "pair"),
    "token with a quote": ("approval_needed", {"task_token": "A'; rm -rf /"}, "no task token"),
    "token that is cut": ("approval_needed", {"task_token": "A" * 2049}, "no task token"),
    "no placeholder": ("verification_code", {"code": "123456"}, "codeParameter"),
    "markup as a placeholder": ("verification_code", {"code": "{<b>}"}, "codeParameter"),
}


@pytest.mark.parametrize(("name", "instead", "cause"), WRONG.values(), ids=WRONG)
def test_a_wrong_field_is_refused_with_its_name(name: str, instead: dict[str, Any], cause: str) -> None:
    context = {**(filled(name) if name in MAILS else {}), **instead}
    with pytest.raises(MailInvalid, match=cause):
        render(name, context)


def test_all_faults_come_at_once() -> None:
    with pytest.raises(MailInvalid) as refusal:
        render("approved", {"institution": "I", "username": 1, "sign_in_url": "ftp://x", "extra": 1})
    assert all(
        word in str(refusal.value) for word in ("contact is missing", "clusters is missing", "extra", "username", "sign_in_url")
    )


@pytest.mark.parametrize(
    ("days", "words_of_it"),
    [(0, "deleted today"), (1, "deleted tomorrow"), (5, "deleted in 5 days")],
    ids=["today", "tomorrow", "later"],
)
def test_a_warning_says_when_in_words(days: int, words_of_it: str) -> None:
    assert words_of_it in render("storage_warning", {**filled("storage_warning"), "days_left": days}).subject


def test_a_template_that_names_something_unknown_fails_instead_of_leaving_a_gap() -> None:
    with pytest.raises(jinja2.UndefinedError, match="usrname"):
        templates().from_string("Hello {{ usrname }}").render(username="ada")


def test_a_first_review_is_no_reminder() -> None:
    assert "Reminder" not in render("please_review", {**filled("please_review"), "reminder_number": 0}).subject
    assert render("please_review", {**filled("please_review"), "reminder_number": 2}).subject.startswith("Reminder 2: ")


def test_a_build_without_changes_says_so() -> None:
    quiet = render("build_finished", {**filled("build_finished"), "changes": [], "notes": []})
    assert "nothing to change" in quiet.text
    assert "nothing to change" in quiet.html
    assert "Worth knowing" not in quiet.text


def test_the_letterhead_is_on_every_mail() -> None:
    assert all(set(LETTERHEAD) <= set(fields_of(name)) for name in MAILS)


@pytest.mark.parametrize("form", ["text", "html"])
def test_a_decision_is_one_command_that_can_be_copied_whatever_the_length_of_its_token(form: str) -> None:
    token = "AQCAAAAK+/=" + "x" * 2000
    body = getattr(render("approval_needed", {**filled("approval_needed"), "task_token": token}), form)
    for answer in ANSWERS:
        assert f"aws stepfunctions send-task-success --task-token '{token}' --task-output '{answer}'" in body
