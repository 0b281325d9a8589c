"""A pool's triggers are called when Cognito calls them, with what Cognito tells them, and their refusals reach the caller."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pytest

from tests.local.cloud.cognito_pools import CALLBACK, OAUTH, PASSWORD, Pool
from tests.local.cloud.running import RunningCloud, running_cloud
from tests.local.cloud.test_cognito_checks import refusal

MESSAGE = 'event["response"]["emailSubject"] = event["triggerSource"]\nevent["response"]["emailMessage"] = "code {####}"'
GROUPS = 'event["response"] = {"claimsOverrideDetails": {"groupOverrideDetails": {"groupsToOverride": ["sar"]},'
GROUPS += ' "claimsToAddOrOverride": {"hub": "yes", "sub": "forged"}}}'


def claims_of(token: str) -> dict[str, Any]:
    """What a token says."""
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def test_signing_up_asks_before_and_tells_after(cloud: RunningCloud) -> None:
    pool = Pool(cloud, {"PreSignUp": "", "PostConfirmation": ""})
    validation = [{"Name": "institution", "Value": "UAF"}]
    sub = pool.sign_up("ada", ValidationData=validation, ClientMetadata={"language": "en"})["UserSub"]
    pool.confirm("ada", ClientMetadata={"step": "two"})
    before, after = pool.events()
    assert (before["version"], before["region"], before["userPoolId"]) == ("1", "us-east-1", pool.id)
    assert (before["triggerSource"], before["userName"]) == ("PreSignUp_SignUp", "ada")
    assert before["callerContext"] == {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": pool.client_id}
    assert before["request"] == {
        "userAttributes": {"email": pool.address("ada")},
        "validationData": {"institution": "UAF"},
        "clientMetadata": {"language": "en"},
    }
    assert before["response"] == {"autoConfirmUser": False, "autoVerifyEmail": False, "autoVerifyPhone": False}
    assert after["triggerSource"] == "PostConfirmation_ConfirmSignUp"
    assert after["request"]["clientMetadata"] == {"step": "two"}
    assert after["request"]["userAttributes"] == {
        "sub": sub,
        "email": pool.address("ada"),
        "email_verified": "true",
        "cognito:user_status": "CONFIRMED",
    }


def test_a_refusal_reaches_the_person_in_the_functions_words(cloud: RunningCloud) -> None:
    pool = Pool(cloud, {"PreSignUp": 'raise ValueError("ada is taken")'})
    said = "PreSignUp failed with error ada is taken."
    assert refusal(pool.sign_up, "ada") == ("UserLambdaValidationException", said)
    assert refusal(pool.cognito.admin_create_user, UserPoolId=pool.id, Username="ada")[1] == said
    assert pool.sources() == ["PreSignUp_SignUp", "PreSignUp_AdminCreateUser"]
    assert pool.cognito.list_users(UserPoolId=pool.id)["Users"] == []


def test_what_pre_sign_up_confirms_is_told_on(cloud: RunningCloud) -> None:
    confirm = 'event["response"]["autoConfirmUser"] = event["response"]["autoVerifyEmail"] = True'
    pool = Pool(cloud, {"PreSignUp": confirm, "PostConfirmation": ""})
    assert pool.sign_up("ada")["UserConfirmed"] is True
    assert pool.sources() == ["PreSignUp_SignUp", "PostConfirmation_ConfirmSignUp"]
    assert pool.sign_in("ada")["AccessToken"]


def test_a_failing_post_confirmation_leaves_the_account_confirmed(cloud: RunningCloud) -> None:
    pool = Pool(cloud, {"PostConfirmation": 'raise RuntimeError("no table")'})
    pool.sign_up("ada")
    assert refusal(pool.confirm, "ada") == ("UserLambdaValidationException", "PostConfirmation failed with error no table.")
    assert pool.sources() == ["PostConfirmation_ConfirmSignUp"]
    assert pool.cognito.admin_get_user(UserPoolId=pool.id, Username="ada")["UserStatus"] == "CONFIRMED"


def test_a_function_that_is_late_is_tried_three_times(cloud: RunningCloud) -> None:
    pool = Pool(cloud, {"PreSignUp": "time.sleep(6)"})
    code, message = refusal(pool.sign_up, "ada")
    assert code == "UnexpectedLambdaException"
    assert message == "PreSignUp invocation failed due to error Socket timeout while invoking Lambda function."
    assert pool.sources() == ["PreSignUp_SignUp"] * 3


def test_a_function_that_cognito_may_not_call_fails_the_call(cloud: RunningCloud) -> None:
    pool = Pool(cloud, {"PreSignUp": ""}, permitted=False)
    said = "PreSignUp invocation failed due to error AccessDeniedException."
    assert refusal(pool.sign_up, "ada") == ("UnexpectedLambdaException", said)
    assert pool.sources() == []


def test_an_alias_needs_a_permission_of_its_own(cloud: RunningCloud) -> None:
    pool = Pool(cloud, {"PreSignUp": "raise Exception('asked')"})
    functions, name = cloud.client("lambda"), f"PreSignUp-{pool.bucket}"
    version = functions.publish_version(FunctionName=name)["Version"]
    arn = functions.create_alias(FunctionName=name, Name="live", FunctionVersion=version)["AliasArn"]
    pool.cognito.update_user_pool(UserPoolId=pool.id, AutoVerifiedAttributes=["email"], LambdaConfig={"PreSignUp": arn})
    with pytest.raises(pool.cognito.exceptions.UnexpectedLambdaException, match="AccessDeniedException"):
        pool.sign_up("ada")
    allowed = {"Action": "lambda:InvokeFunction", "Principal": "cognito-idp.amazonaws.com", "SourceArn": pool.arn}
    functions.add_permission(FunctionName=name, Qualifier="live", StatementId="alias", **allowed)
    with pytest.raises(pool.cognito.exceptions.UserLambdaValidationException, match="asked"):
        pool.sign_up("ada")


def test_each_code_goes_out_in_the_functions_words(cloud: RunningCloud) -> None:
    pool = Pool(cloud, {"CustomMessage": MESSAGE, "PostConfirmation": ""})
    which = {"ClientId": pool.client_id, "Username": "ada"}
    pool.sign_up("ada")
    pool.cognito.resend_confirmation_code(**which, ClientMetadata={"why": "lost"})
    pool.confirm("ada")
    pool.cognito.forgot_password(**which)
    new = "another-Horse-9-battery"
    code = pool.code("ada", "password")
    pool.cognito.confirm_forgot_password(**which, Password=new, ConfirmationCode=code)
    sources = ["CustomMessage_SignUp", "CustomMessage_ResendCode", "CustomMessage_ForgotPassword"]
    assert [mail["Subject"] for mail in pool.mails("ada")] == sources
    assert pool.mails("ada")[-1]["BodyText"] == f"code {code}"
    assert pool.sources() == [
        *sources[:2],
        "PostConfirmation_ConfirmSignUp",
        sources[2],
        "PostConfirmation_ConfirmForgotPassword",
    ]
    resent = pool.events()[1]["request"]
    assert (resent["codeParameter"], resent["usernameParameter"]) == ("{####}", None)
    assert resent["clientMetadata"] == {"why": "lost"}
    assert resent["userAttributes"]["cognito:user_status"] == "UNCONFIRMED"


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param('event["response"]["emailMessage"] = "no code"', id="no-placeholder"),
        pytest.param('event["response"]["emailMessage"] = "{####}" + "x" * 20000', id="too-long"),
    ],
)
def test_a_message_that_cognito_refuses_fails_the_call(cloud: RunningCloud, lines: str) -> None:
    pool = Pool(cloud, {"CustomMessage": lines})
    assert refusal(pool.sign_up, "ada")[0] == "InvalidLambdaResponseException"
    assert pool.mails("ada") == []


def test_an_invitation_names_person_and_password(cloud: RunningCloud) -> None:
    lines = 'event["response"]["emailMessage"] = "name {username} password {####}"'
    pool = Pool(cloud, {"CustomMessage": lines, "PreSignUp": 'event["response"]["autoConfirmUser"] = True'})
    attributes = [{"Name": "email", "Value": pool.address("ada")}]
    made = {"UserPoolId": pool.id, "Username": "ada", "TemporaryPassword": PASSWORD}
    pool.cognito.admin_create_user(**made, UserAttributes=attributes)
    assert pool.mails("ada")[0]["BodyText"] == f"name ada password {PASSWORD}"
    assert pool.cognito.admin_get_user(UserPoolId=pool.id, Username="ada")["UserStatus"] == "FORCE_CHANGE_PASSWORD"
    asked, invited = pool.events()
    assert asked["callerContext"]["clientId"] == "CLIENT_ID_NOT_APPLICABLE"
    assert invited["request"]["usernameParameter"] == "{username}"


def test_signing_in_asks_tells_and_names_groups_in_both_tokens(cloud: RunningCloud) -> None:
    triggers = {"PreAuthentication": "", "PostAuthentication": "", "PreTokenGeneration": GROUPS}
    pool = Pool(cloud, triggers)
    pool.person("ada")
    tokens = pool.sign_in("ada", ClientMetadata={"hub": "opensarlab"})
    signed_in = ["PreAuthentication_Authentication", "PostAuthentication_Authentication", "TokenGeneration_Authentication"]
    assert pool.sources() == signed_in
    before, after, token = (event["request"] for event in pool.events())
    assert (before["validationData"], before["userNotFound"]) == ({"hub": "opensarlab"}, False)
    assert after["newDeviceUsed"] is False
    assert token["groupConfiguration"]["groupsToOverride"] == []
    for name in ("IdToken", "AccessToken"):
        assert claims_of(tokens[name])["cognito:groups"] == ["sar"]
    assert claims_of(tokens["IdToken"])["hub"] == "yes"
    assert claims_of(tokens["IdToken"])["sub"] != "forged"
    assert "hub" not in claims_of(tokens["AccessToken"])
    assert claims_of(pool.refresh(tokens["RefreshToken"])["AccessToken"])["cognito:groups"] == ["sar"]
    assert pool.sources() == [*signed_in, "TokenGeneration_RefreshTokens"]


def test_the_second_form_of_the_event_changes_each_token(cloud: RunningCloud) -> None:
    lines = 'event["response"] = {"claimsAndScopeOverrideDetails": {"groupOverrideDetails": {"groupsToOverride": ["sar"]},'
    lines += ' "accessTokenGeneration": {"claimsToAddOrOverride": {"hub": "yes"}, "scopesToAdd": ["hub/use"]}}}'
    pool = Pool(cloud, {"PreTokenGenerationConfig": lines})
    pool.person("ada")
    tokens = pool.sign_in("ada")
    assert [event["version"] for event in pool.events()] == ["2"]
    access = claims_of(tokens["AccessToken"])
    assert (access["hub"], access["cognito:groups"]) == ("yes", ["sar"])
    assert "hub/use" in access["scope"].split()
    assert claims_of(tokens["IdToken"])["cognito:groups"] == ["sar"]


@pytest.mark.parametrize("trigger", ["PreAuthentication", "PostAuthentication", "PreTokenGeneration"])
def test_a_refused_sign_in_gives_no_token(cloud: RunningCloud, trigger: str) -> None:
    pool = Pool(cloud, {trigger: 'raise ValueError("not today")'})
    pool.person("ada")
    assert refusal(pool.sign_in, "ada") == ("UserLambdaValidationException", f"{trigger} failed with error not today.")


def test_a_wrong_password_is_no_sign_in(cloud: RunningCloud) -> None:
    pool = Pool(cloud, {"PreAuthentication": "", "PostAuthentication": ""})
    pool.person("ada")
    assert refusal(pool.sign_in, "ada", "wrong-Horse-8-battery")[0] == "NotAuthorizedException"
    assert pool.sources() == ["PreAuthentication_Authentication"]


class KeepRedirect(urllib.request.HTTPRedirectHandler):
    """Answers a redirect instead of following it."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


def post(url: str, form: dict[str, str]) -> tuple[int, str, str]:
    """Status, Location and body of a posted form."""
    opener = urllib.request.build_opener(KeepRedirect)
    try:
        with opener.open(url, urllib.parse.urlencode(form).encode()) as response:
            return response.status, "", response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("location") or "", error.read().decode()


def hosted(pool: Pool) -> tuple[int, str, str]:
    """The answer to the sign-in page's form."""
    form = {"client_id": pool.client_id, "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid"}
    return post(f"{pool.cloud.endpoint_url}/login", {**form, "username": "Ada", "password": PASSWORD})


def test_the_hosted_pages_ask_and_tell(cloud: RunningCloud) -> None:
    triggers = {"PreAuthentication": "", "PostAuthentication": "", "PreTokenGeneration": GROUPS}
    pool = Pool(cloud, triggers, client=OAUTH, UsernameConfiguration={"CaseSensitive": False})
    pool.person("ada")
    status, location, _ = hosted(pool)
    assert status == 302
    code = urllib.parse.parse_qs(urllib.parse.urlsplit(location).query)["code"][0]
    token_url = f"{cloud.endpoint_url}/oauth2/token"
    client = {"client_id": pool.client_id}
    given = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, **client}
    tokens = json.loads(post(token_url, given)[2])
    refreshed = json.loads(
        post(token_url, {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], **client})[2]
    )
    for answer in (tokens, refreshed):
        assert claims_of(answer["access_token"])["cognito:groups"] == ["sar"]
        assert claims_of(answer["id_token"])["cognito:groups"] == ["sar"]
    assert pool.sources() == [
        "PreAuthentication_Authentication",
        "PostAuthentication_Authentication",
        "TokenGeneration_HostedAuth",
        "TokenGeneration_RefreshTokens",
    ]
    assert {event["callerContext"]["clientId"] for event in pool.events()} == {pool.client_id}


def test_the_hosted_pages_show_why_not(cloud: RunningCloud) -> None:
    pool = Pool(cloud, {"PreAuthentication": 'raise ValueError("not approved yet")'}, client=OAUTH)
    pool.cognito.admin_create_user(UserPoolId=pool.id, Username="Ada")
    pool.cognito.admin_set_user_password(UserPoolId=pool.id, Username="Ada", Password=PASSWORD, Permanent=True)
    status, _, page = hosted(pool)
    assert status == 200
    assert "PreAuthentication failed with error not approved yet." in page


MENDS = (
    *("triggers_fail_their_calls", "pre_sign_up_is_told_all", "post_confirmation_is_called", "custom_messages_are_asked_for"),
    *("authentication_triggers_are_called", "tokens_as_the_trigger_says"),
)


def test_without_the_mends_the_faults_are_there(tmp_path: Any) -> None:
    with running_cloud(tmp_path, skip_mends=",".join(MENDS)) as unmended:
        names = ("PreSignUp", "PostConfirmation", "CustomMessage", "PreAuthentication", "PostAuthentication")
        pool = Pool(unmended, {**dict.fromkeys(names, ""), "PreTokenGeneration": 'raise ValueError("no")'}, client=OAUTH)
        pool.sign_up("ada", ClientMetadata={"language": "en"})
        pool.confirm("ada")
        assert pool.sign_in("ada")["AccessToken"]
        assert pool.sources() == ["PreSignUp_SignUp", "TokenGeneration_Authentication"]
        assert "clientMetadata" not in pool.events()[0]["request"]
