"""What the storage day's functions may do in a cluster, with Hubplane's own manifests and adapters, and what they may not."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace

import pytest

from hubplane.adapters.claims import Claims
from hubplane.adapters.home_binding import HomeBinding
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.domain.eks_settings.settings import (
    CLUSTER_READER,
    GROWTH_PLANNER,
    HOME_DRILLER,
    HOME_GROWER,
    HOME_KEEPER,
    HOME_MOVER,
    SERVER_WATCHER,
    STORAGE_PRUNER,
    STORAGE_READER,
)
from hubplane.domain.eks_settings.storage_access import DRILL_NAMESPACE, drill_access_manifests, storage_access_manifests
from hubplane.domain.errors import HomeTaken
from hubplane.domain.homes.binding import Bond, HomeBond
from hubplane.domain.kubernetes_access import ClusterConnection
from hubplane.domain.storage.actions import ClaimReference
from tests.local.kubernetes.aws import ACCOUNT, Sts
from tests.local.kubernetes.running import Cluster, until

READER, PRUNER, KEEPER, NOBODY = "READERKEY", "PRUNERKEY", "KEEPERKEY", "NOBODYKEY"
DIAGNOSIS = "DIAGNOSISKEY"
MOVER, DRILLER = "MOVERKEY", "DRILLERKEY"
DRILL = f"/api/v1/namespaces/{DRILL_NAMESPACE}"
WATCHER, PLANNER, GROWER = "WATCHERKEY", "GROWTHKEY", "GROWERKEY"
CORE = "/api/v1"
JUPYTER, DEFAULT = f"{CORE}/namespaces/jupyter", f"{CORE}/namespaces/default"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
CLAIM = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}}
POD = {"spec": {"containers": [{"name": "notebook", "image": "notebook"}]}}


def kubernetes(cluster: Cluster, key: str) -> Kubernetes:
    """Hubplane's client, as somebody."""
    certificate = base64.b64encode(cluster.certificate.encode()).decode()
    return Kubernetes(ClusterConnection(cluster.name, cluster.endpoint, certificate, cluster.token(key)))


@pytest.fixture(scope="module")
def hub(make_cluster: Callable[..., Cluster], sts: Sts) -> Cluster:
    """A cluster as ConfigureKubernetes leaves it, with a home, a pod and a secret in ``jupyter`` and in ``default``."""
    cluster = make_cluster()
    groups = {READER: [STORAGE_READER], PRUNER: [STORAGE_READER, STORAGE_PRUNER], KEEPER: [HOME_KEEPER], NOBODY: []}
    groups[DIAGNOSIS] = [CLUSTER_READER]
    groups |= {MOVER: [HOME_MOVER], DRILLER: [HOME_DRILLER]}
    groups |= {WATCHER: [SERVER_WATCHER], PLANNER: [GROWTH_PLANNER], GROWER: [HOME_GROWER]}
    for key, names in groups.items():
        sts.add(key, f"arn:aws:sts::{ACCOUNT}:assumed-role/{key}/session")
        cluster.let_in(f"arn:aws:iam::{ACCOUNT}:role/{key}", [], groups=names)
    cluster.namespace("jupyter")
    applied = [
        kubernetes(cluster, "ADMINKEY").apply(manifest).outcome for _ in range(2) for manifest in storage_access_manifests()
    ]
    count = len(storage_access_manifests())
    assert applied == ["created"] * count + ["unchanged"] * count
    for namespace in (JUPYTER, DEFAULT):
        for name in ("claim-ann", "claim-ben"):
            cluster.create(f"{namespace}/persistentvolumeclaims", {"metadata": {"name": name}, **CLAIM})
        cluster.create(f"{namespace}/pods", {"metadata": {"name": "jupyter-ann"}, **POD})
        cluster.create(f"{namespace}/secrets", {"metadata": {"name": "hub"}, "data": {}})
    return cluster


ALLOWED = [
    # method, path, who may
    ("GET", f"{JUPYTER}/persistentvolumeclaims", {READER, PRUNER}),
    ("GET", f"{JUPYTER}/pods", {READER, PRUNER}),
    ("GET", f"{CORE}/persistentvolumes", {READER, PRUNER, KEEPER}),
    ("GET", f"{JUPYTER}/persistentvolumeclaims/claim-ben", {PRUNER, KEEPER}),
]
REFUSED = [
    ("DELETE", f"{JUPYTER}/pods/jupyter-ann"),
    ("DELETE", f"{JUPYTER}/persistentvolumeclaims"),
    ("DELETE", f"{CORE}/persistentvolumes/pv-1"),
    ("DELETE", f"{DEFAULT}/persistentvolumeclaims/claim-ann"),
    ("PATCH", f"{JUPYTER}/persistentvolumeclaims/claim-ben"),
    ("POST", f"{DEFAULT}/persistentvolumeclaims"),
    ("GET", f"{DEFAULT}/persistentvolumeclaims"),
    ("GET", f"{CORE}/persistentvolumeclaims"),
    ("GET", f"{CORE}/pods"),
    ("GET", f"{JUPYTER}/pods/jupyter-ann/log"),
    ("GET", f"{JUPYTER}/secrets"),
    ("GET", f"{JUPYTER}/secrets/hub"),
    ("GET", f"{CORE}/secrets"),
    ("GET", f"{CORE}/nodes"),
    ("PATCH", f"{RBAC}/namespaces/jupyter/roles/hubplane:storage-pruner"),
]


@pytest.mark.parametrize("key", [READER, PRUNER, KEEPER, NOBODY])
@pytest.mark.parametrize(("method", "path", "holders"), ALLOWED, ids=[f"{method} {path}" for method, path, _ in ALLOWED])
def test_each_reads_what_it_has_to(hub: Cluster, method: str, path: str, holders: set[str], key: str) -> None:
    assert hub.ask(method, path, token=hub.token(key)).status == (200 if key in holders else 403)


@pytest.mark.parametrize("key", [READER, PRUNER, KEEPER])
@pytest.mark.parametrize(("method", "path"), REFUSED, ids=[f"{method} {path}" for method, path in REFUSED])
def test_none_may_do_anything_else(hub: Cluster, method: str, path: str, key: str) -> None:
    body = {"metadata": {"name": "claim-new"}, **CLAIM} if method in ("POST", "PATCH") else None
    content_type = "application/merge-patch+json" if method == "PATCH" else ""
    answer = hub.ask(method, path, body, token=hub.token(key), content_type=content_type)
    assert (answer.status, answer.body["reason"]) == (403, "Forbidden")


READ_BY_A_DIAGNOSIS = [
    f"{CORE}/nodes",
    f"{CORE}/persistentvolumes",
    "/apis/storage.k8s.io/v1/csinodes",
    "/apis/storage.k8s.io/v1/volumeattachments",
    f"{JUPYTER}/persistentvolumeclaims",
    f"{JUPYTER}/pods",
    f"{JUPYTER}/pods/jupyter-ann/log",
    f"{JUPYTER}/events",
]
NOT_READ_BY_A_DIAGNOSIS = [
    f"{JUPYTER}/secrets",
    f"{JUPYTER}/secrets/hub",
    f"{JUPYTER}/configmaps",
    f"{CORE}/pods",
    f"{DEFAULT}/pods/jupyter-ann/log",
    f"{CORE}/secrets",
]


@pytest.mark.parametrize("path", READ_BY_A_DIAGNOSIS)
def test_a_diagnosis_reads_and_changes_nothing(hub: Cluster, path: str) -> None:
    assert hub.ask("GET", path, token=hub.token(DIAGNOSIS)).status == 200
    assert hub.ask("DELETE", path.removesuffix("/log"), token=hub.token(DIAGNOSIS)).status == 403


@pytest.mark.parametrize("path", NOT_READ_BY_A_DIAGNOSIS)
def test_a_diagnosis_sees_no_secret_and_no_other_namespace(hub: Cluster, path: str) -> None:
    assert hub.ask("GET", path, token=hub.token(DIAGNOSIS)).status == 403


CLASS = "/apis/storage.k8s.io/v1/storageclasses/gp3"
BEN = f"{JUPYTER}/persistentvolumeclaims/claim-ben"
GROWTH = [
    # method, path, who may
    ("GET", f"{JUPYTER}/pods", {WATCHER, GROWER}),
    ("GET", BEN, {PLANNER, GROWER}),
    ("GET", f"{CORE}/persistentvolumes/pv-1", {PLANNER, GROWER}),
    ("GET", CLASS, {PLANNER}),
    ("PATCH", BEN, {GROWER}),
    ("DELETE", BEN, set()),
    ("GET", f"{JUPYTER}/persistentvolumeclaims", set()),
    ("POST", f"{JUPYTER}/persistentvolumeclaims", set()),
    ("PATCH", f"{DEFAULT}/persistentvolumeclaims/claim-ben", set()),
    ("PATCH", f"{CORE}/persistentvolumes/pv-1", set()),
    ("PATCH", CLASS, set()),
    ("DELETE", f"{JUPYTER}/pods/jupyter-ann", set()),
    ("GET", f"{JUPYTER}/secrets", set()),
]


@pytest.mark.parametrize("key", [WATCHER, PLANNER, GROWER])
@pytest.mark.parametrize(("method", "path", "holders"), GROWTH, ids=[f"{method} {path}" for method, path, _ in GROWTH])
def test_who_stops_servers_and_lets_homes_grow_may_do_no_more(
    hub: Cluster, method: str, path: str, holders: set[str], key: str
) -> None:
    body = {"metadata": {"labels": {"seen": "yes"}}} if method in ("POST", "PATCH") else None
    content_type = "application/merge-patch+json" if method == "PATCH" else ""
    answer = hub.ask(method, path, body, token=hub.token(key), content_type=content_type)
    assert (answer.status != 403) is (key in holders), answer.body


def test_the_sweep_reads_claims_and_may_not_delete_one(hub: Cluster) -> None:
    claims, _ = Claims(kubernetes(hub, READER)).read_claims()
    assert {(claim.namespace, claim.name) for claim in claims} >= {("jupyter", "claim-ben")}
    path = f"{JUPYTER}/persistentvolumeclaims/claim-ben"
    assert hub.ask("DELETE", path, token=hub.token(READER)).status == 403
    assert hub.ask("GET", path).status == 200


def test_the_pruner_looks_again_and_deletes_a_home_through_its_claim(hub: Cluster) -> None:
    claims = Claims(kubernetes(hub, PRUNER))
    now = claims.read_claim("jupyter", "claim-ann")
    assert now is not None
    claims.delete_claim(ClaimReference("jupyter", "claim-ann", now.claim.uid), now.version)
    until(lambda: claims.read_claim("jupyter", "claim-ann") is None, "the claim is gone")
    assert hub.ask("GET", f"{DEFAULT}/persistentvolumeclaims/claim-ann").status == 200


def test_the_keeper_joins_a_volume_with_its_claim_and_kubernetes_says_so(hub: Cluster) -> None:
    homes = HomeBinding(kubernetes(hub, KEEPER))
    bond = HomeBond("claim-cyd", "cyd", "vol-0123456789abcdef0", "home-1", 12, "us-east-1d", "gp3")
    homes.bind(bond)
    until(lambda: homes.look(bond) is Bond.BOUND, "the claim is bound")
    (stands,) = Claims(kubernetes(hub, KEEPER)).objects_of("vol-0123456789abcdef0")
    assert (stands.name, stands.held_by) == ("home-1", "claim-cyd")
    assert homes.bind(bond) is Bond.BOUND
    with pytest.raises(HomeTaken):
        homes.bind(replace(bond, persistent_volume_name="home-2"))
    path = f"{JUPYTER}/persistentvolumeclaims/claim-cyd"
    assert hub.ask("DELETE", path, token=hub.token(KEEPER)).status == 403


@pytest.mark.parametrize("key", [READER, PRUNER])
def test_only_the_keeper_makes_a_claim(hub: Cluster, key: str) -> None:
    body = {"metadata": {"name": "claim-new"}, **CLAIM}
    assert hub.ask("POST", f"{JUPYTER}/persistentvolumeclaims", body, token=hub.token(key)).status == 403


def test_the_mover_retains_a_volume_frees_its_claim_and_forgets_the_volume(hub: Cluster) -> None:
    """Exactly what a home's change needs, with Hubplane's own adapters; the claim of another namespace is out of reach."""
    bond = HomeBond("claim-dan", "dan", "vol-0123456789abcdef1", "home-dan", 12, "us-east-1d", "gp3")
    homes, claims = HomeBinding(kubernetes(hub, KEEPER)), Claims(kubernetes(hub, MOVER))
    homes.bind(bond)
    until(lambda: homes.look(bond) is Bond.BOUND, "the claim is bound")
    (seen,) = claims.objects_of("vol-0123456789abcdef1")
    assert (seen.retains, seen.held_by) == (False, "claim-dan")
    assert not claims.forget("home-dan"), "a volume that would go with its object is never removed"
    claims.retain("home-dan")
    now = claims.read_claim("jupyter", "claim-dan")
    assert now is not None
    claims.delete_claim(ClaimReference("jupyter", "claim-dan", now.claim.uid), now.version)
    until(lambda: claims.read_claim("jupyter", "claim-dan") is None, "the claim is gone")
    (seen,) = claims.objects_of("vol-0123456789abcdef1")
    assert (seen.retains, seen.held_by) == (True, None)
    assert claims.forget("home-dan")
    assert claims.objects_of("vol-0123456789abcdef1") == ()
    assert hub.ask("DELETE", f"{DEFAULT}/persistentvolumeclaims/claim-ben", token=hub.token(MOVER)).status == 403
    assert hub.ask("GET", f"{JUPYTER}/secrets/hub", token=hub.token(MOVER)).status == 403


def test_a_drill_has_its_namespace_and_nothing_of_the_hub_s(hub: Cluster) -> None:
    for manifest in drill_access_manifests():
        kubernetes(hub, "ADMINKEY").apply(manifest)
    token = hub.token(DRILLER)
    assert hub.ask("POST", f"{DRILL}/pods", {"metadata": {"name": "drill-0"}, **POD}, token=token).status == 201
    assert hub.ask("GET", f"{DRILL}/pods", token=token).status == 200
    assert hub.ask("DELETE", f"{DRILL}/pods/drill-0", token=token).status == 200
    for method, path in (("POST", "pods"), ("GET", "persistentvolumeclaims/claim-ben"), ("GET", "secrets/hub"), ("GET", "pods")):
        body = {"metadata": {"name": "drill-0"}, **POD} if method == "POST" else None
        assert hub.ask(method, f"{JUPYTER}/{path}", body, token=token).status == 403, path
    assert hub.ask("GET", f"{DRILL}/secrets", token=token).status == 403
