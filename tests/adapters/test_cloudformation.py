"""The CloudFormation adapter: every page is read, absent is None, repeats are harmless, errors have their class."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from hubplane.adapters.cloudformation import CloudFormation
from hubplane.domain.cluster_stack.change_set import PropertyChange, ResourceChange
from hubplane.domain.errors import NotYet, ProviderError, Throttled
from tests.adapters.cloudformation_fake import FakeCloudFormation, refusal

STACK, CHANGE_SET = "hubplane-cluster-lab", "hubplane-build-1"
TEMPLATE = '{"Resources":{"R":{"Type":"AWS::IAM::Role","Properties":{"RoleName":"r"}}},"Outputs":{"A":{"Value":"1"}}}'
ROLE_ARN = "arn:aws:iam::123456789012:role/cluster-stack"


@pytest.fixture
def stubbed() -> Iterator[tuple[CloudFormation, Stubber]]:
    """A real boto3 client with its real paginators; the stubber checks requests and answers against the service's model."""
    client = boto3.client("cloudformation", "us-east-1", aws_access_key_id="x", aws_secret_access_key="y")
    with Stubber(client) as stubber:
        yield CloudFormation(client), stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def fake() -> FakeCloudFormation:
    return FakeCloudFormation()


def create(stacks: CloudFormation, *, is_new_stack: bool = True) -> bool:
    return stacks.create_change_set(
        STACK, CHANGE_SET, TEMPLATE, is_new_stack=is_new_stack, role_arn=ROLE_ARN, tags={"hubplane:cluster": "lab"}
    )


def created(fake: FakeCloudFormation) -> CloudFormation:
    stacks = CloudFormation(fake)
    assert create(stacks)
    fake.settle()
    return stacks


def test_a_change_set_is_read_to_its_last_page(stubbed: tuple[CloudFormation, Stubber]) -> None:
    stacks, stubber = stubbed
    head = {
        "ChangeSetId": "arn:c",
        "ChangeSetName": CHANGE_SET,
        "StackName": STACK,
        "Status": "CREATE_COMPLETE",
        "ExecutionStatus": "AVAILABLE",
    }
    first = {
        "Action": "Modify",
        "LogicalResourceId": "NodeGroupMain",
        "PhysicalResourceId": "lab/lab-main",
        "ResourceType": "AWS::EKS::Nodegroup",
        "Replacement": "False",
        "Scope": ["Properties"],
        "Details": [{"Target": {"Attribute": "Properties", "Name": "ScalingConfig", "RequiresRecreation": "Never"}}],
    }
    second = {"Action": "Remove", "PolicyAction": "Delete", "LogicalResourceId": "Cluster", "ResourceType": "AWS::EKS::Cluster"}
    request = {"StackName": STACK, "ChangeSetName": CHANGE_SET}
    stubber.add_response(
        "describe_change_set", {**head, "Changes": [{"Type": "Resource", "ResourceChange": first}], "NextToken": "more"}, request
    )
    stubber.add_response(
        "describe_change_set",
        {**head, "Changes": [{"Type": "Resource", "ResourceChange": second}]},
        {**request, "NextToken": "more"},
    )
    found = stacks.change_set(STACK, CHANGE_SET)
    assert found is not None
    assert found.changes == (
        ResourceChange(
            "Modify",
            "NodeGroupMain",
            "AWS::EKS::Nodegroup",
            physical_id="lab/lab-main",
            replacement="False",
            scope=("Properties",),
            details=(PropertyChange("Properties", "ScalingConfig", "Never"),),
        ),
        ResourceChange("Remove", "Cluster", "AWS::EKS::Cluster", policy_action="Delete"),
    )


def test_events_are_read_over_pages_newest_first(stubbed: tuple[CloudFormation, Stubber]) -> None:
    stacks, stubber = stubbed
    at = datetime(2026, 7, 1, tzinfo=UTC)
    events = [
        {
            "StackId": "s",
            "EventId": str(number),
            "StackName": STACK,
            "LogicalResourceId": f"R{number}",
            "Timestamp": at,
            "ResourceStatus": "CREATE_FAILED",
            "ClientRequestToken": "token",
        }
        for number in range(3)
    ]
    stubber.add_response("describe_stack_events", {"StackEvents": events[:2], "NextToken": "n"}, {"StackName": "s"})
    stubber.add_response("describe_stack_events", {"StackEvents": events[2:]}, {"StackName": "s", "NextToken": "n"})
    found = stacks.events("s")
    assert [event.logical_id for event in found] == ["R0", "R1", "R2"]
    assert {(event.token, event.reason, event.at) for event in found} == {("token", "", at)}


def test_the_change_set_asks_for_what_the_stack_needs(stubbed: tuple[CloudFormation, Stubber]) -> None:
    stacks, stubber = stubbed
    expected = {
        "StackName": STACK,
        "ChangeSetName": CHANGE_SET,
        "ChangeSetType": "UPDATE",
        "TemplateBody": TEMPLATE,
        "RoleARN": ROLE_ARN,
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "Tags": [{"Key": "hubplane:cluster", "Value": "lab"}],
        "ImportExistingResources": True,
    }
    stubber.add_response("create_change_set", {}, expected)
    assert create(stacks, is_new_stack=False)


def test_what_is_not_there_is_none_or_empty(fake: FakeCloudFormation) -> None:
    stacks = CloudFormation(fake)
    assert stacks.stack(STACK) is None
    assert stacks.change_set(STACK, CHANGE_SET) is None
    assert stacks.template(STACK) is None
    assert stacks.unexecuted_change_sets(STACK) == []
    stacks.delete_change_set(STACK, CHANGE_SET)
    stacks.delete_stack("arn:aws:cloudformation:us-east-1:1:stack/gone/1", "token")


def test_making_the_same_change_set_twice_is_no_fault(fake: FakeCloudFormation) -> None:
    stacks = created(fake)
    assert not create(stacks)
    assert stacks.unexecuted_change_sets(STACK) == [CHANGE_SET]


def test_executing_twice_starts_once(fake: FakeCloudFormation) -> None:
    stacks = created(fake)
    assert stacks.execute_change_set(STACK, CHANGE_SET, "token")
    assert not stacks.execute_change_set(STACK, CHANGE_SET, "token")
    fake.settle()
    assert not stacks.execute_change_set(STACK, CHANGE_SET, "token")
    stack = stacks.stack(STACK)
    assert stack is not None
    assert (stack.status, stack.outputs, stack.was_changed_by(CHANGE_SET)) == ("CREATE_COMPLETE", {"A": "value of A"}, True)
    assert not stack.was_changed_by("hubplane-build")
    assert stacks.unexecuted_change_sets(STACK) == []


def test_a_change_set_that_cannot_be_executed_is_an_error_not_a_repeat(fake: FakeCloudFormation) -> None:
    stacks = CloudFormation(fake)
    create(stacks)
    with pytest.raises(ProviderError, match="execute change set hubplane-build-1 of stack hubplane-cluster-lab"):
        stacks.execute_change_set(STACK, CHANGE_SET, "token")


def test_templates_are_read_of_the_stack_and_of_a_change_set(fake: FakeCloudFormation) -> None:
    stacks = created(fake)
    assert stacks.template(STACK) is None
    wanted = stacks.template(STACK, CHANGE_SET)
    assert wanted is not None
    assert list(wanted["Resources"]) == ["R"]
    assert stacks.template(STACK, "hubplane-other") is None


@pytest.mark.parametrize(("body", "expected"), [("Resources: {}", None), ('{"Resources": {}}', {"Resources": {}}), ("[]", None)])
def test_a_template_is_a_json_object_or_none(
    stubbed: tuple[CloudFormation, Stubber], body: str, expected: dict[str, Any] | None
) -> None:
    stacks, stubber = stubbed
    stubber.add_response("get_template", {"TemplateBody": body})
    assert stacks.template(STACK) == expected


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        ("Throttling", "Rate exceeded", Throttled),
        ("ValidationError", "Role arn:aws:iam::1:role/x is invalid or cannot be assumed", NotYet),
        ("AccessDenied", "User is not authorized to perform: cloudformation:CreateChangeSet", ProviderError),
        ("ValidationError", "Template format error: unresolved resource dependencies", ProviderError),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_refusals_have_the_class_that_the_state_machine_matches(
    fake: FakeCloudFormation, monkeypatch: pytest.MonkeyPatch, code: str, message: str, expected: type[Exception]
) -> None:
    def refuse(**_: Any) -> None:
        raise refusal(code, message)

    for operation in (
        "create_change_set",
        "describe_stacks",
        "execute_change_set",
        "delete_stack",
        "delete_change_set",
        "get_template",
    ):
        monkeypatch.setattr(fake, operation, refuse, raising=False)
    stacks = CloudFormation(fake)
    for call in (
        lambda: create(stacks),
        lambda: stacks.stack(STACK),
        lambda: stacks.execute_change_set(STACK, CHANGE_SET, "token"),
        lambda: stacks.delete_stack("id", "token"),
        lambda: stacks.delete_change_set(STACK, CHANGE_SET),
        lambda: stacks.template(STACK),
    ):
        with pytest.raises(expected, match=r"cluster-lab|stack id"):
            call()
