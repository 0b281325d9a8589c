"""A person at the real hub whose home becomes larger: the server is stopped, and the next one finds the files and the room."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.guide.follow import Outcome
from local.guide.round_trip import start
from tests.e2e.conftest import Hubplane
from tests.e2e.spawning import newcomer
from tests.e2e.storage import CLUSTER, ebs
from tests.e2e.test_mail import wait_for

pytestmark = pytest.mark.e2e
CLAIM = "claim-growing"


def claim(hubplane: Hubplane) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(hubplane.run(CLUSTER, "kubectl", "-n", "jupyter", "get", "pvc", CLAIM, "-o", "json"))
    return found


def test_a_server_is_stopped_its_home_grows_and_the_next_one_has_both(
    hubplane: Hubplane, built_2019: tuple[dict[str, Any], Outcome]
) -> None:
    trip = newcomer(hubplane, "growing")
    visit = trip.visit()
    start(visit)
    visit.write_marker("before it grew")
    before = trip.volume()
    assert before is not None
    size_gib = before["Size"] + 10
    asked = {"cluster_name": CLUSTER, "username": "growing", "size_gib": size_gib, "mode": "enforce"}
    outcome = hubplane.follow(hubplane.start_machine("ExpandHome", asked))
    assert outcome.status == "SUCCEEDED", f"{outcome.error}: {outcome.cause}"
    assert outcome.result["changes"] == [
        f"asked the hub of {CLUSTER} to stop the server of growing",
        f"claim {CLAIM} asks for {size_gib} GiB in place of {before['Size']}",
    ]
    assert not visit.servers()
    assert [one["type"] for one in claim(hubplane)["status"]["conditions"]] == ["FileSystemResizePending"]
    start(visit)
    assert visit.read_marker() == "before it grew"
    wait_for(lambda: claim(hubplane)["status"]["capacity"]["storage"] == f"{size_gib}Gi", "the file system to grow")
    after = ebs(hubplane)["volumes"][outcome.result["volume_id"]]
    assert (after["volume_id"], after["size_gib"]) == (before["VolumeId"], size_gib)
    stopped = hubplane.follow(hubplane.start_machine("StopServer", {"cluster_name": CLUSTER, "username": "growing"}))
    assert stopped.result["changes"] == [f"asked the hub of {CLUSTER} to stop the server of growing"]
    assert not visit.servers()
