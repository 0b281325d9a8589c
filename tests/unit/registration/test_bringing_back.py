"""A person comes back only past every obstacle, and a plan says what enforcing would do."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from hubplane.domain.errors import HubplaneError, NotYet, PersonInputInvalid
from hubplane.domain.registration.bringing_back import Change, Hands, bring_back
from hubplane.domain.registration.decision import RegistrationRefused
from hubplane.domain.registration.inputs import Return
from hubplane.domain.registration.records import Status, UserRecord

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)
OLD = UserRecord("ada", "sub-1", "ada@uni.example.org", Status.TOMBSTONE)
NEW = UserRecord("ada2", "sub-2", "ada@uni.example.org", Status.APPROVED)
ALLOW = Return("ada", "allow", "grace", "asked by phone")
TRANSFER = Return("ada", "transfer", "grace", "a new phone", to="ada2")


@dataclass(frozen=True)
class Seen:
    """An account of the pool."""

    sub: str
    email: str = "ada@uni.example.org"
    email_verified: bool = True
    enabled: bool = False


@dataclass
class World:
    """Records and accounts by name; ``is_late``: somebody else writes first."""

    accounts: dict[str, Seen] = field(default_factory=lambda: {"ada2": Seen("sub-2", enabled=True)})
    records: dict[str, UserRecord] = field(default_factory=lambda: {"ada": OLD, "ada2": NEW})
    is_late: bool = False
    done: list[str] = field(default_factory=list)

    def bring_back(self, asked: Return) -> tuple[list[str], str]:
        def store(username: str, sentence: str, changes: list[Change]) -> bool:
            if self.is_late:
                return False
            self.records |= {new.username: new for new, _ in changes}
            self.done.append(f"store {len(changes)}")
            return True

        hands = Hands(self.records.get, self.accounts.get, store, lambda name: self.done.append(f"delete {name}"))
        return bring_back(asked, hands, NOW)


LEFT = {"ada": Seen("sub-1")}


@pytest.mark.parametrize(
    ("asked", "accounts", "done"),
    [
        pytest.param(ALLOW, {}, ["store 1"], id="allowed"),
        pytest.param(ALLOW, LEFT, ["store 1", "delete ada"], id="allowed-and-the-name-set-free"),
        pytest.param(TRANSFER, World().accounts, ["store 2"], id="transferred-in-one-transaction"),
    ],
)
def test_a_plan_changes_nothing_and_says_what_enforcing_does(asked: Return, accounts: dict[str, Seen], done: list[str]) -> None:
    planned, enforced = World(accounts), World(accounts)
    changes, sentence = planned.bring_back(asked)
    assert (changes, planned.done) == ([], [])
    changes, told = enforced.bring_back(replace(asked, mode="enforce"))
    assert (told, enforced.done) == (sentence, done)
    assert len(changes) == (2 if "delete ada" in done else 1)


@pytest.mark.parametrize(
    ("world", "asked", "error"),
    [
        pytest.param(World(), replace(ALLOW, username="eve"), PersonInputInvalid, id="nobody"),
        pytest.param(World({"ada": Seen("sub-1", enabled=True)}), ALLOW, RegistrationRefused, id="still-enabled"),
        pytest.param(World({"ada": Seen("sub-eve")}), ALLOW, RegistrationRefused, id="anothers-account-has-the-name"),
        pytest.param(World({}), TRANSFER, RegistrationRefused, id="no-account-to-go-to"),
        pytest.param(World({"ada2": Seen("sub-2", email_verified=False)}), TRANSFER, RegistrationRefused, id="not-verified"),
        pytest.param(World({"ada2": Seen("sub-eve")}), TRANSFER, RegistrationRefused, id="anothers-account"),
        pytest.param(World({"ada2": Seen("sub-2", email="a@b.example")}), TRANSFER, RegistrationRefused, id="another-address"),
        pytest.param(World(is_late=True), TRANSFER, NotYet, id="changed-meanwhile"),
    ],
)
def test_what_stands_against_it_changes_nothing(world: World, asked: Return, error: type[HubplaneError]) -> None:
    with pytest.raises(error):
        world.bring_back(replace(asked, mode="enforce"))
    assert world.done == []


def test_a_home_that_has_gone_is_not_given_twice() -> None:
    world, enforce = World(), replace(TRANSFER, mode="enforce")
    world.bring_back(enforce)
    changes, sentence = world.bring_back(enforce)
    assert (changes, sentence.startswith("done before: "), world.done) == ([], True, ["store 2"])
