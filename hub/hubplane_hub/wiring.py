"""The hub's configuration gets the spawner and its hooks."""

from __future__ import annotations

import os
from typing import Any

from hubplane_hub.control_plane import ControlPlane, read_addresses
from hubplane_hub.hooks import Hooks
from hubplane_hub.spawner import HomeSpawner


def wire(c: Any) -> None:
    """Set spawner and hooks in ``c``. On the class itself: sections of parent classes (``c.Spawner``) do not overrule it.

    A hub that was not told whom to ask starts all the same, so that people can sign out and admins look, and refuses each start.
    """
    hooks = Hooks(lambda: ControlPlane(read_addresses(os.environ)))

    # Plain functions: traitlets copies a configured value deeply for each spawner (``Configurable._load_config``), a bound
    # method with all that its object holds, which threads forbid; a function is its own copy.
    async def pre_spawn(spawner: Any) -> None:
        await hooks.pre_spawn(spawner)

    async def post_stop(spawner: Any) -> None:
        await hooks.post_stop(spawner)

    c.JupyterHub.spawner_class = HomeSpawner
    c.HomeSpawner.pre_spawn_hook = pre_spawn
    c.HomeSpawner.post_stop_hook = post_stop
