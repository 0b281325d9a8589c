"""Every command that starts an execution, and what can be wrong before one is started."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hubplane_cli.machines import BY_COMMAND, MACHINES, command_for, execution_input
from hubplane_cli.screen import lines_of
from tests.command_line.conftest import Person
from tests.command_line.stub_aws import Refusal, StubAws

REPOSITORY = Path(__file__).parents[2]
LEGACY = {"VpcId": "vpc-4da21e37", "ActiveSubnets": "subnet-4388e824", "OAuthClientSecret": "arn:aws:secretsmanager:x:y:secret:z"}


def test_every_machine_has_a_command_and_every_command_a_machine() -> None:
    files = {path.name.split(".")[0] for path in (REPOSITORY / "statemachines").glob("*.asl.json")}

    assert {machine.name for machine in MACHINES} == files


def test_the_stack_says_where_each_machine_is() -> None:
    outputs = (REPOSITORY / "template.yaml").read_text().partition("\nOutputs:\n")[2]

    assert [machine.name for machine in MACHINES if f"\n  {machine.output_key}:\n" not in f"\n{outputs}"] == []


WITHOUT_FILE = [machine for machine in MACHINES if not machine.reads_specification]


@pytest.mark.parametrize("machine", WITHOUT_FILE, ids=lambda machine: machine.command)
def test_the_options_of_a_command_make_up_the_machines_example_input(machine) -> None:
    example = json.loads((REPOSITORY / "events" / f"{machine.name}.json").read_text())

    keys = {field.key.partition(".")[0] for field in machine.fields}

    assert set(example) <= keys


def test_what_both_distributions_need_is_pinned_once() -> None:
    pins = [
        {match[1]: match[2] for match in re.finditer(r'"([\w-]+)==([\w.]+)"', (REPOSITORY / path).read_text())}
        for path in ("pyproject.toml", "cli/pyproject.toml")
    ]

    assert {name: pins[0].get(name, version) for name, version in pins[1].items()} == pins[1]
    assert {"boto3", "PyYAML"} <= pins[0].keys() & pins[1].keys()


def test_what_was_not_given_is_left_to_the_machine() -> None:
    given = {"cluster_name": "opensarlab", "mode": None, "deadline_hours": None}

    assert execution_input(BY_COMMAND["storage-day"], given) == {"cluster_name": "opensarlab"}


@pytest.mark.parametrize(
    ("command", "machine", "expected"),
    [
        ("storage-day opensarlab", "day", {"cluster_name": "opensarlab"}),
        (
            "storage-day opensarlab --mode enforce --deadline-hours 3",
            "day",
            {"cluster_name": "opensarlab", "mode": "enforce", "deadline_hours": 3},
        ),
        (
            "upgrade opensarlab --kubernetes-version 1.36 --ami-id main=ami-1 --ami-id gpu=ami-2",
            "upgrade",
            {"cluster_name": "opensarlab", "kubernetes_version": "1.36", "ami_ids": {"main": "ami-1", "gpu": "ami-2"}},
        ),
        ("offboard bob --reason left", "offboard", {"username": "bob", "by": "ada", "reason": "left"}),
        (
            "offboard bob --by Grace --servers-stopped-in a --servers-stopped-in b",
            "offboard",
            {"username": "bob", "by": "Grace", "servers_stopped_in": ["a", "b"]},
        ),
    ],
)
def test_a_command_starts_its_machine_with_what_was_given(
    person: Person, aws: StubAws, command: str, machine: str, expected: dict
) -> None:
    finished = person.run(*command.split())

    assert (finished.code, finished.out) == (0, "")
    assert aws.started() == [(machine, expected)]
    assert "hubplane watch arn:aws:states:" in finished.err


def test_a_refusal_is_a_no_and_not_a_gap() -> None:
    given = {"username": "bob", "decision.approved": False, "decision.clusters": ()}

    assert execution_input(BY_COMMAND["review-sign-up"], given) == {"username": "bob", "decision": {"approved": False}}


def test_a_deletion_is_confirmed_by_typing_the_name_again(person: Person, aws: StubAws) -> None:
    finished = person.at_terminal("delete", "opensarlab", "--mode", "enforce", typed="opensarlab\n")

    assert "To confirm, type the name again" in finished.out
    assert aws.started() == [("delete", {"cluster_name": "opensarlab", "confirm": "opensarlab", "mode": "enforce"})]


def test_without_a_terminal_the_machine_is_left_to_ask_for_the_confirmation(person: Person, aws: StubAws) -> None:
    person.run("delete", "opensarlab")
    person.run("delete", "opensarlab", "--confirm", "opensarlap", "--homes", "keep-volumes")

    assert [given for _, given in aws.started()] == [
        {"cluster_name": "opensarlab"},
        {"cluster_name": "opensarlab", "confirm": "opensarlap", "homes": "keep-volumes"},
    ]


@pytest.mark.parametrize(
    ("machine", "document", "typed"),
    [
        ("restart_hub", {"cluster_name": "lab"}, "hubplane restart-hub lab"),
        (
            "move_home",
            {"cluster_name": "lab", "username": "ada b", "mode": "enforce"},
            "hubplane move-home lab 'ada b' --mode enforce",
        ),
        ("rotate_secrets", {"cluster_name": "lab", "secrets": ["a", "b"]}, "hubplane rotate-secrets lab --secret a --secret b"),
        (
            "restart_hub",
            {"cluster_name": "lab", "new": 1},
            """echo '{"cluster_name": "lab", "new": 1}' | hubplane start restart_hub --input -""",
        ),
        (
            "build_cluster",
            {"spec": "x" * 400},
            "hubplane start build_cluster --input FILE, with the input that --json shows here",
        ),
        ("upgrade_cluster", {"cluster_name": "lab", "ami_ids": {"main": "ami-1"}}, "hubplane upgrade lab --ami-id main=ami-1"),
        ("unheard_of", {}, "echo '{}' | hubplane start unheard_of --input -"),
    ],
)
def test_a_proposed_execution_is_shown_as_what_to_type(machine: str, document: dict, typed: str) -> None:
    assert command_for(machine, document) == typed
    assert lines_of({"mend": {"machine": machine, "input": document}}) == [f"mend: {typed}"]


def test_json_is_all_there_is_on_standard_output(person: Person) -> None:
    finished = person.run("storage-day", "opensarlab", "--json")

    assert set(json.loads(finished.out)) == {"execution_arn", "status"}


def test_import_users_reads_its_file(person: Person, aws: StubAws, file: Callable[[str, str], str]) -> None:
    person.run("import-users", file("people.json", '[{"username": "bob"}]'), "--by", "Grace")

    assert aws.started() == [("import", {"users": [{"username": "bob"}], "by": "Grace"})]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (json.dumps(LEGACY), {"cluster_name": "opensarlab", "parameters": LEGACY}),
        ('{"hub": {"url": "https://x"}}', {"cluster_name": "opensarlab", "spec": {"hub": {"url": "https://x"}}}),
        ("hub:\n  tag: 2019-08-10\n", {"cluster_name": "opensarlab", "spec": "hub:\n  tag: 2019-08-10\n"}),
        (
            json.dumps({"cluster_name": "opensarlab", "parameters": LEGACY, "storage_policy": {"prune": True}}),
            {"cluster_name": "opensarlab", "parameters": LEGACY, "storage_policy": {"prune": True}},
        ),
    ],
    ids=["the 2019 file", "typed JSON", "typed YAML stays text", "a whole input"],
)
def test_build_reads_a_specification_in_any_form(
    person: Person, aws: StubAws, file: Callable[[str, str], str], text: str, expected: dict
) -> None:
    finished = person.run("build", "opensarlab", "--spec", file("spec", text))

    assert finished.code == 0, finished.err
    assert aws.started() == [("build", expected)]


def test_build_reads_standard_input_and_the_name_in_the_file(person: Person, aws: StubAws) -> None:
    text = json.dumps({"cluster_name": "new", "spec": {}})

    assert person.run("build", "--spec", "-", given=text).code == 0
    assert aws.started() == [("build", {"cluster_name": "new", "spec": {}})]


def test_the_2019_file_with_its_secrets_is_refused_before_they_are_in_a_history(
    person: Person, aws: StubAws, file: Callable[[str, str], str]
) -> None:
    text = json.dumps({**LEGACY, "OAuthClientSecret": "tops3cret", "HubAWSId": "plain", "NodeSecretKey": ""})

    finished = person.run("build", "opensarlab", "--spec", file("spec", text))

    assert finished.code == 2
    assert "create-secret --name hubplane/opensarlab/oauth-client-secret" in finished.err
    assert "HubAWSId: not used any more" in finished.err and "NodeSecretKey" not in finished.err
    assert finished.err.count("create-secret") == 1
    assert "tops3cret" not in finished.err + finished.out
    assert aws.asked == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("buidl opensarlab", "Did you mean 'build'?"),
        ("storage-day", "Missing argument 'CLUSTER_NAME'"),
        ("storage-day opensarlab --mode enforced", "'enforced' is not one of"),
        ("storage-day opensarlap", "no cluster opensarlap was ever built here (did you mean opensarlab?)"),
        ("storage-day x --stack hubplan", "no stack hubplan in us-east-1, and Hubplane is deployed there as hubplane"),
        ("start run_storage_dya --input -", "has no state machine run_storage_dya (did you mean run_storage_day?)"),
        ("prune-volumes opensarlab", "has no state machine prune_volumes"),
        ("build opensarlab --spec /nowhere/spec.json", "cannot read /nowhere/spec.json"),
        ("build --spec -", "which cluster?"),
        ("import-users -", "is no JSON"),
        ("upgrade opensarlab --ami-id ami-1", "give it as NAME=VALUE"),
        ("watch opensarlab", "is no execution's ARN"),
        ("watch arn:aws:states:us-east-1:111122223333:execution:day:gone", "there is no execution"),
        ("--profile nobody storage-day x", "nobody"),
    ],
)
def test_wrong_use_ends_with_2_and_says_what_is_right(person: Person, aws: StubAws, arguments: str, words: str) -> None:
    given = "{}" if "start" in arguments or "build" in arguments else "no json"

    finished = person.run(*arguments.split(), given=given)

    assert (finished.code, finished.out) == (2, "")
    assert words in " ".join(finished.err.split())
    assert "Traceback" not in finished.err
    assert aws.started() == []


NOBODY = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}


@pytest.mark.parametrize(
    ("refusal", "variables", "code", "words"),
    [
        (None, NOBODY, 3, "no AWS credentials"),
        (Refusal("ExpiredToken", "The security token included in the request is expired", 403), {}, 3, "have expired"),
        (Refusal("InvalidClientTokenId", "The security token is invalid", 403), {}, 3, "does not know these credentials"),
        (Refusal("AccessDenied", "User: bob is not authorized to perform: it", 403), {}, 3, "may not read the stack hubplane"),
        (Refusal("InternalFailure", "oh", 400), {}, 4, "InternalFailure"),
        (None, {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}, 4, "Could not connect"),
        (None, {"AWS_REGION": ""}, 2, "which Region?"),
    ],
    ids=["none", "expired", "unknown", "denied", "error", "unreachable", "no Region"],
)
def test_without_good_credentials_or_an_answer_the_exit_code_says_which(
    person: Person, aws: StubAws, refusal: Refusal | None, variables: dict[str, str], code: int, words: str
) -> None:
    if refusal:
        aws.refuse["DescribeStacks"] = refusal

    finished = person.run("storage-day", "opensarlab", **variables)

    assert (finished.code, finished.out) == (code, "")
    assert words in finished.err
    assert "Traceback" not in finished.err
    assert aws.started() == []


def test_who_may_not_read_the_table_may_still_start(person: Person, aws: StubAws) -> None:
    aws.refuse["GetItem"] = Refusal("AccessDeniedException", "not authorized to perform: dynamodb:GetItem")

    assert person.run("storage-day", "opensarlab").code == 0
    assert len(aws.started()) == 1


def test_a_name_that_was_used_is_told(person: Person, aws: StubAws) -> None:
    aws.refuse["StartExecution"] = Refusal("ExecutionAlreadyExists", "Execution Already Exists")

    finished = person.run("storage-day", "opensarlab", "--name", "tonight")

    assert finished.code == 2
    assert "tonight" in finished.err


def test_the_script_is_there_and_python_dash_m_too(person: Person) -> None:
    assert person.run("--version").out.startswith("hubplane, version ")
    assert os.access(person.environment()["PATH"].split(":")[0] + "/hubplane", os.X_OK)


def test_clusters_are_a_table_or_json(person: Person, aws: StubAws) -> None:
    aws.clusters["opensarlab"] |= {"release": '{"hub_url": "https://opensarlab.asf.alaska.edu"}', "approval": "{}"}

    lines = person.run("clusters").out.splitlines()

    assert [line.split()[0] for line in lines] == ["CLUSTER", "icelab", "opensarlab"]
    assert "https://opensarlab.asf.alaska.edu" in lines[2] and "hubplane approve" in lines[2]
    assert [row["status"] for row in json.loads(person.run("clusters", "--json").out)] == ["FAILED", "ACTIVE"]


def test_help_and_wrong_use_import_nothing_of_aws(person: Person) -> None:
    loaded = "print(code, {'boto3', 'botocore', 'yaml'} & set(sys.modules))"
    for arguments, code in ((["--help"], 0), (["storage-day", "--help"], 0), (["storage-dya"], 2)):
        script = f"import sys; from hubplane_cli.main import main; code = main({arguments!r}); {loaded}"
        finished = subprocess.run(
            [sys.executable, "-c", script], env=person.environment(), capture_output=True, text=True, check=False, timeout=60
        )
        assert finished.stdout.splitlines()[-1] == f"{code} set()", finished.stderr
