"""What the launcher is told on its command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ACCOUNT_ID = "553778890976"  # the 2019 system's account: its parameter file names a certificate in it
REGION = "us-east-1"
SECRET_ACCESS_KEY = "test"


@dataclass(frozen=True)
class Options:
    """The launcher's arguments; ``port`` 0 means any free port."""

    announce_path: Path
    state_dir: Path
    kubernetes_control_url: str
    port: int = 0
    stack_seconds: float = 3.0
    auth: bool = False


def parse_options(arguments: Sequence[str] | None = None) -> Options:
    """Options from command-line arguments. Exits with usage text when one is wrong."""
    parser = argparse.ArgumentParser(prog="python -m local.cloud", description="The embedded AWS cloud, mended and seeded")
    parser.add_argument("--announce", required=True, type=Path, help="file that says where it listens, written when ready")
    parser.add_argument("--state-dir", required=True, type=Path, help="folder for everything it writes")
    parser.add_argument("--kubernetes-control-url", required=True, help="control API of the Kubernetes stand-in")
    parser.add_argument("--port", type=int, default=0, help="port of the AWS endpoint (default: any free one)")
    parser.add_argument("--stack-seconds", type=float, default=3.0, help="how long a stack operation takes at least")
    parser.add_argument("--auth", action="store_true", help="check signatures and IAM policies of every call")
    given = parser.parse_args(arguments)
    return Options(
        announce_path=given.announce.resolve(),
        state_dir=given.state_dir.resolve(),
        kubernetes_control_url=given.kubernetes_control_url.rstrip("/"),
        port=given.port,
        stack_seconds=given.stack_seconds,
        auth=given.auth,
    )
