"""Whatever happens to the starter, nothing that it started stays behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.kubelet.process import KEEPER

# A program that starts another one in a session of its own, as JupyterHub does with its services, and says both ids.
WITH_SERVICE = """
import subprocess, sys, os, time
service = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
print(os.getpid(), service.pid, flush=True)
time.sleep(60)
"""
STARTER = f"""
import subprocess, sys
keeper = subprocess.Popen([sys.executable, "-I", {str(KEEPER)!r}, sys.executable, "-c", {WITH_SERVICE!r}], stdin=subprocess.PIPE)
print(keeper.pid, flush=True)
keeper.wait()
"""


@pytest.fixture
def keeper() -> Iterator[subprocess.Popen[str]]:
    process = start_keeper(WITH_SERVICE)
    yield process
    if process.stdin:
        process.stdin.close()
    process.wait(20)
    if process.stdout:
        process.stdout.close()


def start_keeper(program: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-I", str(KEEPER), sys.executable, "-c", program]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def said_ids(process: subprocess.Popen[str]) -> list[int]:
    assert process.stdout
    return [int(word) for word in process.stdout.readline().split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone_within(seconds: float, pids: list[int]) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not any(alive(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def test_letting_go_ends_the_program_and_what_it_started_in_other_sessions(keeper: subprocess.Popen[str]) -> None:
    pids = said_ids(keeper)
    assert len(pids) == 2
    assert all(alive(pid) for pid in pids)
    assert keeper.stdin
    keeper.stdin.close()
    keeper.wait(20)
    assert not any(alive(pid) for pid in pids)


def test_sigterm_ends_them_too(keeper: subprocess.Popen[str]) -> None:
    pids = said_ids(keeper)
    keeper.send_signal(signal.SIGTERM)
    assert keeper.wait(20) == 128 + signal.SIGTERM
    assert not any(alive(pid) for pid in pids)


def test_a_killed_starter_leaves_no_orphans() -> None:
    with subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout
        keeper_pid = int(starter.stdout.readline())
        pids = [keeper_pid, *said_ids(starter)]
        assert all(alive(pid) for pid in pids)
        os.kill(starter.pid, signal.SIGKILL)
        assert gone_within(15, pids)


def test_a_program_that_ignores_sigterm_is_killed_after_the_grace() -> None:
    stubborn = "import signal, time, os; signal.signal(15, signal.SIG_IGN); print(os.getpid(), flush=True); time.sleep(60)"
    keeper = start_keeper(stubborn)
    pids = said_ids(keeper)
    assert keeper.stdin
    assert keeper.stdout
    keeper.stdin.close()
    assert keeper.wait(20) == 128 + signal.SIGKILL
    keeper.stdout.close()
    assert not any(alive(pid) for pid in pids)


@pytest.mark.parametrize("code", [0, 3])
def test_the_program_s_own_exit_code_is_passed_on(code: int) -> None:
    keeper = start_keeper(f"raise SystemExit({code})")
    assert keeper.wait(20) == code
    assert keeper.stdin
    assert keeper.stdout
    keeper.stdin.close()
    keeper.stdout.close()
