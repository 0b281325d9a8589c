"""The report of a rich night, as a person sees it: on a phone, on a screen, in the dark, on paper."""

from __future__ import annotations

import itertools
from datetime import date
from pathlib import Path

import pytest

from hubplane.domain.report.model import Item, Listing, StepReport
from hubplane.domain.report.page import render_page
from tests.unit.report.sample_day import HOSTILE, sample_report

PHONE, DESK = 375, 1280


@pytest.fixture(scope="module")
def report_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "2026-11-25.html"
    path.write_text(render_page(sample_report(), "2026-11-25.json"), encoding="utf-8")
    return path


@pytest.mark.parametrize("width", [320, PHONE, 768, DESK])
@pytest.mark.parametrize("unfolded", [False, True], ids=["folded", "unfolded"])
def test_nobody_has_to_push_the_page_sideways(open_page, report_page, width, unfolded):
    page = open_page(report_page, width, 900)
    if unfolded:
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.overflow_px == 0


LONG = "claim-" + "w" * 247
ODD_NIGHTS = {
    "the first night": {"history": sample_report().history[-1:]},
    "no sweep, no history": {"fleet": None, "history": (), "steps": (StepReport("snapshot_volumes", "FAILED", error="E" * 300),)},
    "names as long as they may be": {"warnings": Listing(1, 9, (Item("snap-" + "0" * 17, "x" * 500, 9, LONG),))},
    "numbers of a university": {"warnings": Listing(9_876_543, 987_654_321, (Item("snap-1", "why", 65_536),), 98_765_432.1)},
}


@pytest.mark.parametrize("changes", ODD_NIGHTS.values(), ids=list(ODD_NIGHTS))
def test_odd_nights_fit_a_phone_too(open_page, tmp_path, changes):
    path = tmp_path / "odd.html"
    path.write_text(render_page(sample_report(**changes), "odd.json"), encoding="utf-8")
    page = open_page(path, PHONE, 900)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.overflow_px == 0
    assert page.console_errors == []
    assert page.evaluate("document.querySelectorAll('svg').length") == 2


@pytest.mark.parametrize("options", [{}, {"dark": True}, {"media": "print"}, {"javascript": False}], ids=str)
def test_the_page_asks_for_nothing_and_complains_of_nothing(open_page, report_page, options):
    page = open_page(report_page, DESK, 900, **options)
    assert page.requests == []
    assert page.console_errors == []


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_the_chart_has_a_point_for_each_night_and_gaps_for_the_others(open_page, report_page, width):
    page = open_page(report_page, width, 900)
    nights = len(sample_report().history)
    assert nights == 86
    for line in ("volumes", "snapshots", "usd"):
        assert page.evaluate(f"document.querySelectorAll('.line.{line} .dot').length") == nights
        assert page.evaluate(f"document.querySelector('.line.{line} .stroke').getAttribute('d').match(/M/g).length") == 3
    inside = """[...document.querySelectorAll('.plot')].every(plot => [...plot.querySelectorAll('.dot')].every(dot => {
        const box = plot.getBoundingClientRect(), at = dot.getBoundingClientRect();
        return at.left >= box.left - 1 && at.right <= box.right + 1 && at.top >= box.top - 1 && at.bottom <= box.bottom + 1;
    }))"""
    assert page.evaluate(inside) is True
    assert page.evaluate("document.querySelector('.plot').getBoundingClientRect().height") > 100


def test_the_chart_can_be_read_without_eyes(open_page, report_page):
    page = open_page(report_page, PHONE, 900)
    described = """[...document.querySelectorAll('svg[role=img]')].map(svg =>
        svg.getAttribute('aria-labelledby').split(' ').map(id => document.getElementById(id).textContent).join(' '))"""
    for words in page.evaluate(described):
        assert "4 nights had no report" in words
        assert date(2026, 11, 25).isoformat() in words
    assert (
        page.evaluate("[...document.querySelectorAll('table')].every(t => t.querySelectorAll('th[scope=col]').length >= 3)")
        is True
    )
    assert page.evaluate("document.querySelectorAll('td[colspan]').length") == 4
    headings = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
    assert headings[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(headings))


def test_stops_and_what_waits_are_seen_at_once(open_page, report_page):
    page = open_page(report_page, PHONE, 900)
    seen = page.evaluate("document.body.innerText")
    for words in (
        "held until somebody approves",
        "claim-user22",
        "has another volume as well",
        "DeletionRefused",
        "Recycle Bin waived",
    ):
        assert words in seen
    before = "document.getElementById('waiting').compareDocumentPosition(document.getElementById('trend')) & 4"
    assert page.evaluate(before) == 4
    assert page.evaluate("document.querySelector('.waiting details').open") is True


def test_names_of_strangers_are_text(open_page, report_page):
    page = open_page(report_page, DESK, 900)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert HOSTILE in page.evaluate("document.body.innerText")
    assert page.evaluate("document.images.length") == 0
    assert page.evaluate("document.querySelectorAll('main b').length") == page.evaluate(
        "document.querySelectorAll('.tiles li').length"
    )
    assert page.evaluate("document.title") == "Storage of opensarlab, 2026-11-25"


def test_folded_things_are_on_paper(open_page, report_page):
    page = open_page(report_page, DESK, 900, media="print")
    folded = """[...document.querySelectorAll('details:not([open]) .things li, details:not([open]) tbody tr')]
        .map(item => item.getBoundingClientRect().height)"""
    heights = page.evaluate(folded)
    assert len(heights) > 50
    assert min(heights) > 0


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_words_stand_out_from_their_ground(open_page, report_page, dark):
    """WCAG 2.2, 1.4.3: 4.5 to 1 for every text, against the nearest ground that is painted."""
    page = open_page(report_page, DESK, 900, dark=dark)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    too_faint = """(() => {
        const linear = v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
        const light = colour => {
            const [r, g, b] = colour.match(/[\\d.]+/g).map(v => linear(v / 255));
            return .2126 * r + .7152 * g + .0722 * b;
        };
        const ground = e => {
            for (; e; e = e.parentElement) {
                const colour = getComputedStyle(e).backgroundColor;
                if (!/, 0\\)$/.test(colour)) return colour;
            }
            return 'rgb(255, 255, 255)';
        };
        const ratio = e => {
            const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
            return (a + .05) / (b + .05);
        };
        const says = e => [...e.childNodes].some(node => node.nodeType === 3 && node.data.trim());
        const texts = [...document.querySelectorAll('main *')].filter(e => says(e) && !e.closest('svg'));
        return [texts.length > 100, texts.filter(e => ratio(e) < 4.5).map(e => [e.className || e.tagName, ratio(e)])];
    })()"""
    assert page.evaluate(too_faint) == [True, []]
