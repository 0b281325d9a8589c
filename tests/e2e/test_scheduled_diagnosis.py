"""A schedule looks at a cluster and mends what the specification allows, once a day; the next time it waits for a person."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from local.guide.follow import Outcome
from tests.e2e.conftest import Hubplane
from tests.e2e.control import fail_kubernetes, mend_kubernetes, post
from tests.e2e.storage import mails
from tests.e2e.test_diagnosis import NAME, Standing, diagnosis, new_findings, standing
from tests.e2e.test_troubles import GNUTLS, pods, until

pytestmark = pytest.mark.e2e
__all__ = ["standing"]  # the fixture of troubles that were there before

Built = tuple[dict[str, Any], Outcome]


def break_the_hub(hubplane: Hubplane, fault_id: str) -> str:
    """The uid of the hub's pod, whose log tells of gnutls from now on."""
    [hub] = pods(hubplane, "component=hub").values()
    uid: str = hub["metadata"]["uid"]
    fail_kubernetes(hubplane.cloud, NAME, {"id": fault_id, "uid": uid, "log": GNUTLS})
    return uid


def hub_uid(hubplane: Hubplane) -> str:
    [hub] = pods(hubplane, "component=hub").values()
    uid: str = hub["metadata"]["uid"]
    return uid


def test_a_scheduled_diagnosis_mends_once_a_day(hubplane: Hubplane, built_2019: Built, standing: Standing) -> None:
    spec = json.loads(hubplane.record(NAME)["release"]["S"])["spec"]
    policy = {"schedule_hours": 6, "mend": ["restart_hub"], "mends_per_day": 1}
    outcome = hubplane.build({"cluster_name": NAME, "spec": {**spec, "diagnosis": policy}})
    assert any("made the schedule of a diagnosis every 6 hours" in change for change in outcome.result["changes"])
    try:
        broken = break_the_hub(hubplane, "first")
        fired = post(f"{hubplane.cloud.endpoint_url}/_hubplane/schedules/run", {"at": "2026-11-26T06:20:00+00:00"})["fired"]
        assert f"{NAME}-diagnosis" in json.dumps(fired)
        states, machine = hubplane.client("stepfunctions"), hubplane.control_plane.outputs["DiagnoseClusterStateMachineArn"]

        def scheduled() -> list[str]:
            found = states.list_executions(stateMachineArn=machine)["executions"]
            inputs = {one["executionArn"]: states.describe_execution(executionArn=one["executionArn"])["input"] for one in found}
            return [arn for arn, text in inputs.items() if json.loads(text).get("mend") == "policy"]

        until(scheduled, "the schedule has started a diagnosis")
        result = hubplane.follow(scheduled()[0]).result
        assert [line.partition(":")[0] for line in result["mended"]] == ["restart_hub ended well"]
        assert {(item["check"], item["sentence"]) for item in result["findings"]} <= standing
        assert hub_uid(hubplane) != broken

        still_broken = break_the_hub(hubplane, "second")
        again = diagnosis(hubplane, mend="policy")
        assert again["mended"] == []
        assert "restart_hub waits for a person: 1 were started today already" in again["held_back"]
        assert [item["check"] for item in again["findings"] if (item["check"], item["sentence"]) not in standing] == ["hub_log"]
        assert hub_uid(hubplane) == still_broken
        assert diagnosis(hubplane, mend="policy")["held_back"] == again["held_back"]
        until(lambda: told(hubplane), "the operators were told")
    finally:
        for fault_id in ("first", "second"):
            mend_kubernetes(hubplane.cloud, NAME, fault_id)
    restored = hubplane.build(copy.deepcopy(built_2019[0]))
    assert "removed the schedule of the diagnoses" in restored.result["changes"]
    assert new_findings(hubplane, standing) == []


def told(hubplane: Hubplane) -> int:
    return sum(1 for mail in mails(hubplane) if mail["Subject"] == f"Cluster {NAME} is not well")
