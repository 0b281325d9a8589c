"""One emulator per test module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local.cloud.running import RunningCloud, running_cloud


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """The mended emulator."""
    with running_cloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running
