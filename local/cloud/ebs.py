"""What tests decide about the emulated EBS: how long snapshots take, which one fails, whether their spacing is watched."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass
class EbsPace:
    """``snapshot_seconds``: how long a snapshot is pending. ``spacing_seconds``: least time between two of a volume, 0: any.
    ``volume_seconds``: how long a volume from a snapshot is ``creating``. ``modification_seconds``: how long a volume is
    ``modifying``, and then ``optimizing``. ``cool_down_seconds``: least time between two modifications of one volume.

    AWS asks for 15 s between two snapshots of one volume (EBS quotas); a local run that waited for it would be no use.
    """

    snapshot_seconds: float = 0.3
    spacing_seconds: float = 0.0
    volume_seconds: float = 0.3
    modification_seconds: float = 0.3
    cool_down_seconds: float = 6 * 3600
    _failing: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fail_next(self, volume_id: str) -> None:
        """Let the next snapshot of the volume end as ``error``."""
        with self._lock:
            self._failing[volume_id] = self._failing.get(volume_id, 0) + 1

    def takes_failure(self, volume_id: str) -> bool:
        """Whether the snapshot that is started now shall fail; asked once per snapshot."""
        with self._lock:
            waiting = self._failing.get(volume_id, 0)
            if waiting:
                self._failing[volume_id] = waiting - 1
            return waiting > 0
