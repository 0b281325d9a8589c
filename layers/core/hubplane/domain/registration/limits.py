"""What people may write into inputs and forms."""

from __future__ import annotations

import re
from typing import Any, Final

_CLUSTER_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
MAX_REASON_LENGTH: Final = 1000


def is_cluster_name(name: Any) -> bool:
    """Whether ``name`` could be a cluster's."""
    return isinstance(name, str) and _CLUSTER_NAME.fullmatch(name) is not None
