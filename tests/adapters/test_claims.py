"""Claims over a real Kubernetes API's paths and refusals: who uses them, and exactly which one is deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hubplane.adapters.claims import Claims
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.domain.errors import NotYet
from hubplane.domain.storage.actions import ClaimReference
from hubplane.domain.storage.ports import Refusal, Refused
from hubplane.domain.storage.records import Claim
from tests.adapters.kubernetes_api import Api, running_api, status

NAMESPACE = "/api/v1/namespaces/jupyter"


@pytest.fixture
def api() -> Iterator[Api]:
    with running_api() as started:
        yield started


def put_claim(api: Api, name: str, volume: str | None, uid: str = "uid-1", **metadata: Any) -> None:
    whole = {"name": name, "namespace": "jupyter", "uid": uid, **metadata}
    spec = {"volumeName": volume} if volume else {}
    item = {"kind": "PersistentVolumeClaim", "metadata": whole, "spec": spec}
    api.put(f"{NAMESPACE}/persistentvolumeclaims/{name}", {**item, "status": {"phase": "Bound" if volume else "Pending"}})


def put_volume(api: Api, name: str, **spec: Any) -> None:
    api.put(f"/api/v1/persistentvolumes/{name}", {"kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec})


def put_pod(api: Api, name: str, claim: str, **more: Any) -> None:
    volumes = [{"name": "home", "persistentVolumeClaim": {"claimName": claim}}, {"name": "tmp", "emptyDir": {}}]
    pod = {"kind": "Pod", "metadata": {"name": name, **more}, "spec": {"volumes": volumes}, "status": {"phase": "Pending"}}
    api.put(f"{NAMESPACE}/pods/{name}", pod)


def csi(volume_id: str) -> dict[str, Any]:
    return {"csi": {"driver": "ebs.csi.aws.com", "volumeHandle": volume_id}}


def test_all_claims_with_their_volumes_and_every_persistent_volume(api: Api) -> None:
    for number, name in enumerate(("ann", "bob", "cyd"), 1):
        put_claim(api, f"claim-{name}", f"pv-{number}", uid=f"uid-{name}")
        put_volume(api, f"pv-{number}", **csi(f"vol-{number}"))
    put_claim(api, "claim-new", None, uid="uid-new")
    put_volume(api, "pv-released", **csi("vol-9"))
    put_volume(api, "pv-old", awsElasticBlockStore={"volumeID": "aws://us-east-1d/vol-8"})
    put_volume(api, "pv-nfs", nfs={"path": "/"})
    put_volume(api, "pv-other", csi={"driver": "efs.csi.aws.com", "volumeHandle": "fs-1"})
    put_pod(api, "jupyter-bob", "claim-bob")
    put_pod(api, "jupyter-cyd", "claim-cyd", deletionTimestamp="2026-11-25T10:00:00Z")
    claims, persistent_volume_ids = Claims(Kubernetes(api.connection)).read_claims()
    assert {claim.name: (claim.uid, claim.volume_id, claim.in_use) for claim in claims} == {
        "claim-ann": ("uid-ann", "vol-1", False),
        "claim-bob": ("uid-bob", "vol-2", True),
        "claim-cyd": ("uid-cyd", "vol-3", True),
        "claim-new": ("uid-new", None, False),
    }
    assert persistent_volume_ids == {"vol-1", "vol-2", "vol-3", "vol-8", "vol-9"}


def test_one_claim_as_it_is_this_moment(api: Api) -> None:
    claims = Claims(Kubernetes(api.connection))
    assert claims.read_claim("jupyter", "claim-ann") is None
    put_claim(api, "claim-ann", "pv-1")
    put_volume(api, "pv-1", **csi("vol-1"))
    now = claims.read_claim("jupyter", "claim-ann")
    assert now is not None
    assert (now.claim, now.ending) == (Claim("jupyter", "claim-ann", "uid-1", "vol-1", False), False)
    assert now.version == api.objects[f"{NAMESPACE}/persistentvolumeclaims/claim-ann"]["metadata"]["resourceVersion"]
    put_pod(api, "jupyter-ann", "claim-ann")
    put_claim(api, "claim-ann", "pv-1", deletionTimestamp="2026-11-25T10:00:00Z")
    now = claims.read_claim("jupyter", "claim-ann")
    assert now is not None
    assert (now.claim.in_use, now.ending) == (True, True)


def test_the_pods_are_asked_for_last(api: Api) -> None:
    put_claim(api, "claim-ann", "pv-1")
    put_volume(api, "pv-1", **csi("vol-1"))
    Claims(Kubernetes(api.connection)).read_claim("jupyter", "claim-ann")
    assert [path for _, path, _ in api.requests][-1] == f"{NAMESPACE}/pods"


def test_a_delete_is_for_good_and_names_uid_and_version(api: Api) -> None:
    put_claim(api, "claim-ann", "pv-1")
    claims = Claims(Kubernetes(api.connection))
    version = api.objects[f"{NAMESPACE}/persistentvolumeclaims/claim-ann"]["metadata"]["resourceVersion"]
    claims.delete_claim(ClaimReference("jupyter", "claim-ann", "uid-1"), version)
    assert f"{NAMESPACE}/persistentvolumeclaims/claim-ann" not in api.objects
    ((method, _, query),) = api.requests
    assert (method, query) == ("DELETE", {})
    assert api.bodies == [
        {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": "uid-1", "resourceVersion": version},
            "propagationPolicy": "Background",
        }
    ]


@pytest.mark.parametrize(
    ("uid", "version", "kind"),
    [
        pytest.param("uid-2", None, Refusal.CHANGED, id="made anew"),
        pytest.param("uid-1", "1", Refusal.CHANGED, id="written to since"),
    ],
)
def test_another_claim_of_the_name_is_never_deleted(api: Api, uid: str, version: str | None, kind: Refusal) -> None:
    put_claim(api, "claim-ann", "pv-1")
    now = Claims(Kubernetes(api.connection)).read_claim("jupyter", "claim-ann")
    assert now is not None
    with pytest.raises(Refused) as raised:
        Claims(Kubernetes(api.connection)).delete_claim(ClaimReference("jupyter", "claim-ann", uid), version or now.version)
    assert raised.value.kind is kind
    assert f"{NAMESPACE}/persistentvolumeclaims/claim-ann" in api.objects


def test_a_claim_that_is_gone_or_unanswered_says_so(api: Api) -> None:
    claims, reference = Claims(Kubernetes(api.connection)), ClaimReference("jupyter", "claim-ann", "uid-1")
    with pytest.raises(Refused) as gone:
        claims.delete_claim(reference, "1")
    api.refusals["DELETE", f"{NAMESPACE}/persistentvolumeclaims/claim-ann"] = status(503, "ServiceUnavailable", "try again")
    with pytest.raises(Refused) as lost:
        claims.delete_claim(reference, "1")
    assert (gone.value.kind, lost.value.kind) == (Refusal.GONE, Refusal.LOST)
    api.refusals["GET", f"{NAMESPACE}/persistentvolumeclaims/claim-ann"] = status(503, "ServiceUnavailable", "try again")
    with pytest.raises(NotYet):
        claims.read_claim("jupyter", "claim-ann")
