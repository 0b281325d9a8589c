"""Stacks take time, as callers that poll expect."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

from ministack.services.cloudformation import changesets, handlers, stacks

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend, replace_action


@mend
def stacks_take_time(cloud: Cloud, gateway: Gateway) -> None:
    """A stack operation is done before its caller can look. With this it stays IN_PROGRESS for a while first."""

    def slowed(original: Callable[..., Any]) -> Callable[..., Any]:
        async def run(*args: Any, **kwargs: Any) -> Any:
            await asyncio.sleep(cloud.step_seconds)
            return await original(*args, **kwargs)

        return run

    for original in (stacks._deploy_stack_async, stacks._delete_stack_async):
        replacement = slowed(original)
        for module in (stacks, changesets, handlers, sys.modules["ministack.services.cloudformation"]):
            replace_action(module, original, replacement)
