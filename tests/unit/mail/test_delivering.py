"""What is written down of a mail for each answer, and in which order: nothing is handed over that is not claimed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from hubplane.domain.errors import HubplaneError, NotYet, ProviderError, Throttled
from hubplane.domain.mail.catalogue import LETTERHEAD, Audience
from hubplane.domain.mail.claims import Claim, MailInDoubt, MailRefused, Standing
from hubplane.domain.mail.delivering import Hands, House, deliver
from hubplane.domain.mail.messages import MailMessage
from hubplane.domain.mail.rendering import Rendered
from tests.unit.mail.filling import filled

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)
HOUSE = House(dict.fromkeys(LETTERHEAD, "the-house"), "admins@example.org", "operators@example.org")


@dataclass
class World:
    """A ledger and a mail service that write down each call."""

    standing: Standing = Standing.MINE
    suppressed: str | None = None
    trouble: HubplaneError | None = None
    calls: list[str] = field(default_factory=list)

    def claim(self, message: MailMessage, to: str | None, now: datetime) -> Claim:
        self.calls.append(f"claim for {to}")
        return Claim(self.standing, "people", message.mail_id, now, "{}")

    def suppression(self, address: str) -> str | None:
        return self.suppressed

    def refuse(self, claim: Claim, reason: str, now: datetime) -> None:
        self.calls.append("refuse")

    def give_back(self, claim: Claim, reason: str, now: datetime) -> None:
        self.calls.append("give back")

    def mark_accepted(self, cluster: str, mail_id: str, message_id: str, now: datetime) -> bool:
        self.calls.append(f"mark {message_id}")
        return True

    def send(self, to: str, mail: Rendered, tags: Mapping[str, str]) -> str:
        self.calls.append("send")
        if self.trouble is not None:
            raise self.trouble
        return "id-1"

    def deliver(self, message: MailMessage, house: House = HOUSE) -> str:
        hands = Hands(self, self.send, lambda: self.calls.append("pace"), lambda: NOW)
        return deliver(message, house, hands)["outcome"]


def mail(name: str = "please_wait", to: str | None = "ann@example.edu") -> MailMessage:
    context = {key: value for key, value in filled(name).items() if key not in LETTERHEAD}
    return MailMessage(f"{name}#1", name, to=to, context=context)


@pytest.mark.parametrize(
    ("world", "calls", "outcome"),
    [
        pytest.param(World(), ["pace", "send", "mark id-1"], "sent", id="taken"),
        pytest.param(World(Standing.SENT), [], "was sent before", id="sent-before"),
        pytest.param(World(suppressed="bounced"), ["refuse"], "suppressed: bounced", id="suppressed"),
        pytest.param(World(trouble=MailRefused("no")), ["pace", "send", "refuse"], "no", id="refused-for-good"),
    ],
)
def test_what_ends_here_is_written_down(world: World, calls: list[str], outcome: str) -> None:
    assert world.deliver(mail()) == outcome
    assert world.calls == ["claim for ann@example.edu", *calls]


@pytest.mark.parametrize(
    ("world", "error", "calls"),
    [
        pytest.param(World(Standing.HELD), NotYet, [], id="another-has-it"),
        pytest.param(World(trouble=Throttled("slower")), Throttled, ["pace", "send", "give back"], id="throttled"),
        pytest.param(World(trouble=ProviderError("down")), ProviderError, ["pace", "send", "give back"], id="never-left"),
        pytest.param(World(trouble=MailInDoubt("?")), MailInDoubt, ["pace", "send"], id="in-doubt-keeps-its-claim"),
    ],
)
def test_what_comes_again_is_given_back_unless_the_person_may_have_it(
    world: World, error: type[Exception], calls: list[str]
) -> None:
    with pytest.raises(error):
        world.deliver(mail())
    assert world.calls == ["claim for ann@example.edu", *calls]


@pytest.mark.parametrize(
    ("audience", "admins", "operators", "expected"),
    [
        pytest.param(Audience.ADMINS, "a@x.org", "o@x.org", "a@x.org", id="admins"),
        pytest.param(Audience.ADMINS, "", "o@x.org", "o@x.org", id="operators-stand-in-for-admins"),
        pytest.param(Audience.OPERATORS, "a@x.org", "", None, id="admins-do-not-for-operators"),
        pytest.param(Audience.PERSON, "a@x.org", "o@x.org", None, id="nobody-for-a-person"),
    ],
)
def test_who_gets_what_names_no_address(audience: Audience, admins: str, operators: str, expected: str | None) -> None:
    assert House({}, admins, operators).address_of(audience) == expected


def test_a_person_without_an_address_is_written_down_and_not_tried_again() -> None:
    world = World()
    assert world.deliver(mail(to=None)).startswith("no address of this person is known")
    assert world.calls == ["claim for None", "refuse"]
