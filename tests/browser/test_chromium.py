"""The browser of the tests sees faults: otherwise the tests that use it could not fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.browser.chromium import Browser, BrowserFailed

QUIET = "<!doctype html><title>quiet</title><p id=said>as it is</p>"


def written(folder: Path, html: str) -> Path:
    page = folder / "page with a space.html"
    page.write_text(html, encoding="utf-8")
    return page


def test_a_quiet_page_has_no_fault(open_page, tmp_path):
    page = open_page(written(tmp_path, QUIET), 375, 700)
    assert page.evaluate("document.getElementById('said').textContent") == "as it is"
    assert page.evaluate("innerWidth") == 375
    assert (page.overflow_px, page.requests, page.console_errors) == (0, [], [])


@pytest.mark.parametrize(
    ("html", "wanted"),
    [
        pytest.param("<div style='width:900px'>wide", "overflow", id="wider than the window"),
        pytest.param("<img src='https://tracker.invalid/pixel.png'>", "request", id="asks the network"),
        pytest.param("<link rel=stylesheet href=style.css>", "request", id="asks for a file"),
        pytest.param("<script>console.error('broken', 7)</script>", "error", id="console.error"),
        pytest.param("<script>throw new Error('thrown')</script>", "error", id="uncaught"),
    ],
)
def test_each_fault_is_seen(open_page, tmp_path, html, wanted):
    page = open_page(written(tmp_path, "<!doctype html>" + html), 375, 700)
    assert (page.overflow_px > 0) == (wanted == "overflow")
    assert bool(page.requests) == (wanted == "request")
    assert bool(page.console_errors) == (wanted in ("error", "request"))


def test_screens_and_colours(open_page, tmp_path):
    dark = open_page(written(tmp_path, QUIET), 1280, 800, dark=True)
    assert dark.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") is True
    paper = open_page(written(tmp_path, QUIET), 1280, 800, media="print")
    assert paper.evaluate("matchMedia('print').matches") is True
    assert paper.screenshot(tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")


def test_a_page_may_be_opened_with_its_scripts_off(open_page, tmp_path):
    html = QUIET + "<script>document.getElementById('said').textContent = 'changed'</script>"
    page = open_page(written(tmp_path, html), 375, 700, javascript=False)
    assert page.evaluate("document.getElementById('said').textContent") == "as it is"


def test_what_throws_and_what_is_missing_fails_in_words(open_page, tmp_path):
    page = open_page(written(tmp_path, QUIET), 375, 700)
    with pytest.raises(BrowserFailed, match="nothing is not defined"):
        page.evaluate("nothing.here")
    with pytest.raises(BrowserFailed, match="ERR_FILE_NOT_FOUND"):
        open_page(tmp_path / "missing.html", 375, 700)


def test_no_browser_says_how_to_get_one(tmp_path):
    with pytest.raises(BrowserFailed, match="make tools"):
        Browser(tmp_path / "chromium")


def test_a_browser_that_ends_is_no_endless_wait(tmp_path):
    script = tmp_path / "chromium"
    script.write_text("#!/bin/sh\necho 'no display' >&2\n", encoding="utf-8")
    script.chmod(0o755)
    with Browser(script) as broken, pytest.raises(BrowserFailed, match="no display"):
        broken.call("Browser.getVersion", {})
