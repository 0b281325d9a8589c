"""A home is pruned by the storage day and comes back at a spawn, with what was written on it: once, also of two starts and a
killed one. After ``test_storage_day``, whose fleet it lives in."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hubplane.adapters.home_holds import HomeHolder
from hubplane.adapters.home_makings import HomeMakings
from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.adapters.users_table import RecordChange
from hubplane.domain.homes.facts import HomeFacts
from hubplane.domain.homes.making import restore_of
from hubplane.domain.storage.records import Snapshot
from local.guide import fleet
from local.guide.follow import Outcome
from tests.e2e.conftest import Hubplane
from tests.e2e.control import post
from tests.e2e.storage import CLUSTER, cluster_storage, ebs, plan_of
from tests.e2e.test_mail import wait_for
from tests.e2e.test_takeover import OWNER, Takeover

pytestmark = pytest.mark.e2e

NAMES = ("hypatia", "kepler", "ramanujan")


@dataclass
class Returning:
    """Somebody whose home the storage day pruned a month after its last use."""

    takeover: Takeover
    home: fleet.Home
    answers: list[dict[str, Any]] = field(default_factory=list)

    @property
    def hubplane(self) -> Hubplane:
        return self.takeover.hubplane

    def ask(self) -> dict[str, Any]:
        """The hub asks before a spawn."""
        event = {
            "cluster_name": CLUSTER,
            "username": self.home.person,
            "server_name": "",
            "claim_name": self.home.claim_name,
            "subject": f"sub-{self.home.person}",
        }
        self.answers.append(self.takeover.invoke("EnsureHomeFunction", event))
        return self.answers[-1]

    def ask_until_it_ends(self) -> dict[str, Any]:
        """As the hub does: again when it is told to, here as soon as the embedded cloud may have got on."""
        until = time.monotonic() + 120
        answer = self.ask()
        while answer["retry_seconds"] is not None and time.monotonic() < until:
            time.sleep(min(answer["retry_seconds"], 0.3))
            answer = self.ask()
        return answer

    def volumes(self) -> dict[str, dict[str, Any]]:
        """Every volume that carries the home's claim."""
        key = "kubernetes.io/created-for/pvc/name"
        return {
            each: item for each, item in ebs(self.hubplane)["volumes"].items() if item["tags"].get(key) == self.home.claim_name
        }

    def ledger(self) -> HomeMakings:
        return HomeMakings(self.hubplane.client("dynamodb"), self.takeover.outputs["LedgerTableName"])


def approved_day(hubplane: Hubplane) -> Outcome:
    """A storage day for real. Without ``test_storage_day`` before it the night takes more than its share, and asks."""
    arn, states = (
        hubplane.start_machine("RunStorageDay", {"cluster_name": CLUSTER, "mode": "enforce"}),
        hubplane.client("stepfunctions"),
    )
    while states.describe_execution(executionArn=arn)["status"] == "RUNNING":
        question = hubplane.record(CLUSTER).get("storage_approval")
        if question:
            with contextlib.suppress(states.exceptions.TaskTimedOut, states.exceptions.TaskDoesNotExist):
                token = json.loads(question["S"])["task_token"]
                states.send_task_success(taskToken=token, output=json.dumps({"approved": True, "by": "a test"}))
        time.sleep(0.3)
    outcome = hubplane.follow(arn)
    assert outcome.status == "SUCCEEDED", f"{outcome.error}: {outcome.cause}"
    return outcome


@pytest.fixture(scope="module")
def pruned(hubplane: Hubplane, built_2019: tuple[dict[str, Any], Outcome]) -> dict[str, Returning]:
    """Three homes with something written on them, gone in one night."""
    hubplane.run(CLUSTER, "kubectl", "get", "nodes")  # writes the kubeconfig
    kubeconfig = hubplane.folder / f"kubeconfig-{CLUSTER}"
    fleet.plant(hubplane.cloud, hubplane.control_plane, CLUSTER, kubeconfig)
    homes = [fleet.Home({"person": name, "size_gib": 40, "used_days_ago": 30}, CLUSTER) for name in NAMES]
    now, takeover = datetime.now(UTC).replace(microsecond=0), Takeover(hubplane)
    fleet.seed(hubplane.cloud, [volume for home in homes for volume in home.volumes(now)], [])
    for home in homes:
        content = {"volume_id": home.volume_id, "content": f"the thesis of {home.person}"}
        post(f"{hubplane.cloud.endpoint_url}/_hubplane/ebs/write", content)
        assert takeover.users.write(RecordChange(home.record()))
        hubplane.client("ec2").create_tags(Resources=[home.volume_id], Tags=[{"Key": OWNER, "Value": f"sub-{home.person}"}])
    path = hubplane.folder / "homes.json"
    objects = {"apiVersion": "v1", "kind": "List", "items": [item for home in homes for item in home.manifests()]}
    path.write_text(json.dumps(objects))
    hubplane.run(CLUSTER, "kubectl", "apply", "--validate=false", "-f", str(path))
    bucket = StorageBucket(hubplane.client("s3"), hubplane.control_plane.outputs["StorageBucketName"])
    known = [*bucket.sightings(CLUSTER), *(sighting for home in homes for sighting in home.sightings(now))]
    bucket.put_sightings(CLUSTER, known)
    approved_day(hubplane)
    mine = {home.volume_id for home in homes}
    wait_for(lambda: not mine & set(ebs(hubplane)["volumes"]), "the CSI driver to remove the volumes")
    assert not {f"PersistentVolumeClaim {home.claim_name}" for home in homes} & set(cluster_storage(hubplane))
    return {home.person: Returning(takeover, home) for home in homes}


@pytest.fixture
def slow_volumes(hubplane: Hubplane) -> Iterator[None]:
    """Volumes take long enough to be seen while they are made."""
    address = f"{hubplane.cloud.endpoint_url}/_hubplane/ebs/pace"
    post(address, {"volume_seconds": 2})
    yield
    post(address, {"volume_seconds": 0.3})


def test_a_pruned_home_comes_back_with_what_was_written_on_it(pruned: dict[str, Returning], slow_volumes: None) -> None:
    hypatia = pruned["hypatia"]
    last = hypatia.ask_until_it_ends()
    assert (last["allowed"], last["action"]) == (True, "use"), hypatia.answers
    actions = [answer["action"] for answer in hypatia.answers]
    assert actions[0] == "restore"
    assert [action for number, action in enumerate(actions) if action not in actions[:number]] == [
        "restore",
        "wait",
        "adopt",
        "use",
    ]
    assert "is being made from snap-" in hypatia.answers[1]["sentence"]
    (volume_id,) = hypatia.volumes()
    volume = hypatia.volumes()[volume_id]
    assert last["volume_id"] == volume_id != hypatia.home.volume_id
    assert volume["content"] == "the thesis of hypatia"
    assert (volume["zone"], volume["size_gib"]) == (fleet.ZONE, 500), "the cluster's zone, and the size of a new home"
    assert volume["tags"][OWNER] == "sub-hypatia"
    assert volume["tags"]["hubplane:ancestry"].startswith(f"{hypatia.home.volume_id}@")
    claim = json.loads(
        hypatia.hubplane.run(CLUSTER, "kubectl", "get", "pvc", "-n", "jupyter", hypatia.home.claim_name, "-o", "json")
    )
    assert claim["status"]["phase"] == "Bound"
    bound = json.loads(hypatia.hubplane.run(CLUSTER, "kubectl", "get", "pv", claim["spec"]["volumeName"], "-o", "json"))
    assert bound["spec"]["csi"]["volumeHandle"] == volume_id
    assert bound["metadata"]["annotations"]["pv.kubernetes.io/provisioned-by"] == "ebs.csi.aws.com"
    making = hypatia.ledger().last(CLUSTER, hypatia.home.claim_name)
    assert making is not None
    assert (making.number, making.volume_id, making.is_open) == (1, volume_id, False)


def test_of_two_starts_at_once_one_makes_the_volume(pruned: dict[str, Returning]) -> None:
    kepler = pruned["kepler"]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: kepler.ask(), range(4)))
    assert {answer["action"] for answer in answers} <= {"restore", "wait", "adopt", "use"}, "whoever comes last may find it done"
    assert kepler.ask_until_it_ends()["allowed"], kepler.answers
    assert [item["content"] for item in kepler.volumes().values()] == ["the thesis of kepler"]


def test_a_start_that_was_killed_after_its_volume_was_made_is_gone_on_with(pruned: dict[str, Returning]) -> None:
    ramanujan = pruned["ramanujan"]
    ec2: Any = ramanujan.hubplane.client("ec2")
    shown = [item for item in ebs(ramanujan.hubplane)["snapshots"].values() if item["volume_id"] == ramanujan.home.volume_id]
    newest = max(shown, key=lambda item: str(item["started_at"]))
    source = Snapshot(
        newest["snapshot_id"],
        newest["volume_id"],
        newest["state"],
        datetime.fromisoformat(newest["started_at"]),
        newest["size_gib"],
        newest["owner_id"],
        newest["tags"],
    )
    record = ramanujan.home.record()
    facts = HomeFacts(CLUSTER, newest["owner_id"], "ramanujan", ramanujan.home.claim_name, fleet.ZONE, 500, record)
    begun = restore_of(facts, source, 500, 1, 1, "0123456789abcdef", datetime.now(UTC))
    assert ramanujan.ledger().begin(CLUSTER, begun)
    assert begun.wanted is not None
    tags = [{"Key": key, "Value": value} for key, value in sorted(begun.wanted.tags.items())]
    made = ec2.create_volume(
        SnapshotId=source.snapshot_id,
        Size=500,
        AvailabilityZone=fleet.ZONE,
        VolumeType="gp3",
        Encrypted=True,
        ClientToken=begun.wanted.client_token,
        TagSpecifications=[{"ResourceType": "volume", "Tags": tags}],
    )["VolumeId"]
    tables = ("LedgerTableName", "ClustersTableName")
    holds = HomeHolder(ramanujan.hubplane.client("dynamodb"), *(ramanujan.takeover.outputs[name] for name in tables))
    held = (CLUSTER, ramanujan.home.claim_name, "ensure_home killed", "a start that was killed")
    holds.hold(*held, datetime.now(UTC) + timedelta(hours=1))
    assert ramanujan.ask()["action"] == "wait", "the lease of the killed start stands"
    holds.hold(*held, datetime.now(UTC))
    assert ramanujan.ask_until_it_ends()["volume_id"] == made, ramanujan.answers
    assert list(ramanujan.volumes()) == [made]
    assert ramanujan.volumes()[made]["content"] == "the thesis of ramanujan"


def test_fault_6_the_next_night_copies_what_came_back_and_keeps_its_line(pruned: dict[str, Returning]) -> None:
    hubplane, hypatia = pruned["hypatia"].hubplane, pruned["hypatia"]
    (volume_id,) = hypatia.volumes()
    night = approved_day(hubplane)
    assert plan_of(hubplane, night, "prune_volumes")[volume_id]["action"] == "keep"
    after = ebs(hubplane)
    assert after["volumes"][volume_id]["content"] == "the thesis of hypatia"
    copies = [item for item in after["snapshots"].values() if item["volume_id"] in (volume_id, hypatia.home.volume_id)]
    assert {item["content"] for item in copies} == {"the thesis of hypatia"}
    (own,) = [item for item in copies if item["volume_id"] == volume_id]
    assert own["tags"]["hubplane:ancestry"].startswith(f"{hypatia.home.volume_id}@")
