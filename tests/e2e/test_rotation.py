"""A hub's secrets are renewed: killed on the way the hub works with the old ones, and the next start goes on."""

from __future__ import annotations

import copy
import json
import time
from typing import Any

import pytest

from local.guide.follow import Outcome
from tests.e2e.conftest import Hubplane
from tests.e2e.test_diagnosis import NAME, Standing, new_findings, standing

pytestmark = pytest.mark.e2e
__all__ = ["standing"]  # the fixture of troubles that were there before

Built = tuple[dict[str, Any], Outcome]
SECRETS = [f"hubplane/{NAME}/{name}" for name in ("oauth-client", "proxy-token", "hub-token")]
NEXT = "HUBPLANE_NEXT"


def current(hubplane: Hubplane) -> dict[str, str]:
    secrets = hubplane.client("secretsmanager")
    return {name: secrets.get_secret_value(SecretId=name)["SecretString"] for name in SECRETS}


def staged(hubplane: Hubplane) -> set[str]:
    secrets = hubplane.client("secretsmanager")
    described = {name: secrets.describe_secret(SecretId=name)["VersionIdsToStages"] for name in SECRETS}
    return {name for name, versions in described.items() if any(NEXT in stages for stages in versions.values())}


def app_client_secrets(hubplane: Hubplane) -> list[dict[str, Any]]:
    client_id = json.loads(current(hubplane)[SECRETS[0]])["client_id"]
    pool = hubplane.control_plane.outputs["UserPoolId"]
    found = hubplane.client("cognito-idp").list_user_pool_client_secrets(UserPoolId=pool, ClientId=client_id)["ClientSecrets"]
    return list(found)


def hub_values(hubplane: Hubplane) -> str:
    return hubplane.run(NAME, "helm", "-n", "jupyter", "get", "values", "jupyterhub", "-o", "json")


def test_killed_with_staged_values_the_hub_works_and_the_next_start_renews_all_three(
    hubplane: Hubplane, built_2019: Built, standing: Standing
) -> None:
    before, states = current(hubplane), hubplane.client("stepfunctions")
    execution_arn = hubplane.start_machine("RotateSecrets", {"cluster_name": NAME})
    deadline = time.monotonic() + 60
    while staged(hubplane) != set(SECRETS):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    states.stop_execution(executionArn=execution_arn, cause="killed")
    assert current(hubplane) == before
    assert len(app_client_secrets(hubplane)) == 2

    outcome = hubplane.follow(hubplane.start_machine("RotateSecrets", {"cluster_name": NAME}))
    assert outcome.status == "SUCCEEDED", f"{outcome.error}: {outcome.cause}"
    after = current(hubplane)
    assert all(after[name] != before[name] for name in SECRETS)
    assert staged(hubplane) == set()
    [kept] = app_client_secrets(hubplane)
    assert json.loads(after[SECRETS[0]])["client_secret_id"] == kept["ClientSecretId"]
    values = hub_values(hubplane)
    assert json.loads(after[SECRETS[0]])["client_secret"] in values
    assert after[SECRETS[1]] in values
    assert after[SECRETS[2]] in values
    assert new_findings(hubplane, standing) == []
    history = json.dumps(states.get_execution_history(executionArn=outcome.execution_arn, maxResults=1000)["events"], default=str)
    for value in (*after.values(), json.loads(after[SECRETS[0]])["client_secret"]):
        assert value not in history
    assert hubplane.build(copy.deepcopy(built_2019[0])).result["changed"] is False
    assert current(hubplane) == after


def test_one_secret_by_itself_and_a_wrong_name(hubplane: Hubplane, built_2019: Built) -> None:
    before = current(hubplane)
    outcome = hubplane.follow(hubplane.start_machine("RotateSecrets", {"cluster_name": NAME, "secrets": ["proxy-token"]}))
    assert outcome.status == "SUCCEEDED", f"{outcome.error}: {outcome.cause}"
    changed = {name for name, value in current(hubplane).items() if value != before[name]}
    assert changed == {SECRETS[1]}
    refused = hubplane.follow(hubplane.start_machine("RotateSecrets", {"cluster_name": NAME, "secrets": ["cookie"]}))
    assert refused.error == "MendInputInvalid"
    assert "oauth-client, proxy-token, hub-token" in refused.cause
    assert "lock" not in hubplane.record(NAME)
