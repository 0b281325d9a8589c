"""A headless Chromium for tests that look at what a person sees.

``open_page(path, width, height)`` opens a file at a window size and gives a ``Page``: ``evaluate(js)``, ``screenshot(path)``,
``overflow_px``, ``requests`` (what it asked for beside itself), ``console_errors``. Options: ``dark``, ``media="print"``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from local.browser.chromium import Browser, Page

OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a worker."""
    with Browser() as chromium:
        yield chromium


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens pages and closes them after the test."""
    pages: list[Page] = []

    def open_one(*args: object, **options: object) -> Page:
        pages.append(browser.open_page(*args, **options))
        return pages[-1]

    yield open_one
    for page in pages:
        page.close()
