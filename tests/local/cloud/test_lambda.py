"""Lambda workers behave as the real runtime in what this project relies on."""

from __future__ import annotations

import json
import re
import subprocess
import time
import uuid
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
    with running_cloud(
        tmp_path, skip_mends="real_workers,lambda_role_sessions,lambda_log_streams,log_pages,json_filter_patterns"
    ) as unmended:
        create(unmended, "raising", RAISING)
        assert invoke(unmended, "raising", {"raise": True})[0]["errorType"] == "Runtime.HandlerError"
        create(unmended, "looking", "import os, boto3, yaml\n\ndef handler(event, context):\n    return dict(os.environ)")
        seen, _ = invoke(unmended, "looking", {})
        assert "SECRET_OF_THE_LAUNCHER" in seen
        assert json.dumps(seen).count("553778890976") > 0
        create(unmended, "sharing", SAYING, **SHARED)
        invoke(unmended, "sharing")
        logs = unmended.client("logs")
        streams = logs.describe_log_streams(logGroupName="/shared/room")["logStreams"]
        assert not any("sharing" in stream["logStreamName"] for stream in streams)
        one = logs.filter_log_events(logGroupName="/shared/room", limit=1)
        assert (len(one["events"]), "nextToken" in one) == (1, False)
        assert logs.filter_log_events(logGroupName="/shared/room", filterPattern='{ $.nowhere = "*" }')["events"]


SAYING = "def handler(event, context):\n    print(event)\n    return [context.log_group_name, context.log_stream_name]"
SHARED = {"LoggingConfig": {"LogGroup": "/shared/room", "LogFormat": "JSON"}}


def test_functions_share_a_group_and_each_line_is_in_a_stream_of_its_worker(cloud: Any) -> None:
    logs = cloud.client("logs")
    for name in ("sharing-one", "sharing-other"):
        create(cloud, name, SAYING, **SHARED)
        places = [invoke(cloud, name, f"{name} says {number}")[0] for number in (1, 2)]
        assert places[0] == places[1]
        group, stream = places[0]
        assert group == "/shared/room"
        # AWS Lambda developer guide, "Configuring CloudWatch log groups".
        assert re.fullmatch(rf"\d{{4}}/\d\d/\d\d/{name}\[\$LATEST\][0-9a-f]{{32}}", stream)
        events = logs.filter_log_events(logGroupName=group, logStreamNames=[stream])["events"]
        said = [event["message"] for event in events]
        assert [line for line in said if "says" in line] == [f"{name} says {number}" for number in (1, 2)]
        own = [json.loads(line)["type"] for line in said if "says" not in line]
        assert own == ["platform.start", "platform.report"] * 2
    create(cloud, "sharing-third", RAISING, **SHARED)
    invoke(cloud, "sharing-third", {"raise": True})
    third = [
        event for event in logs.filter_log_events(logGroupName="/shared/room")["events"] if "third" in event["logStreamName"]
    ]
    told = [json.loads(event["message"]) for event in third]
    assert [line.get("errorType") for line in told] == [None, "SpecInvalid", None]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        pytest.param('{ $.execution = "arn:build:one" }', ["a", "b"], id="equal"),
        pytest.param('{ $.execution = "*:one" && $.message != "done" }', ["b"], id="ends-and-differs"),
        pytest.param('{ $.function = "*-Check-*" }', ["b", "c"], id="within"),
        pytest.param('{ $.nowhere = "*" }', [], id="no-such-field"),
        pytest.param("{ $.cause IS NULL }", [], id="not-mended"),
        pytest.param('"arn:build:two"', ["c"], id="phrase"),
    ],
)
def test_a_search_by_a_field_of_json_finds_what_has_it(cloud: Any, pattern: str, found: list[str]) -> None:
    logs, name = cloud.client("logs"), f"/fields/{uuid.uuid4().hex}"
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    lines = [
        {"id": "a", "execution": "arn:build:one", "message": "done", "function": "h-Lock-1"},
        {"id": "b", "execution": "arn:build:one", "message": "refused", "function": "h-Check-1"},
        {"id": "c", "execution": "arn:build:two", "message": "done", "function": "h-Check-1"},
    ]
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": message} for message in [*map(json.dumps, lines), "no JSON"]]
    logs.put_log_events(logGroupName=name, logStreamName="s", logEvents=events)
    events = logs.filter_log_events(logGroupName=name, filterPattern=pattern)["events"]
    assert [json.loads(event["message"])["id"] for event in events] == found


def test_a_function_with_a_group_of_its_own_has_streams_without_its_name(cloud: Any) -> None:
    create(cloud, "alone", SAYING)
    (group, stream), _ = invoke(cloud, "alone")
    assert group == "/aws/lambda/alone"
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", stream)


def test_a_search_of_a_large_group_goes_on_after_its_first_page(cloud: Any) -> None:
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="/large")
    now = int(time.time() * 1000)
    for stream in ("a", "b"):
        logs.create_log_stream(logGroupName="/large", logStreamName=stream)
        lines = [{"timestamp": now + number, "message": f"{stream}-{number}"} for number in range(6_000)]
        logs.put_log_events(logGroupName="/large", logStreamName=stream, logEvents=lines)
    pages = list(logs.get_paginator("filter_log_events").paginate(logGroupName="/large"))
    assert [len(page["events"]) for page in pages] == [10_000, 2_000]
    assert len({event["message"] for page in pages for event in page["events"]}) == 12_000
    assert [event["message"] for event in logs.filter_log_events(logGroupName="/large", limit=2)["events"]] == ["a-0", "b-0"]
