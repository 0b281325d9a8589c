"""SES tells what became of mails, and can be away."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.cloud.running import RunningCloud, running_cloud

SENDER = "OpenSARLab <hub@example.org>"
TEMPLATE = {
    "Resources": {
        "Topic": {"Type": "AWS::SNS::Topic"},
        "Set": {"Type": "AWS::SES::ConfigurationSet", "Properties": {"Name": "mails"}},
        "Destination": {
            "Type": "AWS::SES::ConfigurationSetEventDestination",
            "Properties": {
                "ConfigurationSetName": {"Ref": "Set"},
                "EventDestination": {
                    "Name": "ledger",
                    "Enabled": True,
                    "MatchingEventTypes": ["send", "bounce", "complaint", "reject"],
                    "SnsDestination": {"TopicARN": {"Ref": "Topic"}},
                },
            },
        },
    },
    "Outputs": {"Topic": {"Value": {"Ref": "Topic"}}},
}


def listen(cloud: RunningCloud) -> str:
    """Deploy a set that tells a topic, and a queue that hears it; answers the queue's URL."""
    stacks, sqs = cloud.client("cloudformation"), cloud.client("sqs")
    url: str = sqs.create_queue(QueueName="news")["QueueUrl"]
    try:
        stacks.create_stack(StackName="mails", TemplateBody=json.dumps(TEMPLATE))
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AlreadyExistsException"
        return url
    cloud.client("sesv2").create_email_identity(EmailIdentity="hub@example.org")
    stacks.get_waiter("stack_create_complete").wait(StackName="mails", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    topic = stacks.describe_stacks(StackName="mails")["Stacks"][0]["Outputs"][0]["OutputValue"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    cloud.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    return url


def send(cloud: RunningCloud, *addresses: str) -> str:
    """Send a mail with a tag; answers its id."""
    body = {"Subject": {"Data": "Your home"}, "Body": {"Text": {"Data": "It is kept."}}}
    message_id: str = cloud.client("sesv2").send_email(
        FromEmailAddress=SENDER,
        Destination={"ToAddresses": list(addresses)},
        Content={"Simple": body},
        ConfigurationSetName="mails",
        EmailTags=[{"Name": "hubplane-cluster", "Value": "sar"}],
    )["MessageId"]
    return message_id


def heard(cloud: RunningCloud, url: str) -> list[dict[str, Any]]:
    """What the queue has."""
    found: list[dict[str, Any]] = []
    while messages := cloud.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            found.append(json.loads(message["Body"]))
            cloud.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


@pytest.mark.parametrize(
    ("address", "news"),
    [
        pytest.param("ada@uni.example.org", {"Send": None}, id="delivered"),
        pytest.param("bounce@simulator.amazonses.com", {"Send": None, "Bounce": "General"}, id="bounce"),
        pytest.param("bounce+ada@simulator.amazonses.com", {"Send": None, "Bounce": "General"}, id="labelled"),
        pytest.param("suppressionlist@simulator.amazonses.com", {"Send": None, "Bounce": "Suppressed"}, id="suppressed"),
        pytest.param("complaint@simulator.amazonses.com", {"Send": None, "Complaint": None}, id="complaint"),
    ],
)
def test_a_mails_news_reaches_the_topic_of_its_set(cloud: RunningCloud, address: str, news: dict[str, str | None]) -> None:
    url = listen(cloud)
    message_id = send(cloud, address)
    events = heard(cloud, url)
    assert {event["eventType"]: event.get("bounce", {}).get("bounceSubType") for event in events} == news
    for event in events:
        assert event["mail"]["messageId"] == message_id
        assert event["mail"]["destination"] == [address]
        assert event["mail"]["tags"]["hubplane-cluster"] == ["sar"]
        assert event["mail"]["tags"]["ses:configuration-set"] == ["mails"]
    if "Complaint" in news:
        complaint = next(event["complaint"] for event in events if event["eventType"] == "Complaint")
        assert complaint["complainedRecipients"] == [{"emailAddress": address}]


def test_an_event_bus_hears_it_too(cloud: RunningCloud) -> None:
    listen(cloud)
    sqs, events, mails = cloud.client("sqs"), cloud.client("events"), cloud.client("sesv2")
    url = sqs.create_queue(QueueName="bus")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="mails", EventPattern=json.dumps({"source": ["aws.ses"]}))
    events.put_targets(Rule="mails", Targets=[{"Id": "queue", "Arn": arn}])
    bus = "arn:aws:events:us-east-1:553778890976:event-bus/default"
    target = {"Enabled": True, "MatchingEventTypes": ["BOUNCE"], "EventBridgeDestination": {"EventBusArn": bus}}
    mails.create_configuration_set_event_destination(
        ConfigurationSetName="mails", EventDestinationName="bus", EventDestination=target
    )
    send(cloud, "bounce@simulator.amazonses.com")
    (event,) = heard(cloud, url)
    assert (event["detail-type"], event["detail"]["eventType"]) == ("Email Bounced", "Bounce")


def outage(cloud: RunningCloud, **given: Any) -> None:
    """Begin or end an outage."""
    request = urllib.request.Request(f"{cloud.endpoint_url}/_hubplane/ses/outage", json.dumps(given).encode(), method="POST")
    urllib.request.urlopen(request).close()


@pytest.mark.parametrize(
    ("given", "code", "status"),
    [
        pytest.param({}, "TooManyRequestsException", 429, id="default"),
        pytest.param({"code": "InternalServiceErrorException"}, "InternalServiceErrorException", 500, id="unclear"),
    ],
)
def test_it_can_be_away_for_a_while(cloud: RunningCloud, given: dict[str, str], code: str, status: int) -> None:
    listen(cloud)
    outage(cloud, seconds=600, **given)
    with pytest.raises(ClientError) as caught:
        send(cloud, "ada@uni.example.org")
    outage(cloud, seconds=0)
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert send(cloud, "ada@uni.example.org")


@pytest.mark.parametrize("given", [{}, {"seconds": "long"}, {"seconds": 1, "code": "Tired"}], ids=["none", "text", "code"])
def test_a_malformed_outage_is_refused(cloud: RunningCloud, given: dict[str, Any]) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        outage(cloud, **given)
    assert caught.value.code == 400


def test_without_the_mends_the_faults_are_there(tmp_path: Any) -> None:
    with running_cloud(tmp_path, skip_mends="ses_tells_event_destinations,ses_can_be_away") as unmended:
        url = listen(unmended)
        send(unmended, "bounce@simulator.amazonses.com")
        assert heard(unmended, url) == []
        with pytest.raises(urllib.error.HTTPError) as caught:
            outage(unmended, seconds=1)
        assert caught.value.code == 404
