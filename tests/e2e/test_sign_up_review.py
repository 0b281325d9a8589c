"""A person before the admins, on the embedded cloud: asked, decided by link, told, off-boarded, let back."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pytest

from hubplane.adapters.reviews import Reviews
from hubplane.adapters.users_table import RecordChange, UsersTable
from hubplane.domain.registration.records import Status, UserRecord
from local.guide.follow import Outcome
from tests.e2e.conftest import Hubplane
from tests.e2e.test_mail import entry, sent_to, wait_for

pytestmark = pytest.mark.e2e


class Person:
    """An account that waits for an admin, as the triggers leave it."""

    def __init__(self, hubplane: Hubplane, username: str) -> None:
        self.hubplane, self.username, self.email = hubplane, username, f"{username}@uni.example.org"
        outputs = hubplane.control_plane.outputs
        self.pool_id, self.pool = outputs["UserPoolId"], hubplane.client("cognito-idp")
        self.users = UsersTable(hubplane.client("dynamodb"), outputs["UsersTableName"])
        self.reviews = Reviews(hubplane.client("dynamodb"), outputs["LedgerTableName"])
        attributes = [{"Name": "email", "Value": self.email}, {"Name": "email_verified", "Value": "true"}]
        made = self.pool.admin_create_user(
            UserPoolId=self.pool_id, Username=username, UserAttributes=attributes, MessageAction="SUPPRESS"
        )
        self.sub = next(item["Value"] for item in made["User"]["Attributes"] if item["Name"] == "sub")
        self.pool.admin_disable_user(UserPoolId=self.pool_id, Username=username)
        assert self.users.write(RecordChange(UserRecord(username, self.sub, self.email, Status.PENDING)))

    def input(self, **more: Any) -> dict[str, Any]:
        told = {"username": self.username, "sub": self.sub, "email": self.email, "signed_up_at": "2026-11-25 12:00 UTC"}
        return {**told, **more}

    def record(self) -> UserRecord:
        found = self.users.read(self.username)
        assert found is not None
        return found

    def enabled(self) -> bool:
        return bool(self.pool.admin_get_user(UserPoolId=self.pool_id, Username=self.username)["Enabled"])

    def run(self, machine: str, **document: Any) -> Outcome:
        return self.hubplane.follow(self.hubplane.start_machine(machine, document))

    def links(self) -> dict[str, str]:
        """The links of the mail that the admins got."""

        def found() -> dict[str, str]:
            for mail in sent_to(self.hubplane, "admins@example.org"):
                texts = [value for value in mail.values() if isinstance(value, str)]
                if any(f"{self.username} waits for your decision" in text for text in texts):
                    return dict(re.findall(r"^To (approve|refuse): (\S+)", "\n".join(texts), re.MULTILINE))
            return {}

        links: dict[str, str] = wait_for(found, "the mail to the admins")
        return links


def ask(url: str, form: dict[str, Any] | None = None) -> tuple[int, str]:
    """What the page answers a browser."""
    data = None if form is None else urllib.parse.urlencode(form, doseq=True).encode()
    try:
        with urllib.request.urlopen(url, data=data, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def built(hubplane: Hubplane) -> list[str]:
    """The clusters that other tests of the session have built: their boxes are on the page."""
    table = hubplane.control_plane.outputs["ClustersTableName"]
    items = hubplane.client("dynamodb").scan(TableName=table)["Items"]
    return [item["cluster_name"]["S"] for item in items if "release" in item]


def test_a_sign_up_is_decided_by_link_and_everybody_is_told_once(
    hubplane: Hubplane, built_2019: tuple[dict[str, Any], Outcome]
) -> None:
    person = Person(hubplane, "grace_h")
    execution = hubplane.start_machine("ReviewSignUp", person.input())
    links = person.links()
    status, page = ask(links["approve"])
    assert (status, person.email in page) == (200, True)
    token = urllib.parse.parse_qs(urllib.parse.urlsplit(links["approve"]).query)["token"][0]
    assert ask(links["approve"].replace(token[-6:], "AAAAAA"))[0] == 403
    assert person.record().status is Status.PENDING
    form = {"token": token, "by": "Ada Admin", "cluster": built(hubplane)}
    status, page = ask(links["approve"], form)
    assert status == 200, page
    outcome = hubplane.follow(execution)
    assert outcome.status == "SUCCEEDED", f"{outcome.error}: {outcome.cause}"
    assert (person.record().status, person.enabled()) == (Status.APPROVED, True)
    assert ask(links["refuse"])[0] == 409
    wait_for(lambda: entry(hubplane, "people", f"mail#approved#{person.sub}").get("accepted_at"), "the mail that it is approved")
    assert len(sent_to(hubplane, person.email)) == 1

    plan = person.run("OffboardUser", username="grace_h", by="Ada Admin", reason="left")
    assert plan.status == "SUCCEEDED", f"{plan.error}: {plan.cause}"
    assert person.record().status is Status.APPROVED
    done = person.run("OffboardUser", username="grace_h", by="Ada Admin", reason="left", mode="enforce")
    assert done.status == "SUCCEEDED", f"{done.error}: {done.cause}"
    assert (person.record().status, person.enabled()) == (Status.TOMBSTONE, False)
    back = person.run("ReturnUser", username="grace_h", way="allow", by="Ada Admin", reason="is back", mode="enforce")
    assert back.status == "SUCCEEDED", f"{back.error}: {back.cause}"
    assert person.record().return_grant is not None


def test_a_refusal_by_hand_reaches_the_person_with_its_reason(hubplane: Hubplane) -> None:
    person = Person(hubplane, "eve_l")
    execution = hubplane.start_machine("ReviewSignUp", person.input())
    states = hubplane.client("stepfunctions")

    def token() -> str | None:
        review = person.reviews.read(person.sub)
        return review.task_token if review else None

    first = wait_for(token, "the question")
    states.send_task_success(taskToken=first, output='{"approved": false, "by": "Ada"}')
    again = wait_for(lambda: token() if token() != first else None, "the question again, for want of a reason")
    answer = {"approved": False, "by": "Ada Admin", "reason": "No project of ours"}
    states.send_task_success(taskToken=again, output=json.dumps(answer))
    outcome = hubplane.follow(execution)
    assert outcome.status == "SUCCEEDED", f"{outcome.error}: {outcome.cause}"
    assert (person.record().status, person.enabled()) == (Status.REFUSED, False)
    mails = wait_for(lambda: sent_to(hubplane, person.email), "the mail that it is refused")
    assert "No project of ours" in json.dumps(mails)


def test_enabled_in_the_console_is_the_same_as_approved(hubplane: Hubplane) -> None:
    person = Person(hubplane, "lin_c")
    execution = hubplane.start_machine("ReviewSignUp", person.input())
    person.links()
    person.pool.admin_enable_user(UserPoolId=person.pool_id, Username="lin_c")
    outcome = hubplane.follow(execution)
    assert (outcome.status, person.record().status) == ("SUCCEEDED", Status.APPROVED), f"{outcome.error}: {outcome.cause}"
    wait_for(lambda: sent_to(hubplane, person.email), "the mail that it is approved")


def test_people_of_2019_are_bound_to_their_names(hubplane: Hubplane) -> None:
    users = [{"username": "old_ada", "sub": "2019-sub", "email": "old_ada@uni.example.org", "email_verified": True}]
    for mode in ("plan", "enforce"):
        document = {"users": users, "by": "Ada Admin", "mode": mode}
        outcome = hubplane.follow(hubplane.start_machine("ImportUsers", document))
        assert outcome.status == "SUCCEEDED", f"{outcome.error}: {outcome.cause}"
    table = UsersTable(hubplane.client("dynamodb"), hubplane.control_plane.outputs["UsersTableName"])
    record = table.read("old_ada")
    assert record is not None
    assert (record.status, record.sub) == (Status.TOMBSTONE, "2019-sub")
