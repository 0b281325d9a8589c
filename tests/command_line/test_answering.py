"""Questions that wait: found by the execution or the cluster, shown, and answered once."""

from __future__ import annotations

import json
import shlex

import pytest

from hubplane.domain.mail.rendering import render
from hubplane_cli.main import program
from tests.command_line.conftest import Person
from tests.command_line.stub_aws import STATES, Script, StubAws, done, entered, scheduled, submitted
from tests.unit.mail.filling import filled

ARN = f"{STATES}:execution:build:one"
QUESTION = {"task_token": "token-1", "reason": "the node group would be replaced", "changes": ["replace NodeGroup"]}


@pytest.fixture
def waiting(aws: StubAws) -> StubAws:
    """A build that waits with a question, seen by its history and by the Clusters table."""
    payload = {"task_token": "token-1", "reason": QUESTION["reason"], "stack_changes": QUESTION["changes"]}
    script = Script([[entered("AskApproval"), scheduled("invoke.waitForTaskToken", payload)], []], {})
    script.seen = 1
    aws.executions[ARN] = script
    aws.clusters["opensarlab"]["approval"] = json.dumps(QUESTION)
    aws.open_tokens = {"token-1"}
    return aws


def answers(aws: StubAws) -> list[tuple[str, dict]]:
    return [(given["taskToken"], json.loads(given["output"])) for operation, given in aws.asked if operation == "SendTaskSuccess"]


@pytest.mark.parametrize("target", ["opensarlab", ARN], ids=["by cluster", "by execution"])
def test_yes_is_sent_to_the_token_of_what_was_shown(person: Person, waiting: StubAws, target: str) -> None:
    finished = person.run("approve", target, "--by", "Grace", "--yes")

    assert finished.code == 0
    assert "the node group would be replaced\n- replace NodeGroup\n" in finished.err
    assert answers(waiting) == [("token-1", {"approved": True, "by": "Grace"})]


def test_no_carries_its_reason_and_who_the_credentials_are(person: Person, waiting: StubAws) -> None:
    person.run("reject", "opensarlab", "--reason", "not on a Friday", "--yes")

    assert answers(waiting) == [("token-1", {"approved": False, "by": waiting.caller, "reason": "not on a Friday"})]


def test_a_person_is_asked_again(person: Person, waiting: StubAws) -> None:
    refused = person.at_terminal("approve", ARN, "--by", "Grace", typed="n\n")

    assert "Approve this? [y/N]" in refused.out
    assert (refused.code, answers(waiting)) == (130, [])

    assert person.at_terminal("approve", ARN, "--by", "Grace", typed="y\n").code == 0
    assert len(answers(waiting)) == 1


def test_a_program_has_to_be_sure(person: Person, waiting: StubAws) -> None:
    finished = person.run("approve", ARN, "--by", "Grace")

    assert (finished.code, answers(waiting)) == (2, [])
    assert "--yes" in finished.err


def test_an_answered_question_waits_no_more(person: Person, waiting: StubAws) -> None:
    waiting.executions[ARN].batches[1] = [done("invoke.waitForTaskToken")]
    waiting.executions[ARN].batches.append([])
    waiting.executions[ARN].seen = 1

    assert "nothing waits" in person.run("approve", ARN, "--yes").err
    waiting.open_tokens = set()
    late = person.run("approve", "opensarlab", "--by", "Grace", "--yes")
    assert late.code == 2
    assert "waits no more" in late.err


def test_where_nothing_was_asked_nothing_is_answered(person: Person, aws: StubAws) -> None:
    finished = person.run("approve", "opensarlab", "--yes")

    assert finished.code == 2
    assert "nothing waits for an answer at opensarlab" in finished.err


def test_two_questions_are_never_guessed_between(person: Person, waiting: StubAws) -> None:
    waiting.clusters["opensarlab"]["storage_approval"] = json.dumps({"task_token": "token-2", "stop": {"reason": "12 of 40"}})

    finished = person.run("approve", "opensarlab", "--yes")

    assert (finished.code, answers(waiting)) == (2, [])
    assert "2 questions wait" in finished.err


def test_the_token_of_a_mail_is_enough(person: Person, waiting: StubAws) -> None:
    person.run("approve", "--token", "token-1", "--by", "Grace", "--yes")

    assert answers(waiting) == [("token-1", {"approved": True, "by": "Grace"})]


def test_a_day_is_asked_for_what_its_step_asks(person: Person, waiting: StubAws) -> None:
    day = f"{STATES}:execution:day:tonight"
    waiting.executions[day] = Script([[entered("PruneVolumes"), submitted(ARN)], []], {}, seen=1)

    person.run("approve", day, "--by", "Grace", "--yes")

    assert answers(waiting) == [("token-1", {"approved": True, "by": "Grace"})]


def test_a_sign_up_is_told_by_its_facts_and_approved_for_clusters(person: Person, aws: StubAws) -> None:
    payload = {"task_token": "token-3", "username": "bob", "email": "bob@uni.example.org", "execution_arn": ARN, "note": ""}
    aws.executions[ARN] = Script([[entered("AskDecision"), scheduled("invoke.waitForTaskToken", payload)], []], {}, seen=1)
    aws.open_tokens = {"token-3"}

    finished = person.run("approve", ARN, "--by", "Grace", "--cluster", "opensarlab", "--yes")

    assert finished.err.splitlines()[0] == "username bob, email bob@uni.example.org"
    assert answers(aws) == [("token-3", {"approved": True, "by": "Grace", "clusters": ["opensarlab"]})]


def test_the_commands_in_the_operators_mail_are_the_programs_own() -> None:
    mail = render("approval_needed", {**filled("approval_needed"), "execution": ARN})
    typed = [shlex.split(line) for line in mail.text.splitlines() if line.startswith("hubplane ")]

    assert [words[:3] for words in typed] == [["hubplane", "approve", ARN], ["hubplane", "reject", ARN]]
    for words in typed:
        assert program.commands[words[1]].make_context(words[1], words[2:]).params["target"] == ARN
        assert shlex.join(words[:3]) in mail.html
