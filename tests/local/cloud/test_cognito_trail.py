"""What is done to accounts reaches the default bus as CloudTrail tells it."""

from __future__ import annotations

import json
from typing import Any

from tests.local.cloud.cognito_pools import Pool
from tests.local.cloud.running import ACCOUNT_ID, RunningCloud, running_cloud
from tests.local.cloud.test_cognito_checks import refusal

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"


def listen(cloud: RunningCloud) -> str:
    """A queue that gets each call to Cognito that CloudTrail tells of; answers its URL."""
    sqs, events = cloud.client("sqs"), cloud.client("events")
    url: str = sqs.create_queue(QueueName="trail")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.cognito-idp"], "detail-type": ["AWS API Call via CloudTrail"]}
    events.put_rule(Name="trail", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="trail", Targets=[{"Id": "queue", "Arn": arn}])
    return url


def heard(cloud: RunningCloud, url: str) -> dict[str, dict[str, Any]]:
    """The details heard so far, by name of the call."""
    found: dict[str, dict[str, Any]] = {}
    while messages := cloud.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            event = json.loads(message["Body"])
            found[event["detail"]["eventName"]] = event["detail"]
    return found


def test_each_deed_is_told_with_the_sub_and_without_the_name(cloud: RunningCloud) -> None:
    pool, url = Pool(cloud), listen(cloud)
    pool.person("ada")
    which = {"UserPoolId": pool.id, "Username": "ada"}
    attributes = pool.cognito.admin_get_user(**which)["UserAttributes"]
    sub = next(item["Value"] for item in attributes if item["Name"] == "sub")
    pool.cognito.admin_disable_user(**which)
    pool.cognito.admin_enable_user(**which)
    pool.cognito.delete_user(AccessToken=pool.sign_in("ada")["AccessToken"])
    assert refusal(pool.cognito.admin_delete_user, **which)[0] == "UserNotFoundException"
    told = heard(cloud, url)
    assert set(told) == {"AdminDisableUser", "AdminEnableUser", "DeleteUser", "AdminDeleteUser"}
    for name in ("AdminDisableUser", "AdminEnableUser"):
        assert told[name]["requestParameters"] == {"userPoolId": pool.id, "username": HIDDEN}
        assert told[name]["additionalEventData"] == {"sub": sub}
        assert told[name]["userIdentity"]["arn"] == f"arn:aws:iam::{ACCOUNT_ID}:root"
        assert (told[name]["eventSource"], told[name]["eventType"]) == ("cognito-idp.amazonaws.com", "AwsApiCall")
        assert "errorCode" not in told[name]
    assert told["DeleteUser"]["requestParameters"] == {"accessToken": HIDDEN}
    assert told["DeleteUser"]["additionalEventData"] == {"sub": sub}
    assert told["DeleteUser"]["userIdentity"]["type"] == "Unknown"
    assert told["AdminDeleteUser"]["errorCode"] == "UserNotFoundException"


def test_without_the_mend_nothing_is_told(tmp_path: Any) -> None:
    with running_cloud(tmp_path, skip_mends="cognito_calls_are_on_the_trail") as unmended:
        pool, url = Pool(unmended), listen(unmended)
        pool.person("ada")
        pool.cognito.admin_disable_user(UserPoolId=pool.id, Username="ada")
        assert heard(unmended, url) == {}
