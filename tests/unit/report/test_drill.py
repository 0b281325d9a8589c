"""The last restore drill in page, mail and JSON of a storage report."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from hubplane.domain.report.digest import sections_of
from hubplane.domain.report.document import report_to_json
from hubplane.domain.report.drill import Drill, drill_report
from hubplane.domain.report.page import render_page
from tests.unit.report import sample_day

REPORT = sample_day.sample_report()
GOOD = {"finding": None, "sentence": "claim-ada: snap-1 of 2026-11-07 gave a whole volume of 10 GiB, mounted and read"}
BAD = {"finding": "claim-bob: <snap-2> holds something else", "sentence": "claim-bob: <snap-2> holds something else"}


def drill(*results: dict[str, str | None]) -> Drill:
    return drill_report("november", results, ["the cluster has no node"], REPORT.written_at)


@pytest.mark.parametrize(("found", "line"), [(drill(GOOD), "mounted and read"), (drill(GOOD, BAD), "claim-bob: &lt;snap-2&gt;")])
def test_the_page_tells_what_came_back_or_what_did_not(found: Drill, line: str) -> None:
    page = render_page(replace(REPORT, drill=found), "report.json")
    assert "Restore drill of" in page
    assert found.summary in page
    assert line in page
    assert "the cluster has no node" in page


def test_a_report_from_before_the_first_drill_says_nothing_of_one() -> None:
    assert "Restore drill" not in render_page(REPORT, "report.json")
    assert json.loads(report_to_json(REPORT))["drill"] is None
    assert "Restore drill" not in dict(sections_of(REPORT, ["s3://here"]))


def test_mail_and_json_hold_it_as_well() -> None:
    report = replace(REPORT, drill=drill(GOOD, BAD))
    assert dict(sections_of(report, ["s3://here"]))["Restore drill"][1] == BAD["finding"]
    assert json.loads(report_to_json(report))["drill"]["findings"] == [BAD["finding"]]
