"""The environment the emulator is started in.

The emulator reads its settings from the environment while its modules are imported, so ``prepare`` has to run before the
first ``import ministack``.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from pathlib import Path

import botocore

from local.cloud.options import ACCOUNT_ID, REGION, SECRET_ACCESS_KEY, Options


def prepare(options: Options, port: int) -> None:
    """Set this process's environment for the emulator on ``port`` with all its files inside the state folder."""
    temporary = options.state_dir / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    for name in [name for name in os.environ if name.startswith(("AWS_", "MINISTACK_", "LAMBDA_", "SFN_", "LOCALSTACK_"))]:
        del os.environ[name]
    os.environ.update(
        {
            "TMPDIR": str(temporary),
            "STATE_DIR": str(options.state_dir / "state"),
            "S3_DATA_DIR": str(options.state_dir / "s3"),
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "DOCKER_HOST": f"unix://{options.state_dir}/no-docker.sock",
            "LOG_LEVEL": "WARNING",
            "AUTH": "true" if options.auth else "false",
            "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
            "MINISTACK_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCOUNT_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    )
    for name in ("NO_PROXY", "no_proxy"):
        # Everything here calls this machine; only the world beyond may be behind a proxy.
        os.environ[name] = ",".join(filter(None, [os.environ.get(name, ""), "127.0.0.1", "localhost"]))
    tempfile.tempdir = str(temporary)


def write_ca_bundle(state_dir: Path, front_ca: bytes) -> Path:
    """The certificate bundle Lambdas trust: this machine's (or botocore's, where there is none) and the front's CA."""
    base = Path(os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile or "")
    if not base.is_file():
        base = Path(botocore.__file__).parent / "cacert.pem"
    bundle = state_dir / "ca-bundle.pem"
    bundle.write_bytes(base.read_bytes().rstrip() + b"\n" + front_ca)
    return bundle
