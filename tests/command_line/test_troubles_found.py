"""An execution that succeeded and found trouble: cron and CI hear of it by the exit code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from hubplane_cli.executions import judged
from hubplane_cli.follow import Ending
from hubplane_cli.machines import BY_COMMAND, MACHINES, machine_of
from tests.command_line.conftest import Finished, Person
from tests.command_line.stub_aws import STATES, Script, StubAws, succeeded

REPOSITORY = Path(__file__).parents[2]
JUDGED = [machine for machine in MACHINES if machine.good]
RESULTS = [
    ("diagnose", {"healthy": True}, {"healthy": False}, "healthy: no"),
    ("diagnose", {"healthy": True}, {}, "healthy: -"),
    ("upgrade", {"gate": None}, {"gate": {"open": False}}, "gate.open: no"),
    ("upgrade", {"gate": {"open": True}}, {"gate": {"open": False}}, "gate.open: no"),
    ("delete", {"status": "planned"}, {"unfinished": 2}, "unfinished: 2"),
    ("delete", {"unfinished": 0}, {"unfinished": 1}, "unfinished: 1"),
    ("storage-day", {"report": {"problems": []}}, {"report": {"problems": ["a", "b"]}}, "report.problems: 2 of them"),
    ("snapshot-volumes", {"counts": {"failed": 0}}, {"counts": {"failed": 1}}, "counts.failed: 1"),
    ("prune-volumes", {"counts": {"keep": 3}}, {"counts": {"failed": 1}}, "counts.failed: 1"),
    ("prune-snapshots", {"counts": {}}, {"counts": {"failed": 1}}, "counts.failed: 1"),
    ("adopt-homes", {"skipped": 0}, {"skipped": 4}, "skipped: 4"),
    ("list-homes", {"notes": []}, {"notes": ["the cluster could not be asked"]}, "notes: 1 of them"),
    ("drill-restore", {"status": "passed"}, {"status": "failed"}, "status: failed"),
    ("review-sign-up", {"status": "refused"}, {"status": "expired"}, "status: expired"),
    ("import-users", {"counts": {"bind": 2}}, {"counts": {"bind": 1, "refuse": 1}}, "counts.refuse: 1"),
]


def execution_arn(machine_name: str) -> str:
    return f"{STATES}:execution:hubplane-{machine_name.replace('_', '-')}:one"


def watched(person: Person, aws: StubAws, machine_name: str, result: object, *more: str) -> Finished:
    arn = execution_arn(machine_name)
    aws.executions[arn] = Script([[succeeded()]], {"status": "SUCCEEDED", "output": json.dumps(result)})
    return person.run("watch", arn, *more)


@pytest.mark.parametrize(("command", "good", "bad", "told"), RESULTS)
def test_a_result_that_says_trouble_ends_with_5_and_a_good_one_with_0(command: str, good: dict, bad: dict, told: str) -> None:
    arn = execution_arn(BY_COMMAND[command].name)

    assert judged(Ending(arn, "SUCCEEDED", 1.0, good)) == (0, "")
    assert judged(Ending(arn, "SUCCEEDED", 1.0, bad)) == (
        5,
        f"it succeeded, and its result says that something is wrong ({told}): exit code 5",
    )


def test_every_machine_that_is_judged_is_in_the_table() -> None:
    assert {machine.command for machine in JUDGED} == {command for command, *_ in RESULTS}


def test_json_stays_whole_and_the_sentence_goes_to_standard_error(person: Person, aws: StubAws) -> None:
    finished = watched(person, aws, "diagnose_cluster", {"healthy": False}, "--json")

    assert finished.code == 5
    assert json.loads(finished.out)["result"] == {"healthy": False}
    assert finished.err.splitlines()[-1].endswith("something is wrong (healthy: no): exit code 5")


def test_an_execution_of_another_machine_is_only_shown(person: Person, aws: StubAws) -> None:
    assert watched(person, aws, "of_somebody_else", {"healthy": False}).code == 0


@pytest.mark.parametrize("machine", JUDGED, ids=lambda machine: machine.command)
def test_the_field_is_in_the_machines_result(machine) -> None:
    definition = json.loads((REPOSITORY / "statemachines" / f"{machine.name}.asl.json").read_text())
    outputs = [state["Output"] for state in definition["States"].values() if state["Type"] == "Succeed"]

    assert any(machine.good.key.partition(".")[0] in output for output in outputs)
    assert machine.good.key.partition(".")[0] in definition["Comment"]


def test_an_executions_machine_is_known_by_the_name_that_the_template_gives() -> None:
    named = re.split(r"\n  \w+:\n    Type: ", (REPOSITORY / "template.yaml").read_text())
    machines = [text for text in named if text.startswith("AWS::Serverless::StateMachine")]
    names = [
        (re.findall(r"statemachines/(\w+)", text)[0], re.findall(r"Name: !Sub \S+?}-([\w-]+)", text)[0]) for text in machines
    ]

    assert {file for file, _ in names} == {machine.name for machine in MACHINES}
    for file, name in names:
        found = machine_of(f"{STATES}:execution:our-own-stack-{name}:one")
        assert found is not None and found.name == file
