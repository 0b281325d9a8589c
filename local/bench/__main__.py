"""`make bench`: prints the figures and exits with 1 if one misses its goal."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from local.bench import builds, command_line, diagnosis, functions, simulation, storage, storage_night, triggers
from local.guide import deploy


def main() -> int:
    console = Console(width=None if sys.stdout.isatty() else 120)
    with tempfile.TemporaryDirectory(prefix="hubplane-bench-") as folder:
        build_dir = Path(folder) / "sam/build"
        deploy.build(build_dir, f"python{sys.version_info.major}.{sys.version_info.minor}")
        per_build = builds.measure(Path(folder) / "state", build_dir)
        per_function = functions.measure(build_dir)
        per_trigger = triggers.measure(build_dir)
    start_up = command_line.measure()
    at_scale = storage.measure()
    night = storage_night.measure()
    diagnoses = diagnosis.measure()
    kept = simulation.run()

    table = Table(title="build_cluster, the 2019 parameter file", title_justify="left")
    for heading in ("build", "state transitions", "AWS calls of the functions", "most frequent"):
        table.add_column(heading)
    for build in per_build:
        most = sorted(build.calls.items(), key=lambda item: -item[1])[:4]
        words = ", ".join(f"{name} {times}" for name, times in most)
        table.add_row(build.kind, str(build.transitions), str(build.calls_in_all), words)
    console.print(table)

    goal = (
        f"goal without Kubernetes and helm: < {functions.LARGEST_BYTES // 10**6} MB, "
        f"and < {functions.RATIO_OF_BUILDS} in a build, < {functions.RATIO_OF_OTHERS} elsewhere"
    )
    table = Table(title=f"functions ({goal})", title_justify="left")
    for heading in ("function", "import time / import boto3", "unzipped with layers", "goal"):
        table.add_column(heading)
    for item in per_function:
        verdict = "-" if item.is_heavy else "met" if item.is_within_goal else "MISSED"
        table.add_row(item.name, f"{item.import_ratio:.2f}", f"{item.unzipped_bytes / 10**6:.1f} MB", verdict)
    console.print(table)

    for table in (
        triggers.table(per_trigger),
        command_line.table(start_up),
        *storage_tables(at_scale),
        storage_night.table(night),
        diagnosis.table(diagnoses),
    ):
        console.print(table)
    console.print(f"simulation of {simulation.PLAYS:,} plays: {'every promise kept' if kept else 'A PROMISE WAS BROKEN'}")
    return (
        0
        if kept and all(item.is_within_goal for item in (*per_function, *per_trigger, start_up, at_scale, night, diagnoses))
        else 1
    )


def storage_tables(figures: storage.StorageFigures) -> tuple[Table, Table]:
    """What planning costs as a fleet grows, and the dry run beside cloud-custodian's."""
    growth = Table(
        title=f"planning the pruning of snapshots (goal: growth exponents <= {storage.LARGEST_EXPONENT})", title_justify="left"
    )
    for heading in ("snapshots", "processor time", "peak memory", "per snapshot"):
        growth.add_column(heading)
    for item in figures.planning:
        each = f"{item.seconds / item.snapshots * 1e6:.1f} µs, {item.mib * 2**20 / item.snapshots:.0f} bytes"
        growth.add_row(f"{item.snapshots:,}", f"{item.seconds:.2f} s", f"{item.mib:.0f} MiB", each)
    growth.add_row(
        "exponent", *(verdict(it, storage.LARGEST_EXPONENT) for it in (figures.time_exponent, figures.memory_exponent)), ""
    )
    goal = f"goal: <= {storage.LARGEST_TIME_SHARE:.2f} of the time, <= {storage.LARGEST_MEMORY_SHARE:.3f} of the memory"
    beside = Table(title=f"dry run over {storage.DRY_RUN_SIZE:,} snapshots ({goal})", title_justify="left")
    for heading in ("program", "time", "peak memory", "would delete"):
        beside.add_column(heading)
    for run in (figures.ours, figures.custodian):
        beside.add_row(run.program, f"{run.seconds:.1f} s", f"{run.mib:.0f} MiB", f"{run.deletions:,}")
    same = "the same" if figures.ours.deletions == figures.custodian.deletions else "NOT THE SAME"
    shares = (
        verdict(figures.time_share, storage.LARGEST_TIME_SHARE),
        verdict(figures.memory_share, storage.LARGEST_MEMORY_SHARE),
    )
    beside.add_row("share", *shares, same)
    return growth, beside


def verdict(value: float, largest: float) -> str:
    """The figure, and whether it meets its goal."""
    return f"{value:.3f} {'met' if value <= largest else 'MISSED'}"


if __name__ == "__main__":
    sys.exit(main())
