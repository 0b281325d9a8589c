"""A deletion killed before and after each of its calls, reads and pages too, and run again: nothing is left that is not listed,
and no home is without its copy at any moment.

Who starts after a kill knows the account and nothing else, so two kills that leave the same account behind are one. At every
moment the account is looked at; where it is as it was at no moment before, the process forks, and its child is killed there and
runs the deletion to its end. That the functions remember nothing is checked as well.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from tests.functions.deletion_state import AccountState
from tests.functions.deletion_world import Account, Crash

COPIES = {"keep-snapshots": 5, "delete-after-proof": 4}
FIRST_OF_ITS_OWN = {"keep-snapshots": "", "delete-after-proof": "ebs.delete_snapshot"}
"""The call from which on the moments of a policy are not those of the other one."""


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        yield Account(monkeypatch)


class Kills:
    """Forks at every moment at which the account is new; ``child`` is where its child tells how it went."""

    def __init__(self, account: Account, first: str) -> None:
        self.account, self.first, self.child = account, first, None
        self.state, self.moments, self.last = AccountState(account), 0, ""
        self.proved: dict[str, str] = {}
        account.wire.at = self.at

    def at(self, moment: str) -> None:
        label, self.last = self.last, moment.rpartition(" ")[2]
        self.moments += 1
        fingerprint = self.state.after(self.last if moment.startswith("after") else label)
        if fingerprint in self.proved or (self.first and self.first not in self.account.wire.seen):
            return
        self.proved[fingerprint] = moment
        said = self._fork(moment)
        assert not said, f"killed {moment} and run again:\n{said}"

    def _fork(self, moment: str) -> str:
        """What the child says that is wrong; empty where nothing is."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            self.child, self.account.wire.at = writer, lambda _: None
            raise Crash(moment)
        os.close(writer)
        with os.fdopen(reader) as words:
            said = words.read()
        _, status = os.waitpid(child, 0)
        return said or ("it went without a word" if status else "")


def check_end(account: Account) -> None:
    """As a deletion without trouble leaves it."""
    listed = {item["thing_id"] for item in account.listing()}
    assert account.standing() == listed
    assert not [item for item in account.listing() if item["goes"]]
    assert not account.ebs.volumes
    assert account.record()["status"]["S"] == "DELETED"
    assert {"lock", "storage_lock"}.isdisjoint(account.record())
    assert account.cluster.stack is None


def live_on(account: Account, policy: str, child: int) -> None:
    """What follows a kill, in the process that was killed; it ends here, whatever happens."""
    said = ""
    try:
        assert isinstance(sys.exception(), Crash), "a kill ended otherwise"
        account.delete(policy)
        check_end(account)
        assert len(account.ebs.snapshots) == COPIES[policy], "no copies upon copies"
    except BaseException:
        said = traceback.format_exc()
    finally:
        os.write(child, said.encode()[-8000:])
        os._exit(0)


def memory(account: Account) -> dict[str, Any]:
    """What the functions' modules hold: names and values, and the words of what could be filled."""
    return {
        f"{name}.{key}": repr(value) if isinstance(value, list | dict | set) else id(value)
        for name, app in account.apps.items()
        for key, value in vars(app).items()
        if not key.startswith("__")
    }


@pytest.mark.parametrize("policy", list(COPIES))
def test_killed_at_every_call_it_goes_on_to_the_same_end(account: Account, policy: str) -> None:
    kills, before = Kills(account, FIRST_OF_ITS_OWN[policy]), memory(account)
    try:
        account.delete(policy)
    except BaseException:
        if kills.child is not None:
            live_on(account, policy, kills.child)
        raise
    account.wire.at = lambda _: None
    check_end(account)
    assert len(account.ebs.snapshots) == COPIES[policy]
    assert memory(account) == before, "a function remembers something, so a kill is more than what it leaves"
    calls = account.wire.seen
    assert kills.moments > 2 * len(calls) > 250, "each call was looked at before and after"
    for needed in ("hub.stop", "kubernetes.apply", "ebs.create_snapshot", "cloudformation.delete_stack", "helm.uninstall"):
        assert needed in calls
    print(f"{policy}: {len(calls)} calls, {kills.moments} moments, {len(kills.proved)} of them new")
    assert len(kills.proved) >= (35 if policy == "keep-snapshots" else 1), kills.proved.values()
