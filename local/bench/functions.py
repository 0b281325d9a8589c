"""What each function ships and what its import costs, from the artefacts that `sam build` made."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfnlint.decode import decode

from local.guide.processes import REGION, REPOSITORY, TOOLS

HEAVY_LAYERS = {"KubernetesLayer", "HelmLayer"}
LARGEST_BYTES = 20_000_000
# A build calls its functions one after the other while somebody watches; triggers have goals of their own (triggers.py), and
# what works at night or waits for people may take longer to begin.
RATIO_OF_BUILDS = 1.3
RATIO_OF_OTHERS = 1.6
BASELINE = "import boto3"
PAIRS = 7
MAY_BE_EMPTY = {"HUB_CONNECT_TO", "ALLOWED_EMAIL_DOMAINS", "BLOCKED_EMAIL_DOMAINS", "RESERVED_USER_NAMES", "AUTO_APPROVED_EMAILS"}

MEASURE = (
    "import sys, time; sys.path[:0] = sys.argv[2:]; t = time.perf_counter(); exec(sys.argv[1]); print(time.perf_counter() - t)"
)


@dataclass(frozen=True)
class FunctionFigures:
    """One function: unzipped bytes with its layers, and its import time as a multiple of ``import boto3``."""

    name: str
    unzipped_bytes: int
    import_ratio: float
    goal_ratio: float
    is_heavy: bool

    @property
    def is_within_goal(self) -> bool:
        """Functions that talk to Kubernetes or run helm have no goal; the others stay small and start fast."""
        return self.is_heavy or (self.unzipped_bytes < LARGEST_BYTES and self.import_ratio < self.goal_ratio)


def built_functions(build_dir: Path) -> dict[str, dict[str, Any]]:
    """Logical id -> properties of each function in the built template."""
    document, _ = decode(str(build_dir / "template.yaml"))
    return {
        name: item["Properties"] for name, item in document["Resources"].items() if item["Type"] == "AWS::Serverless::Function"
    }


def layers_of(properties: dict[str, Any]) -> list[str]:
    """The layers of a function, the core layer of Globals first."""
    own = [layer["Ref"] for layer in properties.get("Layers", [])]
    return ["CoreLayer", *[layer for layer in own if layer != "CoreLayer"]]


def functions_of(machine: str) -> set[str]:
    """Logical ids of the functions that a state machine's definition names."""
    return set(re.findall(r"\$\{(\w+Function)Arn\}", machine))


def unzipped_bytes(build_dir: Path, name: str, properties: dict[str, Any]) -> int:
    """Bytes of all files of a function and its layers, as Lambda counts them against 250 MB."""
    folders = [build_dir / name, *[build_dir / layer for layer in layers_of(properties)]]
    return sum(file.lstat().st_size for folder in folders for file in folder.rglob("*") if file.is_file())


def measure(build_dir: Path, pairs: int = PAIRS) -> list[FunctionFigures]:
    """Figures of every function; each import runs in its own process, in turns with the baseline. The fastest of each count.

    What other programs take of the processor only ever adds.
    """
    figures = []
    waited_for = functions_of((REPOSITORY / "statemachines/build_cluster.asl.json").read_text())
    for name, properties in sorted(built_functions(build_dir).items()):
        layers = layers_of(properties)
        path = [str(build_dir / name), *[str(build_dir / layer / "python") for layer in layers]]
        variables = dict.fromkeys(properties.get("Environment", {}).get("Variables", {}), "1")
        # As in most accounts: what may be empty and has a shape of its own.
        variables |= dict.fromkeys(variables.keys() & MAY_BE_EMPTY, "")
        _import_seconds("import app", path, variables)  # writes the .pyc files that a first import would
        turns = [(_import_seconds("import app", path, variables), _import_seconds(BASELINE, [], variables)) for _ in range(pairs)]
        own, baseline = (min(seconds) for seconds in zip(*turns, strict=True))
        figures.append(
            FunctionFigures(
                name.removesuffix("Function"),
                unzipped_bytes(build_dir, name, properties),
                own / baseline,
                RATIO_OF_BUILDS if name in waited_for else RATIO_OF_OTHERS,
                bool(HEAVY_LAYERS & set(layers)),
            )
        )
    return figures


def _import_seconds(statement: str, path: list[str], variables: dict[str, str]) -> float:
    environment = {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "PATH": os.environ["PATH"], **variables}
    finished = subprocess.run(
        [str(TOOLS / "cloud/bin/python"), "-c", MEASURE, statement, *path],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise RuntimeError(f"{statement} with {path} failed:\n{finished.stderr}")
    seconds: float = json.loads(finished.stdout.strip().splitlines()[-1])
    return seconds
