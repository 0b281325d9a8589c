"""The storage day at scale: what planning costs as a fleet grows, and a whole dry run against cloud-custodian's.

Each measurement is a process of its own: a peak of memory is a process's, for ever.
"""

from __future__ import annotations

import gc
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from local.bench import fleet
from local.guide.processes import REPOSITORY, TOOLS

# Sizes, and how often each is measured: the least of several counts, because other programs only ever add to it.
SIZES: Final = {10_000: 7, 100_000: 3, 1_000_000: 2}
LARGEST_EXPONENT: Final = 1.1
DRY_RUN_SIZE: Final = 100_000
LARGEST_TIME_SHARE: Final = 1 / 3
LARGEST_MEMORY_SHARE: Final = 1 / 6
TURNS: Final = 3
OLDER_DAYS: Final = 7
CUSTODIAN: Final = TOOLS / "c7n/bin/custodian"


@dataclass(frozen=True)
class PlanningFigures:
    """Planning the pruning of so many snapshots: processor seconds, and MiB at the peak beyond those of an empty process."""

    snapshots: int
    seconds: float
    mib: float


@dataclass(frozen=True)
class DryRun:
    """One program over the same pages: seconds, MiB at the peak, and how many snapshots it would delete. Medians."""

    program: str
    seconds: float
    mib: float
    deletions: int


@dataclass(frozen=True)
class StorageFigures:
    """All of them. Exponents are over the whole range of sizes: 1.0 is twice the cost for twice the snapshots."""

    planning: tuple[PlanningFigures, ...]
    ours: DryRun
    custodian: DryRun

    @property
    def time_exponent(self) -> float:
        return _exponent([(item.snapshots, item.seconds) for item in self.planning])

    @property
    def memory_exponent(self) -> float:
        return _exponent([(item.snapshots, item.mib) for item in self.planning])

    @property
    def time_share(self) -> float:
        return self.ours.seconds / self.custodian.seconds

    @property
    def memory_share(self) -> float:
        return self.ours.mib / self.custodian.mib

    @property
    def is_within_goal(self) -> bool:
        """Growth and both shares; and both programs must have come to the same, or the comparison says nothing."""
        return (
            max(self.time_exponent, self.memory_exponent) <= LARGEST_EXPONENT
            and self.time_share <= LARGEST_TIME_SHARE
            and self.memory_share <= LARGEST_MEMORY_SHARE
            and self.ours.deletions == self.custodian.deletions
        )


def measure(sizes: Mapping[int, int] = SIZES, count: int = DRY_RUN_SIZE, turns: int = TURNS) -> StorageFigures:
    """Everything, the two dry runs in turns on one local endpoint."""
    planning = tuple(_planning(size, times) for size, times in sizes.items())
    # Custodian reckons ages from now on, by the second.
    newest = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
    ours, theirs = [], []
    with _endpoint(count, newest) as address:
        for _ in range(turns):
            ours.append(_child("dry-run", address))
            theirs.append(_custodian(address))
    return StorageFigures(planning, _median("Hubplane", ours), _median("cloud-custodian", theirs))


def _planning(size: int, times: int) -> PlanningFigures:
    runs = [_child("plan", str(size)) for _ in range(times)]
    return PlanningFigures(size, *(min(run[name] for run in runs) for name in ("seconds", "mib")))


def plan(count: int) -> dict[str, float]:
    """In a process of its own: plan once over a fleet that is there."""
    from hubplane.domain.storage.policy import StoragePolicy  # noqa: PLC0415 - before anything is measured
    from hubplane.domain.storage.snapshot_pruning import plan_snapshot_pruning  # noqa: PLC0415
    from hubplane.memory import not_collecting  # noqa: PLC0415

    before = _peak_mib()
    with not_collecting():
        inventory = fleet.inventory(count)
        begun = time.process_time()
        plan_snapshot_pruning(inventory, StoragePolicy(largest_share=1.0), fleet.NEWEST + timedelta(hours=2))
    return {"seconds": time.process_time() - begun, "mib": _peak_mib() - before}


def dry_run(address: str) -> dict[str, float]:
    """In a process of its own: sweep volumes and snapshots, plan their pruning."""
    from hubplane.adapters import ebs_sweep  # noqa: PLC0415 - only here is it a part of what is measured
    from hubplane.domain.storage.actions import Action  # noqa: PLC0415
    from hubplane.domain.storage.policy import StoragePolicy  # noqa: PLC0415
    from hubplane.domain.storage.records import Inventory  # noqa: PLC0415
    from hubplane.domain.storage.snapshot_pruning import plan_snapshot_pruning  # noqa: PLC0415
    from hubplane.domain.storage.tags import is_for_planners  # noqa: PLC0415
    from hubplane.memory import collecting_seldom, not_collecting  # noqa: PLC0415

    collecting_seldom()
    policy = StoragePolicy(daily_snapshots=OLDER_DAYS, weekly_snapshots=0, monthly_snapshots=0, largest_share=1.0)
    client = ebs_sweep.sweep_client(lambda key: is_for_planners(key, policy.protection_tag), endpoint_url=address)
    volumes = tuple(item for page in ebs_sweep.volume_pages(client, fleet.CLUSTER) for item in page.records)
    snapshots = tuple(item for page in ebs_sweep.snapshot_pages(client) for item in page.records)
    del client
    gc.collect()  # PlanStorage is a process of its own and never has a client of EC2, which holds itself by cycles
    inventory = Inventory(fleet.CLUSTER, fleet.ACCOUNT, volumes, snapshots, claims=())
    with not_collecting():
        found = plan_snapshot_pruning(inventory, policy, datetime.now(UTC))
    return {"mib": _peak_mib(), "deletions": len(found.having(Action.DELETE_SNAPSHOT))}


def _custodian(address: str) -> dict[str, float]:
    """cloud-custodian with the same policy: older than so many days, and not the newest of its volume."""
    filters = [
        {"type": "reduce", "group-by": "VolumeId", "sort-by": "StartTime", "order": "desc", "discard": 1},
        {"type": "age", "days": OLDER_DAYS, "op": "ge"},
    ]
    policy = {"name": "older", "resource": "aws.ebs-snapshot", "filters": filters, "actions": ["delete"]}
    with tempfile.TemporaryDirectory(prefix="hubplane-custodian-") as folder:
        file = Path(folder) / "policy.json"
        file.write_text(json.dumps({"policies": [policy]}))
        command = [str(CUSTODIAN), "run", "--dryrun", "--cache-period", "0", "--region", "us-east-1", "-s", folder, str(file)]
        figures, _ = _timed(command, address)
        deletions = len(json.loads((Path(folder) / "older/resources.json").read_text()))
    return {**figures, "deletions": deletions}


def _child(*arguments: str) -> dict[str, float]:
    address = arguments[1] if arguments[0] == "dry-run" else ""
    figures, said = _timed([sys.executable, "-m", "local.bench.storage", *arguments], address)
    found: dict[str, float] = json.loads(said)
    return {**figures, **found} if address else found


def _timed(command: list[str], address: str) -> tuple[dict[str, float], str]:
    """Seconds and peak of a command from its start to its end, and what it printed."""
    with tempfile.TemporaryFile("w+") as output:
        begun = time.perf_counter()
        process = subprocess.Popen(command, cwd=REPOSITORY, env=_environment(address), stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - begun
        output.seek(0)
        said = output.read()
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{said}")
    return {"seconds": seconds, "mib": usage.ru_maxrss / 1024}, said


def _environment(address: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": tempfile.gettempdir(),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        **({"AWS_ENDPOINT_URL": address} if address else {}),
    }


@contextmanager
def _endpoint(count: int, newest: datetime) -> Iterator[str]:
    """A fleet's pages, in a process of their own, which must not be measured."""
    command = [sys.executable, "-m", "local.bench.pages", str(count), newest.isoformat()]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None  # noqa: S101 - it is a pipe
        assert server.stdout is not None  # noqa: S101
        try:
            yield server.stdout.readline().strip()
        finally:
            server.stdin.close()
            server.wait(timeout=30)


def _median(program: str, turns: Sequence[dict[str, float]]) -> DryRun:
    seconds, mib = (statistics.median(turn[name] for turn in turns) for name in ("seconds", "mib"))
    return DryRun(program, seconds, mib, int(turns[0]["deletions"]))


def _exponent(points: Sequence[tuple[int, float]]) -> float:
    (few, little), (many, much) = points[0], points[-1]
    return math.log(much / little) / math.log(many / few)


def _peak_mib() -> float:
    """The largest resident set since this program was started. Not ``ru_maxrss``, which begins with that of the parent."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


if __name__ == "__main__":
    measurement: Any = {"plan": lambda given: plan(int(given)), "dry-run": dry_run}[sys.argv[1]]
    print(json.dumps(measurement(sys.argv[2])))
