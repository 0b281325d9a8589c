"""The takeover that the 2019 README warns of: a deleted person's name, asked for again. It fails three times, each by itself."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hubplane.adapters.users_table import RecordChange, UsersTable
from hubplane.domain.names import claims_of
from hubplane.domain.registration.records import Status, UserRecord
from local.guide.follow import Outcome
from local.guide.hub_visit import VisitFailed
from local.guide.sign_up import PASSWORD, Newcomer, Story, StoryFailed
from tests.e2e.conftest import Hubplane
from tests.e2e.spawning import account, browser, pods_of, refused
from tests.e2e.storage import CLUSTER
from tests.e2e.test_mail import wait_for

pytestmark = pytest.mark.e2e

NAME = "rosalind_f"
GONE = "00000000-0000-4000-8000-00000000dead"
OWNER = "hubplane:owner-sub"
EVENTS = Path(__file__).resolve().parents[2] / "events"


class Takeover:
    """Rosalind is gone, her name is a tombstone, and somebody wants it."""

    def __init__(self, hubplane: Hubplane) -> None:
        self.hubplane, self.outputs = hubplane, hubplane.control_plane.outputs
        self.pool, self.functions, self.ec2 = (hubplane.client(name) for name in ("cognito-idp", "lambda", "ec2"))
        self.users = UsersTable(hubplane.client("dynamodb"), self.outputs["UsersTableName"])
        self.become(Status.TOMBSTONE, GONE)

    def become(self, status: Status, sub: str, name: str = NAME) -> None:
        clusters = (CLUSTER,) if status is Status.APPROVED else ()
        record = UserRecord(name, sub, f"{name}@uni.example.org", status, clusters)
        assert self.users.write(RecordChange(record, self.users.read(name)))

    def invoke(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        """Call a function of the control plane as who calls it does."""
        pages = self.functions.get_paginator("list_functions").paginate()
        names = [item["FunctionName"] for page in pages for item in page["Functions"]]
        [name] = [each for each in names if f"-{function}-" in each]
        answer = self.functions.invoke(FunctionName=name, Payload=json.dumps(event).encode())
        told: dict[str, Any] = json.load(answer["Payload"])
        assert "FunctionError" not in answer, told
        return told

    def ask_home(self) -> dict[str, Any]:
        return self.invoke("EnsureHomeFunction", {"cluster_name": CLUSTER, "username": NAME, "server_name": ""})


@pytest.fixture
def takeover(hubplane: Hubplane) -> Takeover:
    return Takeover(hubplane)


@contextlib.contextmanager
def home(takeover: Takeover, folder: Path, name: str = NAME) -> Iterator[str]:
    """The home that Rosalind left: a volume, its PersistentVolume and its claim."""
    zone, claim = takeover.hubplane.record(CLUSTER)["availability_zone"]["S"], claims_of(name).escaped
    tags = {f"kubernetes.io/cluster/{CLUSTER}": "owned", "kubernetes.io/created-for/pvc/name": claim}
    made = takeover.ec2.create_volume(
        AvailabilityZone=zone,
        Size=10,
        VolumeType="gp3",
        TagSpecifications=[{"ResourceType": "volume", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}],
    )["VolumeId"]
    size = {"storage": "10Gi"}
    shared = {"accessModes": ["ReadWriteOnce"], "storageClassName": "gp3"}
    volume = {
        **shared,
        "capacity": size,
        "persistentVolumeReclaimPolicy": "Retain",
        "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": made},
        "claimRef": {"namespace": "jupyter", "name": claim},
    }
    claimed = {**shared, "resources": {"requests": size}, "volumeName": made}
    objects = [
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": made}, "spec": volume},
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": claim, "namespace": "jupyter"},
            "spec": claimed,
        },
    ]
    path = folder / "home.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    takeover.hubplane.run(CLUSTER, "kubectl", "apply", "--validate=false", "-f", str(path))
    asked = ("kubectl", "get", "pvc", "-n", "jupyter", claim, "-o", "jsonpath={.status.phase}")
    wait_for(lambda: takeover.hubplane.run(CLUSTER, *asked) == "Bound", "Kubernetes to join the claim with its volume")
    try:
        yield made
    finally:
        takeover.hubplane.run(CLUSTER, "kubectl", "delete", "-f", str(path))
        takeover.ec2.delete_volume(VolumeId=made)


def tags_of(takeover: Takeover, volume_id: str) -> dict[str, str]:
    [volume] = takeover.ec2.describe_volumes(VolumeIds=[volume_id])["Volumes"]
    return {tag["Key"]: tag["Value"] for tag in volume["Tags"]}


@pytest.mark.parametrize("name", [NAME, NAME.title()], ids=["the-name", "in-another-case"])
def test_first_the_name_cannot_be_signed_up_again(takeover: Takeover, name: str) -> None:
    with pytest.raises(takeover.pool.exceptions.UserLambdaValidationException):
        takeover.pool.sign_up(
            ClientId=takeover.outputs["UserPoolClientId"],
            Username=name,
            Password=PASSWORD,
            UserAttributes=[{"Name": "email", "Value": "mallory@uni.example.org"}],
        )


@pytest.mark.parametrize("status", [Status.TOMBSTONE, Status.APPROVED])
def test_second_an_account_that_has_the_name_all_the_same_gets_no_group(takeover: Takeover, status: Status) -> None:
    takeover.become(status, GONE)  # approved: as if somebody had let the name back in by hand; it still is the other sub's
    event = json.loads((EVENTS / "pre_token_generation" / "TokenGeneration_Authentication.json").read_text())
    event["userName"] = NAME
    planted = event["request"]["userAttributes"]

    def groups(sub: str) -> list[str]:
        event["request"]["userAttributes"] = {**planted, "sub": sub}
        answer = takeover.invoke("PreTokenGenerationFunction", event)
        [overridden] = answer["response"].values()
        return list(overridden["groupOverrideDetails"]["groupsToOverride"])

    assert groups("planted-in-the-pool") == []
    assert (f"cluster:{CLUSTER}" in groups(GONE)) is (status is Status.APPROVED)


def test_second_such_an_account_gets_no_token_from_the_hub_s_sign_in_page(
    takeover: Takeover, built_2019: tuple[dict[str, Any], Outcome]
) -> None:
    story = Story(takeover.hubplane.cloud, takeover.hubplane.control_plane, CLUSTER)
    story.person = Newcomer("barbara_m", "barbara_m@uni.example.org")
    account = {"UserPoolId": takeover.outputs["UserPoolId"], "Username": "barbara_m"}
    attributes = [{"Name": "email", "Value": story.person.email}, {"Name": "email_verified", "Value": "true"}]
    made = takeover.pool.admin_create_user(**account, UserAttributes=attributes, MessageAction="SUPPRESS")
    takeover.pool.admin_set_user_password(**account, Password=PASSWORD, Permanent=True)
    for status in (Status.TOMBSTONE, Status.APPROVED):
        takeover.become(status, GONE, "barbara_m")
        with pytest.raises(StoryFailed, match="sign-in page"):
            story.tokens()
    own = next(item["Value"] for item in made["User"]["Attributes"] if item["Name"] == "sub")
    takeover.become(Status.APPROVED, own, "barbara_m")
    assert f"cluster:{CLUSTER}" in story.tokens()["cognito:groups"]


def test_third_a_home_is_mounted_by_nobody_but_its_owner(
    takeover: Takeover, built_2019: tuple[dict[str, Any], Outcome], tmp_path: Path
) -> None:
    with home(takeover, tmp_path) as volume_id:
        takeover.become(Status.APPROVED, GONE)
        hers = takeover.ask_home()
        assert (hers["allowed"], hers["volume_id"]) == (True, volume_id), hers
        assert tags_of(takeover, volume_id)[OWNER] == GONE
        stopped = takeover.invoke("RecordServerStopFunction", {"cluster_name": CLUSTER, "username": NAME, "server_name": ""})
        assert stopped["recorded"], stopped
        before = tags_of(takeover, volume_id)
        assert "server-stop-time" in before

        takeover.become(Status.TOMBSTONE, GONE)
        assert not takeover.ask_home()["allowed"]
        # The record is lost or overwritten, and an admin approves whoever has the name now.
        takeover.become(Status.APPROVED, "the-newcomer")
        theirs = takeover.ask_home()
        assert (theirs["allowed"], theirs["volume_id"], theirs["retry_seconds"]) == (False, None, None)
        assert "belongs to another account" in theirs["sentence"]
        assert tags_of(takeover, volume_id) == before


def test_third_the_hub_starts_no_server_on_another_s_home_though_the_first_two_places_had_failed(
    takeover: Takeover, built_2019: tuple[dict[str, Any], Outcome], tmp_path: Path
) -> None:
    name = "irene_j"
    own = account(takeover.hubplane, name)  # made before the tombstone is known: the sign-up did not refuse it
    takeover.become(Status.APPROVED, own, name)  # and the record is theirs: the token did not refuse it
    with home(takeover, tmp_path, name) as volume_id:
        takeover.ec2.create_tags(Resources=[volume_id], Tags=[{"Key": OWNER, "Value": GONE}])
        before = tags_of(takeover, volume_id)
        visit = browser(takeover.hubplane, name)
        visit.sign_in()
        sentence = refused(visit)
        assert "belongs to another account" in sentence
        page = visit.spawn_page()
        assert (page.status, sentence in page.words) == (403, True), page.words
        assert not [pod for pod in pods_of(takeover.hubplane) if "irene" in pod]
        assert tags_of(takeover, volume_id) == before, "not even the stop of a start that never was is written"

        takeover.become(Status.TOMBSTONE, GONE, name)
        assert refused(visit), "the session that is left starts nothing"
        with pytest.raises(VisitFailed):
            browser(takeover.hubplane, name).sign_in()
        assert tags_of(takeover, volume_id) == before
