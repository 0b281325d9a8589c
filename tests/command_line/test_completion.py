"""The shell completes commands and the names of clusters, quickly, and stays silent where it cannot."""

from __future__ import annotations

import subprocess

import pytest

from tests.command_line.conftest import PROGRAM, Person
from tests.command_line.stub_aws import Refusal, StubAws


def completed(person: Person, *words: str, **more: str) -> list[str]:
    """What bash is offered for the last word."""
    variables = {"_HUBPLANE_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1), **more}
    finished = person.run(**variables)
    assert finished.err == ""
    return [line.partition(",")[2] for line in finished.out.splitlines() if line]


def test_commands_are_completed(person: Person, aws: StubAws) -> None:
    assert completed(person, "hubplane", "sto") == ["storage-day", "stop-server"]
    assert aws.asked == []


@pytest.mark.parametrize("command", ["storage-day", "kubeconfig", "approve", "build"])
def test_clusters_are_completed_from_the_table(person: Person, command: str) -> None:
    assert completed(person, "hubplane", command, "o") == ["opensarlab"]


def test_the_stack_of_the_command_line_is_asked(person: Person) -> None:
    assert completed(person, "hubplane", "--stack", "other", "storage-day", "") == []


@pytest.mark.parametrize(
    "more",
    [{"AWS_ACCESS_KEY_ID": ""}, {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, {"AWS_REGION": ""}, {"AWS_PROFILE": "nobody"}],
    ids=["no credentials", "no answer", "no Region", "no profile"],
)
def test_without_an_answer_nothing_is_offered_and_nothing_said(person: Person, more: dict[str, str]) -> None:
    assert completed(person, "hubplane", "storage-day", "", **more) == []


def test_a_refusal_is_silent_too(person: Person, aws: StubAws) -> None:
    aws.refuse["Scan"] = Refusal("AccessDeniedException", "no")

    assert completed(person, "hubplane", "storage-day", "") == []
    assert [operation for operation, _ in aws.asked] == ["DescribeStacks", "Scan"]


def test_bash_itself_completes_a_cluster(person: Person) -> None:
    script = (
        'eval "$(hubplane completion bash)"; COMP_WORDS=(hubplane storage-day op); COMP_CWORD=2; '
        '_hubplane_completion hubplane op storage-day; echo "${COMPREPLY[@]}"'
    )
    finished = subprocess.run(
        ["bash", "-c", script], env=person.environment(), capture_output=True, text=True, check=True, timeout=60
    )

    assert finished.stdout.strip() == "opensarlab", finished.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(person: Person, shell: str) -> None:
    finished = person.run("completion", shell)

    assert finished.code == 0
    assert "_HUBPLANE_COMPLETE" in finished.out
    assert PROGRAM.name in finished.out
