"""What a real API server answered, asked again of the stand-in. ``contract.json`` says where it was recorded."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.local.kubernetes.running import Answer, Cluster

CONTRACT = json.loads((Path(__file__).parent / "contract.json").read_text())
PLACEHOLDER = re.compile(r"<(?:uid|rv|continue)-[0-9-]+>")
ANYTHING = re.compile(r"<[a-zA-Z.]+(?:-[0-9-]+)?>")
SETTLING_SECONDS = 3


@pytest.mark.parametrize("session", CONTRACT["sessions"], ids=lambda session: session["session"])
def test_answers_as_the_recorded_server(session: dict[str, Any], make_cluster: Callable[..., Cluster]) -> None:
    cluster = make_cluster()
    if session["namespace"]:
        cluster.namespace(session["namespace"])
        if session["session"] == "storage-lost-and-events":
            cluster.create("/apis/storage.k8s.io/v1/storageclasses", _class("gp3x"))
            cluster.create("/apis/storage.k8s.io/v1/storageclasses", _class("wffc"))
        if session["session"] == "storage":
            cluster.namespace("st2")
    known: dict[str, str] = {}
    differences = []
    for step in session["steps"]:
        answer = _play(cluster, step, known)
        if difference := _difference(step, answer):
            differences.append(
                f"{step['name']}: {step['method']} {step['path']}: {difference}\n    {answer.status} {answer.body}"
            )
        for path, name in (step.get("capture") or {}).items():
            known[name] = _at(answer.body, path)
    assert not differences, "\n".join(differences)


def _class(name: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "provisioner": "ebs.csi.aws.com",
        "parameters": {"type": "gp3"},
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": True,
    }


def _play(cluster: Cluster, step: dict[str, Any], known: dict[str, str]) -> Answer:
    """Ask; a GET is asked again until it answers as expected or the controllers had their time."""
    filled = json.loads(PLACEHOLDER.sub(lambda found: str(known.get(found[0], found[0])), json.dumps(step)))
    path = filled["path"] + (f"?{urlencode(filled['query'])}" if "query" in filled else "")
    end = time.monotonic() + SETTLING_SECONDS
    while True:
        answer = cluster.ask(step["method"], path, filled.get("body"), content_type=step.get("content_type", ""))
        if step["method"] != "GET" or "watch" in step or time.monotonic() > end or not _difference(step, answer):
            return answer
        time.sleep(0.1)


def _difference(step: dict[str, Any], answer: Answer) -> str:
    if answer.status != step["status"]:
        return f"status is not {step['status']}; expected {json.dumps(step.get('expect'))}"
    if "watch" in step:
        return _watch_difference(step, answer.body if isinstance(answer.body, str) else json.dumps(answer.body))
    listed = _list_difference(step, answer.body)
    return listed or (_lacking(step["expect"], answer.body, "") if "expect" in step else "")


def _list_difference(step: dict[str, Any], body: Any) -> str:
    names = [item["metadata"]["name"] for item in body.get("items", ())] if isinstance(body, dict) else []
    wanted = [name for name in step.get("items", step.get("at_least", names)) if not ANYTHING.search(name)]
    if "items" in step and [name for name in names if not name.startswith("gen-")] != wanted:
        return f"items {names}, not {step['items']}"
    if missing := set(wanted) - set(names):
        return f"items lack {missing}"
    told = [[event["type"], event["reason"], event["message"]] for event in body["items"]] if "events" in step else []
    lacking = [event for event in step.get("events", ()) if event not in told]
    return f"events lack {lacking}" if lacking else ""


def _watch_difference(step: dict[str, Any], text: str) -> str:
    lines = [json.loads(line) for line in text.splitlines()]
    told = [[line["type"], line["object"]["metadata"].get("name")] for line in lines if line["type"] != "BOOKMARK"]

    def shown(events: list[list[str]]) -> list[list[str]]:
        return [event for event in events if not ANYTHING.search(event[1]) and not event[1].startswith("gen-")]

    known, wanted = shown(told), shown(step["watch"])
    if "resourceVersion" not in step["query"]:
        known, wanted = sorted(known), sorted(wanted)
    return "" if known == wanted else f"told {known}, not {wanted}"


def _lacking(wanted: Any, found: Any, path: str) -> str:
    """Where ``found`` lacks something of ``wanted``; more than wanted is fine in objects, not in lists."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        wanted = dict(wanted)
        start = wanted.pop("message_starts", "")
        if not str(found.get("message", "")).startswith(start):
            return f"{path}.message: {found.get('message')!r} does not start with {start!r}"
        return next((bad for key, value in wanted.items() if (bad := _lacking(value, found.get(key), f"{path}.{key}"))), "")
    if isinstance(wanted, list) and isinstance(found, list) and len(found) == len(wanted):
        return next((bad for index, item in enumerate(wanted) if (bad := _lacking(item, found[index], f"{path}[{index}]"))), "")
    if isinstance(wanted, str) and isinstance(found, str) and ANYTHING.search(wanted):
        pattern = ".+".join(re.escape(part) for part in ANYTHING.split(wanted))
        return "" if re.fullmatch(pattern, found) else f"{path}: {found!r}, not {wanted!r}"
    return "" if wanted == found else f"{path}: {found!r}, not {wanted!r}"


def _at(found: Any, path: str) -> str:
    for step in path.split("."):
        found = found[step]
    return str(found)
