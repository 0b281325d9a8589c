"""Every trigger in the real Lambda runtime, with the documented event of each of its sources and real requests to AWS."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hubplane.domain.names import claims_of
from hubplane.domain.registration.authentication import SENTENCES
from hubplane.domain.registration.records import Status
from hubplane.domain.registration.sign_up import NOT_AVAILABLE
from tests.functions.sign_up_world import DOCUMENTED, event_of
from tests.rie.conftest import Account

SUB = "0b6f3c1e-7d52-4b0c-9a35-2f6f0f1f3c11"
EMAIL = "ada@uni.example.org"


def event_for(account: Account, folder: str, source: str, **attributes: Any) -> dict[str, Any]:
    return {**event_of(folder, source, **attributes), "userPoolId": account.pool_id}


def make_account(account: Account, username: str) -> None:
    account.cloud.client("cognito-idp").admin_create_user(
        UserPoolId=account.pool_id,
        Username=username,
        MessageAction="SUPPRESS",
        UserAttributes=[{"Name": "email", "Value": EMAIL}],
    )


def approve(account: Account, username: str) -> None:
    account.cloud.client("dynamodb").update_item(
        TableName="users",
        Key={"username": {"S": username}},
        UpdateExpression="SET #status = :approved, #clusters = :clusters",
        ExpressionAttributeNames={"#status": "status", "#clusters": "clusters"},
        ExpressionAttributeValues={":approved": {"S": "approved"}, ":clusters": {"L": [{"S": "opensarlab"}]}},
    )


@pytest.mark.parametrize(("folder", "source"), DOCUMENTED, ids=[source for _, source in DOCUMENTED])
def test_the_documented_event_of_each_source_is_answered(account: Account, folder: str, source: str) -> None:
    username = f"person{DOCUMENTED.index((folder, source))}"
    sub = {} if folder == "pre_sign_up" else {"sub": f"sub-{username}"}
    if folder in ("pre_authentication", "post_authentication", "pre_token_generation"):
        make_account(account, username)
        event = event_for(account, "post_confirmation", "PostConfirmation_ConfirmSignUp", username=username, **sub)
        assert "errorType" not in account.runtime("post_confirmation").invoke(event)
        approve(account, username)
    elif folder == "post_confirmation":
        make_account(account, username)
    event = event_for(account, folder, source, username=username, **sub)
    answer = account.runtime(folder).invoke(event)
    assert answer.get("errorType") is None, account.runtime(folder).logs()
    assert {**answer, "response": None} == {**event, "response": None}


def test_a_person_is_recorded_waits_is_told_so_and_holds_the_name(account: Account) -> None:
    """The story of one sign-up, each step in its own environment."""
    make_account(account, "ada_lovelace")
    before = account.runtime("pre_sign_up").invoke(event_for(account, "pre_sign_up", "PreSignUp_SignUp"))
    assert "errorType" not in before
    for _ in range(3):
        event = event_for(account, "post_confirmation", "PostConfirmation_ConfirmSignUp")
        assert "errorType" not in account.runtime("post_confirmation").invoke(event)
    assert account.item("ada_lovelace")["status"] == {"S": "pending"}
    assert {account.item(f"claim#{claim}")["holder"]["S"] for claim in claims_of("ada_lovelace").all} == {"ada_lovelace"}
    found = account.cloud.client("cognito-idp").admin_get_user(UserPoolId=account.pool_id, Username="ada_lovelace")
    assert found["Enabled"] is False
    assert [execution["name"] for execution in account.executions()].count(f"sign-up-{SUB}") == 1
    assert f"please_wait#{SUB}" in {mail["mail_id"] for mail in account.mails()}

    sign_in = event_for(account, "pre_authentication", "PreAuthentication_Authentication")
    refused = account.runtime("pre_authentication").invoke(sign_in)
    assert (refused["errorType"], refused["errorMessage"]) == ("RegistrationRefused", SENTENCES[Status.PENDING])
    again = account.runtime("pre_sign_up").invoke(event_for(account, "pre_sign_up", "PreSignUp_SignUp", username="ADA_Lovelace"))
    assert (again["errorType"], again["errorMessage"]) == ("RegistrationRefused", NOT_AVAILABLE)

    approve(account, "ada_lovelace")
    assert "errorType" not in account.runtime("pre_authentication").invoke(sign_in)
    seen = event_for(account, "post_authentication", "PostAuthentication_Authentication")
    account.runtime("post_authentication").invoke(seen)
    assert "last_seen_at" in account.item("ada_lovelace")
    asked = event_for(account, "pre_token_generation", "TokenGeneration_HostedAuth")
    token = account.runtime("pre_token_generation").invoke(asked)
    details = token["response"]["claimsOverrideDetails"]["groupOverrideDetails"]
    assert details["groupsToOverride"] == ["admins", "cluster:opensarlab"]


def test_storage_that_carries_the_name_keeps_it(account: Account) -> None:
    [claim, *_] = claims_of("dora").all
    tags = [{"Key": "kubernetes.io/created-for/pvc/name", "Value": claim}]
    account.cloud.client("ec2").create_volume(
        AvailabilityZone="us-east-1a", Size=1, TagSpecifications=[{"ResourceType": "volume", "Tags": tags}]
    )
    answer = account.runtime("pre_sign_up").invoke(event_for(account, "pre_sign_up", "PreSignUp_SignUp", username="Dora"))
    assert answer.get("errorMessage") == NOT_AVAILABLE


def test_logs_are_json_with_user_and_trigger_and_name_no_address(account: Account) -> None:
    runtime = account.runtime("pre_sign_up")
    runtime.invoke(event_for(account, "pre_sign_up", "PreSignUp_SignUp", username="admin"))
    lines = [json.loads(line) for line in runtime.logs().splitlines() if line.startswith("{")]
    [told] = [line for line in lines if line.get("message") == "refused" and line.get("user") == "admin"]
    assert (told["level"], told["trigger"], told["reason"]) == ("WARNING", "PreSignUp_SignUp", "admin reads as a reserved word")
    assert EMAIL not in runtime.logs()
