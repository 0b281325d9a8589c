"""The program, run as a person runs it: the installed script in a process of its own, with or without a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.command_line.stub_aws import ACCOUNT, REGION, StubAws

PROGRAM = Path(sys.executable).with_name("hubplane")
CLUSTER_ARN = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/opensarlab"


@dataclass(frozen=True)
class Finished:
    """What a run left: exit code, standard output and standard error; of a terminal all of it is ``out``."""

    code: int
    out: str
    err: str


@dataclass
class Person:
    """Somebody with a home folder, an environment and the program."""

    home: Path
    variables: dict[str, str] = field(default_factory=dict)

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        path = f"{PROGRAM.parent}:/usr/bin:/bin"
        return {"HOME": str(self.home), "PATH": path, "LANG": "C.UTF-8", **self.variables, **(more or {})}

    def run(self, *arguments: str, given: str | None = None, **more: str) -> Finished:
        """Without a terminal; ``more`` are environment variables."""
        finished = subprocess.run(
            [str(PROGRAM), *arguments],
            env=self.environment(more),
            input=given or "",
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return Finished(finished.returncode, finished.stdout, finished.stderr)

    def popen(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """Without a terminal, not waited for."""
        return subprocess.Popen(
            # Who runs the tests in the background hands down that Ctrl-C is ignored; a person's shell does not.
            ["env", "--default-signal=INT", str(PROGRAM), *arguments],
            env=self.environment(more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def at_terminal(self, *arguments: str, typed: str = "", columns: int = 100, **more: str) -> Finished:
        """In a terminal of its own, with ``typed`` on the keyboard; ``more`` are environment variables."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen(
            [str(PROGRAM), *arguments],
            env=self.environment({"TERM": "xterm", **more}),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        if typed:
            os.write(ours, typed.encode())
        shown = bytearray()
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # how Linux says that the other side is closed
                break
            if not piece:
                break
            shown += piece
        os.close(ours)
        return Finished(process.wait(timeout=60), shown.decode(errors="replace"), "")


@pytest.fixture
def aws() -> Iterator[StubAws]:
    stub = StubAws()
    stub.clusters = {"opensarlab": {"status": "ACTIVE", "stage": "RecordRelease"}, "icelab": {"status": "FAILED"}}
    stub.eks = {
        "opensarlab": {
            "arn": CLUSTER_ARN,
            "endpoint": "https://ABC.gr7.us-east-1.eks.amazonaws.com",
            "certificateAuthority": {"data": "Q0E="},
            "status": "ACTIVE",
        }
    }
    stub.access_entries = [f"arn:aws:iam::{ACCOUNT}:role/team/hub-operators"]
    yield stub
    stub.close()


@pytest.fixture
def person(aws: StubAws, tmp_path: Path) -> Person:
    """Somebody with credentials and a Region."""
    home = tmp_path / "home"
    home.mkdir()
    variables = {
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "example",
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "USER": "ada",
        "LOGNAME": "ada",
    }
    return Person(home, variables)


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str, str], str]:
    """Writes a file and answers its path."""

    def write(name: str, text: str) -> str:
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write
