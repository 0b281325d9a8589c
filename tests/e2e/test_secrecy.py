"""No secret's value ever shows in input, output, history, logs or templates."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.guide.follow import Outcome
from tests.e2e.conftest import Hubplane

pytestmark = pytest.mark.e2e


def pages(client: Any, operation: str, key: str, **arguments: Any) -> list[Any]:
    return [item for page in client.get_paginator(operation).paginate(**arguments) for item in page[key]]


@pytest.mark.last
def test_planted_values_are_nowhere_but_in_secrets_manager(
    hubplane: Hubplane, built_2019: tuple[dict[str, Any], Outcome]
) -> None:
    manager, states = hubplane.client("secretsmanager"), hubplane.client("stepfunctions")
    values = set(hubplane.planted)
    for name in ("hubplane/opensarlab/oauth-client", "hubplane/opensarlab/proxy-token", "hubplane/opensarlab/hub-token"):
        text = manager.get_secret_value(SecretId=name)["SecretString"]
        try:
            values.add(json.loads(text)["client_secret"])
        except ValueError:
            values.add(text)
    assert len(values) >= 8
    assert all(len(value) >= 16 for value in values)

    places: dict[str, str] = {}
    machine = hubplane.control_plane.outputs["BuildClusterStateMachineArn"]
    for execution in pages(states, "list_executions", "executions", stateMachineArn=machine):
        arn = execution["executionArn"]
        places[arn] = json.dumps(
            [states.describe_execution(executionArn=arn), pages(states, "get_execution_history", "events", executionArn=arn)],
            default=str,
        )
    logs, lines = hubplane.client("logs"), 0
    for group in pages(logs, "describe_log_groups", "logGroups"):
        name = group["logGroupName"]
        messages = [event["message"] for event in pages(logs, "filter_log_events", "events", logGroupName=name)]
        lines += sum('"service":"hubplane"' in message.replace(" ", "") for message in messages)
        places[name] = "\n".join(messages)
    cloudformation = hubplane.client("cloudformation")
    template = cloudformation.get_template(StackName="hubplane-cluster-opensarlab")["TemplateBody"]
    places["cluster stack"] = json.dumps([template, cloudformation.describe_stacks()["Stacks"]], default=str)
    places["clusters table"] = json.dumps(hubplane.record("opensarlab"))

    assert any("executionArn" in text for text in places.values())
    assert lines > 20, "the functions' logs were not read"
    for place, text in places.items():
        leaked = [value[:4] for value in values if value in text]
        assert not leaked, f"{place} holds secret values beginning with {leaked}"
