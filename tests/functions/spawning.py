"""A hub that asks before a spawn: the tables by moto, a cluster's API over TLS, EC2 by a fake, and a clock that can be put on."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from hubplane.adapters.ebs import Ebs
from hubplane.adapters.home_volumes import HomeVolumes
from hubplane.adapters.users_table import RecordChange, UsersTable
from hubplane.domain.registration.records import Status, UserRecord
from tests.adapters.fake_aws import fake_client
from tests.adapters.fake_ebs import ACCOUNT, FakeEbs
from tests.adapters.kubernetes_api import Api, bind
from tests.adapters.test_claims import NAMESPACE, csi, put_claim, put_volume
from tests.functions.release_clients import connect, event, load

CLAIM = "claim-ada-5flovelace"
CLAIM_PATH = f"{NAMESPACE}/persistentvolumeclaims/{CLAIM}"
ZONE = "us-east-1d"
TAGS = {"kubernetes.io/cluster/opensarlab": "owned", "kubernetes.io/created-for/pvc/name": CLAIM}
OWNER = "hubplane:owner-sub"
POOL_URL = "https://hubplane.auth.us-east-1.amazoncognito.com"


class Spawn:
    """A cluster, three tables and EBS, and the hub that asks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, api: Api) -> None:
        self.api, self.ebs, self.late = api, FakeEbs(page=500), timedelta(0)
        names = {"CLUSTERS_TABLE_NAME": "clusters", "USERS_TABLE_NAME": "users", "LEDGER_TABLE_NAME": "ledger"}
        variables = {**names, "ACCOUNT_ID": ACCOUNT, "USER_POOL_DOMAIN_URL": POOL_URL}
        self.apps = {name: load(name, monkeypatch, **variables) for name in ("ensure_home", "record_server_stop")}
        self.ec2 = fake_client("ec2", self.ebs)
        for app in self.apps.values():
            monkeypatch.setattr(app, "ebs", lambda: Ebs(self.ec2, self.ec2))
            connect(app, api.connection, monkeypatch)
        monkeypatch.setattr(self.apps["ensure_home"], "home_volumes", lambda: HomeVolumes(self.ec2))
        monkeypatch.setattr(self.apps["ensure_home"], "SystemClock", lambda: self)
        self.dynamodb = boto3.client("dynamodb", "us-east-1")
        for table, keys in (("clusters", ["cluster_name"]), ("users", ["username"]), ("ledger", ["cluster", "entry"])):
            self.dynamodb.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)],
            )
        self.dynamodb.put_item(TableName="clusters", Item={"cluster_name": {"S": "opensarlab"}, "availability_zone": {"S": ZONE}})
        self.users = UsersTable(self.dynamodb, "users")

    def release(self, **spec: Any) -> None:
        """What was recorded of the cluster's last build."""
        self.dynamodb.update_item(
            TableName="clusters",
            Key={"cluster_name": {"S": "opensarlab"}},
            UpdateExpression="SET #release = :release",
            ExpressionAttributeNames={"#release": "release"},
            ExpressionAttributeValues={":release": {"S": json.dumps({"spec": spec})}},
        )

    def now(self) -> datetime:
        """The function's clock."""
        return datetime.now(UTC) + self.late

    def person(self, state: Status = Status.APPROVED, sub: str = "sub-ada", **more: Any) -> None:
        record = UserRecord("ada_lovelace", sub, "ada@uni.example.org", state, ("opensarlab",), **more)
        assert self.users.write(RecordChange(record, self.users.read("ada_lovelace")))

    def home(self, owner: str | None = None, **more: Any) -> None:
        """A claim, its PersistentVolume and its EBS volume."""
        put_claim(self.api, CLAIM, "pv-1")
        put_volume(self.api, "pv-1", **csi("vol-1"))
        self.ebs.volume("vol-1", {**TAGS, **({OWNER: owner} if owner else {})}, AvailabilityZone=ZONE, **more)

    def copy(self, snapshot_id: str = "snap-1", owner: str | None = "sub-ada", **more: Any) -> None:
        """A snapshot of a home whose volume is gone."""
        tags = {**TAGS, "server-stop-time": "2026-10-31 10:00:00+00:00", **({OWNER: owner} if owner else {})}
        self.ebs.snapshot(snapshot_id, "vol-0", {**tags, **more.pop("tags", {})}, **more)

    def ask(self, name: str = "ensure_home", **changes: Any) -> dict[str, Any]:
        result: dict[str, Any] = self.apps[name].handler(event(name, **changes), None)
        return result

    def settle(self) -> None:
        """EC2 and Kubernetes get on with what they were told."""
        for volume in self.ebs.volumes.values():
            if volume["State"] == "creating":
                volume["State"] = "available"
        if CLAIM_PATH in self.api.objects:
            bind(self.api, CLAIM_PATH)

    def ask_until_it_ends(self, **changes: Any) -> list[dict[str, Any]]:
        """Every answer, as a hub that waits gets them; ten minutes pass at most."""
        answers = [self.ask(**changes)]
        while answers[-1]["retry_seconds"] is not None and len(answers) < 30:
            self.settle()
            self.late += timedelta(seconds=answers[-1]["retry_seconds"])
            answers.append(self.ask(**changes))
        return answers

    def tags(self, volume_id: str = "vol-1") -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self.ebs.volumes[volume_id]["Tags"]}

    def made(self) -> list[str]:
        """The ids of the volumes that were made."""
        return [made["volume_id"] for made in self.ebs.made.values()]

    def ledger(self, prefix: str = "home#") -> list[dict[str, Any]]:
        items = self.dynamodb.scan(TableName="ledger")["Items"]
        return sorted((item for item in items if item["entry"]["S"].startswith(prefix)), key=lambda item: item["entry"]["S"])

    def cut(self, call: str, once: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
        """Let ``once(deed, wanted)`` stand before each call of a kind: an operation, or the creation of a Kubernetes kind."""
        app = self.apps["ensure_home"]
        if call.startswith("Persistent"):
            whole = app.Kubernetes.create
            monkeypatch.setattr(
                app.Kubernetes,
                "create",
                lambda api, manifest: once(lambda: whole(api, manifest), manifest["kind"] == call),
            )
        elif call.endswith("_item"):
            dynamodb, clients = getattr(app.client("dynamodb"), call), app.client
            monkeypatch.setattr(app.client("dynamodb"), call, lambda **asked: once(lambda: dynamodb(**asked)))
            assert clients("dynamodb") is clients("dynamodb")
        else:
            made = getattr(self.ebs, call)
            monkeypatch.setattr(self.ebs, call, lambda **asked: once(lambda: made(**asked)))
