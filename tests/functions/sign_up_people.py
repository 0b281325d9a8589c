"""Ada, who signs up and in, and the neighbours whose names she cannot have."""

from __future__ import annotations

from typing import Any

from hubplane.domain.registration.decision import RegistrationRefused
from hubplane.domain.registration.records import Status, UserRecord
from tests.functions.sign_up_world import World

SUB, OTHER_SUB = "0b6f3c1e-7d52-4b0c-9a35-2f6f0f1f3c11", "22222222-bbbb-4bbb-8bbb-000000000002"
EMAIL = "ada@uni.example.org"
ADA = UserRecord("ada_lovelace", SUB, EMAIL, Status.APPROVED, clusters=("opensarlab",))
SIGN_UPS = ["PreSignUp_SignUp", "PreSignUp_AdminCreateUser", "PreSignUp_ExternalProvider"]
CONFIRM, FORGOT = "PostConfirmation_ConfirmSignUp", "PostConfirmation_ConfirmForgotPassword"
SIGN_IN = "PreAuthentication_Authentication"
TAKEN = [
    ("reserved", {"username": "admin"}),
    ("reserved here", {"username": "OpenSARLab"}),
    ("taken", {"username": "bob"}),
    ("letter case", {"username": "BOB"}),
    ("tombstone", {"username": "carol"}),
    ("claim under another scheme", {"username": "a-2db"}),
    ("storage", {"username": "dave"}),
]


def neighbours(world: World) -> None:
    world.put(
        UserRecord("bob", OTHER_SUB, "bob@uni.example.org", Status.APPROVED),
        UserRecord("carol", "sub-carol", "carol@uni.example.org", Status.TOMBSTONE),
        UserRecord("a-b", "sub-ab", "ab@uni.example.org", Status.DISABLED),
    )
    world.tags.claims = {"claim-dave"}


def says(handler: Any, event: dict[str, Any]) -> str:
    """The sentence of a refusal, empty where there is none."""
    try:
        handler(event, None)
    except RegistrationRefused as refusal:
        return str(refusal)
    return ""
