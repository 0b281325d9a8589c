"""User pools check codes, names and accounts as Cognito does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.cloud.cognito_pools import PASSWORD, Pool
from tests.local.cloud.running import RunningCloud, running_cloud

ANY_CASE = {"UsernameConfiguration": {"CaseSensitive": False}}


def refusal(action: Any, *args: Any, **kwargs: Any) -> tuple[str, str]:
    """Code and message with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        action(*args, **kwargs)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_only_the_code_that_was_sent_confirms(cloud: RunningCloud) -> None:
    pool = Pool(cloud)
    pool.sign_up("ada")
    code = pool.code("ada")
    assert len(code) == 6
    assert code in str(pool.mails("ada")[0])
    wrong = f"{(int(code) + 1) % 10**6:06}"
    assert refusal(pool.confirm, "ada", wrong)[0] == "CodeMismatchException"
    assert refusal(pool.sign_in, "ada")[0] == "UserNotConfirmedException"
    pool.confirm("ada", code)
    assert refusal(pool.confirm, "ada", code)[0] == "NotAuthorizedException"
    assert pool.sign_in("ada")["RefreshToken"]


def test_codes_differ_and_a_new_mail_has_a_new_one(cloud: RunningCloud) -> None:
    pool = Pool(cloud)
    codes = set()
    for name in ("a1", "a2", "a3"):
        pool.sign_up(name)
        codes.add(pool.code(name))
        pool.cognito.resend_confirmation_code(ClientId=pool.client_id, Username=name)
        codes.add(pool.code(name))
    assert len(codes) >= 5  # six draws of a million: two that meet are possible, three are not to be met in a lifetime


def test_a_forgotten_password_is_set_with_its_own_code(cloud: RunningCloud) -> None:
    pool = Pool(cloud)
    pool.person("ada")
    which = {"ClientId": pool.client_id, "Username": "ada"}
    pool.cognito.forgot_password(**which)
    code = pool.code("ada", "password")
    wrong = f"{(int(code) + 1) % 10**6:06}"
    new = {"Password": "another-Horse-9-battery"}
    assert refusal(pool.cognito.confirm_forgot_password, **which, **new, ConfirmationCode=wrong)[0] == "CodeMismatchException"
    pool.cognito.confirm_forgot_password(**which, **new, ConfirmationCode=code)
    assert refusal(pool.sign_in, "ada")[0] == "NotAuthorizedException"
    assert pool.sign_in("ada", new["Password"])["AccessToken"]


def test_names_are_one_whatever_their_case(cloud: RunningCloud) -> None:
    pool = Pool(cloud, **ANY_CASE)
    pool.person("Ada")
    assert refusal(pool.sign_up, "ADA")[0] == "UsernameExistsException"
    assert pool.cognito.admin_get_user(UserPoolId=pool.id, Username="aDa")["Username"] == "ada"
    assert pool.sign_in("AdA")["AccessToken"]
    made = {"UserPoolId": pool.id, "Username": "aDA", "TemporaryPassword": PASSWORD}
    assert refusal(pool.cognito.admin_create_user, **made)[0] == "UsernameExistsException"


def test_a_pool_that_tells_cases_apart_still_does(cloud: RunningCloud) -> None:
    pool = Pool(cloud)
    pool.sign_up("Ada")
    assert pool.sign_up("ada")["UserConfirmed"] is False


def test_a_disabled_account_neither_signs_in_nor_refreshes(cloud: RunningCloud) -> None:
    pool = Pool(cloud)
    pool.person("ada")
    token = pool.sign_in("ada")["RefreshToken"]
    assert pool.refresh(token)["AccessToken"]
    which = {"UserPoolId": pool.id, "Username": "ada"}
    pool.cognito.admin_disable_user(**which)
    assert refusal(pool.sign_in, "ada") == ("NotAuthorizedException", "User is disabled.")
    assert refusal(pool.refresh, token)[0] == "NotAuthorizedException"
    pool.cognito.admin_enable_user(**which)
    assert refusal(pool.refresh, token)[0] == "NotAuthorizedException"
    assert pool.refresh(pool.sign_in("ada")["RefreshToken"])["AccessToken"]


def test_a_client_takes_only_its_flows_and_its_secret(cloud: RunningCloud) -> None:
    pool = Pool(cloud)
    pool.person("ada")
    made = pool.cognito.create_user_pool_client(
        UserPoolId=pool.id, ClientName="s", GenerateSecret=True, ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH"]
    )
    pool.client_id = made["UserPoolClient"]["ClientId"]
    assert "SECRET_HASH was not received" in refusal(pool.sign_in, "ada")[1]
    pool.client_id = pool.cognito.create_user_pool_client(
        UserPoolId=pool.id, ClientName="t", ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH"]
    )["UserPoolClient"]["ClientId"]
    assert refusal(pool.sign_in, "ada")[0] == "InvalidParameterException"


POLICY = {
    "Parameters": {"Length": {"Type": "Number", "Default": 14}},
    "Resources": {
        "Pool": {
            "Type": "AWS::Cognito::UserPool",
            "Properties": {"Policies": {"PasswordPolicy": {"MinimumLength": {"Ref": "Length"}, "RequireSymbols": "false"}}},
        }
    },
    "Outputs": {"Pool": {"Value": {"Ref": "Pool"}}},
}


def set_password(cloud: RunningCloud, password: str) -> None:
    """Set a password in a pool whose rules are a template's parameters."""
    stacks, cognito = cloud.client("cloudformation"), cloud.client("cognito-idp")
    if not any(pool["Name"].startswith("policy") for pool in cognito.list_user_pools(MaxResults=60)["UserPools"]):
        stacks.create_stack(StackName="policy", TemplateBody=json.dumps(POLICY))
        stacks.get_waiter("stack_create_complete").wait(StackName="policy", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    pool_id = stacks.describe_stacks(StackName="policy")["Stacks"][0]["Outputs"][0]["OutputValue"]
    cognito.admin_create_user(UserPoolId=pool_id, Username=password, TemporaryPassword=password)


def test_a_policy_from_a_templates_parameter_is_a_number(cloud: RunningCloud) -> None:
    assert refusal(set_password, cloud, "Ada4" + "a" * 9)[0] == "InvalidPasswordException"
    set_password(cloud, "Ada4" + "a" * 10)


def test_without_the_mends_the_faults_are_there(tmp_path: Any) -> None:
    skipped = "cognito_checks_without_auth,codes_are_secret,usernames_ignore_case,password_policies_have_types"
    with running_cloud(tmp_path, skip_mends=skipped) as unmended:
        pool = Pool(unmended, **ANY_CASE)
        pool.sign_up("Ada")
        pool.sign_up("ada")
        pool.confirm("ada", "any code")
        token = pool.sign_in("ada")["RefreshToken"]
        pool.cognito.admin_disable_user(UserPoolId=pool.id, Username="ada")
        assert pool.refresh(token)["AccessToken"]
        assert "123456" in str(pool.mails("ada")[-1])
        assert refusal(set_password, unmended, "Ada4" + "a" * 10)[0] == "InternalError"
