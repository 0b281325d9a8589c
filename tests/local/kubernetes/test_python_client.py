"""The Python client against the stand-in."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes import client, dynamic, watch

from tests.local.kubernetes.running import Cluster, until


@pytest.fixture(scope="module")
def api(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[client.ApiClient]:
    """A client of the cluster."""
    authority: Path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.write_text(cluster.certificate)
    configuration = client.Configuration()
    configuration.host, configuration.ssl_ca_cert = cluster.endpoint, str(authority)
    configuration.api_key = {"authorization": f"Bearer {cluster.token()}"}
    configuration.proxy = configuration.no_proxy = None
    cluster.namespace("py")
    with client.ApiClient(configuration) as made:
        yield made


def test_typed_objects_go_there_and_back(api: client.ApiClient) -> None:
    core = client.CoreV1Api(api)
    made = core.create_namespaced_config_map("py", client.V1ConfigMap(metadata=client.V1ObjectMeta(name="c"), data={"a": "1"}))
    assert made.metadata.uid and made.metadata.creation_timestamp.tzinfo
    assert core.patch_namespaced_config_map("c", "py", {"data": {"b": "2"}}).data == {"a": "1", "b": "2"}
    patch = [{"op": "remove", "path": "/data/a"}]
    assert core.patch_namespaced_config_map("c", "py", patch).data == {"b": "2"}
    stale = client.V1ConfigMap(metadata=made.metadata, data={})
    with pytest.raises(client.ApiException, match="the object has been modified") as conflict:
        core.replace_namespaced_config_map("c", "py", stale)
    assert conflict.value.status == 409
    core.delete_namespaced_config_map("c", "py")
    with pytest.raises(client.ApiException) as gone:
        core.read_namespaced_config_map("c", "py")
    assert gone.value.status == 404


def test_lists_come_in_pages(api: client.ApiClient) -> None:
    core = client.CoreV1Api(api)
    for number in range(5):
        core.create_namespaced_secret(
            "py", client.V1Secret(metadata=client.V1ObjectMeta(name=f"s{number}", labels={"page": "yes"}))
        )
    names: list[str] = []
    token = None
    while True:
        found = core.list_namespaced_secret("py", label_selector="page=yes", limit=2, _continue=token)
        names += [one.metadata.name for one in found.items]
        token = found.metadata._continue
        if not token:
            break
    assert names == [f"s{number}" for number in range(5)]


def test_watches_stream(api: client.ApiClient) -> None:
    core = client.CoreV1Api(api)
    core.create_namespaced_pod(
        "py",
        client.V1Pod(
            metadata=client.V1ObjectMeta(name="watched"),
            spec=client.V1PodSpec(containers=[client.V1Container(name="c", image="c:1")]),
        ),
    )
    phases = []
    for event in watch.Watch().stream(core.list_namespaced_pod, "py", field_selector="metadata.name=watched", timeout_seconds=5):
        phases.append(event["object"].status.phase)
        if phases[-1] == "Running":
            break
    assert phases[-1] == "Running"


def test_claims_grow_only_where_their_class_allows_it(api: client.ApiClient, cluster: Cluster) -> None:
    core, storage = client.CoreV1Api(api), client.StorageV1Api(api)
    storage.create_storage_class(
        client.V1StorageClass(
            metadata=client.V1ObjectMeta(name="fixed"), provisioner="example.com/none", allow_volume_expansion=False
        )
    )
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "hostPath": {"path": "/x"},
        "storageClassName": "fixed",
    }
    cluster.create("/api/v1/persistentvolumes", {"metadata": {"name": "pv1"}, "spec": spec})
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "fixed",
        "resources": {"requests": {"storage": "1Gi"}},
        "volumeName": "pv1",
    }
    core.create_namespaced_persistent_volume_claim("py", {"metadata": {"name": "home"}, "spec": claim})
    until(lambda: core.read_namespaced_persistent_volume_claim("home", "py").status.phase == "Bound", "the claim is bound")
    with pytest.raises(client.ApiException, match="only dynamically provisioned pvc can be resized"):
        core.patch_namespaced_persistent_volume_claim("home", "py", {"spec": {"resources": {"requests": {"storage": "2Gi"}}}})


def test_the_dynamic_client_discovers_and_applies(api: client.ApiClient) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dynamic_client = dynamic.DynamicClient(api)
    budgets = dynamic_client.resources.get(api_version="policy/v1", kind="PodDisruptionBudget")
    body = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "pdb"}, "spec": {"minAvailable": 1}}
    made = budgets.server_side_apply(body=body, name="pdb", namespace="py", field_manager="tests")
    assert made.metadata.managedFields[0].manager == "tests"
    assert budgets.get(name="pdb", namespace="py").spec.minAvailable == 1
