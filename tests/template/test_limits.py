"""The control plane fits into one stack with room to spare, and all that it logs goes into groups that forget in time."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from functools import cache
from typing import Any

import pytest

from local.guide.processes import TOOLS
from tests.template.test_control_plane import REPOSITORY, resources, template

# AWS CloudFormation user guide, "Understand CloudFormation quotas": resources in a template. It cannot be raised.
LIMIT = 500
# What is left up to the limit takes two more rooms of thirty resources and their mistakes.
BOUND = 420
WHAT_TO_DO = (
    "Counted after the SAM transform: a function is two (its role is the other), a trigger five. Look first whether a new log "
    "group, alarm or queue says what another one says already; if not, a room moves into a stack of its own, as "
    "docs/decisions/0067-a-log-group-per-room.md says."
)
# AWS IAM user guide, "IAM and AWS STS quotas": characters of all inline policies of a role together, without white space.
INLINE_POLICIES = 10_240


@cache
def transformed() -> dict[str, dict[str, Any]]:
    """Logical id -> resource, as CloudFormation sees them."""
    command = [
        str(TOOLS / "cloud/bin/python"),
        str(REPOSITORY / "tests/template/transformed.py"),
        str(REPOSITORY / "template.yaml"),
    ]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    found: dict[str, dict[str, Any]] = json.loads(finished.stdout)["Resources"]
    return found


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {name: item["Properties"] for name, item in transformed().items() if item["Type"] == kind}


def test_the_stack_stays_well_below_what_cloudformation_takes() -> None:
    kinds = Counter(item["Type"] for item in transformed().values())
    assert kinds["AWS::Lambda::Function"] == len(resources("AWS::Serverless::Function"))
    most = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(5))
    assert kinds.total() <= BOUND, f"{kinds.total()} resources of at most {LIMIT} ({most}). {WHAT_TO_DO}"


def test_the_policies_of_a_role_fit_into_it() -> None:
    roles = of_type("AWS::IAM::Role")
    sizes = {
        name: sum(len(json.dumps(policy["PolicyDocument"], separators=(",", ":"))) for policy in role.get("Policies", []))
        for name, role in roles.items()
    }
    assert max(sizes.values()) > 1_000
    assert not {name: size for name, size in sizes.items() if size > INLINE_POLICIES}


def groups() -> dict[str, dict[str, Any]]:
    return of_type("AWS::Logs::LogGroup")


def test_every_group_forgets_after_the_days_that_the_stack_says() -> None:
    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups().values())


def test_every_function_logs_as_json_into_a_group_of_the_stack() -> None:
    functions = of_type("AWS::Lambda::Function")
    assert functions
    for name, function in functions.items():
        logging = function.get("LoggingConfig", {})
        assert logging.get("LogFormat") == "JSON", name
        assert logging["LogGroup"].get("Ref") in groups(), f"{name}: LoggingConfig names its room's LogGroup by !Ref"
    shared = Counter(function["LoggingConfig"]["LogGroup"]["Ref"] for function in functions.values())
    alone = [group for group, count in shared.items() if count == 1]
    assert not alone, f"{alone} is of one function: its room has a group (template.yaml, section logs)"


def test_every_machine_logs_into_the_group_of_machines_and_its_role_lets_it() -> None:
    machines = of_type("AWS::StepFunctions::StateMachine")
    assert machines
    for name, machine in machines.items():
        (destination,) = machine["LoggingConfiguration"]["Destinations"]
        assert destination["CloudWatchLogsLogGroup"]["LogGroupArn"] == {"Fn::GetAtt": ["MachinesLogGroup", "Arn"]}, name
        assert not machine["LoggingConfiguration"]["IncludeExecutionData"], f"{name}: input and output may name people"
        role = transformed()[f"{name}Role"]["Properties"]
        assert {"Ref": "LogDeliveryPolicy"} in role["ManagedPolicyArns"], name
    # Step Functions developer guide, "Using CloudWatch Logs": other names make a resource policy longer, which has a limit.
    assert groups()["MachinesLogGroup"]["LogGroupName"]["Fn::Sub"].startswith("/aws/vendedlogs/")


@pytest.mark.parametrize("name", template()["Outputs"])
def test_an_output_says_what_it_is(name: str) -> None:
    assert template()["Outputs"][name].get("Description")


def test_the_page_on_logs_names_every_group_that_a_machine_writes_into() -> None:
    page = (REPOSITORY / "docs/runbooks/read-logs.md").read_text()
    rows = [line for line in page.splitlines() if line.strip().startswith("|")]
    functions = resources("AWS::Serverless::Function")
    missing = []
    for item in resources("AWS::Serverless::StateMachine").values():
        machine = item["Properties"]["DefinitionUri"].rpartition("/")[2].removesuffix(".asl.json")
        called = {name.removesuffix("Arn") for name in item["Properties"]["DefinitionSubstitutions"]} & functions.keys()
        for group in {functions[name]["Properties"]["LoggingConfig"]["LogGroup"]["Ref"] for name in called}:
            told = groups()[group]["LogGroupName"]["Fn::Sub"].replace("${AWS::StackName}", "STACK")
            missing += [] if any(f"`{machine}`" in row and f"`{told}`" in row for row in rows) else [(machine, told)]
    assert not missing
