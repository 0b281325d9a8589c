"""Every mail with its sample data, as people see it: on a phone and a screen, by day and by night."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hubplane.domain.mail.catalogue import MAILS
from hubplane.domain.mail.fields import one_line
from hubplane.domain.mail.preview import SAMPLES, main

PHONE, DESK = 375, 1280
READABLE = 4.5  # WCAG 2.2, 1.4.3: contrast of text with what is behind it
TOUCHABLE = 44  # WCAG 2.2, 2.5.5: side of a target in CSS pixels

Open = Callable[..., Any]

# Of each element that holds text of its own: its words, its size, its contrast, whether it can be seen at all.
TEXTS = """(() => {
    const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
        .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const parts = colour => colour.match(/[\\d.]+/g).map(Number);
    const behind = element => {
        for (let e = element; e; e = e.parentElement) {
            const colour = parts(getComputedStyle(e).backgroundColor);
            if (colour.length === 3 || colour[3] === 1) return colour.slice(0, 3);
        }
        return matchMedia('(prefers-color-scheme: dark)').matches ? [0, 0, 0] : [255, 255, 255];
    };
    return [...document.body.querySelectorAll('*')]
        .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
        .map(e => {
            const style = getComputedStyle(e), box = e.getBoundingClientRect();
            const [a, b] = [light(parts(style.color)), light(behind(e))].sort((x, y) => y - x);
            return {
                words: e.innerText, size: parseFloat(style.fontSize), contrast: (a + 0.05) / (b + 0.05),
                seen: e.checkVisibility() && box.width > 0 && box.left >= 0 && box.right <= innerWidth,
            };
        });
})()"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What ``make mail-preview`` writes."""
    path = tmp_path_factory.mktemp("mails")
    assert main([str(path)]) == 0
    yield path


def words(value: Any) -> list[str]:
    if isinstance(value, (list, tuple)):
        return [text for item in value for text in words(item)]
    return [one_line(value)] if isinstance(value, str) else [str(value)]


@pytest.mark.parametrize("width", [320, PHONE, DESK])
@pytest.mark.parametrize("name", [*MAILS, "index"])
def test_a_mail_fits_asks_for_nothing_and_complains_of_nothing(open_page: Open, folder: Path, name: str, width: int) -> None:
    page = open_page(folder / f"{name}.html", width, 800)
    assert page.overflow_px == 0
    assert page.requests == []
    assert page.console_errors == []


@pytest.mark.parametrize("options", [{}, {"dark": True}], ids=["day", "night"])
@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("name", MAILS)
def test_everything_in_a_mail_can_be_read(open_page: Open, folder: Path, name: str, width: int, options: dict[str, bool]) -> None:
    page = open_page(folder / f"{name}.html", width, 800, **options)
    texts = page.evaluate(TEXTS)
    hidden = [text["words"] for text in texts if not text["seen"]]
    small = [text["words"] for text in texts if text["size"] < 14]
    faint = [(text["words"], round(text["contrast"], 1)) for text in texts if text["contrast"] < READABLE]
    assert (hidden, small, faint) == ([], [], [])
    shown = " ".join(page.evaluate("document.body.innerText").split())
    targets = page.evaluate("[...document.links].map(link => link.href)")
    missing = [text for value in SAMPLES[name].values() for text in words(value) if text not in shown and text not in targets]
    assert missing == []


@pytest.mark.parametrize("name", [name for name in MAILS if any("url" in field for field in MAILS[name].fields)])
def test_a_link_can_be_met_with_a_thumb(open_page: Open, folder: Path, name: str) -> None:
    page = open_page(folder / f"{name}.html", PHONE, 800)
    heights = page.evaluate("[...document.links].map(link => link.getBoundingClientRect().height)")
    assert heights
    assert min(heights) >= TOUCHABLE


def test_the_check_of_contrast_sees_a_fault(open_page: Open, folder: Path) -> None:
    page = open_page(folder / "approved.html", PHONE, 800)
    page.evaluate("document.querySelector('h1').style.color = '#cccccc'")
    assert min(text["contrast"] for text in page.evaluate(TEXTS)) < READABLE
