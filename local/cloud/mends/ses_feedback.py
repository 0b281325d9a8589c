"""SES: what it tells of mails afterwards, and times when it takes none."""

from __future__ import annotations

import json
import time
from email.utils import parseaddr
from typing import Any

from ministack.core.concurrency import run_reentrant
from ministack.core.responses import get_account_id, get_region
from ministack.services import ses, ses_v2

from local.cloud import control
from local.cloud.cloud import Cloud
from local.cloud.control import ControlRefused
from local.cloud.events import emit
from local.cloud.gateway import Gateway
from local.cloud.mends import mend

SEND_PATH = "/v2/email/outbound-emails"
# https://docs.aws.amazon.com/ses/latest/dg/monitoring-eventbridge.html
DETAIL_TYPES = {
    "Send": "Email Sent",
    "Delivery": "Email Delivered",
    "Bounce": "Email Bounced",
    "Complaint": "Email Complaint Received",
}
# How SES refuses: by name, with the status that the SESv2 API reference gives it.
OUTAGES = {
    "TooManyRequestsException": (429, "Maximum sending rate exceeded."),
    "SendingPausedException": (400, "Email sending is disabled for your AWS account."),
    "InternalServiceErrorException": (500, "The service is not available."),
}


@mend
def ses_tells_event_destinations(cloud: Cloud, gateway: Gateway) -> None:
    """A configuration set's event destinations are stored, and nothing is ever sent to them.

    With this a mail's Send and Delivery, or Bounce and Complaint for the addresses of SES's mailbox simulator, go to the SNS
    topics and the event bus that the set names, in the shape of
    https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
    """
    handle, record = ses_v2.handle_request, ses._record_send

    async def handle_and_tell(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        answer = await handle(method, path, headers, body, query)
        if method == "POST" and path.rstrip("/") == SEND_PATH and answer[0] == 200:
            given, message_id = json.loads(body), json.loads(answer[2])["MessageId"]
            to = given.get("Destination") or {}
            addresses = [a for kind in ("ToAddresses", "CcAddresses", "BccAddresses") for a in to.get(kind) or []]
            tags = {tag["Name"]: [tag["Value"]] for tag in given.get("EmailTags") or []}
            set_name, source = given.get("ConfigurationSetName") or "", given.get("FromEmailAddress") or ""
            # Off the loop: whoever is told may call AWS before it answers.
            await run_reentrant(_tell, set_name, message_id, source, addresses, tags)
        return answer

    def record_and_tell(source: str, to_addrs: Any, *args: Any, config_set: str = "", **kwargs: Any) -> Any:
        message_id = record(source, to_addrs, *args, config_set=config_set, **kwargs)
        _tell(config_set, message_id, source, list(to_addrs or []), {})
        return message_id

    ses_v2.handle_request = handle_and_tell
    ses._record_send = record_and_tell


def _tell(set_name: str, message_id: str, source: str, addresses: list[str], tags: dict[str, list[str]]) -> None:
    destinations = ((ses_v2._config_sets.get(set_name) or {}).get("EventDestinations") or {}).values()
    now = time.time()
    at = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(now)) + f"{int(now % 1 * 1000):03d}Z"
    mail = {
        "timestamp": at,
        "source": source,
        "sourceArn": f"arn:aws:ses:{get_region()}:{get_account_id()}:identity/{parseaddr(source)[1]}",
        "sendingAccountId": get_account_id(),
        "messageId": message_id,
        "destination": addresses,
        "headersTruncated": False,
        "tags": {"ses:configuration-set": [set_name], "ses:from-domain": [parseaddr(source)[1].rpartition("@")[2]], **tags},
    }
    for kind, detail in [("Send", {"send": {}}), *(news for address in addresses for news in _outcomes(address, at))]:
        event = {"eventType": kind, "mail": mail, **detail}
        for destination in destinations:
            if destination["Enabled"] and kind.upper() in destination["MatchingEventTypes"]:
                _publish(destination, kind, event, mail)


def _outcomes(address: str, at: str) -> list[tuple[str, dict[str, Any]]]:
    """What becomes of a mail to one address: delivered, or what the mailbox simulator is asked for."""
    local, _, domain = parseaddr(address)[1].lower().partition("@")
    outcomes: Any = (("Delivery", None),)
    if domain == ses._SIMULATOR_DOMAIN:
        outcomes = ses._SIMULATOR_OUTCOMES.get(local.split("+")[0], outcomes)
    return [(kind, ses._notification_detail(kind, address, at, subtype)) for kind, subtype in outcomes]


def _publish(destination: dict[str, Any], kind: str, event: dict[str, Any], mail: dict[str, Any]) -> None:
    topic_arn = (destination.get("SnsDestination") or {}).get("TopicArn")
    if topic_arn:
        ses._publish_notification(topic_arn, event)
    if destination.get("EventBridgeDestination") and kind in DETAIL_TYPES:
        emit("aws.ses", DETAIL_TYPES[kind], event, [mail["sourceArn"]])


@mend
def ses_can_be_away(cloud: Cloud, gateway: Gateway) -> None:
    """SES never fails. With this ``POST /_hubplane/ses/outage`` makes it refuse every mail for a while."""
    outage = {"until": 0.0, "code": ""}

    def begin(_cloud: Cloud, given: Any) -> Any:
        seconds = given.get("seconds") if isinstance(given, dict) else None
        if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or seconds < 0:
            raise ControlRefused("seconds: give a number of seconds, 0 to end the outage")
        code = given.get("code") or "TooManyRequestsException"
        if code not in OUTAGES:
            raise ControlRefused(f"code: {code} is none of {', '.join(OUTAGES)}")
        outage.update(until=time.monotonic() + seconds, code=code)
        return {"code": code}

    handle = ses_v2.handle_request

    async def handle_or_refuse(method: str, path: str, *rest: Any) -> Any:
        # Not an interceptor: the emulator takes the paths of SESv2 past its dispatcher.
        if path.rstrip("/") != SEND_PATH or method != "POST" or time.monotonic() >= float(outage["until"]):
            return await handle(method, path, *rest)
        status, message = OUTAGES[str(outage["code"])]
        _, headers, content = control.json_response(status, {"message": message})
        return status, {**headers, "x-amzn-errortype": str(outage["code"])}, content

    ses_v2.handle_request = handle_or_refuse
    control.ACTIONS["POST", "ses/outage"] = begin
