"""``python -m local.kubernetes``: the stand-in as a process. It ends on SIGTERM and leaves no child process behind."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import boto3
from aiohttp import web
from botocore.config import Config

from local.kubernetes.cluster import HOST, SHUTDOWN_SECONDS
from local.kubernetes.control import Control
from local.kubernetes.runtime import PodRuntime


def main() -> int:
    """Run until SIGTERM or SIGINT; exit status 2 when the runtime cannot be made."""
    options = _options()
    options.log_dir.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        filename=options.log_dir / "kubernetes.log", level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    logging.getLogger("botocore").setLevel(logging.WARNING)
    try:
        runtime = load_runtime(options.runtime) if options.runtime else None
    except Exception as error:
        logging.exception("the runtime could not be made")
        print(f"--runtime {options.runtime}: {error}", file=sys.stderr)
        return 2
    asyncio.run(_serve(options.announce, options.aws_endpoint, runtime))
    return 0


def load_runtime(text: str) -> PodRuntime:
    """The runtime that ``MODULE:FACTORY`` makes. Raises what the import or the factory raises."""
    module, colon, factory = text.partition(":")
    if not colon:
        raise ValueError(f"found {text!r}; it must be MODULE:FACTORY")
    made: Callable[[], PodRuntime] = getattr(importlib.import_module(module), factory)
    return made()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.kubernetes", description=__doc__)
    parser.add_argument("--announce", type=Path, required=True, help="file that gets control_url and pid once it answers")
    parser.add_argument("--aws-endpoint", required=True, help="URL of the AWS emulator: STS for tokens, EC2 for volumes")
    parser.add_argument("--log-dir", type=Path, required=True, help="folder of kubernetes.log")
    parser.add_argument("--runtime", default="", help="MODULE:FACTORY of a PodRuntime; without it every pod pretends to run")
    return parser.parse_args()


def aws_client(endpoint: str, region: str, service: str = "ec2") -> Any:
    """A client of the emulator. The emulator takes any credentials that are there."""
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=os.environ.get("AWS_ACCESS_KEY_ID", "test"),
        aws_secret_access_key=os.environ.get("AWS_SECRET_ACCESS_KEY", "test"),
        config=Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 2}),
    )


async def _serve(announce: Path, aws_endpoint: str, runtime: PodRuntime | None) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, ended.set)
    # Never through a proxy of the environment: all of it is on this machine
    async with aiohttp.ClientSession(trust_env=False) as session:
        control = Control(aws_endpoint, session, runtime, partial(aws_client, aws_endpoint))
        runner = web.AppRunner(control.application(), shutdown_timeout=SHUTDOWN_SECONDS, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, HOST, 0).start()
        control.url = f"http://{HOST}:{runner.addresses[0][1]}"
        _announce(announce, {"control_url": control.url, "pid": os.getpid()})
        await ended.wait()
        await runner.cleanup()
        await control.stop()


def _announce(path: Path, content: dict[str, Any]) -> None:
    """Write the file whole or not at all: whoever waits for it reads it as soon as it is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        json.dump(content, file)
    Path(file.name).replace(path)


if __name__ == "__main__":
    sys.exit(main())
