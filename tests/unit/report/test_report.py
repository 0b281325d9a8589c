"""The report as a whole: its summary, its problems, its JSON, its page, its mail."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from datetime import timedelta
from typing import Any

import pytest

from hubplane.domain.mail.messages import MailMessage
from hubplane.domain.report import document
from hubplane.domain.report.digest import LINES, sections_of
from hubplane.domain.report.document import report_to_json
from hubplane.domain.report.gathering import report_of
from hubplane.domain.report.model import Item, Listing, Report, StepReport
from hubplane.domain.report.page import LISTED_ON_PAGE, render_page
from hubplane.domain.report.pricing import prices_of
from hubplane.domain.report.wording import gib, usd
from tests.unit.report.sample_day import HOSTILE, NIGHT, NOW, RUN, history, sample_fleet, sample_report

MANY = Listing(5000, 10_000, tuple(Item(f"snap-{n:017x}", "Deleted: newer ones hold it.", 2) for n in range(1000)))


def report(*steps: StepReport, **changes: Any) -> Report:
    values = {"fleet": sample_fleet(), "warnings": Listing(), "prices": prices_of("us-east-1"), "history": (), "problems": ()}
    return report_of("opensarlab", RUN, steps, written_at=NOW, **{**values, **changes})


QUIET = tuple(
    StepReport(name, "SUCCEEDED", "enforce", plan_key="k") for name in ("snapshot_volumes", "prune_volumes", "prune_snapshots")
)


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        pytest.param(StepReport("snapshot_volumes", "SUCCEEDED", "enforce", done=Listing(1)), "1 snapshot taken.", id="one"),
        pytest.param(
            StepReport("prune_volumes", "SUCCEEDED", "enforce", done=Listing(1200)), "1,200 volumes deleted.", id="many"
        ),
        pytest.param(
            StepReport("prune_volumes", "SUCCEEDED", "plan", planned=Listing(2)), "2 volumes would be deleted.", id="a plan"
        ),
        pytest.param(
            StepReport("prune_volumes", "SUCCEEDED", "plan", held=Listing(1)), "1 delete waits for approval.", id="a stop"
        ),
        pytest.param(StepReport("prune_volumes", "SUCCEEDED", "plan", attention=Listing(2)), "2 things need a look.", id="looks"),
        pytest.param(StepReport("prune_volumes", "FAILED", error="Throttled"), "prune_volumes failed.", id="a failure"),
        pytest.param(StepReport("prune_volumes"), "Nothing was done.", id="nothing ran"),
    ],
)
def test_the_summary_says_what_matters(step: StepReport, sentence: str) -> None:
    assert sentence in report(step).summary


@pytest.mark.parametrize(
    ("step", "words"),
    [
        pytest.param(
            StepReport("prune_volumes", "FAILED", error="Throttled", reason="slow down"),
            "failed: Throttled: slow down",
            id="failed",
        ),
        pytest.param(StepReport("prune_volumes"), "did not run", id="never ran"),
        pytest.param(StepReport("prune_volumes", "SUCCEEDED", "plan"), "its plan was not found", id="no plan"),
        pytest.param(
            StepReport("prune_volumes", "SUCCEEDED", "enforce", plan_key="k", failed=Listing(1, 0, (Item("vol-1", "denied"),))),
            "1 change failed; the first: vol-1: denied",
            id="a refusal of the provider",
        ),
        pytest.param(
            StepReport("prune_volumes", "SUCCEEDED", "enforce", plan_key="k", open=Listing(3)),
            "3 planned changes without",
            id="open",
        ),
        pytest.param(
            StepReport("prune_volumes", "SUCCEEDED", "enforce", plan_key="k", notes=("Waived by RecycleBinWaived: x.",)),
            "waived",
            id="waived",
        ),
    ],
)
def test_each_problem_is_a_sentence(step: StepReport, words: str) -> None:
    assert any(words in problem for problem in report(step).problems)


def test_a_quiet_night_has_no_problem() -> None:
    found = report(*QUIET)
    assert found.problems == ()
    assert "Nothing waits for a person" in render_page(found, "n.json")


def test_a_night_without_a_sweep_adds_no_zeros_to_the_history() -> None:
    former = history()
    found = report(*QUIET, fleet=None, history=former)
    assert found.history == former
    assert "No sweep of the night" in found.problems[-1]
    assert "no report" in render_page(found, "n.json")


def test_the_night_joins_the_history() -> None:
    found = sample_report()
    assert found.history[-1].night == NIGHT
    assert (found.history[-1].snapshotted, found.history[-1].snapshots_deleted) == (23, 38)
    assert NIGHT - timedelta(days=89) == found.history[0].night


def test_the_json_has_the_fields_that_its_docstring_names() -> None:
    written = json.loads(report_to_json(sample_report()))
    assert written["schema"] == 1
    assert written["night"] == "2026-11-25"
    assert set(written) == {"schema", *(field.name for field in fields(Report))}
    names = {name for found in (written, written["steps"][0], written["steps"][0]["done"], written["fleet"]) for name in found}
    names |= (
        set(written["history"][0])
        | set(written["steps"][0]["kept"][0])
        | set(written["fleet"]["groups"][0])
        | set(written["prices"])
    )
    assert [
        name
        for name in sorted(names)
        if f"``{name}``" not in (document.__doc__ or "") and f"``{name}[]``" not in document.__doc__
    ] == []
    assert written["steps"][0]["done"]["count"] == 23
    assert HOSTILE in written["steps"][1]["attention"]["items"][1]["claim_name"]


def test_page_and_json_tell_the_same() -> None:
    found = sample_report()
    page = render_page(found, "2026-11-25.json")
    for step in found.steps:
        for group in step.kept:
            assert f"{group.count:,}" in page
    assert found.summary.split(".")[0] in page
    assert asdict(found)["fleet"]["groups"][0]["name"] in page


def test_long_lists_are_capped_on_the_page_and_say_where_the_rest_is() -> None:
    step = StepReport("prune_snapshots", "SUCCEEDED", "enforce", plan_key="runs/x/plan.jsonl.gz", done=MANY)
    page = render_page(report(step), "2026-11-25.json")
    assert page.count("<code>snap-") - page.count("newest of") == LISTED_ON_PAGE
    assert f"And {5000 - LISTED_ON_PAGE:,} more" in page
    assert "2026-11-25.json" in page
    assert "runs/x/plan.jsonl.gz" in page


def test_names_of_strangers_are_text() -> None:
    page = render_page(sample_report(), "2026-11-25.json")
    assert "<img" not in page
    assert "&lt;img src=x onerror=" in page
    assert "<b>not</b>" not in page


def test_the_page_asks_for_nothing_and_runs_nothing() -> None:
    page = render_page(sample_report(), "2026-11-25.json")
    assert "<script" not in page
    assert "src=" not in page.replace("&lt;img src=x", "")
    assert "url(" not in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page


def test_the_mail_is_short_and_the_mail_queue_takes_it() -> None:
    step = StepReport("prune_snapshots", "SUCCEEDED", "enforce", plan_key="k", done=MANY)
    sections = sections_of(report(step), ["s3://bucket/reports/opensarlab/2026-11-25.html"])
    message = MailMessage(
        mail_id="daily_report#opensarlab#2026-11-25/day",
        name="daily_report",
        cluster_name="opensarlab",
        context={"cluster": "opensarlab", "day": "2026-11-25", "summary": "s", "sections": sections},
    )
    assert message.to is None
    assert all(len(lines) <= LINES + 1 for _, lines in sections)
    assert ("Old snapshots: done, 5,000 items", f"and {5000 - LINES:,} more in the report") in [
        (t, lines[-1]) for t, lines in sections
    ]
    assert sections[-1] == ("The whole report", ["s3://bucket/reports/opensarlab/2026-11-25.html"])


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 GiB"), (1, "1 GiB"), (1500, "1,500 GiB"), (10_239, "10,239 GiB"), (10_240, "10.0 TiB"), (2_000_000, "1,953.1 TiB")],
)
def test_sizes_are_said_as_people_say_them(size: int, words: str) -> None:
    assert gib(size) == words


@pytest.mark.parametrize(("amount", "words"), [(0, "$0.00"), (0.4, "$0.40"), (99.994, "$99.99"), (1234.5, "$1,234")])
def test_money_is_said_as_people_say_it(amount: float, words: str) -> None:
    assert usd(amount) == words
