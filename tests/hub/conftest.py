"""A spawner as the hooks see it, and a control plane that answers what it is given. No AWS, no Kubernetes, no hub."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from hubplane_hub.answers import Answer
from hubplane_hub.control_plane import Addresses, ControlPlane
from hubplane_hub.hooks import Hooks
from hubplane_hub.telling import Telling

ENSURE = "arn:aws:lambda:us-east-1:553778890976:function:hubplane-EnsureHomeFunction-1A2B"
RECORD = "arn:aws:lambda:us-east-1:553778890976:function:hubplane-RecordServerStopFunction-3C4D"
ADDRESSES = Addresses("opensarlab", ENSURE, RECORD)
USE = {"allowed": True, "action": "use", "sentence": "Your home is there.", "retry_seconds": None, "volume_id": "vol-1"}
CREATE = {**USE, "action": "create", "volume_id": None}
RESTORE = {"allowed": False, "action": "restore", "sentence": "Your home is brought back.", "retry_seconds": 5}
REFUSE = {"allowed": False, "action": "refuse", "sentence": "This home belongs to another account.", "retry_seconds": None}


@dataclass
class FakeSpawner:
    """What the hooks use of a ``HomeSpawner``; that the real one has all of it is shown by tests/local/kubelet."""

    username: str = "rosalind"
    name: str = ""
    pvc_name: str = "claim-rosalind"
    start_timeout: int = 1200
    auth_state: Any = None
    claims: list[bool] = field(default_factory=lambda: [True])
    was_refused: bool = True
    given: Answer | None = None

    def __post_init__(self) -> None:
        self.telling, self.log, self._log_name = Telling(), logging.getLogger("spawner"), self.username
        self.user = SimpleNamespace(name=self.username, get_auth_state=self.get_auth_state)
        self.authenticator = SimpleNamespace(user_auth_state_key="oauth_user")

    async def get_auth_state(self) -> Any:
        if isinstance(self.auth_state, Exception):
            raise self.auth_state
        return self.auth_state

    def give_home(self, answer: Answer) -> None:
        self.given, self.was_refused = answer, False

    async def has_claim(self) -> bool:
        """One look after the other; the last one stays."""
        return self.claims.pop(0) if len(self.claims) > 1 else self.claims[0]


class Body:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def read(self) -> bytes:
        return self.content


@dataclass
class FakeLambda:
    """Answers in turn with bytes, with a pair (FunctionError, bytes), or by raising; the last answer stays."""

    answers: Sequence[Any]
    asked: list[tuple[str, bytes]] = field(default_factory=list)

    def invoke(self, **call: Any) -> dict[str, Any]:
        self.asked.append((call["FunctionName"], call["Payload"]))
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        error, content = answer if isinstance(answer, tuple) else (None, answer)
        return {"StatusCode": 200, "Payload": Body(content), **({"FunctionError": error} if error else {})}


class Clock:
    """Time that passes only by pausing."""

    def __init__(self) -> None:
        self.at, self.pauses = 0.0, list[float]()

    def now(self) -> float:
        return self.at

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.at += seconds


@dataclass
class World:
    hooks: Hooks
    aws: FakeLambda
    clock: Clock


@pytest.fixture
def world() -> Callable[..., World]:
    """Hooks whose control plane gives these answers."""

    def make(*answers: Any) -> World:
        aws, clock = FakeLambda(answers), Clock()
        control_plane = ControlPlane(ADDRESSES, aws)
        return World(Hooks(lambda: control_plane, now=clock.now, pause=clock.pause), aws, clock)

    return make
