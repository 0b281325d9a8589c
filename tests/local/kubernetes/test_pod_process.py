"""A pod whose work is done ends well and stays ended; one that fails says so, and one that goes on is not ended."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from local.kubernetes.pods.process import PodProcess
from local.kubernetes.pods.status import ContainerState
from local.kubernetes.runtime import PodStart

START = PodStart({"metadata": {"name": "drill-0"}}, {"name": "drill"}, {}, {})


class Work:
    """A process that has ended with ``code``; None: it runs."""

    def __init__(self, code: int | None) -> None:
        self.code, self.stopped = code, False

    def start(self, start: PodStart) -> Work:
        return self

    def ready(self) -> bool:
        return self.code is None

    def failure(self) -> str | None:
        return f"ended with {self.code}" if self.code else None

    def succeeded(self) -> bool:
        return self.code == 0

    def log(self) -> str:
        return "what it said"

    def stop(self) -> None:
        self.stopped = True


@pytest.mark.parametrize(("code", "exit_code", "ready"), [(0, 0, False), (3, 1, False), (None, None, True)])
def test_how_a_pod_that_is_not_restarted_stands(code: int | None, exit_code: int | None, ready: bool) -> None:
    told: list[Mapping[str, ContainerState]] = []

    async def live() -> str | None:
        work, seen = Work(code), asyncio.Event()
        process = PodProcess(work, {"drill": START}, lambda states: (told.append(states), seen.set())[1], restart=False)
        await asyncio.wait_for(seen.wait(), 10)
        log = await process.log("drill")
        await process.stop()
        assert work.stopped
        return log

    assert asyncio.run(live()) == "what it said"
    assert (told[-1]["drill"].exit_code, told[-1]["drill"].ready) == (exit_code, ready)
