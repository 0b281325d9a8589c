"""From a container's command to the command that runs here.

What a kubelet and a cluster's network do for a container: ``$(NAME)`` is expanded, names of Services lead to them, and
the fixed ports of the chart become those that the stand-in reserved.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

HUB_PORT = 8081  # the container ports of the JupyterHub chart
PROXY_PORT = 8000
PROXY_API_PORT = 8001

_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")
_SERVICE_URL = re.compile(r"\b(https?)://([a-z][a-z0-9-]*)((?:\.[a-z0-9-]+)*):(\d+)")

_SIGN_IN_URL = re.compile(rb"https://[a-z0-9-]+\.auth\.[a-z0-9-]+\.amazoncognito\.com/oauth2/(token|userInfo)\b")


class CommandRefused(Exception):
    """The container asks for a program that is not run here; the message names it."""


def expanded(text: str, environment: Mapping[str, str]) -> str:
    """``$(NAME)`` replaced as Kubernetes does (k8s.io/kubernetes third_party/forked/golang/expansion): an unknown name
    stays as it is written, ``$$`` is one ``$``."""

    def value(found: re.Match[str]) -> str:
        return "$" if found[1] is None else environment.get(found[1], found[0])

    return _REFERENCE.sub(value, text)


def with_service_addresses(text: str, environment: Mapping[str, str]) -> str:
    """URLs of Services (``http://hub:8081``) replaced by the addresses in their variables (``HUB_SERVICE_HOST``, ``_PORT``)."""

    def address(found: re.Match[str]) -> str:
        prefix = found[2].upper().replace("-", "_")
        host, port = environment.get(f"{prefix}_SERVICE_HOST"), environment.get(f"{prefix}_SERVICE_PORT")
        return f"{found[1]}://{host}:{port}" if host and port else found[0]

    return _SERVICE_URL.sub(address, text)


def with_sign_in_addresses(content: bytes, aws_endpoint: str) -> bytes:
    """A mounted file in which the addresses that a hub itself asks at Cognito are the emulator's; "" leaves all as it is.

    The address that the hub sends people to stays Cognito's: that is what is looked at from outside.
    """
    return _SIGN_IN_URL.sub(rb"%s/oauth2/\1" % aws_endpoint.encode(), content) if aws_endpoint else content


def container_command(container: Mapping[str, Any], program: str, environment: Mapping[str, str]) -> list[str]:
    """The arguments of the container for ``program``, its image's entry point. Raises ``CommandRefused`` for another program."""
    words = [*container.get("command", [program]), *container.get("args", [])]
    if PurePosixPath(words[0]).name != program:
        raise CommandRefused(
            f"container {container.get('name')}: its command starts with {words[0]!r}, but only {program!r} is run for real "
            "in the embedded cloud; let the chart start it directly"
        )
    return [with_service_addresses(expanded(word, environment), environment) for word in words[1:]]


def hub_command(
    tools: Path, arguments: Sequence[str], environment: Mapping[str, str], reserved_ports: Mapping[int, int]
) -> list[str]:
    """JupyterHub on its reserved port. Flags win over the configuration file (traitlets merges the command line last)."""
    port = reserved_ports.get(HUB_PORT, HUB_PORT)
    flags = [f"--JupyterHub.hub_bind_url=http://127.0.0.1:{port}"]
    if host := environment.get("HUB_SERVICE_HOST"):
        flags.append(f"--JupyterHub.hub_connect_url=http://{host}:{environment['HUB_SERVICE_PORT']}")
    if host := environment.get("PROXY_API_SERVICE_HOST"):
        flags.append(f"--ConfigurableHTTPProxy.api_url=http://{host}:{environment['PROXY_API_SERVICE_PORT']}")
    return [str(tools / "bin" / "jupyterhub"), *arguments, *flags]


def proxy_command(tools: Path, arguments: Sequence[str], reserved_ports: Mapping[int, int]) -> list[str]:
    """configurable-http-proxy on its reserved ports.

    The container's own addresses are taken out, not overridden: given a flag twice, the proxy's option parser calls
    ``parseInt(second, first)``, whose second argument is a radix, and falls back to the default port.
    """
    addresses = {
        "--ip": "127.0.0.1",
        "--port": str(reserved_ports.get(PROXY_PORT, PROXY_PORT)),
        "--api-ip": "127.0.0.1",
        "--api-port": str(reserved_ports.get(PROXY_API_PORT, PROXY_API_PORT)),
    }
    script = tools / "node_modules" / "configurable-http-proxy" / "bin" / "configurable-http-proxy"
    listening = [f"{flag}={value}" for flag, value in addresses.items()]
    return [str(tools / "bin" / "node"), str(script), *_without_flags(arguments, set(addresses)), *listening]


def _without_flags(arguments: Sequence[str], flags: set[str]) -> list[str]:
    """``arguments`` without these flags and their values, written as ``--flag=value`` or ``--flag value``."""
    kept: list[str] = []
    remaining = iter(arguments)
    for word in remaining:
        if word in flags:
            next(remaining, None)
        elif word.split("=", 1)[0] not in flags:
            kept.append(word)
    return kept
