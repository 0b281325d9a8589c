"""What runs now is found again by whoever has closed the terminal."""

from __future__ import annotations

import json

import pytest

from tests.command_line.conftest import Person
from tests.command_line.stub_aws import STATES, Script, StubAws, entered, succeeded

RUNNING, ENDED = f"{STATES}:execution:build:lab", f"{STATES}:execution:day:monday"


@pytest.fixture
def executions(aws: StubAws) -> StubAws:
    """A build that runs and a storage day that has ended."""
    aws.executions[ENDED] = Script([[succeeded()]], {"status": "SUCCEEDED", "output": "{}"}, seen=1)
    aws.executions[RUNNING] = Script([[entered("ChangeStack")], []], {}, seen=1)
    return aws


def test_those_that_run_are_listed_with_what_watch_needs(person: Person, executions: StubAws) -> None:
    finished = person.run("executions")

    heading, *rows = finished.out.splitlines()
    assert heading.split() == ["COMMAND", "STATUS", "STARTED", "AT", "TOOK", "EXECUTION", "ARN"]

    assert rows[0].startswith("build    RUNNING  2026-11-25 10:00:01 UTC") and rows[0].endswith(RUNNING)
    filters = {given["statusFilter"] for operation, given in executions.asked if operation == "ListExecutions"}
    assert filters == {"RUNNING"}


def test_more_than_a_page_of_those_that_run_are_all_listed(person: Person, aws: StubAws) -> None:
    for number in range(101):
        aws.executions[f"{STATES}:execution:build:lab-{number}"] = Script([[entered("ChangeStack")], []], {}, seen=1)

    assert len(json.loads(person.run("executions", "--json").out)) == 101


@pytest.mark.parametrize("name", ["storage-day", "run_storage_day"])
def test_of_one_command_those_that_ended_are_listed_too(person: Person, executions: StubAws, name: str) -> None:
    (row,) = json.loads(person.run("executions", name, "--json").out)

    assert (row["command"], row["status"], row["execution_arn"]) == ("storage-day", "SUCCEEDED", ENDED)


def test_of_one_command_ten_are_enough(person: Person, aws: StubAws) -> None:
    for number in range(25):
        aws.executions[f"{STATES}:execution:day:{number}"] = Script([[succeeded()]], {"status": "SUCCEEDED"}, seen=1)

    listed = json.loads(person.run("executions", "storage-day", "--json").out)

    assert [row["execution_arn"].rpartition(":")[2] for row in listed] == [str(number) for number in range(24, 14, -1)]
    assert [operation for operation, _ in aws.asked].count("ListExecutions") == 1


def test_where_nothing_runs_standard_output_is_empty(person: Person, aws: StubAws) -> None:
    finished = person.run("executions")

    assert (finished.code, finished.out, finished.err) == (0, "", "Nothing runs now.\n")


def test_a_wrong_command_is_told_the_right_one(person: Person, aws: StubAws) -> None:
    finished = person.run("executions", "storage-dya")

    assert finished.code == 2
    assert "did you mean storage-day?" in finished.err
    assert aws.asked == []
