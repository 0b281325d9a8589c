"""How long the command-line program takes to show its help, beside a Python that does nothing."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

PAIRS = 15
LARGEST_RATIO = 8.0
"""It is 5 to 6, of which Click is 3 to 4; boto3 alone would be 15, so one import of it at the top misses the goal."""


@dataclass(frozen=True)
class StartFigures:
    """Median of the ratios of pairs that ran in turns; seconds are medians and belong to this machine only."""

    ratio: float
    help_seconds: float
    nothing_seconds: float

    @property
    def is_within_goal(self) -> bool:
        return self.ratio <= LARGEST_RATIO


def measure(pairs: int = PAIRS) -> StartFigures:
    """Run ``hubplane --help`` and ``python -c pass`` in turns, each in its own process."""
    program = str(Path(sys.executable).with_name("hubplane"))
    _seconds([program, "--help"])  # writes the .pyc files that a first run would
    taken = [(_seconds([program, "--help"]), _seconds([sys.executable, "-c", "pass"])) for _ in range(pairs)]
    helps, nothings = zip(*taken, strict=True)
    ratio = statistics.median(shown / nothing for shown, nothing in taken)
    return StartFigures(ratio, statistics.median(helps), statistics.median(nothings))


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def table(figures: StartFigures) -> Table:
    """The figure and its goal."""
    shown = Table(title=f"the command-line program (goal: ratio <= {LARGEST_RATIO:.0f})", title_justify="left")
    for heading in ("hubplane --help", "python -c pass", "ratio", "goal"):
        shown.add_column(heading)
    times = (f"{seconds * 1000:.0f} ms" for seconds in (figures.help_seconds, figures.nothing_seconds))
    shown.add_row(*times, f"{figures.ratio:.1f}", "met" if figures.is_within_goal else "MISSED")
    return shown
