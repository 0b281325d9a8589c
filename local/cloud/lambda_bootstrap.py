"""Runs inside each Lambda worker: imports the handler once, then answers one JSON line per invocation.

Standard library only, and no import of this project: a worker sees its code, its layers and what the real runtime brings.
The lines are the emulator's own protocol (``ministack.core.lambda_runtime``) with one addition: a failed invocation answers
``{"status": "ok", "failure": {...}}`` so that the emulator keeps the worker, as AWS does. Handlers and their child processes
never share the protocol's pipe: file descriptors 0 and 1 are moved away first.
"""

import importlib
import json
import os
import sys
import time
import traceback


def main() -> None:
    """Serve invocations until the pipe closes."""
    requests = os.fdopen(os.dup(0), "r", encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr

    init = json.loads(requests.readline())
    os.environ.update(init["env"])
    sys.path[:0] = [path for path in search_path(init) if os.path.isdir(path)]  # noqa: PTH112

    def answer(message):
        sys.stderr.flush()
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    try:
        handler = getattr(importlib.import_module(init["module"]), init["handler"])
    except BaseException as error:
        answer({"status": "error", "error": json.dumps(described_init(error, init))})
        return
    answer({"status": "ready", "cold": True})

    for line in requests:
        message = json.loads(line)
        context = Context(init, message.get("ctx") or {})
        set_trace(message.get("ctx") or {})
        try:
            result = json.loads(json.dumps(handler(message["event"], context)))
        except BaseException as error:
            answer({"status": "ok", "failure": described(error, context.aws_request_id)})
            if isinstance(error, (SystemExit, KeyboardInterrupt)):
                return
        else:
            answer({"status": "ok", "result": result})


def search_path(init):
    """Code, then layers as under /opt, then what the runtime brings: the order of AWS."""
    layers = [path for path in os.environ.get("_LAMBDA_LAYERS_DIRS", "").split(os.pathsep) if path]
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    paths = [init["code_dir"]]
    for layer in layers:
        paths += [f"{layer}/python/lib/{version}/site-packages", f"{layer}/python"]
    return [*paths, init["runtime_dir"]]


def described(error, request_id):
    """A failed invocation as the Python runtime reports it: errorType is the bare class name, which Retry and Catch match."""
    name = type(error).__name__
    kind = "Runtime.ExitError" if isinstance(error, SystemExit) else name
    frames = traceback.extract_tb(error.__traceback__)[1:]
    report = {
        "errorMessage": str(error),
        "errorType": kind,
        "requestId": request_id,
        "stackTrace": traceback.format_list(frames),
    }
    if os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON":  # as awslambdaric does it, in bootstrap.log_error
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        print(json.dumps({"timestamp": stamp, "level": "ERROR", **report}), file=sys.stderr, flush=True)
    else:
        print(f"[ERROR] {name}: {error}\n" + "".join(traceback.format_exception(error)), file=sys.stderr, flush=True)
    return report


def described_init(error, init):
    """A handler that cannot be imported, in the words and types of the Python runtime."""
    report = described(error, "")
    name = f"{init['module']}.{init['handler']}"
    if isinstance(error, ImportError):
        report["errorType"] = "Runtime.ImportModuleError"
        report["errorMessage"] = f"Unable to import module '{init['module']}': {error}"
    elif isinstance(error, AttributeError) and init["handler"] in str(error):
        report["errorType"] = "Runtime.HandlerNotFound"
        report["errorMessage"] = f"Handler '{init['handler']}' missing on module '{init['module']}' ({name})"
    return report


def set_trace(call):
    """The X-Ray header changes with each invocation."""
    if call.get("trace_id"):
        os.environ["_X_AMZN_TRACE_ID"] = call["trace_id"]
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)


class Context:
    """The context object of one invocation."""

    def __init__(self, init, call):
        self.function_name = init["function_name"]
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        self.invoked_function_arn = call.get("invoked_function_arn", init["arn"])
        self.memory_limit_in_mb = str(init["memory"])
        self.aws_request_id = call.get("request_id", "")
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", "")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", "")
        self.identity = None
        self.client_context = None
        self._deadline = time.time() + call.get("timeout_ms", 3000) / 1000

    def get_remaining_time_in_millis(self):
        """Milliseconds until the function is ended."""
        return max(0, int((self._deadline - time.time()) * 1000))


if __name__ == "__main__":
    main()
