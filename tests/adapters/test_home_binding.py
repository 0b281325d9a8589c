"""A home's PersistentVolume and claim over a real Kubernetes API's paths: made for each other, once, and never over another's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hubplane.adapters.home_binding import HomeBinding
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.domain.errors import HomeTaken, NotYet
from hubplane.domain.homes.binding import Bond, HomeBond
from tests.adapters.kubernetes_api import Api, bind, running_api, status
from tests.adapters.test_claims import NAMESPACE, csi, put_claim, put_volume

BOND = HomeBond("claim-ann", "ann", "vol-1", "home-1", 12, "us-east-1d", "gp3")
CLAIM_PATH, VOLUME_PATH = f"{NAMESPACE}/persistentvolumeclaims/claim-ann", "/api/v1/persistentvolumes/home-1"


@pytest.fixture
def api() -> Iterator[Api]:
    with running_api() as started:
        yield started


def homes(api: Api) -> HomeBinding:
    return HomeBinding(Kubernetes(api.connection))


def test_volume_and_claim_are_made_for_each_other(api: Api) -> None:
    assert homes(api).bind(BOND) is Bond.BINDING
    volume, claim = api.objects[VOLUME_PATH], api.objects[CLAIM_PATH]
    assert volume["metadata"]["annotations"] == {"pv.kubernetes.io/provisioned-by": "ebs.csi.aws.com"}
    assert volume["spec"]["claimRef"]["name"] == "claim-ann"
    assert "uid" not in volume["spec"]["claimRef"]
    assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete"
    assert volume["spec"]["csi"]["volumeHandle"] == "vol-1"
    (term,) = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert term["matchExpressions"] == [{"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["us-east-1d"]}]
    assert (claim["spec"]["volumeName"], claim["spec"]["resources"]["requests"]["storage"]) == ("home-1", "12Gi")
    assert claim["spec"]["storageClassName"] == volume["spec"]["storageClassName"] == "gp3"
    made = [path for method, path, _ in api.requests if method == "POST"]
    assert made == ["/api/v1/persistentvolumes", f"{NAMESPACE}/persistentvolumeclaims"]


def test_only_a_claim_that_kubernetes_has_joined_with_this_volume_is_bound(api: Api) -> None:
    homes(api).bind(BOND)
    assert homes(api).look(BOND) is Bond.BINDING
    api.objects[CLAIM_PATH]["status"] = {"phase": "Bound"}
    assert homes(api).look(BOND) is Bond.BINDING  # the volume does not say so
    bind(api, CLAIM_PATH)
    assert homes(api).bind(BOND) is Bond.BOUND


@pytest.mark.parametrize("there", [(), (VOLUME_PATH,), (VOLUME_PATH, CLAIM_PATH)], ids=["nothing", "the-volume", "both"])
def test_a_bind_that_was_cut_off_ends_the_same(api: Api, there: tuple[str, ...]) -> None:
    homes(api).bind(BOND)
    whole = {path: api.objects[path]["spec"] for path in (VOLUME_PATH, CLAIM_PATH)}
    for path in (VOLUME_PATH, CLAIM_PATH):
        if path not in there:
            del api.objects[path]
    assert homes(api).bind(BOND) is Bond.BINDING
    assert {path: api.objects[path]["spec"] for path in whole} == whole


def another_volume(api: Api) -> None:
    put_volume(api, "home-1", **csi("vol-2"), claimRef={"namespace": "jupyter", "name": "claim-ann"})


def another_s_volume(api: Api) -> None:
    put_volume(api, "home-1", **csi("vol-1"), claimRef={"namespace": "jupyter", "name": "claim-bob"})


def a_released_volume(api: Api) -> None:
    homes(api).bind(BOND)
    del api.objects[CLAIM_PATH]
    api.objects[VOLUME_PATH]["status"] = {"phase": "Released"}


def an_empty_claim(api: Api) -> None:
    put_claim(api, "claim-ann", None)


def a_claim_that_ends(api: Api) -> None:
    homes(api).bind(BOND)
    api.objects[CLAIM_PATH]["metadata"]["deletionTimestamp"] = "2026-11-25T10:00:00Z"


def a_lost_claim(api: Api) -> None:
    homes(api).bind(BOND)
    api.objects[CLAIM_PATH]["status"] = {"phase": "Lost"}


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        pytest.param(another_volume, "stands for vol-2", id="another-volume"),
        pytest.param(another_s_volume, "kept for claim claim-bob", id="another-s-volume"),
        pytest.param(a_released_volume, "waits for its own removal", id="a-released-volume"),
        pytest.param(an_empty_claim, "is for any volume", id="an-empty-claim"),
        pytest.param(a_claim_that_ends, "is being deleted", id="a-claim-that-ends"),
        pytest.param(a_lost_claim, "has lost its volume", id="a-lost-claim"),
    ],
)
def test_a_name_in_use_for_something_else_is_left_as_it_is(api: Api, prepare: Callable[[Api], None], words: str) -> None:
    prepare(api)
    before: dict[str, Any] = {path: item["metadata"]["resourceVersion"] for path, item in api.objects.items()}
    with pytest.raises(HomeTaken, match=words):
        homes(api).bind(BOND)
    assert {path: api.objects[path]["metadata"]["resourceVersion"] for path in before} == before


def test_a_look_before_the_bind_and_a_claim_that_goes_meanwhile(api: Api) -> None:
    with pytest.raises(NotYet):
        homes(api).look(BOND)
    api.refusals["POST", "/api/v1/persistentvolumes"] = status(409, "AlreadyExists", "already exists")
    with pytest.raises(NotYet, match="went in this moment"):
        homes(api).bind(BOND)
