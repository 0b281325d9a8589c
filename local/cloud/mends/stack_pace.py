"""Stacks take time, as callers that poll expect."""

from __future__ import annotations

import asyncio
from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import changesets, handlers, stacks

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend, replace_action


@mend
def stacks_take_time(cloud: Cloud, gateway: Gateway) -> None:
    """A stack operation is done before its caller can look. With this it stays IN_PROGRESS for a while first."""

    async def deploy(*args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(cloud.step_seconds)
        return await deploy_at_once(*args, **kwargs)

    async def delete(stack_name: str, stack_id: str, *args: Any, **kwargs: Any) -> Any:
        stack = cloudformation._stacks.get(stack_name)
        if stack:
            # The emulator says so only when it begins, and callers look right after asking.
            stack["StackStatus"] = "DELETE_IN_PROGRESS"
        await asyncio.sleep(cloud.step_seconds)
        return await delete_at_once(stack_name, stack_id, *args, **kwargs)

    deploy_at_once, delete_at_once = stacks._deploy_stack_async, stacks._delete_stack_async
    for module in (stacks, changesets, handlers, cloudformation):
        replace_action(module, deploy_at_once, deploy)
        replace_action(module, delete_at_once, delete)
