"""What the mends, the control calls and the front share while the emulator runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from local.cloud.calls import CallCounts
from local.cloud.ebs import EbsPace
from local.cloud.faults import Faults
from local.cloud.options import Options
from local.cloud.stand_in import StandIn


@dataclass
class Cloud:
    """One running emulator: its options, addresses and the state that is not the emulator's own."""

    options: Options
    endpoint_url: str
    ca_bundle_path: Path
    stand_in: StandIn
    calls: CallCounts = field(default_factory=CallCounts)
    faults: Faults = field(default_factory=Faults)
    ebs: EbsPace = field(default_factory=EbsPace)
    front_hosts: dict[str, str] = field(default_factory=dict)

    @property
    def step_seconds(self) -> float:
        """How long one slow step of a stack takes: a cluster, a node group."""
        return self.options.stack_seconds / 3
