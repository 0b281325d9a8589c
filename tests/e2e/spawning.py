"""People at the real hub of the built cluster, and what tests change about that hub."""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

from hubplane.adapters.users_table import RecordChange, UsersTable
from hubplane.domain.names import claims_of
from hubplane.domain.registration.records import Status, UserRecord
from local.guide.hub_visit import HubVisit
from local.guide.round_trip import NODE_PORT, RoundTrip
from local.guide.sign_up import PASSWORD
from tests.e2e.conftest import Hubplane
from tests.e2e.storage import CLUSTER

LONGEST_WAIT_SECONDS = 90
SELECTOR = ("-n", "jupyter", "-l", "app=jupyterhub,component=hub")


def people(hubplane: Hubplane) -> UsersTable:
    return UsersTable(hubplane.client("dynamodb"), hubplane.control_plane.outputs["UsersTableName"])


def become(hubplane: Hubplane, username: str, sub: str, status: Status = Status.APPROVED) -> None:
    """The person's record is so from now on, whatever it was."""
    clusters = (CLUSTER,) if status is Status.APPROVED else ()
    name, table = username.lower(), people(hubplane)
    assert table.write(RecordChange(UserRecord(name, sub, f"{name}@uni.example.org", status, clusters), table.read(name)))


def account(hubplane: Hubplane, username: str) -> str:
    """An account of the pool with the usual password; its sub. Made as an import makes it, so no sign-up runs."""
    pool, pool_id = hubplane.client("cognito-idp"), hubplane.control_plane.outputs["UserPoolId"]
    email = f"{username.lower()}@uni.example.org"
    attributes = [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}]
    made = pool.admin_create_user(UserPoolId=pool_id, Username=username, UserAttributes=attributes, MessageAction="SUPPRESS")
    pool.admin_set_user_password(UserPoolId=pool_id, Username=username, Password=PASSWORD, Permanent=True)
    return str(next(item["Value"] for item in made["User"]["Attributes"] if item["Name"] == "sub"))


def newcomer(hubplane: Hubplane, username: str) -> RoundTrip:
    """An approved person with an account."""
    become(hubplane, username, account(hubplane, username))
    return RoundTrip(hubplane.cloud, hubplane.control_plane, CLUSTER, username)


def browser(hubplane: Hubplane, username: str) -> HubVisit:
    """A browser that is not signed in yet."""
    return HubVisit(hubplane.cloud, CLUSTER, NODE_PORT, username, PASSWORD)


def refused(visit: HubVisit, server_name: str = "") -> str:
    """Try to start; what the hub's API says of the refusal, after the words that JupyterHub puts before it."""
    answer = visit.start(server_name)
    if answer.status >= 400:  # the refusal was faster than the hub's answer
        return str(json.loads(answer.text)["message"])
    *_, last = visit.events(server_name)
    assert last["failed"], last
    message: str = last["message"]
    return message.removeprefix("Spawn failed: ")


def pods_of(hubplane: Hubplane) -> list[str]:
    """The users' pods that there are."""
    listed = hubplane.run(CLUSTER, "kubectl", "get", "pods", "-n", "jupyter", "-l", "component=singleuser-server", "-o", "json")
    return [item["metadata"]["name"] for item in json.loads(listed)["items"]]


def claims(hubplane: Hubplane) -> dict[str, str]:
    """Claim -> PersistentVolume."""
    listed = hubplane.run(CLUSTER, "kubectl", "get", "pvc", "-n", "jupyter", "-o", "json")
    return {item["metadata"]["name"]: item["spec"].get("volumeName", "") for item in json.loads(listed)["items"]}


def restart_hub(hubplane: Hubplane) -> None:
    """Delete the hub's pod and wait until the next one answers."""
    before = hubplane.run(CLUSTER, "kubectl", "get", "pods", *SELECTOR, "-o", "name").split()
    hubplane.run(CLUSTER, "kubectl", "delete", *before, "-n", "jupyter")
    until = time.monotonic() + LONGEST_WAIT_SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(OSError, ValueError):
            if HubVisit(hubplane.cloud, CLUSTER, NODE_PORT, "nobody", "").get("/hub/health").status == 200:
                now = json.loads(hubplane.run(CLUSTER, "kubectl", "get", "pods", *SELECTOR, "-o", "json"))["items"]
                ready = [
                    one for one in now if any(c["type"] == "Ready" and c["status"] == "True" for c in one["status"]["conditions"])
                ]
                if ready and f"pod/{ready[0]['metadata']['name']}" not in before:
                    return
        time.sleep(0.3)
    raise AssertionError("the hub did not come back")


class HubValues:
    """The hub's values, changed for a while: the release itself stays what it is. A change restarts the hub."""

    def __init__(self, hubplane: Hubplane) -> None:
        self.hubplane = hubplane
        secret = json.loads(hubplane.run(CLUSTER, "kubectl", "get", "secret", "hub", "-n", "jupyter", "-o", "json"))
        self.first: str = secret["data"]["values.yaml"]
        self._now = self.first

    def change(self, values: dict[str, Any]) -> None:
        """The hub runs with its first values and these, ``{"a.b": value}``."""
        changed = json.loads(base64.b64decode(self.first))
        for path, value in values.items():
            *parents, last = path.split(".")
            place = changed
            for key in parents:
                place = place.setdefault(key, {})
            place[last] = value
        self._put(base64.b64encode(json.dumps(changed).encode()).decode())

    def restore(self) -> None:
        """The hub runs with its first values."""
        self._put(self.first)

    def _put(self, encoded: str) -> None:
        if encoded == self._now:
            return
        patch = json.dumps({"data": {"values.yaml": encoded}})
        self.hubplane.run(CLUSTER, "kubectl", "patch", "secret", "hub", "-n", "jupyter", "--type", "merge", "-p", patch)
        restart_hub(self.hubplane)
        self._now = encoded


@contextlib.contextmanager
def without_pod_identity(hubplane: Hubplane) -> Iterator[None]:
    """The hub's pod has no AWS credentials meanwhile."""
    eks = hubplane.client("eks")
    listed = eks.list_pod_identity_associations(clusterName=CLUSTER, namespace="jupyter", serviceAccount="hub")["associations"]
    (found,) = listed
    one = {"clusterName": CLUSTER, "associationId": found["associationId"]}
    role = eks.describe_pod_identity_association(**one)["association"]["roleArn"]
    eks.delete_pod_identity_association(**one)
    restart_hub(hubplane)
    try:
        yield
    finally:
        eks.create_pod_identity_association(clusterName=CLUSTER, namespace="jupyter", serviceAccount="hub", roleArn=role)
        restart_hub(hubplane)


def storage_day(hubplane: Hubplane) -> dict[str, Any]:
    """A day for real; where it asks because it would prune so much, the answer is yes."""
    states = hubplane.client("stepfunctions")
    arn = hubplane.start_machine("RunStorageDay", {"cluster_name": CLUSTER, "mode": "enforce"})
    answered = set()
    while states.describe_execution(executionArn=arn)["status"] == "RUNNING":
        question = hubplane.record(CLUSTER).get("storage_approval")
        token = json.loads(question["S"])["task_token"] if question else None
        if token and token not in answered:
            with contextlib.suppress(states.exceptions.TaskTimedOut, states.exceptions.TaskDoesNotExist):
                states.send_task_success(taskToken=token, output=json.dumps({"approved": True, "by": "a test"}))
                answered.add(token)
        time.sleep(0.3)
    outcome = hubplane.follow(arn)
    assert outcome.status == "SUCCEEDED", f"{outcome.error}: {outcome.cause}"
    result: dict[str, Any] = outcome.result
    return result


def clear(hubplane: Hubplane, trips: list[RoundTrip]) -> None:
    """Nothing of these people's homes is left for the tests that come after."""
    for trip in trips:
        names = sorted(claims_of(trip.username).all)
        with contextlib.suppress(AssertionError, subprocess.SubprocessError):
            hubplane.run(CLUSTER, "kubectl", "delete", "pvc", *names, "-n", "jupyter", "--ignore-not-found", "--wait=false")
        tagged = [{"Name": "tag:kubernetes.io/created-for/pvc/name", "Values": names}]
        for snapshot in trip.ec2.describe_snapshots(Filters=tagged)["Snapshots"]:
            trip.ec2.delete_snapshot(SnapshotId=snapshot["SnapshotId"])
