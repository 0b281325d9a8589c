"""What the hub of a cluster asks of the control plane: before a server starts, what it may mount; after it stopped, to note when.

``from hubplane_hub import configure`` and ``configure(c)`` in the hub's configuration wire it in. A hub whose image lacks this
package does not start: without the question KubeSpawner makes an empty volume wherever it finds no claim.
"""

from __future__ import annotations

from typing import Any

__all__ = ["configure"]


def configure(c: Any) -> None:
    """Make the hub of configuration ``c`` ask before each start. Reads the environment. May be called again."""
    from hubplane_hub.wiring import wire  # noqa: PLC0415 - the parts are imported by tests that have no KubeSpawner

    wire(c)
