"""ExamineCluster from event to result: calls grow with pages, and what cannot be read is said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from hubplane.domain.errors import ClusterUnknown, MendInputInvalid, Throttled
from tests.adapters.fake_aws import Refusal
from tests.adapters.kubernetes_api import status
from tests.functions.diagnosis_world import PODS, SCALER_PODS, SPEC, cluster_of

LOG = f"{PODS}/hub-1/log"


def test_a_sound_cluster_has_no_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    with cluster_of(12, monkeypatch) as world:
        result = world.examine()
        assert result["findings"] == []
        assert (result["healthy"], result["mend"], result["cluster_name"]) == (True, "never", "opensarlab")
        assert "15 of 15 checks ran on 2 nodes and 12 claims" in result["reason"]


def test_calls_grow_with_pages_and_not_with_people(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = {}
    for people in (1, 50, 400):
        with cluster_of(people, monkeypatch) as world:
            assert world.examine()["healthy"]
            calls[people] = world.calls
    assert calls[1] == calls[50] == calls[400]
    assert calls[1] <= 35


def test_a_page_more_is_a_call_more(monkeypatch: pytest.MonkeyPatch) -> None:
    with cluster_of(1, monkeypatch) as world:
        world.examine()
        few = world.calls
    with cluster_of(501, monkeypatch) as world:
        assert world.examine()["healthy"]
        # One more page each of pods, claims, volumes and attachments in Kubernetes, and of volumes in EC2.
        assert world.calls == few + 5


def test_the_hubs_log_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with cluster_of(2, monkeypatch) as world:
        world.api.objects[LOG] = b"gnutls_handshake() failed: An unexpected TLS packet was received.\n"  # type: ignore[assignment]
        [finding] = world.examine()["findings"]
        assert (finding["check"], finding["mend"]["machine"]) == ("hub_log", "restart_hub")
        asked = next(query for method, path, query in world.api.requests if path == LOG)
        assert asked == {"tailLines": "500", "limitBytes": "1000000", "sinceSeconds": "3600"}


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        ("describe_certificate", "certificate"),
        ("describe_target_health", "targets"),
        ("list_nodegroups", "node groups"),
        ("describe_security_groups", "ports"),
        ("describe_load_balancers", "load balancer, listeners"),
    ],
)
def test_a_service_that_refuses_is_a_finding_and_the_rest_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, operation: str, said: str
) -> None:
    def refuse(**_: object) -> None:
        raise Refusal("AccessDeniedException", "not authorized")

    with cluster_of(2, monkeypatch) as world:
        monkeypatch.setattr(world.aws, operation, refuse)
        world.api.objects[LOG] = b"database is locked\n"  # type: ignore[assignment]
        result = world.examine()
        assert [item["check"] for item in result["findings"]] == ["hub_log", "unknown"]
        assert result["findings"][1]["sentence"].startswith(f"Could not be looked at: {said}")
        assert result["healthy"] is False


def test_the_autoscalers_namespace_alone_may_be_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    with cluster_of(2, monkeypatch) as world:
        refusal = status(403, "Forbidden", 'pods is forbidden: User "x" cannot list resource "pods"')
        world.api.refusals[("GET", SCALER_PODS)] = refusal
        world.api.objects[LOG] = b"database is locked\n"  # type: ignore[assignment]
        result = world.examine()
        assert [item["check"] for item in result["findings"]] == ["hub_log", "unknown"]
        assert "autoscaler pods" in result["findings"][1]["sentence"]


def test_another_image_is_looked_for_only_where_the_present_one_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    present = SPEC["notebook_image"]["tag"]
    versions = {present: "5.4.1", "2026-11-01": "5.5.0", "2026-11-20": "4.1.6"}
    pushed = {tag: datetime(2026, 11, 1 + number * 10, tzinfo=UTC) for number, tag in enumerate(("2026-11-01", "2026-11-20"))}
    listed = [{"imageTags": [tag], "imagePushedAt": at} for tag, at in pushed.items()]

    def config(_: object, repository: str, tag: str, account_id: str) -> tuple[object, str]:
        return {"config": {"Labels": {"hubplane.jupyterhub-version": versions[tag]}}}, ""

    with cluster_of(1, monkeypatch) as world:
        monkeypatch.setattr("hubplane.adapters.ecr.Ecr.image_config", config)
        assert world.examine()["healthy"]
        calls = world.calls
        versions[present] = "1.0.0"
        monkeypatch.setattr(world.aws, "describe_images", lambda **asked: {"imageDetails": listed})
        [finding] = world.examine()["findings"]
        assert world.calls == calls + 1
        assert (finding["check"], finding["mend"]["machine"]) == ("versions", "build_cluster")
        assert finding["mend"]["input"]["spec"]["notebook_image"]["tag"] == "2026-11-01"
        monkeypatch.setattr(world.aws, "describe_images", refuse_lists)
        found = {item["check"]: item for item in world.examine()["findings"]}
        assert found["versions"]["mend"] is None
        assert found["unknown"]["sentence"] == "Could not be looked at: notebook tags."


SHORT = "InsufficientInstanceCapacity - We currently do not have sufficient m5.2xlarge capacity in the Availability Zone"


def test_what_else_a_zone_offers_is_asked_only_where_it_has_run_out_of_a_type(monkeypatch: pytest.MonkeyPatch) -> None:
    at = datetime.now(UTC)
    failed = {"ActivityId": "1", "AutoScalingGroupName": "eks-main-1", "Cause": "demand", "StartTime": at, "StatusCode": "Failed"}
    asked = []

    def offered(**given: Any) -> dict[str, Any]:
        asked.append({item["Name"]: item["Values"] for item in given["Filters"]})
        return {"InstanceTypeOfferings": [{"InstanceType": kind} for kind in ("m6a.2xlarge", "m5a.2xlarge")]}

    with cluster_of(1, monkeypatch) as world:
        monkeypatch.setattr(world.aws, "describe_instance_type_offerings", offered, raising=False)
        activities = {"Activities": [{**failed, "StatusMessage": SHORT}]}
        monkeypatch.setattr(world.aws, "describe_scaling_activities", lambda **_: activities)
        assert world.examine()["findings"] == []
        assert asked == []
        waits = {"type": "PodScheduled", "status": "False", "message": "0/2 nodes are available: 2 Insufficient cpu."}
        metadata = {"name": "jupyter-new", "namespace": "jupyter", "uid": "1", "creationTimestamp": at.isoformat()}
        pod = {"metadata": {**metadata, "labels": {"component": "singleuser-server"}}, "spec": {}}
        world.api.put(f"{PODS}/jupyter-new", {**pod, "status": {"phase": "Pending", "conditions": [waits]}})
        [finding] = world.examine()["findings"]
        assert asked[0]["location"] == ["us-east-1d"]
        assert finding["mend"]["input"]["spec"]["node_groups"][-1]["instance_type"] == "m5a.2xlarge"


def refuse_lists(**asked: object) -> dict[str, object]:
    """ECR that knows the one image, and lets nobody list the others."""
    if "imageIds" not in asked:
        raise Refusal("AccessDeniedException", "not authorized")
    return {"imageDetails": [{"imageTags": ["present"]}]}


def test_a_slower_pace_is_asked_of_the_state_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise Refusal("ThrottlingException", "slower")

    with cluster_of(2, monkeypatch) as world:
        monkeypatch.setattr(world.aws, "describe_listeners", refuse)
        with pytest.raises(Throttled):
            world.examine()


def test_what_is_no_cluster_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with cluster_of(1, monkeypatch) as world:
        with pytest.raises(MendInputInvalid, match="2 faults"):
            world.examine(mend="always", depth=3)
        monkeypatch.setattr(world.aws, "get_item", lambda **_: {})
        with pytest.raises(ClusterUnknown):
            world.examine()
