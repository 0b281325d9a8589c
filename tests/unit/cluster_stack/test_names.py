"""Names that an execution gives: accepted by CloudFormation, the same again, different for different executions."""

from __future__ import annotations

import re

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubplane.domain.cluster_stack.names import CONTROL_PLANE_PART, change_set_name, continue_token, delete_token, is_ours

MODEL = botocore.session.get_session().get_service_model("cloudformation")
PREFIX = "arn:aws:states:us-east-1:123456789012:execution:hubplane-build-cluster:"


@given(st.text(min_size=1, max_size=80))
def test_every_execution_gives_a_name_that_cloudformation_accepts_as_change_set_and_as_token(execution: str) -> None:
    name = change_set_name(PREFIX + execution)
    for shape in ("ChangeSetName", "ClientRequestToken"):
        rule = MODEL.shape_for(shape).metadata
        assert re.fullmatch(rule["pattern"], name)
        assert len(name) <= rule["max"]
    assert is_ours(name)
    assert name == change_set_name(PREFIX + execution)
    rule = MODEL.shape_for("ClientRequestToken").metadata
    others = [
        delete_token(PREFIX + execution),
        continue_token(PREFIX + execution),
        change_set_name(PREFIX + execution, CONTROL_PLANE_PART),
    ]
    for token in others:
        assert re.fullmatch(rule["pattern"], token)
        assert len(token) <= rule["max"]
    assert len({name, *others}) == 4


@pytest.mark.parametrize(
    ("one", "other"), [("a_b", "a-b"), ("build", "build-"), ("x" * 80, "x" * 79 + "y")], ids=["escaped", "edges", "long"]
)
def test_executions_whose_names_look_alike_get_different_change_sets(one: str, other: str) -> None:
    assert change_set_name(PREFIX + one) != change_set_name(PREFIX + other)
