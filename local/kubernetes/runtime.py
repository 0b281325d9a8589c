"""What the Kubernetes stand-in asks of whatever runs its pods.

The stand-in stores objects and plays the controllers; a pod becomes Ready when its runtime says so. Most pods only
pretend to run. Those of the hub and its proxy are real processes, so that the hub's health, log and API are real.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True)
class PodStart:
    """One pod to run. ``environment`` is resolved (valueFrom, services); ``files`` are mounted files by absolute path."""

    pod: Mapping[str, Any]
    container: Mapping[str, Any]
    environment: Mapping[str, str]
    files: Mapping[str, bytes]
    reserved_ports: Mapping[int, int] = field(default_factory=dict)
    """Container port -> port on 127.0.0.1 that the process must listen on (the stand-in reserved it)."""
    ebs_volumes: Mapping[str, str] = field(default_factory=dict)
    """Claim -> the emulated EBS volume behind it. What is written on that, ``aws_endpoint`` knows (``/_hubplane/ebs``)."""
    aws_endpoint: str = ""
    address: str = "127.0.0.1"
    """Of this machine. A pod that no Service selects has one to itself, and listens there on its own container ports."""


class RunningPod(Protocol):
    """A pod that was started."""

    def ready(self) -> bool:
        """Whether its readiness probe would pass now."""

    def failure(self) -> str | None:
        """Why it ended by itself, or None while it runs."""

    def log(self) -> str:
        """Everything its container has written so far."""

    def stop(self) -> None:
        """End it and wait until it is gone; harmless when repeated."""


@runtime_checkable
class EndingPod(RunningPod, Protocol):
    """A pod whose work is done one day: ``failure`` stays None where it ended well."""

    def succeeded(self) -> bool:
        """Whether it has ended, with exit code 0."""


class PodRuntime(Protocol):
    """Starts pods. Returns None for a pod it has nothing real for; the stand-in then pretends that it runs."""

    def start(self, start: PodStart) -> RunningPod | None: ...
