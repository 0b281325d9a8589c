"""Kubernetes: the official client's transport with plain dicts.

Only the client's REST layer is used, below ``ApiClient``: the generated classes (``CoreV1Api`` and its kin) load some 700
model modules for what a dict does as well, and ``ApiClient`` 36 breaks on a failed TLS handshake (it decodes a body that an
error without an answer has not got).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import urllib3
from kubernetes.client.configuration import Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.client.rest import RESTClientObject

from hubplane.domain.errors import HubplaneError, NotYet, ProviderError, Throttled
from hubplane.domain.kubernetes_access import ClusterConnection

FIELD_MANAGER = "hubplane"
PAGE_SIZE = 500
"""What kubectl asks for per page (``--chunk-size``)."""

LONGEST_LOG_BYTES = 1_000_000
"""Of a log only the end is of interest; a line may be long."""

REQUEST_TIMEOUT_SECONDS = (5, 30)
"""To connect and to answer. A list of 500 is answered in well under a second; a dead endpoint must not cost a minute."""


@dataclass(frozen=True)
class Applied:
    """What an apply did: ``created``, ``changed`` or ``unchanged``, and the object as the API server has it now."""

    outcome: str
    manifest: Mapping[str, Any]


@dataclass(frozen=True)
class Resource:
    """Where the API keeps a kind: ``group_version`` as in a manifest's ``apiVersion``."""

    group_version: str
    plural: str
    is_namespaced: bool = True

    def path(self, namespace: str | None, name: str = "") -> str:
        """The URL path of one object, or of all in a namespace, or (namespace None) of all in the cluster."""
        root = "/api" if "/" not in self.group_version else "/apis"
        inside = f"/namespaces/{namespace}" if self.is_namespaced and namespace else ""
        return f"{root}/{self.group_version}{inside}/{self.plural}" + (f"/{name}" if name else "")


RESOURCES = {
    "Namespace": Resource("v1", "namespaces", is_namespaced=False),
    "Node": Resource("v1", "nodes", is_namespaced=False),
    "PersistentVolume": Resource("v1", "persistentvolumes", is_namespaced=False),
    "PersistentVolumeClaim": Resource("v1", "persistentvolumeclaims"),
    "Pod": Resource("v1", "pods"),
    "Service": Resource("v1", "services"),
    "ConfigMap": Resource("v1", "configmaps"),
    "Event": Resource("v1", "events"),
    "Deployment": Resource("apps/v1", "deployments"),
    "StatefulSet": Resource("apps/v1", "statefulsets"),
    "DaemonSet": Resource("apps/v1", "daemonsets"),
    "PodDisruptionBudget": Resource("policy/v1", "poddisruptionbudgets"),
    "StorageClass": Resource("storage.k8s.io/v1", "storageclasses", is_namespaced=False),
    "CSINode": Resource("storage.k8s.io/v1", "csinodes", is_namespaced=False),
    "VolumeAttachment": Resource("storage.k8s.io/v1", "volumeattachments", is_namespaced=False),
    "ClusterRole": Resource("rbac.authorization.k8s.io/v1", "clusterroles", is_namespaced=False),
    "ClusterRoleBinding": Resource("rbac.authorization.k8s.io/v1", "clusterrolebindings", is_namespaced=False),
    "Role": Resource("rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": Resource("rbac.authorization.k8s.io/v1", "rolebindings"),
}
"""The kinds that Hubplane uses. Discovery would ask the API server on every cold start for what never changes."""


class Kubernetes:
    """Objects of one cluster, as dicts. Every message names the object and keeps the API server's own words."""

    def __init__(self, connection: ClusterConnection) -> None:
        self._cluster_name = connection.cluster_name
        configuration = Configuration(host=connection.endpoint)
        # urllib3 would try three times by itself and hide how long that takes; the state machine retries.
        configuration.retries = False
        self._rest = RESTClientObject(configuration)
        # The client takes its authority as a file only; urllib3 below it takes the text, and no file has to be cleaned up.
        authority = base64.b64decode(connection.certificate_authority_data).decode()
        self._rest.pool_manager.connection_pool_kw["ca_cert_data"] = authority
        self._endpoint = connection.endpoint.rstrip("/")
        self._headers = {"Authorization": f"Bearer {connection.token}", "Accept": "application/json"}

    def get(self, kind: str, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        """The object, or None where there is none. Reads only."""
        resource = RESOURCES[kind]
        return self._call(f"read {kind} {name}", "GET", resource.path(namespace, name), absent_is_none=True)

    def list(
        self, kind: str, namespace: str | None = None, *, label_selector: str = "", field_selector: str = ""
    ) -> Iterator[dict[str, Any]]:
        """All objects of a kind, page by page; ``namespace`` None means every namespace. Reads only.

        Raises ``NotYet`` when the list changed so much meanwhile that the API server forgot where it was (410): start again.
        """
        resource = RESOURCES[kind]
        query = {"limit": str(PAGE_SIZE), "labelSelector": label_selector, "fieldSelector": field_selector, "continue": ""}
        while True:
            page = self._call(
                f"list {resource.plural}", "GET", resource.path(namespace), {key: value for key, value in query.items() if value}
            )
            assert page is not None  # noqa: S101 - only absent_is_none answers None
            # Items of a list carry neither kind nor apiVersion.
            yield from ({"apiVersion": resource.group_version, "kind": kind, **item} for item in page.get("items") or ())
            query["continue"] = page.get("metadata", {}).get("continue", "")
            if not query["continue"]:
                return

    def log(self, namespace: str, pod: str, *, lines: int, since_seconds: int | None = None, container: str = "") -> str:
        """The last lines that a container of the pod wrote, the first one's where none is named; "" where the pod is gone.

        ``since_seconds``: none that is older.
        """
        query = {"tailLines": str(lines), "limitBytes": str(LONGEST_LOG_BYTES), "container": container}
        if since_seconds is not None:
            query["sinceSeconds"] = str(since_seconds)
        response = self._request(
            f"read the log of pod {pod}",
            "GET",
            f"{RESOURCES['Pod'].path(namespace, pod)}/log",
            {key: value for key, value in query.items() if value},
            absent_is_none=True,
        )
        return "" if response is None else bytes(response.data).decode(errors="replace")

    def apply(self, manifest: Mapping[str, Any]) -> Applied:
        """Make the object have these fields (server-side apply, forced). Repeatable: an equal object stays ``unchanged``."""
        kind, metadata = manifest["kind"], manifest["metadata"]
        before = self.get(kind, metadata["name"], metadata.get("namespace"))
        after = self._call(
            f"apply {kind} {metadata['name']}",
            "PATCH",
            RESOURCES[kind].path(metadata.get("namespace"), metadata["name"]),
            {"fieldManager": FIELD_MANAGER, "force": "true", "fieldValidation": "Strict"},
            body=manifest,
            content_type="application/apply-patch+yaml",
        )
        assert after is not None  # noqa: S101 - only absent_is_none answers None
        if before is None:
            return Applied("created", after)
        # The API server keeps the resourceVersion of an object that an apply leaves as it is.
        same = before["metadata"].get("resourceVersion") == after["metadata"].get("resourceVersion")
        return Applied("unchanged" if same else "changed", after)

    def create(self, manifest: Mapping[str, Any]) -> dict[str, Any] | None:
        """Make the object; None, and nothing is changed, where one of its name is there already: look whether it is the same."""
        kind, metadata = manifest["kind"], manifest["metadata"]
        path = RESOURCES[kind].path(metadata.get("namespace"))
        query = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
        try:
            return self._call(f"create {kind} {metadata['name']}", "POST", path, query, body=manifest, tell_conflict=True)
        except _Conflict:
            return None

    def delete(self, kind: str, name: str, namespace: str | None = None) -> bool:
        """Ask for the object's removal; False where it is gone already. Repeatable. Finalizers may keep it for a while."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        path = RESOURCES[kind].path(namespace, name)
        return self._call(f"delete {kind} {name}", "DELETE", path, body=body, absent_is_none=True) is not None

    def delete_exactly(self, kind: str, name: str, namespace: str | None, uid: str, version: str) -> bool | None:
        """Delete the object of this uid in this resourceVersion. False where it is gone, None where it is another one by now.

        The API server holds both preconditions (DeleteOptions, Kubernetes API reference) against what it has this moment.
        """
        preconditions = {"uid": uid, "resourceVersion": version}
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions, "propagationPolicy": "Background"}
        path = RESOURCES[kind].path(namespace, name)
        try:
            return (
                self._call(f"delete {kind} {name}", "DELETE", path, body=body, absent_is_none=True, tell_conflict=True)
                is not None
            )
        except _Conflict:
            return None

    def _call(
        self,
        doing: str,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        absent_is_none: bool = False,
        tell_conflict: bool = False,
    ) -> dict[str, Any] | None:
        response = self._request(
            doing,
            method,
            path,
            query,
            body=body,
            content_type=content_type,
            absent_is_none=absent_is_none,
            tell_conflict=tell_conflict,
        )
        answer: dict[str, Any] | None = None if response is None else json.loads(response.data)
        return answer

    def _request(
        self,
        doing: str,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        absent_is_none: bool = False,
        tell_conflict: bool = False,
    ) -> Any:
        doing = f"{doing} on cluster {self._cluster_name}"
        try:
            return self._rest.request(
                method,
                self._endpoint + path,
                query_params=dict(query or {}),
                headers={**self._headers, "Content-Type": content_type},
                body=body,
                _request_timeout=REQUEST_TIMEOUT_SECONDS,
            )
        except ApiException as error:
            if error.status == 404 and absent_is_none:
                return None
            if error.status == 409 and tell_conflict:
                raise _Conflict from None
            raise api_error(doing, error) from None
        except urllib3.exceptions.HTTPError as error:
            raise NotYet(
                f"{doing}: the API server does not answer ({type(error).__name__}): is its endpoint reachable?"
            ) from None


class _Conflict(Exception):
    """A precondition does not hold, or a name is taken; never leaves this module."""


def api_error(doing: str, error: ApiException) -> HubplaneError:
    """The error class for a refusal of the API server, with its own message.

    401, and 403 from the authorizer: access entries and their policies reach the API server some seconds after EKS accepted
    them (https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html), so trying again is right; a state machine
    does so a few times and then shows this message.
    """
    message, causes = _status_of(error)
    said = f"{doing}: {message}"
    status = error.status
    if status == 429:
        return Throttled(said)
    if status == 401:
        return NotYet(f"{said} (has the caller's IAM role an access entry? A build makes it, and it takes some seconds)")
    if status == 403 and (" cannot " in message or "NamespaceTerminating" in causes):
        return NotYet(said)
    if status in (409, 410, 503):
        return NotYet(said)
    return ProviderError(said)


def _status_of(error: ApiException) -> tuple[str, set[str]]:
    """Message and causes of a Kubernetes Status; what the HTTP layer says where there is none."""
    try:
        status = json.loads(error.body)
        causes = {cause.get("reason", "") for cause in (status.get("details") or {}).get("causes") or []}
        return status["message"], causes
    except (TypeError, ValueError, KeyError, AttributeError):
        return f"HTTP {error.status} {error.reason or ''}".strip(), set()
