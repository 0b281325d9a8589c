"""The frame around the Cognito triggers: light, because a person waits, and silent about what is not for that person.

``@trigger`` wraps a function ``(asked, event) -> Decision`` that may fill ``event["response"]``. A refusal's sentence becomes the
error that Cognito shows; anything unexpected is logged with its traceback and becomes one neutral sentence. ``@lenient_trigger``
is for what may fail without harm: the person goes on. The frame has no Powertools, whose import costs more than most triggers;
Lambda's runtime writes what goes to ``logging`` as JSON (``LoggingConfig`` of the template, ``LogFormat: JSON``).
"""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from hubplane.domain.registration.decision import Decision, RegistrationRefused
from hubplane.domain.registration.events import TriggerEvent, read_event

logger = logging.getLogger("hubplane")

Event = dict[str, Any]
Work = Callable[[TriggerEvent, Event], Decision]
Handler = Callable[[Event, Any], Event]

TRY_AGAIN: Final = "Something went wrong on our side. Please try again in some minutes"

_PLAUSIBLE: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")


def trigger(work: Work) -> Handler:
    """A Lambda handler around ``work``: refuses on a refusal, and on an error. The event is never logged: it names people."""
    return _framed(work, lenient=False)


def lenient_trigger(work: Work) -> Handler:
    """The same for work whose failure must not stop the person: the event goes back as it came."""
    return _framed(work, lenient=True)


def _framed(work: Work, *, lenient: bool) -> Handler:
    @functools.wraps(work)
    def handler(event: Event, context: Any) -> Event:
        asked = read_event(event if isinstance(event, Mapping) else {})
        keys = {"user": plausible_user(asked.username), "trigger": asked.trigger_source[:64]}
        try:
            decision = work(asked, event)
        except Exception:
            logger.exception("failed", extra=keys)
            if lenient:
                return event
            raise RegistrationRefused(TRY_AGAIN) from None
        logger.log(
            logging.INFO if decision.accepted else logging.WARNING,
            "done" if decision.accepted else "refused",
            extra={**keys, "reason": decision.reason},
        )
        if not decision.accepted:
            raise RegistrationRefused(decision.sentence)
        return event

    return handler


def plausible_user(text: str) -> str | None:
    """A user name in lower case, or None for what is none: somebody may have typed anything there, a password too."""
    return text.lower() if _PLAUSIBLE.fullmatch(text) else None
