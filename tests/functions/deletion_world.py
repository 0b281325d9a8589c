"""A cluster to be deleted, and an account around it: moto, fakes and a way to kill a function before or after any of its calls.

The real functions of ``delete_cluster`` run here in the order of their machine. Every call goes over one ``Wire``; a ``Crash``
there is what a killed function leaves. Time passes between functions: pods end, snapshots complete, stacks go.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from hubplane.adapters.ebs import Ebs
from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.domain.kubernetes_access import ClusterConnection
from hubplane.domain.storage.records import Sighting
from tests.adapters.fake_aws import fake_client
from tests.adapters.fake_ebs import ACCOUNT, FakeEbs
from tests.functions.deletion_cluster import NAME, Cluster, Servers
from tests.functions.fake_user_pool import FakeUserPool
from tests.functions.release_clients import load

REGION = "us-east-1"
FUNCTIONS = (
    "prepare_deletion",
    "stop_cluster_servers",
    "prove_cluster_homes",
    "remove_releases",
    "delete_cluster_stack",
    "sweep_cluster",
    "record_deletion",
    "record_deletion_failure",
)
VARIABLES = {
    "CLUSTERS_TABLE_NAME": "clusters",
    "LEDGER_TABLE_NAME": "ledger",
    "STORAGE_BUCKET_NAME": "storage",
    "STORAGE_SCHEDULE_GROUP_NAME": "storage-days",
    "MAIL_QUEUE_URL": "",
    "USER_POOL_ID": "us-east-1_pool",
    "LEASE_SECONDS": "518400",
    "AWS_REGION": REGION,
}
CLUSTER_TAG = {f"kubernetes.io/cluster/{NAME}": "owned"}


class Crash(BaseException):
    """The function is gone: no handler of its code sees it."""


class Wire:
    """Every call goes over it, reads and single pages too. ``at`` is told of each moment before and after one, and may raise."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.at: Callable[[str], None] = lambda _: None

    def carry(self, label: str, call: Callable[[], Any]) -> Any:
        """The call's answer."""
        self.seen.append(label)
        self.at(f"before call {len(self.seen)}, {label}")
        answer = call()
        self.at(f"after call {len(self.seen)}, {label}")
        return answer


class Wired:
    """A client or fake all of whose methods and pages go over the wire."""

    def __init__(self, inner: Any, wire: Wire, service: str) -> None:
        self._inner, self._wire, self._service = inner, wire, service

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name == "get_paginator":
            return lambda operation: _WiredPages(found(operation), self._wire, f"{self._service}.{operation}")
        if name in ("meta", "exceptions") or not callable(found):
            return found
        return lambda *words, **request: self._wire.carry(f"{self._service}.{name}", lambda: found(*words, **request))


class _WiredPages:
    """A paginator, page by page over the wire."""

    def __init__(self, inner: Any, wire: Wire, label: str) -> None:
        self._inner, self._wire, self._label = inner, wire, label

    def paginate(self, **request: Any) -> Iterator[Any]:
        pages, end = iter(self._inner.paginate(**request)), object()
        while (page := self._wire.carry(self._label, lambda: next(pages, end))) is not end:
            yield page


class Account:
    """One account with the cluster ``sar``: Ann's home rests and is copied, Bob's rests, Cyd's server runs."""

    def __init__(self, monkeypatch: Any) -> None:
        self.monkeypatch, self.wire, self.executions = monkeypatch, Wire(), 0
        self.ebs = FakeEbs(page=500)
        self.cluster = Cluster(self.ebs)
        self.written: dict[str, datetime] = {}
        self.services = {name: boto3.client(name, REGION) for name in ("dynamodb", "s3", "sqs", "ecr", "secretsmanager")}
        self.services |= {name: boto3.client(name, REGION) for name in ("scheduler", "elb", "elbv2", "ec2", "logs")}
        self.pool = FakeUserPool()
        self.services["cognito-idp"] = fake_client("cognito-idp", self.pool)
        self._stores()
        self._homes()
        self._leftovers()
        self.apps = {name: self._app(name) for name in FUNCTIONS}

    def _stores(self) -> None:
        dynamodb = self.services["dynamodb"]
        for table, *keys in (("clusters", "cluster_name"), ("ledger", "cluster", "entry")):
            dynamodb.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)],
            )
        release = json.dumps({"hub_url": "https://sar.example.org", "spec": {}})
        item = {"cluster_name": {"S": NAME}, "status": {"S": "ACTIVE"}, "release": {"S": release}}
        dynamodb.put_item(TableName="clusters", Item=item)
        self.services["s3"].create_bucket(Bucket="storage")
        VARIABLES["MAIL_QUEUE_URL"] = self.services["sqs"].create_queue(QueueName="mails")["QueueUrl"]

    def _homes(self) -> None:
        now = datetime.now(UTC)
        for person, runs in (("ann", False), ("bob", False), ("cyd", True), ("hub", True)):
            volume_id = f"vol-{person}"
            claim = "hub-db-dir" if person == "hub" else f"claim-{person}"
            tags = {
                **CLUSTER_TAG,
                "kubernetes.io/created-for/pvc/name": claim,
                "kubernetes.io/created-for/pvc/namespace": "jupyter",
            }
            self.ebs.volume(volume_id, tags, CreateTime=now - timedelta(days=90), VolumeType="gp3")
            self.written[volume_id] = now - timedelta(days=2)
            self.cluster.home(person, volume_id, runs=runs)
        tags = {**CLUSTER_TAG, "kubernetes.io/created-for/pvc/name": "claim-ann"}
        for number, days in enumerate((3, 1)):
            self.ebs.snapshot(f"snap-ann-{number}", "vol-ann", tags, StartTime=now - timedelta(days=days))
        seen = Sighting("vol-ann", now - timedelta(days=90), now - timedelta(days=2))
        StorageBucket(self.services["s3"], "storage").put_sightings(NAME, [seen])
        self.cluster.add("Deployment", "hub", {"replicas": 1})
        self.cluster.objects["Deployment", "hub"]["status"] = {"readyReplicas": 1}
        self.cluster.add("Service", "extra", {"type": "LoadBalancer"})

    def _leftovers(self) -> None:
        marked = [{"Key": "hubplane:cluster", "Value": NAME}]
        self.services["ecr"].create_repository(repositoryName=f"hubplane/{NAME}/hub", tags=marked)
        self.pool.add("ours", NAME)
        self.pool.add("foreign", NAME)  # somebody else's, of this name
        texts = {
            "oauth-client": json.dumps({"client_id": "ours"}),
            "proxy-token": "a",
            "hub-token": "b" * 64,
        }
        for name, text in texts.items():
            self.services["secretsmanager"].create_secret(Name=f"hubplane/{NAME}/{name}", SecretString=text, Tags=marked)
        schedules = self.services["scheduler"]
        schedules.create_schedule_group(Name="storage-days")
        for cluster in (NAME, f"{NAME}-two"):
            schedules.create_schedule(
                Name=f"{cluster}-storage-day",
                GroupName="storage-days",
                ScheduleExpression="cron(0 10 * * ? *)",
                FlexibleTimeWindow={"Mode": "OFF"},
                Target={
                    "Arn": "arn:aws:states:x",
                    "RoleArn": "arn:aws:iam::1:role/x",
                    "Input": json.dumps({"cluster_name": cluster}),
                },
            )
        ec2 = self.services["ec2"]
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
        self.group = self._group(vpc, "k8s-ours", CLUSTER_TAG)
        self.shared = self._group(vpc, "k8s-shared", {**CLUSTER_TAG, "kubernetes.io/cluster/other": "owned"})
        tagged = {"ResourceType": "network-interface", "Tags": [{"Key": "cluster.k8s.amazonaws.com/name", "Value": NAME}]}
        ec2.create_network_interface(SubnetId=subnet, Groups=[self.group], TagSpecifications=[tagged])
        self.services["logs"].create_log_group(logGroupName=f"/aws/eks/{NAME}/cluster")
        self._classic_balancer("a1b2c3", CLUSTER_TAG)
        self.foreign_balancer = self._classic_balancer("d4e5f6", {"kubernetes.io/cluster/other": "owned"})
        self.services["elbv2"].create_target_group(
            Name=f"{NAME}-30052", Protocol="HTTP", Port=30052, VpcId=vpc, Tags=[{"Key": "hubplane:cluster", "Value": NAME}]
        )

    def _classic_balancer(self, name: str, tags: dict[str, str]) -> str:
        self.services["elb"].create_load_balancer(
            LoadBalancerName=name,
            Listeners=[{"Protocol": "tcp", "LoadBalancerPort": 80, "InstancePort": 30080}],
            AvailabilityZones=["us-east-1a"],
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )
        return name

    def _group(self, vpc: str, name: str, tags: dict[str, str]) -> str:
        tagged = {"ResourceType": "security-group", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
        made = self.services["ec2"].create_security_group(GroupName=name, Description=name, VpcId=vpc, TagSpecifications=[tagged])
        return str(made["GroupId"])

    def _app(self, name: str) -> Any:
        app = load(name, self.monkeypatch, **VARIABLES)
        clients = {key: Wired(client, self.wire, key) for key, client in self.services.items()}
        clients |= {key: Wired(fake_client(key, self.cluster), self.wire, key) for key in ("eks", "cloudformation")}
        clients["stepfunctions"] = Wired(fake_client("stepfunctions", self.cluster), self.wire, "stepfunctions")
        self.monkeypatch.setattr(app, "client", clients.__getitem__)
        ec2 = Wired(fake_client("ec2", self.ebs), self.wire, "ebs")
        if hasattr(app, "disks"):
            self.monkeypatch.setattr(app, "disks", lambda: Ebs(ec2, ec2))
        if hasattr(app, "cluster_connection"):
            connection = ClusterConnection(NAME, "https://x", "", "token")
            self.monkeypatch.setattr(app, "cluster_connection", lambda *_: connection)
            self.monkeypatch.setattr(app, "Kubernetes", lambda _: Wired(self.cluster, self.wire, "kubernetes"))
        if hasattr(app, "Helm"):
            self.monkeypatch.setattr(app, "find_helm", lambda _: "helm")
            self.monkeypatch.setattr(app, "Helm", lambda *_: Wired(self.cluster, self.wire, "helm"))
        if hasattr(app, "Hub"):
            self.monkeypatch.setattr(app, "Hub", lambda *_: Wired(Servers(self.cluster), self.wire, "hub"))
        return app

    # -- what a test does -----------------------------------------------------------------------------------------------------

    def new_execution(self) -> str:
        self.executions += 1
        return f"arn:aws:states:{REGION}:{ACCOUNT}:execution:hubplane-delete-cluster:{self.executions}"

    def run(self, function: str, execution_arn: str, **event: Any) -> dict[str, Any]:
        """One call of one function, as its machine makes it; then time passes, and every home must still be somewhere."""
        self.ebs.now = datetime.now(UTC) + timedelta(seconds=1)  # what a function starts is later than its look
        try:
            result: dict[str, Any] = self.apps[function].handler(
                {"cluster_name": NAME, "execution_arn": execution_arn, **event}, None
            )
        finally:
            self.check_homes()
        self.cluster.settle()
        for item in self.ebs.snapshots.values():
            item["State"] = "completed"
        self.check_homes()
        self.wire.at(f"after {function}, while time passes")
        return result

    def delete(self, homes: str = "keep-snapshots", looks: int = 12) -> dict[str, Any]:
        """All of the machine's stages, each until it is done; the recorded result. Raises what a function raises."""
        arn = self.new_execution()
        given = {"cluster_name": NAME, "confirm": NAME, "homes": homes, "mode": "enforce"}
        self.run("prepare_deletion", arn, input=given)
        for function in FUNCTIONS[1:6]:
            for _ in range(looks):
                looked = self.run(function, arn, homes=homes)
                if looked["done"]:
                    break
            else:
                raise AssertionError(f"{function} is not done: {looked['reason']}")
        return self.run("record_deletion", arn, homes=homes, listing_key=looked["listing_key"])

    def check_homes(self) -> None:
        """No home is without its volume or a completed copy of everything that was written."""
        for volume_id, written_at in self.written.items():
            whole = [
                item
                for item in self.ebs.snapshots.values()
                if item["VolumeId"] == volume_id and item["State"] == "completed" and item["StartTime"] >= written_at
            ]
            assert volume_id in self.ebs.volumes or whole, f"{volume_id} is gone, and nothing holds it"

    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = self.services["dynamodb"].get_item(TableName="clusters", Key={"cluster_name": {"S": NAME}})[
            "Item"
        ]
        return found

    def listing(self) -> list[dict[str, Any]]:
        """What the record says that is still there."""
        key = json.loads(self.record()["deletion"]["S"])["listing_key"]
        found: list[dict[str, Any]] = json.loads(self.services["s3"].get_object(Bucket="storage", Key=key)["Body"].read())[
            "things"
        ]
        return found

    def standing(self) -> set[str]:
        """Everything of the cluster that is still in the account, by id, looked for without Hubplane's code."""
        ec2 = self.services["ec2"]
        groups = [
            item for item in ec2.describe_security_groups()["SecurityGroups"] if f"cluster/{NAME}" in json.dumps(item.get("Tags"))
        ]
        interfaces = [
            item["NetworkInterfaceId"] for item in ec2.describe_network_interfaces()["NetworkInterfaces"] if NAME in str(item)
        ]
        secrets = self.services["secretsmanager"].list_secrets()["SecretList"]
        schedules = self.services["scheduler"].list_schedules(GroupName="storage-days")["Schedules"]
        balancers = self.services["elb"].describe_load_balancers()["LoadBalancerDescriptions"]
        return {
            *self.ebs.volumes,
            *self.ebs.snapshots,
            *(item["GroupId"] for item in groups),
            *interfaces,
            *(item["Name"] for item in secrets if "DeletedDate" not in item),
            *self.pool.clients,
            *(item["Name"] for item in schedules if item["Name"] == f"{NAME}-storage-day"),
            *(item["repositoryName"] for item in self.services["ecr"].describe_repositories()["repositories"]),
            *(item["LoadBalancerName"] for item in balancers if item["LoadBalancerName"] != self.foreign_balancer),
            *(item["TargetGroupArn"] for item in self.services["elbv2"].describe_target_groups()["TargetGroups"]),
            *(item["logGroupName"] for item in self.services["logs"].describe_log_groups()["logGroups"]),
        }

    def mails(self) -> list[dict[str, Any]]:
        found = []
        while (
            batch := self.services["sqs"]
            .receive_message(QueueUrl=VARIABLES["MAIL_QUEUE_URL"], MaxNumberOfMessages=10)
            .get("Messages")
        ):
            found += [json.loads(item["Body"]) for item in batch]
        return found
