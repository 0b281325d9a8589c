"""One person signs up through the real Cognito API, waits, is approved by the link in the admins' mail, and signs in."""

from __future__ import annotations

import base64
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from rich.console import Console

from local.guide.deploy import ControlPlane, client
from local.guide.processes import EmbeddedCloud
from local.guide.progress import Progress

T = TypeVar("T")
LONGEST_WAIT_SECONDS = 90
PASSWORD = "correct-Horse-8-battery"
ADMINS = "admins@example.org"


class StoryFailed(Exception):
    """A step of the story did not come out as it should; the message says which and what was seen."""


@dataclass(frozen=True)
class Newcomer:
    """A person without an account, and how they are reached."""

    username: str = "marie_curie"
    email: str = "marie@uni.example.org"


class Story:
    """The sign-up of one person on a deployed control plane with a built cluster."""

    def __init__(self, cloud: EmbeddedCloud, control_plane: ControlPlane, cluster_name: str) -> None:
        self.cloud, self.outputs, self.cluster_name = cloud, control_plane.outputs, cluster_name
        self.pool = client(cloud, "cognito-idp")
        self.person = Newcomer()

    def known(self) -> bool:
        """Whether the person has signed up before."""
        try:
            self.pool.admin_get_user(UserPoolId=self.outputs["UserPoolId"], Username=self.person.username)
        except self.pool.exceptions.UserNotFoundException:
            return False
        return True

    def sign_up(self) -> None:
        """SignUp, and ConfirmSignUp with the code out of the mail."""
        self.pool.sign_up(
            ClientId=self.outputs["UserPoolClientId"],
            Username=self.person.username,
            Password=PASSWORD,
            UserAttributes=[{"Name": "email", "Value": self.person.email}],
        )
        codes = _get_json(f"{self.cloud.endpoint_url}/_hubplane/cognito/codes")["codes"]
        code = next(item["code"] for item in codes if item["username"] == self.person.username)
        self.pool.confirm_sign_up(ClientId=self.outputs["UserPoolClientId"], Username=self.person.username, ConfirmationCode=code)

    def mails_to(self, address: str, *words: str) -> list[dict[str, Any]]:
        """The mails that SES took for an address and that hold all these words."""
        by_account = _get_json(f"{self.cloud.endpoint_url}/_ministack/ses/messages")["messages"]
        found = [mail for mails in by_account.values() for mail in mails if address in mail["To"]]
        return [mail for mail in found if all(word in f"{mail['Subject']} {mail['BodyText']}" for word in words)]

    def wait_for_mail(self, address: str, *words: str) -> dict[str, Any]:
        """The first such mail, waited for."""
        return _wait(lambda: self.mails_to(address, *words), f"a mail to {address} with {', '.join(words)}")[0]

    def approve(self, link: str) -> None:
        """Open the link, which decides nothing, and confirm on its page."""
        status, page = _ask(link)
        if status != 200 or self.person.email not in page:
            raise StoryFailed(f"the page of the link answered {status} and does not show who asks: {page[:300]}")
        token = urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)["token"][0]
        status, page = _ask(link, {"token": token, "by": "Ada Admin", "cluster": [self.cluster_name]})
        if status != 200:
            raise StoryFailed(f"confirming the decision answered {status}: {page[:300]}")

    def tokens(self) -> dict[str, Any]:
        """The claims of the id token that the cluster's own app client gets on the sign-in pages, as its hub would."""
        secret = json.loads(
            client(self.cloud, "secretsmanager").get_secret_value(SecretId=f"hubplane/{self.cluster_name}/oauth-client")[
                "SecretString"
            ]
        )
        described = self.pool.describe_user_pool_client(UserPoolId=self.outputs["UserPoolId"], ClientId=secret["client_id"])
        (callback, *_) = described["UserPoolClient"]["CallbackURLs"]
        asked = {"client_id": secret["client_id"], "redirect_uri": callback, "response_type": "code", "scope": "openid"}
        signed_in = {**asked, "username": self.person.username, "password": PASSWORD}
        status, location = _redirect(f"{self.cloud.endpoint_url}/login", signed_in)
        codes = urllib.parse.parse_qs(urllib.parse.urlsplit(location).query).get("code")
        if status != 302 or not codes:
            raise StoryFailed(f"the sign-in page answered {status} and no code: {location[:300]}")
        form = {"grant_type": "authorization_code", "code": codes[0], "redirect_uri": callback, **secret}
        status, answer = _ask(f"{self.cloud.endpoint_url}/oauth2/token", form)
        if status != 200:
            raise StoryFailed(f"the token endpoint answered {status}: {answer[:300]}")
        payload = json.loads(answer)["id_token"].split(".")[1]
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return claims


def tell(console: Console, cloud: EmbeddedCloud, control_plane: ControlPlane, cluster_name: str) -> None:
    """Play the story once and show its mails. Raises ``StoryFailed``."""
    story = Story(cloud, control_plane, cluster_name)
    person = story.person
    console.print()
    console.print(f"A sign-up: {person.username} <{person.email}>", style="bold")
    if story.known():
        console.print("  signed up before; `make local-stop` and `make local` tell the story again", highlight=False)
        return
    progress = Progress(console)
    with progress.shown():
        with progress.step("sign up and confirm the address"):
            story.sign_up()
        with progress.step("the person is told to wait"):
            wait = story.wait_for_mail(person.email, "your sign-up has arrived")
        with progress.step("the admins are asked"):
            review = story.wait_for_mail(ADMINS, f"{person.username} waits for your decision")
            link = dict(re.findall(r"^To (approve|refuse): (\S+)", review["BodyText"], re.MULTILINE))["approve"]
        with progress.step("an admin opens the link and confirms"):
            story.approve(link)
        with progress.step("the person is told"):
            approved = story.wait_for_mail(person.email, "approved")
        with progress.step("the person signs in"):
            claims = story.tokens()
    for mail in (wait, review, approved):
        console.print(f"  mail to {mail['To'][0]}: {mail['Subject']}", highlight=False)
    console.print(f"  the link in it: {link[:110]}…", highlight=False, soft_wrap=True)
    groups = ", ".join(claims.get("cognito:groups", [])) or "no cluster"
    console.print(f"  signed in as {claims['cognito:username']}, who may enter: {groups}", highlight=False)


class _KeepRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow nothing: the code is in the address."""


def _redirect(url: str, form: dict[str, Any]) -> tuple[int, str]:
    opener = urllib.request.build_opener(_KeepRedirect)
    try:
        with opener.open(url, urllib.parse.urlencode(form).encode(), timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("location") or error.read().decode()


def _ask(url: str, form: dict[str, Any] | None = None) -> tuple[int, str]:
    data = None if form is None else urllib.parse.urlencode(form, doseq=True).encode()
    try:
        with urllib.request.urlopen(url, data=data, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def _get_json(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def _wait(look: Callable[[], T], what: str) -> T:
    until = time.monotonic() + LONGEST_WAIT_SECONDS
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.3)
    raise StoryFailed(f"waited {LONGEST_WAIT_SECONDS} s for {what}")
