"""A longer run of the storage simulation than the tests have time for: more plays, the same promises after every step."""

from __future__ import annotations

import os
import subprocess
import sys

from local.guide.processes import REPOSITORY

PLAYS = 4400
"""Four times those of `make test`, some 400,000 steps; they are the same every time, and the first ones are the tests' own."""


def run(plays: int = PLAYS) -> bool:
    """Play; what was reached is printed by the test itself. False where a promise was broken."""
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-s", "--timeout", "0", "tests/simulation/test_promises.py"],
        cwd=REPOSITORY,
        env={**os.environ, "HUBPLANE_SIMULATION_EXAMPLES": str(plays)},
        check=False,
    )
    return finished.returncode == 0
