"""The published schema, the dataclasses and the validator say the same."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from hubplane.domain.cluster_spec import model
from hubplane.domain.cluster_spec.formats import FORMATS
from hubplane.domain.cluster_spec.model import ClusterSpec, NodeGroup, Storage, spec_from_json, spec_to_json
from hubplane.domain.cluster_spec.schema import SCHEMA, SECRET_NAMES, properties_by_path, with_defaults
from tests.unit.cluster_spec.examples import EVENTS, accepted, broken, typed_input

# Where each dataclass lives in the schema.
PLACES: dict[str, tuple[str, ...]] = {
    "ClusterSpec": (),
    "Network": ("network",),
    "Hub": ("hub",),
    "ChartReference": ("hub", "chart"),
    "OAuth": ("oauth",),
    "NotebookImage": ("notebook_image",),
    "ImageBuild": ("notebook_image", "build"),
    "Storage": ("storage",),
    "StoragePolicy": ("storage", "policy"),
    "DiagnosisPolicy": ("diagnosis",),
    "NodeGroup": ("node_groups", "[]"),
    "Taint": ("node_groups", "[]", "taints", "[]"),
    "AccessGrant": ("access", "[]"),
}


def schema_at(place: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = SCHEMA
    for part in place:
        found = found["items"] if part == "[]" else found["properties"][part]
    return found


def subschemas(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from subschemas(child, f"{path}.{name}")
    for keyword in ("items", "propertyNames", "additionalProperties"):
        if isinstance(schema.get(keyword), dict):
            yield from subschemas(schema[keyword], f"{path}/{keyword}")


ALL = dict(subschemas(SCHEMA))


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_every_dataclass_has_its_place() -> None:
    assert {name for name, _ in inspect.getmembers(model, dataclasses.is_dataclass)} == set(PLACES)


@pytest.mark.parametrize("name", PLACES)
def test_fields_requirements_and_defaults_are_those_of_the_dataclass(name: str) -> None:
    schema = schema_at(PLACES[name])
    fields = {field.name: field for field in dataclasses.fields(getattr(model, name))}
    assert set(schema["properties"]) == set(fields)
    assert schema["additionalProperties"] is False
    required = {field.name for field in fields.values() if field.default is field.default_factory is dataclasses.MISSING}
    assert set(schema.get("required", [])) == required
    for field_name, field in fields.items():
        child = schema["properties"][field_name]
        if field_name in required:
            assert "default" not in child
        elif child.get("type") not in ("object", "array"):
            assert child["default"] == field.default


def test_defaults_filled_in_by_the_schema_are_those_of_the_dataclasses() -> None:
    spec = typed_input()["spec"] | {"cluster_name": "opensarlab"}
    assert spec_from_json(with_defaults(spec)) == spec_from_json(spec)
    assert with_defaults(spec)["storage"] == json.loads(json.dumps(dataclasses.asdict(Storage())))
    assert spec_from_json(with_defaults(spec)).node_groups == (NodeGroup(),)
    assert spec == typed_input()["spec"] | {"cluster_name": "opensarlab"}, "the document handed in stays as it was"


@pytest.mark.parametrize("path", [path for path in ALL if path])
def test_every_property_is_described_and_has_a_rule_that_says_what_to_do(path: str) -> None:
    rule = ALL[path]["x-rule"]
    assert rule.startswith("must ")
    assert not rule.endswith(".")
    assert path.endswith("/propertyNames") or ALL[path]["description"].endswith((".", "`"))


@pytest.mark.parametrize("path", [path for path, schema in ALL.items() if "pattern" in schema])
def test_patterns_mean_the_same_to_every_reader(path: str) -> None:
    """Anchored at both ends, which the validator takes literally, and free of what Python and ECMA 262 read differently."""
    pattern = ALL[path]["pattern"]
    assert pattern.startswith("^")
    assert pattern.endswith("$")
    assert not re.search(r"\\[wdsbAZz]|\(\?", pattern)
    assert "|" not in re.sub(r"\(.*\)", "", pattern)


def test_every_format_is_known_and_used() -> None:
    assert {schema["format"] for schema in ALL.values() if "format" in schema} == set(FORMATS)


def test_every_secret_has_a_name_in_secrets_manager() -> None:
    secrets = {path for path, schema in properties_by_path().items() if schema.get("format") == "hubplane-secret-arn"}
    assert secrets == {".".join(map(str, path)) for path in SECRET_NAMES}


@pytest.mark.parametrize(
    "text", [pytest.param(path.read_text(), id=path.name) for path in sorted((EVENTS / "examples").glob("*.spec.yaml"))]
)
def test_examples_hold_for_any_validator_and_for_ours(text: str) -> None:
    accepted({"cluster_name": "opensarlab", "spec": text})
    Draft202012Validator(SCHEMA).validate(yaml.safe_load(text) | {"cluster_name": "opensarlab"})


def full_spec() -> dict[str, Any]:
    return broken(
        typed_input(),
        {
            "hub.chart": {"source": "https://hub.jupyter.org/helm-chart/", "version": "4.3.1"},
            "notebook_image.build": {"repository_url": "https://github.com/asfadmin/x", "ref": "main"},
            "notebook_image.jupyterhub_version": "5.3.0",
            "node_groups": [{}, {"name": "b", "labels": {"a": "b"}, "taints": [{"key": "a", "effect": "NoExecute"}]}],
            "access": [{"principal_arn": "arn:aws:iam::553778890976:user/x", "level": "view"}],
            "tags": {"a": "b"},
            "storage": {"policy": {"prune": True, "largest_share": 1, "end_of_retention_days": 365, "warning_days": [14, 2]}},
        },
    )


def test_a_specification_survives_the_way_through_json_and_validation() -> None:
    spec = accepted(full_spec()).spec
    document = json.loads(json.dumps(spec_to_json(spec)))
    assert isinstance(spec, ClusterSpec)
    assert spec_from_json(document) == spec
    assert accepted({"cluster_name": "opensarlab", "spec": document}).spec == spec
    assert spec_to_json(spec_from_json(document)) == document


def test_validating_changes_nothing_that_was_handed_in() -> None:
    document = full_spec()
    before = copy.deepcopy(document)
    accepted(document)
    assert document == before
