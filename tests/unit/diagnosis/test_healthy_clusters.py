"""No false alarm: whatever kind of cluster is sound, a diagnosis finds nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hubplane.domain.account_check.facts import NotebookImageFound
from hubplane.domain.cluster_spec.model import ClusterSpec, Hub
from hubplane.domain.diagnosis.checks import CHECKS
from hubplane.domain.diagnosis.facts import ASPECTS, Attachment, ClusterFacts, HubAnswers
from hubplane.domain.diagnosis.findings import Finding
from hubplane.domain.diagnosis.judging import diagnose, diagnosis_to_json
from hubplane.domain.hub_facts import Listener, Target
from tests.unit.diagnosis.clusters import (
    JUST_NOW,
    OTHER_ZONE,
    SPEC_2019,
    event,
    external_spec,
    gpu_spec,
    healthy,
    home,
    pod,
    server,
    waiting,
)

NO_ROOM = "0/2 nodes are available: 2 Insufficient memory."


def closed_spec() -> ClusterSpec:
    return replace(SPEC_2019, network=replace(SPEC_2019.network, load_balancer_cidr="137.229.0.0/16"))


def iam_spec() -> ClusterSpec:
    hub: Hub = replace(SPEC_2019.hub, certificate_arn="arn:aws:iam::553778890976:server-certificate/hub")
    return replace(SPEC_2019, hub=hub)


def small() -> ClusterFacts:
    """Min, desired and max as near to each other as a specification allows, and nobody waits."""
    facts = healthy(people=1)
    group = replace(facts.node_groups[0], min_size=1, desired_size=2, max_size=2)
    return replace(facts, node_groups=(group,))


def made_today(facts: ClusterFacts) -> ClusterFacts:
    """Homes in use that no night has seen yet."""
    volumes = tuple(replace(volume, created_at=JUST_NOW) for volume in facts.volumes)
    return replace(facts, snapshots=(), volumes=volumes)


def a_launch_failed(facts: ClusterFacts) -> ClusterFacts:
    """The zone had no instance, and nobody waits for one any more."""
    failed = ((JUST_NOW, "InsufficientInstanceCapacity - We currently do not have sufficient m5.2xlarge capacity"),)
    return replace(facts, node_groups=tuple(replace(group, failures=failed) for group in facts.node_groups))


def with_pods(facts: ClusterFacts, *more: object) -> ClusterFacts:
    return replace(facts, pods=(*facts.pods, *more))


HEALTHY = {
    "of-2019": healthy(),
    "small-and-at-its-maximum": small(),
    "nobody-yet": healthy(people=0),
    "no-servers": healthy(people=5, running=0),
    "gpus": healthy(gpu_spec()),
    "external-oauth": healthy(external_spec()),
    "100-people": healthy(people=100),
    "1000-people": healthy(people=1000, running=300),
    "closed-to-the-world": healthy(closed_spec(), hub_answers=HubAnswers()),
    "certificate-of-iam": healthy(iam_spec(), certificate=None),
    "image-that-does-not-say": healthy(notebook_image=NotebookImageFound(True, True, True, None, "it does not say")),
    "image-of-another-registry": healthy(notebook_image=NotebookImageFound(False, why_unknown="it is not in ECR")),
    "a-server-that-just-started": with_pods(healthy(), server("new", phase="Pending", ready=False, created_at=JUST_NOW)),
    "a-server-that-waits-for-the-next-node": with_pods(healthy(), waiting("new", NO_ROOM, created_at=JUST_NOW)),
    "a-server-that-ends": with_pods(healthy(), server("old", ending=True, ready=False)),
    "a-node-that-just-came": replace(
        healthy(), targets=(Target("i-1", 30052, "healthy"), Target("i-2", 30052, "initial", "Elb.InitialHealthChecking"))
    ),
    "a-home-that-rests": replace(healthy(people=2, running=0), snapshots=()),
    "a-home-made-today": made_today(healthy()),
    "an-autoscaler-with-a-hiccup": healthy(
        autoscaler_log="E1125 14:00:00.000000 1 orchestrator.go:1] context deadline exceeded\n"
    ),
    "an-event-about-a-server-that-is-gone": replace(
        healthy(), events=(event(server("gone"), "FailedPostStartHook", "fatal: unable to write index_file"),)
    ),
    "a-volume-on-its-way": replace(healthy(), attachments=(Attachment("pv-user0", "node-1", False, JUST_NOW),)),
    "a-hub-that-was-restarted-once": replace(
        healthy(), pods=tuple(replace(item, restarts=1) if item.component == "hub" else item for item in healthy().pods)
    ),
    "a-launch-failed-and-nobody-waits": a_launch_failed(healthy()),
    "an-image-of-another-minor-version": healthy(notebook_image=NotebookImageFound(True, True, True, "5.0.0")),
    "a-listener-more": healthy(listeners=(*healthy().listeners, Listener(8443, "HTTPS", None, ("arn:of-somebody",)))),
    "a-finished-job": with_pods(healthy(), pod("hook-1", phase="Succeeded", ready=False)),
}


@pytest.mark.parametrize("facts", HEALTHY.values(), ids=HEALTHY.keys())
def test_a_healthy_cluster_has_no_findings(facts: ClusterFacts) -> None:
    result = diagnosis_to_json(facts, diagnose(facts))
    assert result["findings"] == []
    assert result["healthy"] is True
    assert result["reason"].startswith(f"{len(CHECKS)} of {len(CHECKS)} checks ran")


def test_what_is_never_seen_is_said_each_time() -> None:
    closed = healthy(closed_spec(), hub_answers=HubAnswers(), in_reach=False)
    said = diagnosis_to_json(closed, diagnose(closed))["unseen"]
    assert any("how full the disk" in sentence for sentence in said)
    assert any("137.229.0.0/16" in sentence for sentence in said)


@pytest.mark.parametrize("aspect", sorted({aspect for check in CHECKS for aspect in check.needs}))
def test_what_could_not_be_looked_at_is_a_finding_and_no_check_guesses(aspect: str) -> None:
    blind = replace(healthy(), unknown={aspect: "AccessDenied: no"})
    found = diagnose(blind)
    assert [(item.check, item.severity, item.evidence) for item in found] == [("unknown", "unknown", ("AccessDenied: no",))]
    hindered = [check.name for check in CHECKS if aspect in check.needs]
    assert all(name in found[0].sentence for name in hindered)
    result = diagnosis_to_json(blind, found)
    assert result["healthy"] is False
    assert result["reason"].startswith(f"{len(CHECKS) - len(hindered)} of {len(CHECKS)} checks ran")


def test_one_reason_for_many_aspects_is_said_once() -> None:
    why = "list pods on cluster opensarlab: the API server does not answer"
    found = diagnose(replace(healthy(), unknown=dict.fromkeys(("pods", "nodes", "claims"), why)))
    assert len(found) == 1
    assert found[0].sentence.startswith("Could not be looked at: pods, nodes, claims, so not checked:")


def test_a_thousand_homes_in_a_wrong_zone_are_a_result_that_a_machine_can_carry() -> None:
    facts = healthy(people=1000, running=0)
    moved = [home(f"user{number}", OTHER_ZONE, attached=False) for number in range(1000)]
    found = diagnose(
        replace(facts, persistent_volumes=tuple(item[1] for item in moved), volumes=tuple(item[2] for item in moved))
    )
    of_mounts: list[Finding] = [item for item in found if item.check == "volume_mounts"]
    assert len(of_mounts) == 26
    assert of_mounts[-1].sentence.startswith("975 more findings of check volume_mounts")


def test_every_aspect_that_a_check_needs_is_one_that_facts_have() -> None:
    assert {aspect for check in CHECKS for aspect in check.needs} <= set(ASPECTS)
    assert ASPECTS[0] == "load_balancer"
    assert len({check.name for check in CHECKS}) == len(CHECKS)
