"""Values in the place of parameters; everything else untouched."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubplane.domain.cluster_stack.substitution import ABSENT, rename, substitute
from hubplane.domain.cluster_stack.template import logical_id_suffix

VALUES = {"Name": "lab", "Port": 30052, "Subnets": ("a", "b"), "None": ABSENT}


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        pytest.param({"A": {"Ref": "Name"}}, {"A": "lab"}, id="reference"),
        pytest.param({"A": {"Ref": "Port"}}, {"A": 30052}, id="a number stays one"),
        pytest.param({"A": {"Ref": "Subnets"}}, {"A": ["a", "b"]}, id="list"),
        pytest.param({"A": {"Ref": "Cluster"}}, {"A": {"Ref": "Cluster"}}, id="reference to a resource"),
        pytest.param({"A": {"Fn::Sub": "${Name}-${Port}"}}, {"A": "lab-30052"}, id="text without a rest becomes plain"),
        pytest.param(
            {"A": {"Fn::Sub": "${AWS::Region}-${Name}"}},
            {"A": {"Fn::Sub": "${AWS::Region}-lab"}},
            id="the rest is CloudFormation's",
        ),
        pytest.param({"tag/${Name}": 1}, {"tag/lab": 1}, id="keys"),
        pytest.param({"A": {"Ref": "None"}, "B": 1}, {"B": 1}, id="an absent value takes its key along"),
        pytest.param([{"Ref": "None"}, 1], [1], id="an absent value in a list"),
        pytest.param("${Name}", "${Name}", id="plain text is not a template"),
    ],
)
def test_substitution(node: Any, expected: Any) -> None:
    assert substitute(node, VALUES) == expected


def test_a_value_that_looks_like_a_placeholder_stays_text() -> None:
    assert substitute({"Fn::Sub": "${V} ${AWS::Region}"}, {"V": "${Cluster}"}) == {"Fn::Sub": "${!Cluster} ${AWS::Region}"}


def test_rename_follows_references_and_attributes_only() -> None:
    node = {"A": {"Ref": "X"}, "B": {"Fn::GetAtt": ["X", "Arn"]}, "C": "X", "D": {"Ref": "Y"}}
    assert rename(node, {"X": "X1"}) == {"A": {"Ref": "X1"}, "B": {"Fn::GetAtt": ["X1", "Arn"]}, "C": "X", "D": {"Ref": "Y"}}


NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,20}", fullmatch=True)


@given(NAMES, NAMES)
def test_logical_ids_are_alphanumeric_and_differ_with_the_name(one: str, other: str) -> None:
    assert logical_id_suffix(one).isalnum()
    assert (one == other) == (logical_id_suffix(one) == logical_id_suffix(other))


@pytest.mark.parametrize(("one", "other"), [("a-1", "a1"), ("a-b", "a_b"), ("Main", "main")])
def test_names_that_read_the_same_have_different_logical_ids(one: str, other: str) -> None:
    assert logical_id_suffix(one) != logical_id_suffix(other)
