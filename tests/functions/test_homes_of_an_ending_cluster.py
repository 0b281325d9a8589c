"""While a cluster is deleted, and after, no machine changes a home of it: a next cluster starts from its last snapshot."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from moto import mock_aws

from hubplane.adapters.home_holds import HomeHolds
from hubplane.domain.errors import ClusterBusy
from tests.adapters.kubernetes_api import running_api
from tests.functions.people_world import People
from tests.functions.test_expanding_a_home import World
from tests.functions.test_home_changes import Changing

STATUSES = ["DELETING", "DELETION_FAILED", "DELETED"]


def become(dynamodb: Any, cluster_name: str, status: str) -> None:
    dynamodb.update_item(
        TableName="clusters",
        Key={"cluster_name": {"S": cluster_name}},
        UpdateExpression="SET #status = :status",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":status": {"S": status}},
    )


@pytest.mark.parametrize("status", STATUSES)
def test_no_home_grows(new_world: Callable[..., People], monkeypatch: pytest.MonkeyPatch, status: str) -> None:
    with running_api() as api:
        world = World(new_world(), api, monkeypatch)
        become(world.people.dynamodb, "sar", status)
        with pytest.raises(ClusterBusy, match=status):
            world.plan()


@pytest.mark.parametrize("machine", ["restore_home", "move_home"])
@pytest.mark.parametrize("status", STATUSES)
def test_no_home_is_restored_or_moved(monkeypatch: pytest.MonkeyPatch, status: str, machine: str) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws(), running_api() as api:
        changing = Changing(monkeypatch, api)
        become(changing.dynamodb, "opensarlab", status)
        given = {"cluster_name": "opensarlab", "username": "ada_lovelace"}
        more = {"day": "2026-11-24", "placement": "beside"} if machine == "restore_home" else {}
        with pytest.raises(ClusterBusy, match=status):
            changing.ask("plan_home_change", machine=machine, input={**given, **more})


@pytest.mark.parametrize("function", ["hold_home", "copy_home", "make_home_volume", "switch_home"])
def test_a_change_that_was_planned_before_goes_no_further(monkeypatch: pytest.MonkeyPatch, function: str) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws(), running_api() as api:
        changing = Changing(monkeypatch, api)
        given = {"cluster_name": "opensarlab", "username": "ada_lovelace", "day": "2026-11-20", "placement": "instead"}
        change = changing.step("plan_home_change", machine="restore_home", input=given)["change"]
        become(changing.dynamodb, "opensarlab", "DELETING")
        before = deepcopy((changing.ebs.volumes, changing.ebs.snapshots))
        with pytest.raises(ClusterBusy, match="DELETING"):
            changing.step(function, change=change, execution_arn="arn:x", copy_id="snap-0000000a", volume_id=None)
        assert (changing.ebs.volumes, changing.ebs.snapshots) == before
        assert HomeHolds(changing.dynamodb, "ledger").standing("opensarlab") == ()


def test_a_growth_that_was_planned_before_goes_no_further(
    new_world: Callable[..., People], monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_api() as api:
        world = World(new_world(), api, monkeypatch)
        growth = world.plan()["growth"]
        become(world.people.dynamodb, "sar", "DELETING")
        with pytest.raises(ClusterBusy, match="DELETING"):
            world.people.run("grow_home", {"growth": growth, "execution_arn": "arn:x", "stopped": True})
        assert not world.held()
