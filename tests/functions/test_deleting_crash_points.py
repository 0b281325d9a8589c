"""A deletion killed before and after each call that changes something, and run again: nothing is left that is not listed, and no
home is without its copy at any moment.

Reads are left out: a kill around one leaves what a kill after the change before it leaves.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.functions.deletion_world import Account, Crash


@pytest.fixture
def worlds(monkeypatch: pytest.MonkeyPatch) -> Iterator[type]:
    """Makes accounts, each apart from those before."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    mock = mock_aws()

    class World(Account):
        def __init__(self, cut_at: int | None = None) -> None:
            mock.reset()
            super().__init__(monkeypatch)
            self.wire.cut_at = cut_at

    with mock:
        yield World


def check_end(account: Account) -> None:
    """As a deletion without trouble leaves it."""
    listed = {item["thing_id"] for item in account.listing()}
    assert account.standing() == listed
    assert not [item for item in account.listing() if item["goes"]]
    assert not account.ebs.volumes
    assert account.record()["status"]["S"] == "DELETED"
    assert {"lock", "storage_lock"}.isdisjoint(account.record())
    assert account.cluster.stack is None


def cuts(calls: list[str], policy: str) -> list[int]:
    """Before and after every call; of the other policy those alone that the first one does not make."""
    return [cut for cut in range(2 * len(calls)) if policy == "keep-snapshots" or calls[cut // 2] == "ebs.delete_snapshot"]


@pytest.mark.parametrize("policy", ["keep-snapshots", "delete-after-proof"])
def test_killed_at_every_call_it_goes_on_to_the_same_end(worlds: type, policy: str) -> None:
    untroubled = worlds()
    untroubled.delete(policy)
    check_end(untroubled)
    calls = untroubled.wire.seen
    assert len(calls) > 25, calls
    for needed in ("hub.stop", "kubernetes.apply", "ebs.create_snapshot", "cloudformation.delete_stack", "helm.uninstall"):
        assert needed in calls
    assert cuts(calls, policy)
    for cut_at in cuts(calls, policy):
        account = worlds(cut_at)
        with pytest.raises(Crash):
            account.delete(policy)
        account.wire.cut_at = None
        account.delete(policy)
        check_end(account)
        assert len(account.ebs.snapshots) <= len(untroubled.ebs.snapshots) + 1, "no copies upon copies"
