"""User pools for tests, with functions that write down what Cognito gives them."""

from __future__ import annotations

import json
import urllib.request
import uuid
from typing import Any

from tests.local.cloud.lambda_functions import create
from tests.local.cloud.running import RunningCloud

PASSWORD = "correct-Horse-8-battery"
FLOWS = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
CALLBACK = "http://localhost/hub/oauth_callback"
OAUTH = {
    "CallbackURLs": [CALLBACK],
    "AllowedOAuthFlows": ["code"],
    "AllowedOAuthScopes": ["openid"],
    "AllowedOAuthFlowsUserPoolClient": True,
    "SupportedIdentityProviders": ["COGNITO"],
}
# Each event is kept as an object of a bucket, numbered by time; then ``answer(event)`` decides.
RECORDER = """
import json, time, boto3

def answer(event):
{answer}

def handler(event, context):
    boto3.client("s3").put_object(Bucket="{bucket}", Key=f"{{time.time_ns():020}}", Body=json.dumps(event))
    answer(event)
    return event
"""


class Pool:
    """A pool with one client, and what its triggers were told."""

    def __init__(self, cloud: RunningCloud, triggers: dict[str, str] | None = None, **settings: Any) -> None:
        """``triggers``: name in LambdaConfig → lines of Python that may change ``event["response"]`` or raise."""
        self.cloud, self.cognito = cloud, cloud.client("cognito-idp")
        self.bucket = f"events-{uuid.uuid4().hex[:12]}"
        cloud.client("s3").create_bucket(Bucket=self.bucket)
        client_settings = settings.pop("client", {})
        permitted = settings.pop("permitted", True)
        made = self.cognito.create_user_pool(PoolName="hub", AutoVerifiedAttributes=["email"], **settings)["UserPool"]
        self.id, self.arn = made["Id"], made["Arn"]
        config: dict[str, Any] = {}
        for name, lines in (triggers or {}).items():
            arn = self._function(name, lines, permitted=permitted)
            config[name] = {"LambdaArn": arn, "LambdaVersion": "V2_0"} if name.endswith("Config") else arn
        if config:
            self.cognito.update_user_pool(UserPoolId=self.id, AutoVerifiedAttributes=["email"], LambdaConfig=config)
        self.client_id = self.cognito.create_user_pool_client(
            UserPoolId=self.id, ClientName="hub", ExplicitAuthFlows=FLOWS, **client_settings
        )["UserPoolClient"]["ClientId"]

    def _function(self, trigger: str, lines: str, *, permitted: bool) -> str:
        name = f"{trigger}-{self.bucket}"
        body = "\n".join(f"    {line}" for line in (lines or "pass").splitlines())
        arn = create(self.cloud, name, RECORDER.format(answer=body, bucket=self.bucket))
        if permitted:
            allowed = {"Action": "lambda:InvokeFunction", "Principal": "cognito-idp.amazonaws.com", "SourceArn": self.arn}
            self.cloud.client("lambda").add_permission(FunctionName=name, StatementId="pool", **allowed)
        return arn

    def events(self) -> list[dict[str, Any]]:
        """What the triggers were told, in order."""
        s3 = self.cloud.client("s3")
        keys = [item["Key"] for item in s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])]
        return [json.loads(s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()) for key in sorted(keys)]

    def sources(self) -> list[str]:
        """The trigger sources so far, in order."""
        return [event["triggerSource"] for event in self.events()]

    def sign_up(self, username: str, **more: Any) -> dict[str, Any]:
        """Sign a person up with an address of that name."""
        attributes = [{"Name": "email", "Value": self.address(username)}]
        answer: dict[str, Any] = self.cognito.sign_up(
            ClientId=self.client_id, Username=username, Password=PASSWORD, UserAttributes=attributes, **more
        )
        return answer

    def confirm(self, username: str, code: str | None = None, **more: Any) -> None:
        """Confirm a sign-up, with the right code if none is given."""
        code = code or self.code(username)
        self.cognito.confirm_sign_up(ClientId=self.client_id, Username=username, ConfirmationCode=code, **more)

    def person(self, username: str) -> None:
        """Somebody who has signed up and confirmed."""
        self.sign_up(username)
        self.confirm(username)

    def sign_in(self, username: str, password: str = PASSWORD, **more: Any) -> dict[str, Any]:
        """Tokens, by password."""
        given = {"USERNAME": username, "PASSWORD": password}
        answer = self.cognito.initiate_auth(ClientId=self.client_id, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=given, **more)
        result: dict[str, Any] = answer["AuthenticationResult"]
        return result

    def refresh(self, token: str) -> dict[str, Any]:
        """New tokens for a refresh token."""
        answer = self.cognito.initiate_auth(
            ClientId=self.client_id, AuthFlow="REFRESH_TOKEN_AUTH", AuthParameters={"REFRESH_TOKEN": token}
        )
        result: dict[str, Any] = answer["AuthenticationResult"]
        return result

    def code(self, username: str, kind: str = "sign_up") -> str:
        """The code that Cognito sent, as the control call tells it."""
        with urllib.request.urlopen(f"{self.cloud.endpoint_url}/_hubplane/cognito/codes") as response:
            codes = json.load(response)["codes"]
        found: list[str] = [
            item["code"]
            for item in codes
            if (item["user_pool_id"], item["username"], item["kind"]) == (self.id, username.lower(), kind)
        ]
        return found[0]

    def mails(self, username: str) -> list[dict[str, Any]]:
        """The mails to a person of this pool, oldest first."""
        with urllib.request.urlopen(f"{self.cloud.endpoint_url}/_ministack/ses/messages") as response:
            messages = json.load(response)["messages"]
        return [item for account in messages.values() for item in account if self.address(username) in item["To"]]

    def address(self, username: str) -> str:
        """A person's address; no two pools have the same."""
        return f"{username.lower()}@{self.bucket}.example.org"
