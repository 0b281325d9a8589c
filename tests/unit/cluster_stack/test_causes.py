"""The first cause of a failed stack is told, not the roll-back that followed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hubplane.domain.cluster_stack.causes import first_cause, hint_for, of_operation
from hubplane.domain.cluster_stack.stack_event import StackEvent

STACK = ("hubplane-cluster-lab", "AWS::CloudFormation::Stack")
GROUP = ("NodeGroupMain", "AWS::EKS::Nodegroup")
GPU = ("NodeGroupGpu", "AWS::EKS::Nodegroup")
ROLE = ("NodeRole", "AWS::IAM::Role")
START = datetime(2026, 7, 1, 10, tzinfo=UTC)


def newest_first(*story: tuple[tuple[str, str], str, str, str | None]) -> list[StackEvent]:
    """Events a minute apart, told in the order in which they happened."""
    events = [
        StackEvent(*what, status=status, reason=reason, at=START + timedelta(minutes=minute), token=token)
        for minute, (what, status, reason, token) in enumerate(story)
    ]
    return events[::-1]


EARLIER = (
    (STACK, "UPDATE_IN_PROGRESS", "User Initiated", "old"),
    (ROLE, "UPDATE_FAILED", "an old story", "old"),
    (STACK, "UPDATE_ROLLBACK_COMPLETE", "", "old"),
)


def test_the_first_failure_of_this_operation_is_told_with_resource_and_hint() -> None:
    events = newest_first(
        *EARLIER,
        (STACK, "UPDATE_IN_PROGRESS", "User Initiated", "ours"),
        (GROUP, "CREATE_FAILED", "Resource creation cancelled", "ours"),
        (GPU, "CREATE_FAILED", "You've reached your quota for maximum Fleet Requests", "ours"),
        (ROLE, "UPDATE_FAILED", "a later failure", "ours"),
        (STACK, "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [NodeGroupGpu]", "ours"),
        (STACK, "UPDATE_ROLLBACK_COMPLETE", "", "ours"),
    )
    assert first_cause(events, "ours") == (
        "NodeGroupGpu (node group): You've reached your quota for maximum Fleet Requests — a quota of the account is used up: "
        "see Service Quotas in the console, raise it or remove what is no longer needed"
    )


def test_without_a_token_the_stacks_last_operation_is_meant() -> None:
    events = newest_first(
        *[(what, status, reason, None) for what, status, reason, _ in EARLIER],
        (STACK, "UPDATE_IN_PROGRESS", "User Initiated", None),
        (GROUP, "UPDATE_FAILED", "the new story", None),
    )
    assert first_cause(events, "ours") == "NodeGroupMain (node group): the new story"


def test_a_resource_explains_more_than_the_stacks_own_event() -> None:
    events = newest_first(
        (STACK, "CREATE_IN_PROGRESS", "User Initiated", "ours"),
        (STACK, "CREATE_FAILED", "The following resource(s) failed", "ours"),
        (ROLE, "CREATE_FAILED", "Role already exists", "ours"),
    )
    assert (first_cause(events, "ours") or "").startswith("NodeRole (IAM role): Role already exists — something of that name")


def test_the_stacks_own_event_is_told_where_there_is_nothing_else() -> None:
    events = newest_first((STACK, "CREATE_FAILED", "Template error", "ours"))
    assert first_cause(events, "ours") == "hubplane-cluster-lab (AWS::CloudFormation::Stack): Template error"


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([], id="no events"),
        pytest.param(newest_first((STACK, "CREATE_IN_PROGRESS", "User Initiated", "ours")), id="nothing failed"),
        pytest.param(newest_first((GROUP, "CREATE_FAILED", "Resource creation cancelled", "ours")), id="only cancelled"),
        pytest.param(newest_first((GROUP, "UPDATE_FAILED", "Resource update cancelled", "ours")), id="only an update cancelled"),
    ],
)
def test_no_cause_is_made_up(events: list[StackEvent]) -> None:
    assert first_cause(events, "ours") is None


def test_a_long_reason_is_cut() -> None:
    cause = first_cause(newest_first((ROLE, "CREATE_FAILED", "y" * 5000, "ours")), "ours") or ""
    assert len(cause) < 700
    assert cause.endswith("…")


def test_events_of_another_operation_are_left_out() -> None:
    events = newest_first(*EARLIER, (STACK, "UPDATE_IN_PROGRESS", "", "ours"), (ROLE, "UPDATE_COMPLETE", "", "ours"))
    assert [event.token for event in of_operation(events, "ours")] == ["ours", "ours"]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (
            "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename lab-main.",
            "another name",
        ),
        ("Could not launch On-Demand Instances. InsufficientInstanceCapacity - We currently do not have", "instance_type"),
        (
            "Cannot create cluster because us-east-1e, the targeted availability zone, lacks sufficient capacity",
            "take subnets",
        ),
        ("VcpuLimitExceeded - You have requested more vCPU capacity than your current vCPU limit", "quota"),
        ("Cannot exceed quota for PoliciesPerRole: 10", "quota"),
        ("User: arn:aws:sts::1:assumed-role/x is not authorized to perform: eks:CreateCluster", "permission"),
        ("Access Denied", "permission"),
        ("Resource of type 'AWS::IAM::Role' with identifier 'x' already exists.", "outside this stack"),
        ("NodeCreationFailure: Instances failed to join the kubernetes cluster", "route"),
        ("UnsupportedCertificate: The certificate must have a fully-qualified domain name", "certificate is issued"),
    ],
    ids=lambda value: value[:30],
)
def test_known_causes_come_with_what_to_do(reason: str, words: str) -> None:
    assert words in (hint_for(reason) or "")


def test_an_unknown_cause_has_no_hint() -> None:
    assert hint_for("the moon was full") is None
