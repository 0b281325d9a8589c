"""The two functions of the control plane that the hub may invoke, and nothing else of AWS.

Credentials are those of the hub's pod (EKS Pod Identity). The Region is that of the functions' ARNs, so a hub can't ask in a
Region where nothing answers.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

CLUSTER_NAME: Final = "HUBPLANE_CLUSTER_NAME"
ENSURE_HOME_ARN: Final = "HUBPLANE_ENSURE_HOME_ARN"
RECORD_SERVER_STOP_ARN: Final = "HUBPLANE_RECORD_SERVER_STOP_ARN"

FUNCTION_ARN = re.compile(r"arn:aws[a-z-]*:lambda:(?P<region>[a-z0-9-]+):\d{12}:function:[A-Za-z0-9_-]+(?::[A-Za-z0-9_$-]+)?")

CONNECT_SECONDS: Final = 5
READ_SECONDS: Final = 75
"""Both functions end after 60 s at the latest (template.yaml, Timeout); what starts cold answers some seconds later."""

ATTEMPTS: Final = 3
"""Both functions may be called again; botocore waits between attempts and repeats throttled ones too."""

AT_ONCE: Final = 16
"""Questions that are under way together; further ones queue. A class of students that starts at nine takes its turn."""


class NotConfigured(Exception):
    """The hub was not told whom to ask; the message names the variable."""


class NotAnswered(Exception):
    """The function was not reached, failed, or said nothing that can be read; the message is for the log."""


@dataclass(frozen=True)
class Addresses:
    """Whom to ask, and for which cluster."""

    cluster_name: str
    ensure_home_arn: str
    record_server_stop_arn: str

    @property
    def region(self) -> str:
        found = FUNCTION_ARN.fullmatch(self.ensure_home_arn)
        return found["region"] if found else ""


def read_addresses(environment: Mapping[str, str]) -> Addresses:
    """The addresses in the hub's environment. Raises ``NotConfigured``."""
    found = {name: environment.get(name, "").strip() for name in (CLUSTER_NAME, ENSURE_HOME_ARN, RECORD_SERVER_STOP_ARN)}
    missing = [name for name, value in found.items() if not value]
    if missing:
        raise NotConfigured(f"{', '.join(missing)}: not set; build_cluster sets hub.extraEnv")
    for name in (ENSURE_HOME_ARN, RECORD_SERVER_STOP_ARN):
        if not FUNCTION_ARN.fullmatch(found[name]):
            raise NotConfigured(f"{name}: found {found[name]!r}; it must be the ARN of a Lambda function")
    return Addresses(*found.values())


def make_client(region: str) -> Any:
    """A Lambda client for ``AT_ONCE`` threads. boto3 is imported by the first question, not while the hub starts."""
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        max_pool_connections=AT_ONCE,
    )
    return boto3.session.Session(region_name=region).client("lambda", config=config)


class ControlPlane:
    """Invokes off the event loop's thread: a slow answer never stops the hub from serving others."""

    def __init__(self, addresses: Addresses, client: Any = None) -> None:
        self.addresses = addresses
        self._client = client
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="hubplane")

    async def ensure_home(self, event: Mapping[str, Any]) -> Any:
        """EnsureHome's answer to ``event``, parsed. Raises ``NotAnswered``. May be repeated."""
        return await self._invoke(self.addresses.ensure_home_arn, event)

    async def record_server_stop(self, event: Mapping[str, Any]) -> Any:
        """RecordServerStop's answer to ``event``, parsed. Raises ``NotAnswered``. May be repeated."""
        return await self._invoke(self.addresses.record_server_stop_arn, event)

    async def _invoke(self, arn: str, event: Mapping[str, Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._call, arn, event)

    def _call(self, arn: str, event: Mapping[str, Any]) -> Any:
        name = arn.partition(":function:")[2]
        try:
            if self._client is None:
                self._client = make_client(self.addresses.region)
            answer = self._client.invoke(FunctionName=arn, Payload=json.dumps(event).encode())
            payload = answer["Payload"].read()
        except Exception as error:  # no credentials, no network, not allowed, throttled: for the hub all of it is no answer
            raise NotAnswered(f"{name} was not reached: {type(error).__name__}: {error}") from error
        if answer.get("FunctionError"):
            raise NotAnswered(f"{name} failed ({answer['FunctionError']}): {payload[:500]!r}")
        try:
            return json.loads(payload)
        except ValueError as error:
            raise NotAnswered(f"{name} answered no JSON: {payload[:500]!r}") from error
