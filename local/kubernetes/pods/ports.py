"""Ports on 127.0.0.1 for pods that run as real processes.

A port is reserved per Service selector and target port before any pod starts, so that two pods can be told of each other at once.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Hashable

from local.kubernetes.api.selectors import selects
from local.kubernetes.controllers.services import target_port
from local.kubernetes.store import Object, Store

_RANGE = range(20000, 30000)
"""Below the ports that Linux gives to outgoing connections (32768 and up), and below node ports."""


class NoFreePort(Exception):
    """Every port tried is taken."""


_handed_out: set[int] = set()


def free_port() -> int:
    """A port nobody listens on and that was not handed out before in this process. Raises ``NoFreePort``."""
    for port in random.sample(_RANGE, 200):
        if port in _handed_out:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _handed_out.add(port)
        return port
    raise NoFreePort(f"200 ports between {_RANGE.start} and {_RANGE.stop - 1} were tried; stop what holds them")


class PortBook:
    """The reservations of one cluster."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._reserved: dict[Hashable, int] = {}

    def of_service(self, service: Object, service_port: Object) -> int:
        """The port behind one port of a Service."""
        selector = tuple(sorted((service["spec"].get("selector") or {}).items()))
        key = (service["metadata"]["namespace"], selector, service_port.get("targetPort", service_port["port"]))
        return self._port(key)

    def of_pod(self, pod: Object) -> dict[int, int]:
        """Container port -> reserved port, for every port that a container declares or a Service targets."""
        found: dict[int, int] = {}
        for service in self.store.named("services", pod["metadata"]["namespace"]):
            selector = service["spec"].get("selector")
            if selector and selects({"matchLabels": selector}, pod["metadata"].get("labels")):
                for port in service["spec"].get("ports") or ():
                    target = target_port(port, pod)
                    if target is not None:
                        found.setdefault(target, self.of_service(service, port))
        for container in pod["spec"]["containers"]:
            for port in container.get("ports") or ():
                if port["containerPort"] not in found:
                    found[port["containerPort"]] = self._port((pod["metadata"]["uid"], port["containerPort"]))
        return found

    def _port(self, key: Hashable) -> int:
        if key not in self._reserved:
            self._reserved[key] = free_port()
        return self._reserved[key]


def service_variables(services: list[Object], address: dict[tuple[str, int], tuple[str, int]]) -> dict[str, str]:
    """What a kubelet tells a container of its namespace's Services; ``address`` says where (name, port) can be reached."""
    found: dict[str, str] = {}
    for service in services:
        name = service["metadata"]["name"]
        prefix = name.upper().replace("-", "_").replace(".", "_")
        for index, port in enumerate(service["spec"].get("ports") or ()):
            host, number = address[name, port["port"]]
            if index == 0:
                found |= {f"{prefix}_SERVICE_HOST": host, f"{prefix}_SERVICE_PORT": str(number)}
                found[f"{prefix}_PORT"] = f"tcp://{host}:{number}"
            if port.get("name"):
                found[f"{prefix}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = str(number)
            protocol = port.get("protocol", "TCP")
            stem = f"{prefix}_PORT_{port['port']}_{protocol}"
            found |= {
                stem: f"{protocol.lower()}://{host}:{number}",
                f"{stem}_PROTO": protocol.lower(),
                f"{stem}_PORT": str(number),
                f"{stem}_ADDR": host,
            }
    return found
