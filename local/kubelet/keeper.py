"""Runs one command and ends everything that came of it, however its starter ends.

``python -I keeper.py COMMAND ARGUMENT...`` with a pipe as standard input, whose other end only the starter holds. When that
pipe closes (the starter closed it, exited or was killed) or on SIGTERM, the command's process group gets SIGTERM, then
SIGKILL after a grace. It is a process of its own because a killed stand-in can clean up nothing, and it makes itself the
subreaper (prctl(2)) because JupyterHub starts its services in sessions of their own, which no process group reaches.
Standard library only; exits with the command's exit code, or 128 + signal.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
GRACE_SECONDS = 8.0


def run(command: list[str]) -> int:
    """Run ``command`` until it ends or the starter lets go; returns its exit code once nothing of it is left."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signals = _signals_as_bytes()
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        # For the case that somebody kills this process itself. It has one thread, so code between fork and exec is safe.
        preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0),  # noqa: PLW1509
    )
    exit_code: int | None = None
    kill_at: float | None = None
    while exit_code is None:
        if kill_at is None:
            if _asked_to_end(signals):
                _signal_group(child.pid, signal.SIGTERM)
                kill_at = time.monotonic() + GRACE_SECONDS
        elif time.monotonic() < kill_at:
            _wait(signals, kill_at - time.monotonic())
        else:
            _signal_group(child.pid, signal.SIGKILL)
            _wait(signals, 1.0)
        exit_code = _reap(child.pid)
    _end_descendants()
    return exit_code if exit_code >= 0 else 128 - exit_code


def _signals_as_bytes() -> int:
    """A descriptor that yields one byte, its number, for each SIGCHLD and SIGTERM (``signal.set_wakeup_fd``)."""
    reader, writer = os.pipe()
    for end in (reader, writer):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(writer)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: None)
    return reader


def _asked_to_end(signals: int) -> bool:
    """Wait for anything to happen; whether it is the starter letting go, or SIGTERM."""
    lifeline = sys.stdin.fileno()
    readable, _, _ = select.select([signals, lifeline], [], [])
    if lifeline in readable and not os.read(lifeline, 4096):
        return True
    return signals in readable and signal.SIGTERM in os.read(signals, 4096)


def _wait(signals: int, seconds: float) -> None:
    if select.select([signals], [], [], seconds)[0]:
        os.read(signals, 4096)


def _signal_group(leader: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, number)


def _reap(main_process: int) -> int | None:
    """Collect every ended child; the exit code of the main one if it is among them."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return None
        if pid == main_process:
            return os.waitstatus_to_exitcode(status)
        if pid == 0:
            return None


def _end_descendants() -> None:
    """Kill what outlived the command. The orphans of what is killed become this process's children and are killed next."""
    own = os.getpid()
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        for pid in Path(f"/proc/self/task/{own}/children").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
