"""Servers first, then the hub, then what it left behind; a hub that answers is asked, whatever else is to be done."""

from __future__ import annotations

from typing import Any

import pytest

from hubplane.domain.deletion.stopping import HubSeen, QuietStep, UserPod, hub_seen, next_step, user_pods

UP, DEAD, OFF, STOPPING = HubSeen(1, 1), HubSeen(1, 0), HubSeen(0, 0), HubSeen(0, 1)
ADA = UserPod("jupyter-ada", "ada", "", ending=False)
NOBODY = UserPod("stray", None, "", ending=False)
ENDING = UserPod("jupyter-ada", "ada", "", ending=True)
HUB = UserPod("hub-1", None, "", ending=False, is_hub=True)


@pytest.mark.parametrize(
    ("hub", "pods", "step"),
    [
        (UP, (HUB, ADA), QuietStep.ASK_HUB),
        (UP, (HUB, ENDING), QuietStep.ASK_HUB),
        (UP, (HUB, NOBODY), QuietStep.STOP_HUB),
        (UP, (HUB,), QuietStep.STOP_HUB),
        (DEAD, (HUB, ADA), QuietStep.STOP_HUB),
        (OFF, (HUB, ADA), QuietStep.END_PODS),
        (OFF, (ADA,), QuietStep.END_PODS),
        (OFF, (ENDING,), QuietStep.WAIT),
        (OFF, (HUB,), QuietStep.WAIT),
        (STOPPING, (), QuietStep.WAIT),
        (OFF, (), QuietStep.DONE),
    ],
)
def test_what_comes_next(hub: HubSeen, pods: tuple[UserPod, ...], step: QuietStep) -> None:
    assert next_step(hub, pods) is step


@pytest.mark.parametrize(
    ("deployment", "seen"),
    [
        (None, HubSeen(0, 0)),
        ({"spec": {}}, HubSeen(1, 0)),
        ({"spec": {"replicas": 0}, "status": {"readyReplicas": 1}}, HubSeen(0, 1)),
        ({"spec": {"replicas": 1}, "status": {"readyReplicas": 1}}, HubSeen(1, 1)),
    ],
)
def test_a_deployment_that_names_no_number_wants_one(deployment: Any, seen: HubSeen) -> None:
    assert hub_seen(deployment) == seen


def test_pods_without_a_claim_hold_no_home() -> None:
    mounts = {"volumes": [{"persistentVolumeClaim": {"claimName": "claim-ada"}}]}
    notes = {"hub.jupyter.org/username": "ada", "hub.jupyter.org/servername": "gpu"}
    pods: list[dict[str, Any]] = [
        {"metadata": {"name": "jupyter-ada", "annotations": notes}, "spec": mounts},
        {"metadata": {"name": "proxy"}, "spec": {"volumes": [{"secret": {}}]}},
        {"metadata": {"name": "bare"}, "spec": {}},
        {"metadata": {"name": "hub", "labels": {"component": "hub"}, "deletionTimestamp": "now"}, "spec": mounts},
    ]
    assert user_pods(pods) == (
        UserPod("jupyter-ada", "ada", "gpu", ending=False),
        UserPod("hub", None, "", ending=True, is_hub=True),
    )
