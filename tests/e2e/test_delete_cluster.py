"""A cluster of its own is deleted on the deployed control plane: refused while busy, killed, run again, and built anew."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.adapters.users_table import RecordChange
from hubplane.domain.registration.records import Status, UserRecord
from local.guide import fleet
from local.guide.follow import Outcome
from local.guide.hub_visit import HubVisit
from local.guide.round_trip import start as start_server
from local.guide.sign_up import PASSWORD
from tests.e2e.conftest import Hubplane
from tests.e2e.control import post
from tests.e2e.spawning import account, people
from tests.e2e.storage import ebs, mails
from tests.e2e.test_inputs import typed_spec
from tests.e2e.test_mail import wait_for

pytestmark = pytest.mark.e2e

NAME = "ending"
ANN, BOB, CYD = "annends", "bobends", "cydends"
EVE = "eveends"
NODE_PORT = 30088
CHAPTER = "the work of months"
LATER = 1800
"""Seconds by which the tests let time pass: twice what a volume rests before it is proved."""


@dataclass
class Ending:
    """The cluster, its homes, and what was seen of its end."""

    hubplane: Hubplane
    homes: dict[str, fleet.Home]
    told: dict[str, Any] = field(default_factory=dict)

    def start(self, **more: Any) -> str:
        return self.hubplane.start_machine("DeleteCluster", {"cluster_name": NAME, "confirm": NAME, "mode": "enforce", **more})

    def status(self) -> str:
        return str(self.hubplane.record(NAME)["status"]["S"])

    def volumes(self) -> dict[str, dict[str, Any]]:
        """Every volume of the cluster by id."""
        found = ebs(self.hubplane)["volumes"]
        return {key: item for key, item in found.items() if NAME in json.dumps(item["tags"])}

    def snapshots(self) -> dict[str, dict[str, Any]]:
        known = {*self.volumes(), *(home.volume_id for home in self.homes.values())}
        found = ebs(self.hubplane)["snapshots"]
        return {key: item for key, item in found.items() if item["volume_id"] in known or NAME in json.dumps(item["tags"])}

    def pass_time(self) -> None:
        """Half an hour goes by for every volume that lies about: its making and its last uses are so much longer ago."""
        table, dynamodb = self.hubplane.control_plane.outputs["LedgerTableName"], self.hubplane.client("dynamodb")
        for volume_id in self.volumes():
            post(f"{self.hubplane.cloud.endpoint_url}/_hubplane/ebs/age", {"volume_id": volume_id, "seconds": LATER})
            key = {"cluster": {"S": "volume-use"}, "entry": {"S": volume_id}}
            item = dynamodb.get_item(TableName=table, Key=key).get("Item")
            for name in ("attached_at", "detached_at"):
                if item and name in item:
                    earlier = datetime.fromisoformat(item[name]["S"]) - timedelta(seconds=LATER)
                    item[name] = {"S": earlier.isoformat()}
            if item:
                dynamodb.put_item(TableName=table, Item=item)
        for volume_id, volume in self.volumes().items():
            for key in {"server-start-time", "server-stop-time"} & set(volume["tags"]):
                earlier = datetime.fromisoformat(volume["tags"][key]) - timedelta(seconds=LATER)
                self.hubplane.client("ec2").create_tags(Resources=[volume_id], Tags=[{"Key": key, "Value": str(earlier)}])

    def follow(self, execution_arn: str) -> Outcome:
        """To the end, while time passes."""
        states = self.hubplane.client("stepfunctions")
        while states.describe_execution(executionArn=execution_arn)["status"] == "RUNNING":
            self.pass_time()
            time.sleep(1)
        return self.hubplane.follow(execution_arn)

    def kubectl(self, *words: str) -> str:
        return self.hubplane.run(NAME, "kubectl", *words)


def plant_homes(hubplane: Hubplane) -> dict[str, fleet.Home]:
    """Ann has last night's snapshot, Bob none, and Cyd's volume is protected."""
    entries = [
        {"person": ANN, "size_gib": 10, "used_days_ago": 3, "nightly": 2},
        {"person": BOB, "size_gib": 10, "used_days_ago": 3},
        {"person": CYD, "size_gib": 10, "used_days_ago": 3, "nightly": 1},
    ]
    homes, now = {entry["person"]: fleet.Home(entry, NAME) for entry in entries}, datetime.now(UTC).replace(microsecond=0)
    volumes = [volume for home in homes.values() for volume in home.volumes(now)]
    volumes[2]["tags"]["do-not-delete"] = ""
    copies = [{**item, "content": CHAPTER} for home in homes.values() for item in home.snapshots(now)]
    fleet.seed(hubplane.cloud, volumes, copies)
    hubplane.run(NAME, "kubectl", "get", "nodes")  # writes the kubeconfig
    manifests = [item for home in homes.values() for item in home.manifests()]
    fleet.apply(hubplane.cloud, hubplane.folder / f"kubeconfig-{NAME}", [*manifests, left_behind(homes[BOB]), SERVICE])
    bucket = StorageBucket(hubplane.client("s3"), hubplane.control_plane.outputs["StorageBucketName"])
    bucket.put_sightings(NAME, [sighting for home in homes.values() for sighting in home.sightings(now)])
    people = fleet.UsersTable(hubplane.client("dynamodb"), hubplane.control_plane.outputs["UsersTableName"])
    for home in homes.values():
        assert people.write(fleet.RecordChange(home.record()))
        post(f"{hubplane.cloud.endpoint_url}/_hubplane/ebs/write", {"volume_id": home.volume_id, "content": CHAPTER})
    return homes


def left_behind(home: fleet.Home) -> dict[str, Any]:
    """A pod with somebody's home, whose hub knows nothing of it any more."""
    claim = {"name": "home", "persistentVolumeClaim": {"claimName": home.claim_name}}
    container = {"name": "notebook", "image": "pause", "volumeMounts": [{"name": "home", "mountPath": "/home"}]}
    metadata = {
        "name": f"jupyter-{home.person.replace('_', '-')}",
        "namespace": "jupyter",
        "labels": {"component": "singleuser-server"},
        "annotations": {"hub.jupyter.org/username": home.person},
    }
    spec = {"containers": [container], "volumes": [claim], "terminationGracePeriodSeconds": 0}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "extra", "namespace": "jupyter"},
    "spec": {"type": "LoadBalancer", "selector": {"component": "proxy"}, "ports": [{"port": 80, "targetPort": 8000}]},
}


def plant_leftovers(hubplane: Hubplane) -> dict[str, str]:
    """What Kubernetes makes in an account and no stack knows: a group and an interface of the cluster, and ones that are not."""
    ec2 = hubplane.client("ec2")
    made = {}
    for name, tags in {
        "ours": {f"kubernetes.io/cluster/{NAME}": "owned"},
        "shared": {f"kubernetes.io/cluster/{NAME}": "owned", "kubernetes.io/cluster/opensarlab": "owned"},
    }.items():
        tagged = [{"Key": key, "Value": value} for key, value in tags.items()]
        made[name] = ec2.create_security_group(
            GroupName=f"k8s-{name}",
            Description="of a Service",
            VpcId="vpc-4da21e37",
            TagSpecifications=[{"ResourceType": "security-group", "Tags": tagged}],
        )["GroupId"]
    tagged = [{"Key": "cluster.k8s.amazonaws.com/name", "Value": NAME}]
    made["interface"] = ec2.create_network_interface(
        SubnetId="subnet-4388e824",
        Groups=[made["ours"]],
        TagSpecifications=[{"ResourceType": "network-interface", "Tags": tagged}],
    )["NetworkInterface"]["NetworkInterfaceId"]
    marked = [{"Key": f"kubernetes.io/cluster/{NAME}", "Value": "owned"}]
    balancers = hubplane.client("elbv2")
    made["balancer"] = balancers.create_load_balancer(
        Name="a-service-of-ending", Type="network", Subnets=["subnet-39a09073", "subnet-4388e824"], Tags=marked
    )["LoadBalancers"][0]["LoadBalancerArn"]
    made["classic balancer"] = "a1b2c3ofending"
    hubplane.client("elb").create_load_balancer(
        LoadBalancerName=made["classic balancer"],
        Listeners=[{"Protocol": "tcp", "LoadBalancerPort": 80, "InstancePort": 30080}],
        Tags=marked,
    )
    made["target group"] = balancers.create_target_group(
        Name="k8s-of-ending", Protocol="TCP", Port=80, VpcId="vpc-4da21e37", Tags=marked
    )["TargetGroups"][0]["TargetGroupArn"]
    return made


@pytest.fixture(scope="module")
def ending(hubplane: Hubplane) -> Iterator[Ending]:
    """The cluster is built, refused, planned, killed in the middle and run to its end; tests look at what was seen."""
    document = typed_spec(NAME, node_port=NODE_PORT)
    hubplane.build(document)
    world = Ending(hubplane, plant_homes(hubplane))
    world.told["leftovers"] = plant_leftovers(hubplane)
    world.told["zone"] = hubplane.record(NAME)["availability_zone"]["S"]
    world.told["document"] = document
    yield world


def test_every_fault_of_the_input_comes_at_once(hubplane: Hubplane) -> None:
    wrong = {"cluster_name": NAME, "confirm": "endign", "homes": "burn", "mode": "yes", "force": True}
    outcome = hubplane.follow(hubplane.start_machine("DeleteCluster", wrong))
    assert (outcome.status, outcome.error) == ("FAILED", "DeletionInputInvalid")
    for told in ("confirm", "homes", "mode", "force", "4 faults"):
        assert told in outcome.cause


def test_a_name_that_was_never_built_is_told(hubplane: Hubplane) -> None:
    outcome = hubplane.follow(hubplane.start_machine("DeleteCluster", {"cluster_name": "nowhere", "confirm": "nowhere"}))
    assert (outcome.status, outcome.error) == ("FAILED", "ClusterUnknown")


def test_a_plan_says_everything_and_changes_nothing(ending: Ending) -> None:
    before = (ebs(ending.hubplane), ending.hubplane.record(NAME), ending.kubectl("get", "pods,svc,pvc", "-A", "-o", "name"))
    outcome = ending.hubplane.follow(ending.start(mode="plan"))
    assert outcome.status == "SUCCEEDED", outcome.cause
    assert outcome.result["status"] == "planned"
    assert len(outcome.result["plan"]) == 7
    assert "4 volumes" in outcome.result["plan"][1]  # three homes and the hub's database
    after = (ebs(ending.hubplane), ending.hubplane.record(NAME), ending.kubectl("get", "pods,svc,pvc", "-A", "-o", "name"))
    assert after == before


def test_while_a_build_runs_it_is_refused(ending: Ending) -> None:
    building = ending.hubplane.start(ending.told["document"])
    wait_for(lambda: "lock" in ending.hubplane.record(NAME), "the build to hold its lock")
    outcome = ending.hubplane.follow(ending.start())
    assert (outcome.status, outcome.error) == ("FAILED", "ClusterBusy")
    assert building in outcome.cause
    assert ending.hubplane.follow(building).status == "SUCCEEDED"
    assert ending.status() == "ACTIVE"


def test_it_refuses_others_is_killed_and_runs_to_its_end(ending: Ending) -> None:
    hubplane, states = ending.hubplane, ending.hubplane.client("stepfunctions")
    eve_at_work(ending)
    first = ending.start()
    wait_for(lambda: ending.status() == "DELETING", "the deletion to begin")
    for machine, document in (
        ("RunStorageDay", {"cluster_name": NAME}),
        ("BuildCluster", ending.told["document"]),
        ("DeleteCluster", {"cluster_name": NAME, "confirm": NAME, "mode": "enforce"}),
    ):
        refused = hubplane.follow(hubplane.start_machine(machine, document))
        assert refused.status == "FAILED", machine
        assert "busy" in refused.cause, (machine, refused.cause)
    assert ending.status() == "DELETING", "who was refused changed nothing"

    wait_for(lambda: servers_gone(ending), "servers to stop")
    stopped = f"asked the hub to stop the server of {EVE}"
    wait_for(lambda: stopped in str(states.get_execution_history(executionArn=first, maxResults=1000)), "the hub to be asked")
    states.stop_execution(executionArn=first, error="Killed", cause="by a test")
    assert ending.status() == "DELETING", "nobody was there to write anything else"
    outcome = ending.follow(ending.start())
    assert outcome.status == "SUCCEEDED", f"{outcome.error}: {outcome.cause}"
    ending.told["outcome"] = outcome
    assert outcome.result["status"] == "DELETED"
    assert outcome.result["unfinished"] == 0, listing(ending)


def eve_at_work(ending: Ending) -> None:
    """Eve signs in at the real hub, her server runs, and she has written something that no night has seen."""
    hubplane = ending.hubplane
    record = UserRecord(EVE, account(hubplane, EVE), f"{EVE}@uni.example.org", Status.APPROVED, (NAME,))
    assert people(hubplane).write(RecordChange(record))
    visit = HubVisit(hubplane.cloud, NAME, NODE_PORT, EVE, PASSWORD)
    visit.sign_in()
    start_server(visit)
    visit.write_marker(CHAPTER)
    (ending.told["eve's volume"],) = (key for key, item in ending.volumes().items() if f"claim-{EVE}" in json.dumps(item["tags"]))


def servers_gone(ending: Ending) -> list[str]:
    """Lines that say that no pod of a person is left."""
    pods = ending.kubectl("-n", "jupyter", "get", "pods", "-l", "component=singleuser-server", "-o", "name").split()
    return [] if pods else ["no servers"]


def listing(ending: Ending) -> list[dict[str, Any]]:
    bucket = StorageBucket(ending.hubplane.client("s3"), ending.hubplane.control_plane.outputs["StorageBucketName"])
    found: list[dict[str, Any]] = bucket.json(ending.told["outcome"].result["listing_key"])["things"]
    return found


def test_no_home_is_without_its_copy_and_what_stands_is_listed(ending: Ending) -> None:
    volumes, snapshots, listed = ending.volumes(), ending.snapshots(), {item["thing_id"]: item for item in listing(ending)}
    assert set(volumes) == {ending.homes[CYD].volume_id}, "the protected one alone"
    for home in ending.homes.values():
        good = [item for item in snapshots.values() if item["volume_id"] == home.volume_id and item["state"] == "completed"]
        assert good, home.person
    copies = [key for key, item in snapshots.items() if item["volume_id"] == ending.told["eve's volume"]]
    assert [snapshots[key]["state"] for key in copies] == ["completed"]
    assert set(volumes) | set(snapshots) <= set(listed)
    assert "do-not-delete" in listed[ending.homes[CYD].volume_id]["reason"]
    assert sum(item["usd_per_month"] for item in listed.values()) == pytest.approx(
        ending.told["outcome"].result["usd_per_month"], abs=0.01
    )


def test_nothing_is_left_that_is_not_listed(ending: Ending) -> None:
    hubplane, listed = ending.hubplane, {item["thing_id"] for item in listing(ending)}
    with pytest.raises(Exception, match="does not exist"):
        hubplane.client("cloudformation").describe_stacks(StackName=f"hubplane-cluster-{NAME}")
    assert NAME not in hubplane.client("eks").list_clusters()["clusters"]
    balancers = hubplane.client("elbv2").describe_load_balancers()["LoadBalancers"]
    assert not {NAME, "a-service-of-ending"} & {item["LoadBalancerName"] for item in balancers}
    classic = hubplane.client("elb").describe_load_balancers()["LoadBalancerDescriptions"]
    assert ending.told["leftovers"]["classic balancer"] not in [item["LoadBalancerName"] for item in classic]
    targets = [item["TargetGroupArn"] for item in hubplane.client("elbv2").describe_target_groups()["TargetGroups"]]
    assert ending.told["leftovers"]["target group"] not in targets
    groups = {
        item["GroupId"]: json.dumps(item.get("Tags", []))
        for item in hubplane.client("ec2").describe_security_groups()["SecurityGroups"]
    }
    interfaces = hubplane.client("ec2").describe_network_interfaces()["NetworkInterfaces"]
    assert ending.told["leftovers"]["interface"] not in [item["NetworkInterfaceId"] for item in interfaces]
    assert ending.told["leftovers"]["ours"] not in groups
    assert {key for key, tags in groups.items() if f"kubernetes.io/cluster/{NAME}" in tags} == {
        ending.told["leftovers"]["shared"]
    }
    assert ending.told["leftovers"]["shared"] in listed
    assert not [name for name in repositories(hubplane) if name.startswith(f"hubplane/{NAME}/")]
    pool = hubplane.control_plane.outputs["UserPoolId"]
    clients = hubplane.client("cognito-idp").list_user_pool_clients(UserPoolId=pool, MaxResults=60)["UserPoolClients"]
    assert NAME not in [item["ClientName"] for item in clients]
    schedules = hubplane.client("scheduler").list_schedules()["Schedules"]
    assert not [item["Name"] for item in schedules if item["Name"].startswith(f"{NAME}-")]
    for secret in ("oauth-client", "proxy-token", "hub-token"):
        assert "DeletedDate" in hubplane.client("secretsmanager").describe_secret(SecretId=f"hubplane/{NAME}/{secret}")
    assert f"/aws/eks/{NAME}/cluster" in listed


def repositories(hubplane: Hubplane) -> list[str]:
    return [item["repositoryName"] for item in hubplane.client("ecr").describe_repositories()["repositories"]]


def test_operators_are_told_once_and_nobody_may_start(ending: Ending) -> None:
    record = ending.hubplane.record(NAME)
    assert record["status"]["S"] == "DELETED"
    assert not {"lock", "storage_lock"} & set(record)
    assert json.loads(record["deletion"]["S"])["kept"]["volume"] == 1
    wait_for(lambda: subjects(ending), "the mail")
    assert len(subjects(ending)) == 1
    assert not may_start(ending, ANN)["allowed"]


def subjects(ending: Ending) -> list[str]:
    return [mail["Subject"] for mail in mails(ending.hubplane) if mail["Subject"] == f"Cluster {NAME} is deleted"]


def may_start(ending: Ending, person: str) -> dict[str, Any]:
    """What the hub is told before a spawn."""
    asked = {"cluster_name": NAME, "username": person, "server_name": "", "claim_name": ending.homes[person].claim_name}
    resources = ending.hubplane.client("cloudformation").describe_stack_resources(StackName="hubplane")["StackResources"]
    (name,) = (item["PhysicalResourceId"] for item in resources if item["LogicalResourceId"] == "EnsureHomeFunction")
    answer = ending.hubplane.client("lambda").invoke(FunctionName=name, Payload=json.dumps(asked))
    found: dict[str, Any] = json.loads(answer["Payload"].read())
    return found


def test_deleting_once_more_finds_nothing_to_do_until_older_copies_may_go(ending: Ending) -> None:
    before = ebs(ending.hubplane)
    outcome = ending.hubplane.follow(ending.start())
    assert outcome.status == "SUCCEEDED", outcome.cause
    assert ebs(ending.hubplane) == before
    assert not [item for item in outcome.result["changes"] if "DELETING" not in item]

    outcome = ending.hubplane.follow(ending.start(homes="delete-after-proof"))
    assert outcome.status == "SUCCEEDED", outcome.cause
    gone = set(before["snapshots"]) - set(ebs(ending.hubplane)["snapshots"])
    assert {before["snapshots"][key]["volume_id"] for key in gone} == {ending.homes[ANN].volume_id}
    assert len(gone) == 1, "of Ann's two nights the older one; nobody's last copy"


def test_retention_of_what_stays_goes_on_by_hand(ending: Ending) -> None:
    before = ebs(ending.hubplane)
    outcome = ending.hubplane.follow(ending.hubplane.start_machine("PruneSnapshots", {"cluster_name": NAME}))
    assert outcome.status == "SUCCEEDED", outcome.cause
    assert ebs(ending.hubplane) == before


def test_the_name_is_built_again_in_its_zone_and_people_find_their_homes(ending: Ending) -> None:
    hubplane = ending.hubplane
    hubplane.build(ending.told["document"])
    assert hubplane.record(NAME)["availability_zone"]["S"] == ending.told["zone"]
    for person in (ANN, BOB):
        wait_for(lambda who=person: may_start(ending, who)["allowed"], f"the home of {person}")
        answer = may_start(ending, person)
        volume = ebs(hubplane)["volumes"][answer["volume_id"]]
        assert volume["zone"] == ending.told["zone"]
        assert volume["volume_id"] != ending.homes[person].volume_id
        assert volume["content"] == CHAPTER
    wait_for(lambda: may_start(ending, CYD)["allowed"], "the volume that stayed")
    assert may_start(ending, CYD)["volume_id"] == ending.homes[CYD].volume_id, "what was kept is mounted again"
