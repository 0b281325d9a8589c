"""Servers stopped, homes listed and made larger on the deployed control plane; killed and run again."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from hubplane.adapters.storage_bucket import StorageBucket
from local.guide import fleet
from local.guide.follow import Outcome
from tests.e2e.conftest import Hubplane
from tests.e2e.storage import CLUSTER, ebs, everything, mails
from tests.e2e.test_mail import wait_for
from tests.e2e.test_restore_home import NOW_WRITTEN, HomeOf, content, entered, expire_hold, new_home

pytestmark = pytest.mark.e2e
__all__ = ["new_home"]  # the fixture of homes that are planted and bound


def run(hubplane: Hubplane, machine: str, **fields: Any) -> Outcome:
    """An execution that ends well."""
    outcome = hubplane.follow(hubplane.start_machine(machine, {"cluster_name": CLUSTER, **fields}))
    assert outcome.status == "SUCCEEDED", f"{outcome.error}: {outcome.cause}"
    return outcome


def refusal(hubplane: Hubplane, machine: str, **fields: Any) -> str:
    """The cause of an execution that is refused."""
    outcome = hubplane.follow(hubplane.start_machine(machine, {"cluster_name": CLUSTER, **fields}))
    assert outcome.status == "FAILED", outcome
    return f"{outcome.error}: {outcome.cause}"


def left_behind(home: HomeOf) -> dict[str, Any]:
    """A pod with somebody's home that the hub has given up."""
    claim = {"name": "home", "persistentVolumeClaim": {"claimName": home.claim_name}}
    container = {"name": "notebook", "image": "pause", "volumeMounts": [{"name": "home", "mountPath": "/home"}]}
    metadata = {
        "name": f"jupyter-{home.person}",
        "namespace": "jupyter",
        "annotations": {"hub.jupyter.org/username": home.person},
    }
    spec = {"containers": [container], "volumes": [claim], "terminationGracePeriodSeconds": 0}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def test_a_server_counts_as_stopped_when_its_pod_is_gone_too(hubplane: Hubplane, new_home: Callable[..., HomeOf]) -> None:
    home = new_home("stopper")
    fleet.apply(hubplane.cloud, hubplane.folder / f"kubeconfig-{CLUSTER}", [left_behind(home)])
    arn = hubplane.start_machine("StopServer", {"cluster_name": CLUSTER, "username": home.person})
    wait_for(lambda: "WaitForPods" in entered(hubplane, arn), "the pod to be seen")
    hubplane.run(CLUSTER, "kubectl", "-n", "jupyter", "delete", "pod", f"jupyter-{home.person}", "--wait=false")
    outcome = hubplane.follow(arn)
    assert (outcome.status, outcome.result["status"]) == ("SUCCEEDED", "stopped")
    assert outcome.result["reason"] == (
        f"the hub of {CLUSTER} knows nobody called stopper (is the name right?), so no server of theirs runs, "
        f"and no pod of stopper is left in {CLUSTER}"
    )
    assert run(hubplane, "StopServer", username=home.person).result["changes"] == []
    assert "ClusterUnknown" in refusal(hubplane, "StopServer", cluster_name="ice", username=home.person)


def test_every_home_is_one_line_of_a_table(hubplane: Hubplane, new_home: Callable[..., HomeOf]) -> None:
    home = new_home("listed")
    before = everything(hubplane)
    outcome = run(hubplane, "ListHomes")
    assert everything(hubplane) == before
    bucket = StorageBucket(hubplane.client("s3"), hubplane.control_plane.outputs["StorageBucketName"])
    homes = {item["claim_name"]: item for item in bucket.json(outcome.result["json_key"])["homes"]}
    found = homes[home.claim_name]
    assert (found["usernames"], found["state"], found["size_gib"], found["copies"]) == (["listed"], "bound", 10, 1)
    assert "hub-db-dir" not in homes
    table = list(csv.DictReader(io.StringIO(bucket.text(outcome.result["csv_key"]) or "")))
    assert len(table) == outcome.result["homes"] == len(homes)
    assert sum(outcome.result["counts"].values()) == len(homes)


def capacity(home: HomeOf) -> tuple[str, str]:
    """What the claim asks for and what its PersistentVolume has."""
    claim = home.get("pvc", home.claim_name) or {}
    volume = home.get("pv", claim["spec"]["volumeName"]) or {}
    return claim["spec"]["resources"]["requests"]["storage"], volume["spec"]["capacity"]["storage"]


def test_a_home_grows_keeps_its_files_and_its_person_hears_of_it(hubplane: Hubplane, new_home: Callable[..., HomeOf]) -> None:
    home = new_home("grower")
    before = everything(hubplane)
    planned = run(hubplane, "ExpandHome", username="grower", size_gib=20)
    assert (planned.result["status"], planned.result["from_gib"], planned.result["to_gib"]) == ("planned", 10, 20)
    assert everything(hubplane) == before
    outcome = run(hubplane, "ExpandHome", username="grower", size_gib=20, mode="enforce")
    assert (outcome.result["status"], outcome.result["volume_id"]) == ("expanded", home.volume_id)
    assert outcome.result["changes"] == ["claim claim-grower asks for 20 GiB in place of 10"]
    assert ebs(hubplane)["volumes"][home.volume_id]["size_gib"] == 20
    assert capacity(home) == ("20Gi", "20Gi")
    assert content(hubplane, home.volume_id) == NOW_WRITTEN
    answer = home.may_start()
    assert (answer["allowed"], answer["volume_id"]) == (True, home.volume_id)
    wait_for(lambda: [mail for mail in mails(hubplane) if "grower@example.org" in json.dumps(mail)], "the person's mail")
    assert "that is what it has" in refusal(hubplane, "ExpandHome", username="grower", size_gib=20, mode="enforce")
    assert "start again after" in refusal(hubplane, "ExpandHome", username="grower", size_gib=30, mode="enforce")
    assert "makes a volume smaller" in refusal(hubplane, "ExpandHome", username="grower", size_gib=5, mode="enforce")


@pytest.mark.parametrize("killed_in", ["StopServer", "GrowHome", "ReleaseHome", "TellHomeGrowth"])
def test_killed_anywhere_and_run_again_a_home_has_grown_once(
    hubplane: Hubplane, new_home: Callable[..., HomeOf], killed_in: str
) -> None:
    home = new_home(f"grown{killed_in.lower()}")
    fields = {"cluster_name": CLUSTER, "username": home.person, "size_gib": 20, "mode": "enforce"}
    states, arn = hubplane.client("stepfunctions"), hubplane.start_machine("ExpandHome", fields)
    wait_for(lambda: killed_in in entered(hubplane, arn), f"{killed_in} to begin")
    with contextlib.suppress(states.exceptions.ClientError):
        states.stop_execution(executionArn=arn, error="Killed", cause="by a test")
    wait_for(lambda: states.describe_execution(executionArn=arn)["status"] != "RUNNING", "the end")
    expire_hold(hubplane, home.claim_name)
    again = hubplane.follow(hubplane.start_machine("ExpandHome", fields))
    assert again.status == "SUCCEEDED" or "that is what it has" in str(again.cause), again
    assert capacity(home) == ("20Gi", "20Gi")
    found = ebs(hubplane)["volumes"][home.volume_id]
    assert (found["size_gib"], content(hubplane, home.volume_id)) == (20, NOW_WRITTEN)
    assert home.may_start()["allowed"]
    subject = "your home has 20 GiB"

    def told() -> list[dict[str, Any]]:
        return [mail for mail in mails(hubplane) if subject in mail["Subject"] and f"{home.person}@" in json.dumps(mail)]

    wait_for(told, "the person's mail")
    assert len(told()) == 1, "told once"


def test_homes_without_an_owner_are_bound_as_an_approved_plan_says(hubplane: Hubplane, new_home: Callable[..., HomeOf]) -> None:
    home = new_home("adopted")
    ids = [home.volume_id, home.snapshot_id]
    hubplane.client("ec2").delete_tags(Resources=ids, Tags=[{"Key": "hubplane:owner-sub"}])
    before = everything(hubplane)["ebs"]
    planned = run(hubplane, "AdoptHomes").result
    assert (planned["status"], everything(hubplane)["ebs"]) == ("planned", before)
    bucket = StorageBucket(hubplane.client("s3"), hubplane.control_plane.outputs["StorageBucketName"])
    lines = {line["claim_name"]: line for line in bucket.lines(planned["plan_key"])}
    mine = lines[home.claim_name]
    assert (mine["verdict"], mine["owner_sub"], mine["volume_ids"], mine["snapshot_ids"]) == (
        "bind",
        "sub-adopted",
        [home.volume_id],
        [home.snapshot_id],
    )
    assert "there is no plan" in refusal(hubplane, "AdoptHomes", mode="enforce", plan_id="0" * 16, by="Grace Admin")
    assert "plan_id = (absent)" in refusal(hubplane, "AdoptHomes", mode="enforce")
    adopted = run(hubplane, "AdoptHomes", mode="enforce", plan_id=planned["plan_id"], by="Grace Admin").result
    found = ebs(hubplane)
    owner = "hubplane:owner-sub"
    assert found["volumes"][home.volume_id]["tags"][owner] == "sub-adopted"
    assert found["snapshots"][home.snapshot_id]["tags"][owner] == "sub-adopted"
    kept = {key: item for kind in before.values() for key, item in kind.items() if owner in item["tags"]}
    now = {key: item for kind in found.values() for key, item in kind.items()}
    assert all(now[key]["tags"][owner] == item["tags"][owner] for key, item in kept.items()), "no owner was written over"
    assert (adopted["skipped"], adopted["marked"]) == (
        0,
        sum(len(line["volume_ids"]) + len(line["snapshot_ids"]) for line in lines.values()),
    )
    assert "bind" not in run(hubplane, "AdoptHomes").result["counts"]
    assert home.may_start()["allowed"]
