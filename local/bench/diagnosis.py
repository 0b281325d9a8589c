"""What a diagnosis costs on a cluster of 10, 100, 1,000 people, all with a running server: calls, and seconds of its own.

The handler runs whole, against a Kubernetes API over TLS on this machine and against AWS answers made here, in pages of the
services' own sizes. Seconds are therefore those of reading, parsing and judging; each call adds its own way to AWS.
"""

from __future__ import annotations

import contextlib
import io
import logging
import time
from dataclasses import dataclass
from typing import Final

import pytest
from rich.table import Table

from tests.functions.diagnosis_world import cluster_of

SIZES: Final = (10, 100, 1000)
TURNS: Final = 3
# Six lists may have pages: pods, claims, volumes and attachments of Kubernetes (500), volumes (500) and snapshots (1,000) of EC2.
PAGED_LISTS: Final = 6
PAGE: Final = 500


@dataclass(frozen=True)
class DiagnosisFigures:
    """One size of cluster: requests of a diagnosis, and the least of its seconds over the turns."""

    people: int
    calls: int
    seconds: float


@dataclass(frozen=True)
class Diagnoses:
    """All sizes, the smallest first."""

    figures: tuple[DiagnosisFigures, ...]

    def most_calls(self, people: int) -> int:
        """The goal: what the smallest cluster costs, and one more call for each page more of a list."""
        pages = (people - 1) // PAGE
        return self.figures[0].calls + PAGED_LISTS * pages

    @property
    def is_within_goal(self) -> bool:
        return all(item.calls <= self.most_calls(item.people) for item in self.figures)


def measure(sizes: tuple[int, ...] = SIZES, turns: int = TURNS) -> Diagnoses:
    """A diagnosis of each size, which must find nothing wrong."""
    logging.disable(logging.INFO)
    try:
        return Diagnoses(tuple(_one(people, turns) for people in sizes))
    finally:
        logging.disable(logging.NOTSET)


def _one(people: int, turns: int) -> DiagnosisFigures:
    seconds = []
    with pytest.MonkeyPatch.context() as patch, cluster_of(people, patch) as world:
        for _ in range(turns):
            begun = time.perf_counter()
            with contextlib.redirect_stdout(io.StringIO()):
                result = world.examine()
            seconds.append(time.perf_counter() - begun)
            if result["findings"]:
                raise RuntimeError(f"a false alarm: {result['findings']}")
        return DiagnosisFigures(people, world.calls, min(seconds))


def table(diagnoses: Diagnoses) -> Table:
    """The figures as `make bench` prints them."""
    found = Table(title="a diagnosis (goal: calls grow with pages, not with people)", title_justify="left")
    for heading in ("people", "calls", "goal", "seconds without the network"):
        found.add_column(heading)
    for item in diagnoses.figures:
        most = diagnoses.most_calls(item.people)
        verdict = f"<= {most} {'met' if item.calls <= most else 'MISSED'}"
        found.add_row(f"{item.people:,}", str(item.calls), verdict, f"{item.seconds:.2f}")
    return found
