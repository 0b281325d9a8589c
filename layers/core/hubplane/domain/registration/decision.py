"""The answer that a trigger gives: yes, or no with a sentence for the person and a reason for the log."""

from __future__ import annotations

from dataclasses import dataclass

from hubplane.domain.errors import HubplaneError


@dataclass(frozen=True, slots=True)
class Decision:
    """``sentence`` is shown to whoever asked and is empty on acceptance; ``reason`` is for the log and may name other accounts.

    Cognito shows an error as "PreSignUp failed with error <sentence>." and adds the full stop itself, so a sentence has none.
    """

    accepted: bool
    reason: str
    sentence: str = ""


def accept(reason: str) -> Decision:
    """Yes, because of ``reason``."""
    return Decision(accepted=True, reason=reason)


def refuse(sentence: str, reason: str) -> Decision:
    """No: ``sentence`` for the person (what to do next, no final stop), ``reason`` for the log."""
    return Decision(accepted=False, reason=reason, sentence=sentence)


class RegistrationRefused(HubplaneError):
    """An admin's or a machine's step on a user record is not allowed; the message says why and what to do instead."""
