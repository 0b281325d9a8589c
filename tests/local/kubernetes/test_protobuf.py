"""Protobuf bodies as helm 4.3.1 and kubectl 1.37.1 sent them (recorded), and what is refused."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from local.kubernetes.api.content import decoded
from local.kubernetes.api.errors import ApiError

CREATE_DEPLOYMENT = (
    "azhzAAoVCgdhcHBzL3YxEgpEZXBsb3ltZW50EqMBCiEKAmQxEgAaBGp2M24iACoAMgA4AEIAWgkKA2FwcBICZDEScAgBEgsKCQoDYXBwEgJkMRpXChsKABIA"
    "GgAiACoAMgA4AEIAWgkKA2FwcBICZDESOBIaCgFhEgFhKgBCAGoAcgCAAQCIAQCQAQCiAQAaADIAQgBKAFIAWABgAGgAggEAigEAmgEAwgEAIgIKACgAOAAa"
    "DAgAEAAYACAAKAA4ABoAIgA="
)
CAN_I = (
    "azhzAAoyChdhdXRob3JpemF0aW9uLms4cy5pby92MRIXU2VsZlN1YmplY3RBY2Nlc3NSZXZpZXcSPQoQCgASABoAIgAqADIAOABCABIfCh0KB2RlZmF1bHQS"
    "BGxpc3QaACIAKgRwb2RzMgA6ABoICAASABoAIAAaACIA"
)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (
            "azhzAAoUCgJ2MRIOU2VydmljZUFjY291bnQSHwodCgZzYWNib3ISABoHZGVmYXVsdCIAKgAyADgAQgAaACIA",
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "sacbor", "namespace": "default"}},
        ),
        (
            "azhzAAoPCgJ2MRIJTmFtZXNwYWNlEh0KFQoFanYzbngSABoAIgAqADIAOABCABIAGgIKABoAIgA=",
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "jv3nx"}},
        ),
        ("azhzAAoTCgJ2MRINRGVsZXRlT3B0aW9ucxIAGgAiAA==", {"apiVersion": "v1", "kind": "DeleteOptions", "metadata": {}}),
        (
            CAN_I,
            {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "metadata": {},
                "spec": {"resourceAttributes": {"namespace": "default", "verb": "list", "resource": "pods"}},
            },
        ),
        (
            CREATE_DEPLOYMENT,
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "d1", "namespace": "jv3n", "labels": {"app": "d1"}},
                "spec": {
                    "replicas": 1,
                    "selector": {"matchLabels": {"app": "d1"}},
                    "template": {"metadata": {"labels": {"app": "d1"}}, "spec": {"containers": [{"name": "a", "image": "a"}]}},
                },
            },
        ),
    ],
    ids=["service account", "namespace", "delete options", "access review", "deployment"],
)
def test_recorded_bodies_are_read(body: str, found: dict[str, Any]) -> None:
    assert decoded(base64.b64decode(body), "application/vnd.kubernetes.protobuf") == found


def test_an_unknown_kind_is_refused_with_the_way_out() -> None:
    body = b"k8s\x00" + bytes([0x0A, 9, 0x0A, 2]) + b"v1" + bytes([0x12, 3]) + b"Foo"
    with pytest.raises(ApiError, match="found a Protobuf 'Foo': send it as JSON") as refused:
        decoded(body, "application/vnd.kubernetes.protobuf")
    assert refused.value.code == 415


def test_a_body_that_is_cut_is_a_bad_request() -> None:
    with pytest.raises(ApiError) as refused:
        decoded(base64.b64decode(CAN_I)[:60], "application/vnd.kubernetes.protobuf")
    assert refused.value.code == 400


@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream"])
def test_other_media_types_are_not_taken(content_type: str) -> None:
    with pytest.raises(ApiError, match="the body of the request was in an unknown format") as refused:
        decoded(b"{}", content_type)
    assert refused.value.code == 415
