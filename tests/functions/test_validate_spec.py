"""validate_spec answers every form of its input with the specification, or with all faults and no secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from functions.validate_spec.app import handler
from hubplane.domain.cluster_spec.model import spec_from_json
from hubplane.domain.errors import SpecInvalid

EVENTS = Path(__file__).parents[2] / "events"


def event(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((EVENTS / name).read_text())
    return document


def test_the_2019_file_becomes_the_specification_of_its_cluster() -> None:
    result = handler(event("validate_spec.json"), None)
    spec = spec_from_json(result["spec"])
    assert result["cluster_name"] == spec.cluster_name == "opensarlab"
    assert spec.hub.node_port == 30052
    assert spec.hub.admin_users == ("emlundell_test1",)
    assert spec.notebook_image.tag == "2019-08-10-00-15-33"
    assert len(result["notes"]) == 5
    assert result["reason"] == "every rule holds for opensarlab, read from the 2019 parameters"


def test_validation_never_counts_as_a_change_and_can_be_repeated() -> None:
    first, second = handler(event("validate_spec.json"), None), handler(event("validate_spec.json"), None)
    assert first == second
    assert first["changes"] == []


def test_the_executions_input_is_the_functions_event_without_the_executions_arn() -> None:
    given = event("validate_spec.json")
    assert given.pop("execution_arn").startswith("arn:aws:states:")
    assert given == event("build_cluster.json")


@pytest.mark.parametrize("name", ["build_cluster.json", "examples/build_cluster.typed.json"])
def test_both_forms_give_the_same_result(name: str) -> None:
    assert handler(event(name), None)["spec"] == handler(event("validate_spec.json"), None)["spec"]


def test_the_result_is_an_input_again() -> None:
    result = handler(event("validate_spec.json"), None)
    again = handler({"cluster_name": "opensarlab", "spec": result["spec"], "execution_arn": "arn:x"}, None)
    assert again["spec"] == result["spec"]
    assert again["notes"] == []


def test_a_text_is_read_as_yaml() -> None:
    result = handler({"cluster_name": "opensarlab", "spec": (EVENTS / "examples" / "gpu.spec.yaml").read_text()}, None)
    assert [group["name"] for group in result["spec"]["node_groups"]] == ["main", "gpu"]


def test_a_refusal_lists_all_faults_and_neither_it_nor_the_log_holds_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    refused = event("validate_spec.json")
    secrets = {
        "OAuthClientId": "planted-id",
        "OAuthClientSecret": "planted-secret",
        "NodeSecretKey": "planted-key",
        "ClientSecret": "planted-x",
    }
    refused["parameters"] |= secrets | {"NodeProxyPort": "30"}
    with pytest.raises(SpecInvalid) as caught:
        handler(refused, None)
    assert {fault.field for fault in caught.value.faults} == {*secrets, "NodeProxyPort"}
    (record,) = [record for record in caplog.records if record.message == "refused"]
    assert record.__dict__["error_class"] == "SpecInvalid"
    assert record.__dict__["cause"] == str(caught.value)
    assert 'NodeProxyPort = "30": ' in record.__dict__["cause"]
    assert "planted" not in str(caught.value) + str([each.__dict__ for each in caplog.records])
