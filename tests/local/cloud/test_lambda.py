"""Lambda workers behave as the real runtime in what this project relies on."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.local.cloud.lambda_functions import create, invoke, zipped
from tests.local.cloud.running import running_cloud

RAISING = """
class SpecInvalid(Exception):
    pass

count = 0

def handler(event, context):
    global count
    count += 1
    if event.get("raise"):
        raise SpecInvalid("cluster_name: 'X' must be lower case")
    return {"count": count}
"""

LOOKING_AROUND = """
import importlib.util, os, shutil, subprocess, boto3

def handler(event, context):
    print("a line of the handler")
    subprocess.run(["echo", '{"status": "ok", "result": "a child wrote this"}'])
    tool = shutil.which("tool")
    return {
        "identity": boto3.client("sts").get_caller_identity()["Arn"],
        "packages": [name for name in event["packages"] if importlib.util.find_spec(name)],
        "variables": sorted(os.environ),
        "tool": subprocess.run([tool], capture_output=True, text=True).stdout if tool else None,
        "bundle": open(os.environ["SSL_CERT_FILE"]).read().count("BEGIN CERTIFICATE"),
        "name": context.function_name,
    }
"""


def test_error_type_is_the_class_name_and_the_worker_stays_warm(cloud: Any) -> None:
    create(cloud, "raising", RAISING)
    assert invoke(cloud, "raising", {})[0] == {"count": 1}
    report, failed = invoke(cloud, "raising", {"raise": True})
    assert (report["errorType"], report["errorMessage"], failed) == (
        "SpecInvalid",
        "cluster_name: 'X' must be lower case",
        "Unhandled",
    )
    assert "raise SpecInvalid" in "".join(report["stackTrace"])
    assert invoke(cloud, "raising", {})[0] == {"count": 3}


@pytest.mark.parametrize(
    ("source", "error_type", "words"),
    [
        pytest.param("import nowhere_to_be_found", "Runtime.ImportModuleError", "nowhere_to_be_found", id="import"),
        pytest.param("raise KeyError('TABLE')", "KeyError", "TABLE", id="settings"),
        pytest.param("handle = 1", "Runtime.HandlerNotFound", "app", id="no-handler"),
    ],
)
def test_a_handler_that_cannot_start_says_why(cloud: Any, source: str, error_type: str, words: str) -> None:
    name = f"broken-{error_type.rsplit('.', maxsplit=1)[-1]}"
    create(cloud, name, source)
    report, _ = invoke(cloud, name)
    assert report["errorType"] == error_type
    assert words in report["errorMessage"]


def test_a_worker_sees_its_role_its_layers_and_only_what_the_runtime_brings(cloud: Any) -> None:
    layer = cloud.client("lambda").publish_layer_version(
        LayerName="tools",
        Content={"ZipFile": zipped({"bin/tool": "#!/bin/sh\necho from the layer\n", "python/inlayer.py": ""}, ("bin/tool",))},
    )["LayerVersionArn"]
    create(cloud, "looking", LOOKING_AROUND, Layers=[layer], Environment={"Variables": {"TABLE": "clusters"}})
    seen, failed = invoke(cloud, "looking", {"packages": ["boto3", "inlayer", "yaml", "ministack", "aiohttp", "local"]})
    assert failed is None, seen
    assert seen["identity"] == "arn:aws:sts::553778890976:assumed-role/tested/looking"
    assert seen["packages"] == ["boto3", "inlayer"]
    assert seen["tool"] == "from the layer\n"
    assert seen["bundle"] > 1
    assert seen["name"] == "looking"
    assert "TABLE" in seen["variables"]
    assert not {"SECRET_OF_THE_LAUNCHER", "PYTHONPATH", "HUBPLANE_SKIP_MENDS", "STATE_DIR"} & set(seen["variables"])
    logs = cloud.client("logs").filter_log_events(logGroupName="/aws/lambda/looking")["events"]
    assert "a line of the handler" in [event["message"] for event in logs]


def test_the_end_leaves_no_worker_and_no_folder(tmp_path: Any) -> None:
    with running_cloud(tmp_path) as running:
        create(running, "sleeping", "import os, time\n\ndef handler(event, context):\n    return os.getpid()")
        worker, _ = invoke(running, "sleeping")
        assert subprocess.run(["ps", "-p", str(worker)], check=False, capture_output=True).returncode == 0
    assert subprocess.run(["ps", "-p", str(worker)], check=False, capture_output=True).returncode == 1
    assert not (running.state_dir / "tmp").exists()
    assert not (running.state_dir / "lambda").exists()


def test_without_the_mends_the_faults_are_there(tmp_path: Any) -> None:
    with running_cloud(tmp_path, skip_mends="real_workers,lambda_role_sessions") as unmended:
        create(unmended, "raising", RAISING)
        assert invoke(unmended, "raising", {"raise": True})[0]["errorType"] == "Runtime.HandlerError"
        create(unmended, "looking", "import os, boto3, yaml\n\ndef handler(event, context):\n    return dict(os.environ)")
        seen, _ = invoke(unmended, "looking", {})
        assert "SECRET_OF_THE_LAUNCHER" in seen
        assert json.dumps(seen).count("553778890976") > 0
