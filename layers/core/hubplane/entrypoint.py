"""The frame around every function: JSON logs with the keys an operator searches by, and errors a state machine can match.

``@task`` wraps a function ``(event) -> result`` that a state machine calls. Errors of ``hubplane.domain.errors`` pass
through with their class name, which ``Retry`` and ``Catch`` match; anything else is logged with its traceback and passes
through as it is, for the machine's ``States.ALL``. ``@timed_task`` also tells the function how many seconds it has left.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger

from hubplane.domain.errors import HubplaneError

logger = Logger(service="hubplane", log_uncaught_exceptions=False)

Event = dict[str, Any]
Result = dict[str, Any]
SecondsLeft = Callable[[], float]


def task(work: Callable[[Event], Result]) -> Callable[[Event, Any], Result]:
    """A Lambda handler around ``work``. The event itself is never logged: it may name people."""

    @functools.wraps(work)
    def handler(event: Event, context: Any) -> Result:
        return _framed(lambda: work(event), event, context, work.__module__)

    return handler


def timed_task(work: Callable[[Event, SecondsLeft], Result]) -> Callable[[Event, Any], Result]:
    """A Lambda handler around ``work(event, seconds_left)`` that ends in time and says where to go on.

    ``seconds_left()`` is what remains before Lambda ends the invocation; without a Lambda it never ends.
    """

    @functools.wraps(work)
    def handler(event: Event, context: Any) -> Result:
        remaining = getattr(context, "get_remaining_time_in_millis", None)
        seconds_left = (lambda: remaining() / 1000) if remaining is not None else (lambda: math.inf)
        return _framed(lambda: work(event, seconds_left), event, context, work.__module__)

    return handler


def _framed(work: Callable[[], Result], event: Event, context: Any, module: str) -> Result:
    logger.append_keys(
        cluster=plausible_name(event.get("cluster_name")),
        execution=event.get("execution_arn"),
        function=getattr(context, "function_name", module),
    )
    try:
        result = work()
    except HubplaneError as error:
        logger.warning("refused", extra={"error_class": type(error).__name__, "cause": str(error)})
        raise
    except Exception:
        logger.exception("failed")
        raise
    logger.info("done", extra={"changes": result.get("changes"), "reason": result.get("reason")})
    return result


def plausible_name(value: Any) -> str | None:
    """A cluster's name, or None for what is none: before validation the field may hold anything, a secret too."""
    return value if isinstance(value, str) and re.fullmatch(r"[a-z][a-z0-9-]{0,31}", value) else None
