"""What goes wrong is named, rolled back and can be started again."""

from __future__ import annotations

import copy
import json
import time
from typing import Any

import pytest

from local.guide import processes
from local.guide.diagnosis import last_function, log_lines
from local.guide.follow import Outcome
from tests.e2e.conftest import Hubplane
from tests.e2e.control import fail_kubernetes, fail_stack_resource, mend_kubernetes

pytestmark = pytest.mark.e2e

Built = tuple[dict[str, Any], Outcome]
NAME = "opensarlab"
STAGES = (
    "CheckAccount",
    "EnsureOAuthClient",
    "BuildImages",
    "ChangeStack",
    "ConfigureCluster",
    "InstallAutoscaler",
    "InstallJupyterHub",
    "CheckHub",
)


def renamed(document: dict[str, Any], name: str, **parameters: str) -> dict[str, Any]:
    """The 2019 cluster under another name, with an address of its own."""
    other = copy.deepcopy(document)
    other["cluster_name"] = name
    other["parameters"]["JupyterHubURL"] = f"https://{name}.asf.alaska.edu"
    other["parameters"].update(parameters)
    return other


def test_of_two_builds_at_once_one_is_told_who_is_busy(hubplane: Hubplane, built_2019: Built) -> None:
    document, _ = built_2019
    first, second = hubplane.start(document), hubplane.start(document)
    outcomes = [hubplane.follow(first), hubplane.follow(second)]
    assert sorted(outcome.status for outcome in outcomes) == ["FAILED", "SUCCEEDED"]
    refused = next(outcome for outcome in outcomes if outcome.status == "FAILED")
    winner = next(outcome for outcome in outcomes if outcome.status == "SUCCEEDED")
    assert refused.error == "ClusterBusy"
    assert winner.execution_arn in refused.cause or "same moment" in refused.cause
    assert hubplane.record(NAME)["status"]["S"] == "ACTIVE"


def test_a_chart_that_cannot_run_is_rolled_back_and_the_hub_stays_up(hubplane: Hubplane, built_2019: Built) -> None:
    document = copy.deepcopy(built_2019[0])
    before = hubplane.releases(NAME)["jupyterhub"]
    fail_kubernetes(
        hubplane.cloud,
        NAME,
        {"id": "no-such-image", "image": "/hub:", "reason": "ImagePullBackOff", "message": "manifest unknown"},
    )
    try:
        document["parameters"]["AdminUserName"] = "someone_else"
        outcome = hubplane.fail(document)
    finally:
        mend_kubernetes(hubplane.cloud, NAME, "no-such-image")
    assert outcome.error == "ReleaseFailed"
    assert "InstallJupyterHub" in outcome.cause
    assert "ImagePullBackOff" in outcome.cause
    after = hubplane.releases(NAME)["jupyterhub"]
    assert after["status"] == "deployed"
    assert int(after["revision"]) > int(before["revision"])
    values = json.loads(hubplane.run(NAME, "helm", "-n", "jupyter", "get", "values", "jupyterhub", "-o", "json"))
    assert "someone_else" not in json.dumps(values)
    hubplane.build(built_2019[0])


def test_a_stack_that_fails_tells_its_first_cause_and_can_be_built_afterwards(hubplane: Hubplane, built_2019: Built) -> None:
    document = renamed(built_2019[0], "failing-stack")
    reason = "The maximum number of load balancers has been reached"
    fail_stack_resource(hubplane.cloud, "hubplane-cluster-failing-stack", "AWS::ElasticLoadBalancingV2::LoadBalancer", reason)
    outcome = hubplane.fail(document)
    assert outcome.error == "StackFailed"
    assert outcome.cause.startswith("ChangeStack failed (StackFailed): LoadBalancer")
    assert reason in outcome.cause.partition("ROLLBACK")[0]
    assert hubplane.record("failing-stack")["status"]["S"] == "FAILED"
    assert "lock" not in hubplane.record("failing-stack")
    asked = last_function(hubplane.cloud, outcome.execution_arn)
    assert asked is not None and "-CheckStackFunction-" in asked
    logged = [json.loads(line) for line in log_lines(hubplane.cloud, asked)]
    told = [line for line in logged if line.get("error_class") == "StackFailed" and line["execution"] == outcome.execution_arn]
    assert reason in told[-1]["cause"]
    assert {line["function"] for line in logged if "function" in line} == {asked}, "lines of other functions of the room"


def test_the_autoscaler_error_of_2019_is_repaired_by_the_build(hubplane: Hubplane, built_2019: Built) -> None:
    document = copy.deepcopy(built_2019[0])
    chart = str(processes.REPOSITORY / "local/charts/cluster-autoscaler")
    by_hand = ("upgrade", "autoscaler", chart, "-n", "autoscaler", "--reuse-values", "--set", "replicaCount=2")
    hubplane.run(NAME, "helm", *by_hand)
    fail_kubernetes(
        hubplane.cloud,
        NAME,
        {
            "id": "corrupted",
            "verb": "patch",
            "resource": "poddisruptionbudgets",
            "namespace": "autoscaler",
            "status": 422,
            "message": 'PodDisruptionBudget.policy "autoscaler-aws-cluster-autoscaler" is invalid: spec: Forbidden: '
            "updates to poddisruptionbudget spec are forbidden.",
            "until_namespace_deleted": True,
        },
    )
    outcome = hubplane.build(document)
    assert any("PodDisruptionBudget" in change for change in outcome.result["changes"])
    assert hubplane.releases(NAME)["autoscaler"]["status"] == "deployed"


def test_killed_in_every_stage_the_next_start_goes_on(hubplane: Hubplane, built_2019: Built) -> None:
    document = renamed(built_2019[0], "killed")
    states = hubplane.client("stepfunctions")
    for stage in STAGES:
        execution_arn = hubplane.start(document)
        wait_for_stage(hubplane, execution_arn, stage)
        states.stop_execution(executionArn=execution_arn, cause=f"killed in {stage}")
    outcome = hubplane.build(document)
    assert outcome.result["status"] == "ACTIVE"
    assert hubplane.build(document).result["changed"] is False


@pytest.mark.parametrize(
    ("decision", "largest"),
    [
        pytest.param({"approved": False, "by": "Ada", "reason": "not on a Monday"}, 8, id="refused"),
        pytest.param({}, 8, id="an-answer-that-is-no-clear-yes"),
        pytest.param({"approved": True, "by": "Ada"}, 7, id="approved"),
    ],
)
def test_a_change_that_may_take_something_away_waits_for_a_person(
    hubplane: Hubplane, built_2019: Built, decision: dict[str, Any], largest: int
) -> None:
    document = copy.deepcopy(built_2019[0])
    document["parameters"]["NodeAutoScalingGroupMaxSize"] = "7"
    execution_arn = hubplane.start(document)
    question = wait_for_question(hubplane, NAME)
    assert question["changes"]
    hubplane.client("stepfunctions").send_task_success(taskToken=question["task_token"], output=json.dumps(decision))
    outcome = hubplane.follow(execution_arn)
    if largest == 8:
        assert outcome.error == "ChangeRefused"
        assert decision.get("reason", "no reason given") in outcome.cause
    else:
        assert outcome.status == "SUCCEEDED", outcome.cause
    group = hubplane.client("eks").describe_nodegroup(clusterName=NAME, nodegroupName=f"{NAME}-main")["nodegroup"]
    assert group["scalingConfig"]["maxSize"] == largest
    assert hubplane.restore(built_2019[0]).result["changed"] is (largest != 8)


def test_nodes_never_move_to_another_zone(hubplane: Hubplane, built_2019: Built) -> None:
    document = copy.deepcopy(built_2019[0])
    document["parameters"]["ActiveSubnets"] = "subnet-39a09073"
    outcome = hubplane.fail(document)
    assert outcome.error == "AccountNotReady"
    assert "us-east-1a" in outcome.cause
    assert "us-east-1d" in outcome.cause


def wait_for_stage(hubplane: Hubplane, execution_arn: str, stage: str) -> None:
    """Until the Clusters table shows that the execution has entered ``stage``. A stage that is passed counts."""
    states = hubplane.client("stepfunctions")
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        history = states.get_execution_history(executionArn=execution_arn, maxResults=1000)["events"]
        if any(event.get("stateEnteredEventDetails", {}).get("name") == f"Enter{stage}" for event in history):
            return
        description = states.describe_execution(executionArn=execution_arn)
        assert description["status"] == "RUNNING", f"{description.get('error')}: {description.get('cause')}"
        time.sleep(0.1)
    pytest.fail(f"the build never reached {stage}")


def wait_for_question(hubplane: Hubplane, cluster_name: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        approval = hubplane.record(cluster_name).get("approval")
        if approval:
            found: dict[str, Any] = json.loads(approval["S"])
            return found
        time.sleep(0.2)
    return pytest.fail("nobody was asked")
