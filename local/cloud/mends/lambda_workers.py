"""Lambda workers as the real runtime has them."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import logging
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.core.lambda_runtime import Worker
from ministack.core.responses import get_account_id, get_region
from ministack.services import lambda_svc

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend
from local.cloud.mends.lambda_logs import group_name, logs_to, stream_name

BOOTSTRAP = Path(__file__).resolve().parents[1] / "lambda_bootstrap.py"

# What the Python runtime of Lambda brings along: boto3 and what it needs.
RUNTIME_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")

# Facts of this machine that a function may need to reach the world.
KEPT_VARIABLES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "TMPDIR")

log = logging.getLogger("hubplane.cloud")


@mend
def real_workers(cloud: Cloud, gateway: Gateway) -> None:
    """Workers see the emulator's packages, environment and file descriptors; layers lose their executable bits.

    And each unzips its layers anew. With this a worker has the variables, the packages (boto3 and nothing else) and the search
    path of the real runtime; unzipped code is kept by content; ``<layer>/bin`` is on PATH as ``/opt/bin`` is.
    """
    folders = Folders(cloud)

    class RealWorker(HubplaneWorker):
        places = folders

    lambda_runtime._worker_class_for = lambda config: RealWorker
    lambda_svc._execute_function_warm = execute


class Folders:
    """Where workers find code, layers and boto3; unzipped once per content."""

    def __init__(self, cloud: Cloud) -> None:
        self.root = cloud.options.state_dir / "lambda"
        self.endpoint_url = cloud.endpoint_url
        self.ca_bundle_path = cloud.ca_bundle_path
        self.runtime = self.root / "runtime"
        self._lock = threading.Lock()
        self.runtime.mkdir(parents=True, exist_ok=True)
        for package in RUNTIME_PACKAGES:
            self._link(package)

    def unzipped(self, content: bytes) -> Path:
        """The folder with the archive's files, executable where the archive says so."""
        target = self.root / "unzipped" / hashlib.sha256(content).hexdigest()[:24]
        with self._lock:
            if not target.exists():
                target.parent.mkdir(exist_ok=True)
                fresh = Path(tempfile.mkdtemp(dir=target.parent))
                unzip(content, fresh)
                fresh.rename(target)
        return target

    def _link(self, package: str) -> None:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise SystemExit(f"{package} is missing in {sys.prefix}: install local/cloud/requirements.txt")
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (self.runtime / source.name).symlink_to(source)


def unzip(content: bytes, target: Path) -> None:
    """Unpack an archive with its modes. Raises ``RuntimeError`` for an entry that would land outside ``target``."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for member in archive.infolist():
            destination = (target / member.filename).resolve()
            if not destination.is_relative_to(target.resolve()):
                raise RuntimeError(f"zip entry escapes its folder: {member.filename}")
            archive.extract(member, target)
            mode = member.external_attr >> 16 & 0o777
            if mode and not member.is_dir():
                destination.chmod(mode | 0o600)


class HubplaneWorker(Worker):
    """The emulator's worker with a start of its own; leasing, timeouts and the end are the emulator's."""

    places: Folders
    log_stream = ""

    def _spawn(self) -> None:
        config = self.config
        self._discard_tmpdir()
        self.log_stream = stream_name(config)
        self._tmpdir = tempfile.mkdtemp(prefix=f"lambda-{self.func_name[:40]}-")
        code_dir = self.places.unzipped(self.code_zip)
        layers = [
            self.places.unzipped(content) for content in map(lambda_svc._resolve_layer_zip, config.get("Layers", [])) if content
        ]
        self._proc = subprocess.Popen(
            [sys.executable, "-I", "-S", str(BOOTSTRAP)],
            cwd=code_dir,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
            env=self._environment(code_dir, layers),
            start_new_session=True,
        )
        self._stderr_queue = queue.Queue()
        self._stderr_thread = threading.Thread(target=self._read_stderr, daemon=True)
        self._stderr_thread.start()
        module, handler = config.get("Handler", "index.handler").rsplit(".", 1)
        init = {
            "code_dir": str(code_dir),
            "runtime_dir": str(self.places.runtime),
            "module": module.replace("/", "."),
            "handler": handler,
            "env": {},
            "function_name": config.get("FunctionName", ""),
            "memory": config.get("MemorySize", 128),
            "arn": config.get("FunctionArn", ""),
        }
        assert self._proc.stdin is not None and self._proc.stdout is not None  # noqa: S101  both are pipes
        self._proc.stdin.write(json.dumps(init) + "\n")
        self._proc.stdin.flush()
        line = self._proc.stdout.readline()
        if not line:
            raise InitFailed(
                {"errorType": "Runtime.ExitError", "errorMessage": "the worker ended while it started"},
                self._drain_stderr_bounded(),
            )
        answer = json.loads(line)
        if answer["status"] != "ready":
            raise InitFailed(json.loads(answer["error"]), self._drain_stderr_bounded())

    def _environment(self, code_dir: Path, layers: list[Path]) -> dict[str, str]:
        config = self.config
        region = config["FunctionArn"].split(":")[3]
        name = config.get("FunctionName", "")
        own = config.get("Environment", {}).get("Variables", {})
        return {
            **{key: os.environ[key] for key in KEPT_VARIABLES if key in os.environ},
            "PATH": ":".join([*(f"{layer}/bin" for layer in layers), "/usr/local/bin", "/usr/bin", "/bin"]),
            "LD_LIBRARY_PATH": ":".join(f"{layer}/lib" for layer in layers),
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "SSL_CERT_FILE": str(self.places.ca_bundle_path),
            **own,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ENDPOINT_URL": own.get("AWS_ENDPOINT_URL", self.places.endpoint_url),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{config.get('Runtime', '')}",
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
            "AWS_LAMBDA_FUNCTION_VERSION": config.get("Version", "$LATEST"),
            "AWS_LAMBDA_LOG_FORMAT": (config.get("LoggingConfig") or {}).get("LogFormat", "Text"),
            "AWS_LAMBDA_LOG_GROUP_NAME": group_name(config),
            "AWS_LAMBDA_LOG_STREAM_NAME": self.log_stream,
            "_HANDLER": config.get("Handler", ""),
            "_LAMBDA_LAYERS_DIRS": os.pathsep.join(map(str, layers)),
            "LAMBDA_TASK_ROOT": str(code_dir),
            "LAMBDA_RUNTIME_DIR": str(self.places.runtime),
            **lambda_runtime.execution_credentials(config),
        }

    def _discard_tmpdir(self) -> None:
        if self._tmpdir:
            shutil.rmtree(self._tmpdir, ignore_errors=True)


class InitFailed(Exception):
    """The handler could not be imported; carries the runtime's report and the log."""

    def __init__(self, report: dict[str, Any], log_text: str) -> None:
        super().__init__(report.get("errorMessage", ""))
        self.report = report
        self.log_text = log_text


def execute(func: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
    """Every failure has errorType ``Runtime.HandlerError``, and the worker is thrown away after it.

    With this errorType is the exception's class name, so that Retry and Catch by name match, and the worker stays warm.
    """
    config = func.get("config") or func
    name = config.get("FunctionName", "unknown")
    qualifier = config.get("Version", "$LATEST")
    if not func.get("code_zip"):
        return _failed({"errorType": "Runtime.ImportModuleError", "errorMessage": f"{name} has no code"}, "")
    lambda_svc._ensure_reaper_thread()
    worker, _reason = lambda_runtime.acquire_worker(name, config, func["code_zip"], qualifier=qualifier)
    try:
        result = worker.invoke(
            event,
            request_id,
            trace_id=lambda_svc._xray_trace_id_for_invocation(config),
            invoked_function_arn=config.get("FunctionArn", ""),
            depth=lambda_svc._invoke_depth.get(),
        )
    except InitFailed as error:
        lambda_runtime.invalidate_worker(name, qualifier=qualifier, account=get_account_id(), region=get_region())
        worker = None
        return _failed(error.report, error.log_text)
    finally:
        if worker is not None:
            logs_to(request_id, worker.log_stream)
        lambda_runtime.release_worker(worker)
    logged = result.get("log", "")
    if result.get("status") != "ok":
        timed_out = lambda_svc._RIE_TIMEOUT_TEXT_RE.fullmatch(result.get("error", ""))
        kind = "Sandbox.Timedout" if timed_out else "Runtime.ExitError"
        return _failed({"errorType": kind, "errorMessage": result.get("error", "the worker ended")}, logged)
    if "failure" in result:
        return _failed(result["failure"], logged)
    return {"body": result.get("result"), "log": logged}


def _failed(report: dict[str, Any], logged: str) -> dict[str, Any]:
    return {"body": report, "error": True, "log": logged}
