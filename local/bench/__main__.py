"""`make bench`: prints the figures and exits with 1 if one misses its goal."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from local.bench import builds, functions
from local.guide import deploy


def main() -> int:
    console = Console(width=None if sys.stdout.isatty() else 120)
    with tempfile.TemporaryDirectory(prefix="hubplane-bench-") as folder:
        build_dir = Path(folder) / "sam/build"
        deploy.build(build_dir, f"python{sys.version_info.major}.{sys.version_info.minor}")
        per_build = builds.measure(Path(folder) / "state", build_dir)
        per_function = functions.measure(build_dir)

    table = Table(title="build_cluster, the 2019 parameter file", title_justify="left")
    for heading in ("build", "state transitions", "AWS calls of the functions", "most frequent"):
        table.add_column(heading)
    for build in per_build:
        most = sorted(build.calls.items(), key=lambda item: -item[1])[:4]
        words = ", ".join(f"{name} {times}" for name, times in most)
        table.add_row(build.kind, str(build.transitions), str(build.calls_in_all), words)
    console.print(table)

    goal = f"goal without Kubernetes and helm: < {functions.LARGEST_RATIO} and < {functions.LARGEST_BYTES // 10**6} MB"
    table = Table(title=f"functions ({goal})", title_justify="left")
    for heading in ("function", "import time / import boto3", "unzipped with layers", "goal"):
        table.add_column(heading)
    for item in per_function:
        verdict = "-" if item.is_heavy else "met" if item.is_within_goal else "MISSED"
        table.add_row(item.name, f"{item.import_ratio:.2f}", f"{item.unzipped_bytes / 10**6:.1f} MB", verdict)
    console.print(table)
    return 0 if all(item.is_within_goal for item in per_function) else 1


if __name__ == "__main__":
    sys.exit(main())
