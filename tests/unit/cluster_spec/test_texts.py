"""YAML and JSON texts are read strictly; what they refuse is told by line, never by content."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from hubplane.domain.cluster_spec.documents import TextRefused, parse
from tests.unit.cluster_spec.examples import accepted, only_fault, typed_input


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: no", {"a": "no"}),
        ("a: yes", {"a": "yes"}),
        ("a: on", {"a": "on"}),
        ("a: true", {"a": True}),
        ("a: False", {"a": False}),
        ("a: ~", {"a": None}),
        ("a:", {"a": None}),
        ("a: null", {"a": None}),
        ("a: 010", {"a": "010"}),
        ("a: 0x1f", {"a": "0x1f"}),
        ("a: 12:30", {"a": "12:30"}),
        ("a: 1_000", {"a": "1_000"}),
        ("a: -7", {"a": -7}),
        ("a: 1.30", {"a": 1.3}),
        ("a: 1e3", {"a": 1000.0}),
        ("a: .5", {"a": 0.5}),
        ("a: '1.30'", {"a": "1.30"}),
        ("a: 2019-08-10", {"a": "2019-08-10"}),
        ("a: 2019-08-10-00-15-33", {"a": "2019-08-10-00-15-33"}),
        ("a: 4e388824", {"a": float("inf")}),
        ("a: =", {"a": "="}),
        ("[1, x]", [1, "x"]),
        ("", None),
        ('{"a": 1}', {"a": 1}),
        ("{a: b}", {"a": "b"}),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
    ],
)
def test_values_are_read_by_the_core_schema_of_yaml_1_2(text: str, value: Any) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a: &x 1\nb: *x", "line 1, column 4: anchors and aliases"),
        ("a: 1\nb: *x", "line 2, column 4: anchors and aliases"),
        ("a: !!int '1'", "tags (!) are not accepted"),
        ("a: !!python/object/apply:os.system ['x']", "tags (!) are not accepted"),
        ("a: !secret hunter2", "tags (!) are not accepted"),
        ("a: 1\na: 2", "line 2, column 1: the same name stands twice"),
        ('{"a": 1, "a": 2}', "the same name twice"),
        ("1: x", "a name must be text; put it in quotes"),
        ("[a]: x", "a name must be text"),
        ("a: [", "line 1"),
        ("a: 'hunter2", "line 1"),
        ("hunter2: x: y", "line 1, column 11"),
        ("\thunter2: 1", "line 1"),
        ("a: 1\n---\nb: 2", "line 2"),
        ("a: \x00", "characters that YAML does not allow"),
        ('{"a": NaN}', "NaN and Infinity"),
        ("a: " + "9" * 5000, "too many digits"),
        ('{"a": ' + "9" * 5000 + "}", "too many digits"),
        ("[" * 5000, "nested too deep"),
        ('{"a":' * 50_000, "nested too deep"),
        ("a" * 300_000, "longer than 256 KiB"),
    ],
    ids=range(21),
)
def test_what_is_no_plain_document_is_refused_by_place_and_not_repeated(text: str, part: str) -> None:
    with pytest.raises(TextRefused) as caught:
        parse(text)
    assert part in str(caught.value)
    assert "hunter2" not in str(caught.value)
    line = only_fault({"cluster_name": "opensarlab", "spec": text})
    assert line.startswith("spec = (hidden): is no YAML or JSON document: ")
    assert part in line


def test_the_same_specification_as_object_json_and_yaml() -> None:
    as_object = accepted(typed_input()).spec
    as_json = accepted(typed_input() | {"spec": json.dumps(typed_input()["spec"])}).spec
    lines = [f"{name}: {json.dumps(value)}" for name, value in typed_input()["spec"].items()]
    assert as_object == as_json == accepted(typed_input() | {"spec": "\n".join(lines)}).spec


def test_no_pattern_takes_long_on_a_hostile_value() -> None:
    started = time.perf_counter()
    for hostile in ("a" * 2048, "a-" * 1024, "a." * 1024, "://" * 600, "eyJ-" * 500, "/" * 2048, "a_" * 1024):
        for place in ("network.vpc_id", "hub.url", "notebook_image.name", "storage.class_name", "hub.certificate_arn"):
            section, field = place.split(".")
            spec = typed_input()["spec"]
            spec.setdefault(section, {})[field] = hostile
            only_fault({"cluster_name": "opensarlab", "spec": spec})
    assert time.perf_counter() - started < 5
