"""Whatever is handed in: either a specification or ``SpecInvalid``, and never a secret in what is said."""

from __future__ import annotations

import copy
import json
import string
from collections.abc import Iterator
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from hubplane.domain.cluster_spec.faults import HIDDEN
from hubplane.domain.cluster_spec.legacy import PARAMETERS
from hubplane.domain.cluster_spec.model import spec_from_json, spec_to_json
from hubplane.domain.cluster_spec.schema import properties_by_path
from hubplane.domain.cluster_spec.validation import validate
from hubplane.domain.errors import SpecInvalid
from tests.unit.cluster_spec.examples import legacy_input, typed_input

NAMES = st.sampled_from(
    [
        "cluster_name",
        "parameters",
        "spec",
        *(item.name for item in PARAMETERS),
        *(path.split(".")[-1] for path in properties_by_path()),
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.integers(10**300, 10**310)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=8), inner, max_size=6),
    max_leaves=25,
)
ACCESS_KEY_IDS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=16, max_size=16).map("AKIA".__add__)
SECRET_KEYS = st.text(string.ascii_letters + string.digits + "/+", min_size=40, max_size=40).filter(
    lambda text: any(c.islower() for c in text) and any(c.isupper() for c in text) and any(c.isdigit() for c in text)
)
SECRETS = ACCESS_KEY_IDS | SECRET_KEYS


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a document, the document itself left out."""
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*path, key)
            yield from places(item, (*path, key))


def put(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(document)
    target = changed
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value
    return changed


def full_typed() -> dict[str, Any]:
    """The typed form with every field written out, so that each place can be broken."""
    return {"cluster_name": "opensarlab", "spec": spec_to_json(validate(typed_input()).spec)}


DOCUMENTS = [legacy_input(), full_typed()]
PLACES = [(document, path) for document in DOCUMENTS for path in places(document)]


def outcome(document: Any) -> str:
    """What a validation says or gives, as text. Anything but a result or ``SpecInvalid`` fails the test."""
    try:
        validated = validate(document)
    except SpecInvalid as error:
        assert error.faults
        assert str(error).count("\n") == len(error.faults)
        return str(error) + repr(error.faults)
    assert spec_from_json(spec_to_json(validated.spec)) == validated.spec
    return json.dumps(spec_to_json(validated.spec)) + " ".join(validated.notes)


@settings(max_examples=150, deadline=None)
@given(JSON)
def test_any_document_is_a_specification_or_spec_invalid(document: Any) -> None:
    outcome(document)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(PLACES), JSON)
@example((DOCUMENTS[1], ("spec", "hub", "node_port")), float("nan"))
@example((DOCUMENTS[1], ("spec", "kubernetes_version")), float("inf"))
@example((DOCUMENTS[1], ("spec", "node_groups")), [None, [], "x", {}])
@example((DOCUMENTS[1], ("spec", "node_groups", 0, "taints")), [None, {"key": []}, {"key": []}])
@example((DOCUMENTS[0], ("parameters", "Subnets")), {"a": ["subnet-4388e824"]})
def test_any_value_in_any_place_of_a_sound_document_too(place: tuple[Any, tuple[Any, ...]], value: Any) -> None:
    outcome(put(*place, value))


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=200) | JSON.map(lambda value: json.dumps(value, allow_nan=False) if _finite(value) else ""))
def test_any_text_in_place_of_a_specification_too(text: str) -> None:
    outcome({"cluster_name": "opensarlab", "spec": text})


def _finite(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(PLACES), SECRETS, st.sampled_from(["{}", "x {}", "https://{}@hub.example.org", '"{}', "a,{}"]))
def test_a_planted_key_is_in_no_message_and_no_result(place: tuple[Any, tuple[Any, ...]], secret: str, around: str) -> None:
    assert secret not in outcome(put(*place, around.format(secret)))


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(DOCUMENTS), st.sampled_from([(), (0,), (1,)]), SECRETS)
def test_a_planted_key_as_a_name_is_in_no_message(document: Any, depth: tuple[int, ...], secret: str) -> None:
    form = "spec" if "spec" in document else "parameters"
    path = {(): (secret,), (0,): (form, secret), (1,): (form, *(("tags",) if form == "spec" else ()), secret)}[depth]
    assert secret not in outcome(put(document, path, "value"))


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from([item.name for item in PARAMETERS if "secret" in item.kind])
    | st.sampled_from(["client_id_secret_arn", "client_secret_secret_arn"]),
    st.text(string.ascii_letters + string.digits + string.punctuation, min_size=8).filter(lambda text: set(text) != {"*"}),
)
def test_a_plain_secret_of_any_kind_is_hidden_where_a_secret_belongs(field: str, secret: str) -> None:
    legacy = field[0].isupper()
    said = outcome(
        put(DOCUMENTS[0], ("parameters", field), secret) if legacy else put(DOCUMENTS[1], ("spec", "oauth", field), secret)
    )
    assert f"{field} = {HIDDEN}: " in said


@settings(max_examples=60, deadline=None)
@given(st.integers(30000, 32767), st.integers(0, 20), st.integers(1, 20), st.integers(1, 20), st.integers(20, 16384))
def test_both_forms_judge_the_same_figures_alike(port: int, low: int, wanted: int, high: int, volume: int) -> None:
    legacy, typed = legacy_input(), typed_input()
    legacy["parameters"] |= {
        "NodeProxyPort": str(port),
        "NodeAutoScalingGroupMinSize": str(low),
        "NodeAutoScalingGroupDesiredCapacity": str(wanted),
        "NodeAutoScalingGroupMaxSize": str(high),
        "NodeVolumeSize": str(volume),
    }
    typed["spec"]["hub"]["node_port"] = port
    typed["spec"]["node_groups"] = [{"min_size": low, "desired_size": wanted, "max_size": high, "volume_size_gib": volume}]
    sound = low <= wanted < high
    results = []
    for document in (legacy, typed):
        try:
            results.append(validate(document).spec)
        except SpecInvalid as error:
            results.append(len(error.faults))
    assert results[0] == results[1]
    assert isinstance(results[0], int) is not sound
