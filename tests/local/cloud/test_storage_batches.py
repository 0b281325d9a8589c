"""The batches of a storage day run here as ``prune_volumes`` writes them: one at a time, each failure counted."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.local.cloud.lambda_functions import create
from tests.local.cloud.running import ACCOUNT_ID, REGION, ROOT, RunningCloud, running_cloud
from tests.local.cloud.test_states import ended, start

BUCKET, KEY = "storage-day", "runs/1/batches.json"
APPLY = """
class BatchBroken(Exception):
    pass

def handler(event, context):
    batch = event["batch"]
    if batch["key"] in event["run"]["broken"]:
        raise BatchBroken(f"{batch['key']} cannot be read")
    assert event["cluster_name"] == "hub" and ":execution:" in event["execution_arn"]
    return {"deleted": batch["count"], "skipped": 1, "gone": 0, "failed": 0, "left": 2}
"""


def machine() -> dict[str, Any]:
    """``ApplyDeletions`` of the deployed definition and what it leads to, with a plan that is there already."""
    text = (ROOT / "statemachines" / "prune_volumes.asl.json").read_text()
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:apply"
    text = text.replace("${StorageBucketName}", BUCKET).replace("${ApplyDeletionsFunctionArn}", function)
    apply = json.loads(text)["States"]["ApplyDeletions"]
    planned = {
        "cluster_name": "{% $states.input.cluster_name %}",
        "run": "{% $states.input.run %}",
        "plan": {"batches_key": KEY},
    }
    return {
        "States": {
            "Planned": {"Type": "Pass", "Assign": planned, "Next": "ApplyDeletions"},
            "ApplyDeletions": apply,
            "CountDeletions": {"Type": "Pass", "Output": "{% $totals %}", "End": True},
            "QueueStorageMails": {"Type": "Pass", "Output": "{% $failure %}", "End": True},
        }
    }


def prepare(cloud: RunningCloud) -> None:
    """The function and three batches."""
    create(cloud, "apply", APPLY)
    cloud.client("s3").create_bucket(Bucket=BUCKET)
    put(cloud, [{"key": f"batch-{number}", "count": count} for number, count in enumerate((5, 7, 11))])


def put(cloud: RunningCloud, batches: Any) -> None:
    cloud.client("s3").put_object(Bucket=BUCKET, Key=KEY, Body=json.dumps(batches))


def output(cloud: RunningCloud, *broken: str) -> tuple[str, Any]:
    """The execution's ARN and what the day made of its batches."""
    execution = start(cloud, machine(), {"cluster_name": "hub", "run": {"broken": list(broken)}})
    found = ended(cloud, execution)
    assert found["status"] == "SUCCEEDED", found
    return execution, json.loads(found["output"])


@pytest.fixture(scope="module", autouse=True)
def functions(cloud: RunningCloud) -> None:
    prepare(cloud)


@pytest.mark.parametrize(
    ("broken", "deleted", "skipped"),
    [
        pytest.param((), 23, 3, id="none"),
        pytest.param(("batch-0",), 18, 2, id="the-first"),
        pytest.param(("batch-1",), 16, 2, id="one-in-the-middle"),
        pytest.param(("batch-0", "batch-1", "batch-2"), 0, 0, id="all"),
    ],
)
def test_a_failing_batch_is_counted_and_the_others_are_done(
    cloud: RunningCloud, broken: tuple[str, ...], deleted: int, skipped: int
) -> None:
    _, totals = output(cloud, *broken)
    counted = {"deleted": deleted, "skipped": skipped, "left": 2 * (3 - len(broken)), "batches_failed": len(broken)}
    assert totals == {"gone": 0, "failed": 0, **counted}


def test_one_batch_runs_at_a_time_and_in_order(cloud: RunningCloud) -> None:
    execution, _ = output(cloud, "batch-1")
    states = cloud.client("stepfunctions")
    (map_run,) = states.list_map_runs(executionArn=execution)["mapRuns"]
    described = states.describe_map_run(mapRunArn=map_run["mapRunArn"])
    assert (described["maxConcurrency"], described["toleratedFailurePercentage"]) == (1, 100)
    children = [
        states.describe_execution(executionArn=child["executionArn"])
        for child in states.list_executions(mapRunArn=map_run["mapRunArn"])["executions"]
    ]
    children.sort(key=lambda child: child["startDate"])
    assert [json.loads(child["input"])["batch"]["key"] for child in children] == ["batch-0", "batch-1", "batch-2"]
    assert all(before["stopDate"] <= after["startDate"] for before, after in pairwise(children))


def test_a_list_that_cannot_be_read_fails_the_step_in_its_own_words(cloud: RunningCloud) -> None:
    definition = machine()
    definition["States"]["ApplyDeletions"]["ItemReader"]["Arguments"]["Key"] = "runs/1/nothing.json"
    definition["States"]["ApplyDeletions"].pop("Retry")  # four more tries, seconds apart, would end the same
    found = ended(cloud, start(cloud, definition, {"cluster_name": "hub", "run": {"broken": []}}))
    failure = json.loads(found["output"])
    assert (failure["stage"], failure["error"]) == ("ApplyDeletions", "States.ItemReaderFailed")
    assert "runs/1/nothing.json" in failure["cause"]


def test_without_the_mend_no_batch_is_found(tmp_path: Path) -> None:
    with running_cloud(tmp_path, skip_mends="jsonata_distributed_map") as unmended:
        prepare(unmended)
        definition = machine()
        definition["States"]["ApplyDeletions"].pop("Retry")
        found = ended(unmended, start(unmended, definition, {"cluster_name": "hub", "run": {"broken": []}}))
        assert json.loads(found["output"])["error"] == "States.ItemReaderFailed"
