"""Shows progress: a live list on a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from local.guide.follow import StageProgress

MARKS = {"done": ("✓", "green"), "failed": ("✗", "red")}


class Progress:
    """A list of steps with times. Every step is told once when it begins and once when it ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._steps: dict[str, StageProgress] = {}
        self._began: dict[str, float] = {}
        self._live: Live | None = None

    def tell(self, step: StageProgress) -> None:
        """Take note of a step that began or ended, and show it."""
        self._began.setdefault(step.stage, time.monotonic())
        self._steps[step.stage] = step
        if self._live is not None:
            self._live.refresh()
        elif step.status == "running":
            self._console.print(f"  … {step.stage}", highlight=False)
        else:
            self._console.print(f"  {MARKS[step.status][0]} {step.stage:<44} {step.seconds:6.1f} s", highlight=False)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Keep the list on the screen meanwhile, where there is a screen."""
        if not self._console.is_terminal:
            yield
            return
        with Live(console=self._console, refresh_per_second=8, get_renderable=self._list) as live:
            self._live = live
            try:
                yield
            finally:
                self._live = None

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """A step of our own: told before and after, also when it fails."""
        began = time.monotonic()
        self.tell(StageProgress(title, "running", 0.0))
        try:
            yield
        except BaseException:
            self.tell(StageProgress(title, "failed", time.monotonic() - began))
            raise
        self.tell(StageProgress(title, "done", time.monotonic() - began))

    def _list(self) -> Group:
        rows: list[Text] = []
        for step in self._steps.values():
            if step.status == "running":
                spent = time.monotonic() - self._began[step.stage]
                rows.append(Text.assemble(("…", "yellow"), f" {step.stage:<44} {spent:6.1f} s"))
            else:
                mark, color = MARKS[step.status]
                rows.append(Text.assemble((mark, color), f" {step.stage:<44} {step.seconds:6.1f} s"))
        return Group(*rows)
