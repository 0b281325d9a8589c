"""Start the embedded AWS cloud: ``python -m local.cloud --announce FILE --state-dir DIR --kubernetes-control-url URL``."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
from pathlib import Path

from local.cloud.environment import prepare, write_ca_bundle
from local.cloud.options import Options, parse_options

GRACE_SECONDS = 1.0


def main() -> None:
    """Serve until SIGTERM or SIGINT, then leave no worker and no temporary folder behind."""
    options = parse_options()
    for folder in ("tmp", "lambda", "s3", "state"):
        shutil.rmtree(options.state_dir / folder, ignore_errors=True)
    options.state_dir.mkdir(parents=True, exist_ok=True)
    listener = listen(options.port)
    port = listener.getsockname()[1]
    prepare(options, port)
    try:
        asyncio.run(serve(options, listener, port))
    finally:
        end(options)
    # Threads of executions that still wait would hold the process back; nothing of theirs is worth waiting for.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def listen(port: int) -> socket.socket:
    """A socket on 127.0.0.1. Ends with a message if the port is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        raise SystemExit(f"--port {port}: {error.strerror}; choose another or leave it out for a free one") from error
    return listener


async def serve(options: Options, listener: socket.socket, port: int) -> None:
    """Start the emulator with its mends, seed and front; announce; serve until a signal comes."""
    import ministack.app as emulator  # noqa: PLC0415  only after the environment is prepared
    from hypercorn.asyncio import serve as hypercorn_serve  # noqa: PLC0415
    from hypercorn.config import Config  # noqa: PLC0415

    from local.cloud import mends  # noqa: PLC0415
    from local.cloud.cloud import Cloud  # noqa: PLC0415
    from local.cloud.front.certificates import Certificates  # noqa: PLC0415
    from local.cloud.front.server import Front  # noqa: PLC0415
    from local.cloud.gateway import Gateway  # noqa: PLC0415
    from local.cloud.seed import plant  # noqa: PLC0415
    from local.cloud.stand_in import StandIn  # noqa: PLC0415

    certificates = Certificates(options.state_dir)
    cloud = Cloud(
        options=options,
        endpoint_url=f"http://127.0.0.1:{port}",
        ca_bundle_path=write_ca_bundle(options.state_dir, certificates.authority_pem),
        stand_in=StandIn(options.kubernetes_control_url),
    )
    gateway = Gateway(cloud, emulator)
    mends.apply_all(cloud, gateway)
    plant()

    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = GRACE_SECONDS
    config.loglevel = "WARNING"
    serving = asyncio.create_task(hypercorn_serve(gateway, config, shutdown_trigger=ended.wait))
    front = Front(cloud, certificates)
    await front.start()
    await answering(serving, port)
    announce(
        options.announce_path,
        {
            "endpoint_url": cloud.endpoint_url,
            "front_port": front.tls_port,
            "front_http_port": front.plain_port,
            "front_ca_file": str(certificates.authority_path),
            "pid": os.getpid(),
        },
    )
    await serving
    await front.close()


async def answering(serving: asyncio.Task[None], port: int) -> None:
    """Wait until the endpoint takes connections. Raises what ended ``serving`` if it ended instead."""
    while not serving.done():
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
            continue
        writer.close()
        return
    await serving


def announce(path: Path, facts: dict[str, object]) -> None:
    """Write the file that says where everything listens; readers see all of it or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(json.dumps(facts, indent=2) + "\n")
    fresh.replace(path)


def end(options: Options) -> None:
    """End every Lambda worker with its children and remove what they left."""
    from ministack.core import lambda_runtime  # noqa: PLC0415

    workers = [worker for pool in lambda_runtime._workers.values() for worker in pool]
    for worker in workers:
        if worker._proc is not None and worker._proc.poll() is None:
            os.killpg(worker._proc.pid, signal.SIGKILL)
    lambda_runtime.kill_workers(workers)
    for folder in ("tmp", "lambda"):
        shutil.rmtree(options.state_dir / folder, ignore_errors=True)
    options.announce_path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
