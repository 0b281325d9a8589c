"""What a container finds inside: its environment and the files of mounted ConfigMaps, Secrets and the service account."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from local.kubernetes.store import Object, Store

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


class ContentMissing(Exception):
    """A ConfigMap, a Secret or a key that the pod needs is not there; the message is the kubelet's."""


def environment(store: Store, pod: Object, container: Object) -> dict[str, str]:
    """The variables that the container's ``envFrom`` and ``env`` give. Raises ``ContentMissing``."""
    found: dict[str, str] = {}
    namespace = pod["metadata"]["namespace"]
    for source in container.get("envFrom") or ():
        for kind, plural in (("configMapRef", "configmaps"), ("secretRef", "secrets")):
            if kind in source:
                entries = _entries(store, plural, namespace, source[kind]["name"], bool(source[kind].get("optional")))
                found |= {source.get("prefix", "") + key: value.decode("utf-8", "replace") for key, value in entries.items()}
    for variable in container.get("env") or ():
        value = variable.get("value", "") if "valueFrom" not in variable else _value(store, pod, container, variable["valueFrom"])
        if value is not None:
            found[variable["name"]] = value
    return found


def _value(store: Store, pod: Object, container: Object, source: Mapping[str, Any]) -> str | None:
    namespace = pod["metadata"]["namespace"]
    for kind, plural in (("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets")):
        if kind in source:
            reference = source[kind]
            optional = bool(reference.get("optional"))
            entries = _entries(store, plural, namespace, reference["name"], optional)
            if reference["key"] in entries:
                return entries[reference["key"]].decode("utf-8", "replace")
            if optional:
                return None
            word = "ConfigMap" if plural == "configmaps" else "Secret"
            raise ContentMissing(f"couldn't find key {reference['key']} in {word} {namespace}/{reference['name']}")
    if "fieldRef" in source:
        return field_text(pod, source["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in source:
        kind, _, name = source["resourceFieldRef"]["resource"].partition(".")
        return str(((container.get("resources") or {}).get(kind) or {}).get(name, "0"))
    return ""


def field_text(pod: Object, path: str) -> str:
    """A field of the pod by the path of a ``fieldRef``, such as ``metadata.labels['app']``."""
    for root in ("metadata.labels", "metadata.annotations"):
        if path.startswith(f"{root}['"):
            return str((pod["metadata"].get(root.partition(".")[2]) or {}).get(path[len(root) + 2 : -2], ""))
    value: Any = pod
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return "" if value is None else str(value)


def mounted_files(store: Store, pod: Object, container: Object, token: str, certificate: str) -> dict[str, bytes]:
    """The files that the container's mounts show, by absolute path. Raises ``ContentMissing``."""
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
    found: dict[str, bytes] = {}
    for mount in container.get("volumeMounts") or ():
        files = _volume_files(store, pod, volumes.get(mount["name"], {}), token)
        below = mount.get("subPath", "").strip("/")
        for path, content in files.items():
            if not below:
                found[str(PurePosixPath(mount["mountPath"]) / path)] = content
            elif path == below:
                found[mount["mountPath"]] = content
            elif path.startswith(f"{below}/"):
                found[str(PurePosixPath(mount["mountPath"]) / path[len(below) + 1 :])] = content
    account = store.find("serviceaccounts", pod["metadata"]["namespace"], pod["spec"].get("serviceAccountName", "default"))
    wanted = pod["spec"].get("automountServiceAccountToken", (account or {}).get("automountServiceAccountToken", True))
    if wanted:
        found[f"{SERVICE_ACCOUNT}/token"] = token.encode()
        found[f"{SERVICE_ACCOUNT}/ca.crt"] = certificate.encode()
        found[f"{SERVICE_ACCOUNT}/namespace"] = pod["metadata"]["namespace"].encode()
    return found


def _volume_files(store: Store, pod: Object, volume: Mapping[str, Any], token: str) -> dict[str, bytes]:
    namespace = pod["metadata"]["namespace"]
    if "configMap" in volume:
        return _chosen(store, "configmaps", namespace, volume["configMap"], "name")
    if "secret" in volume:
        return _chosen(store, "secrets", namespace, volume["secret"], "secretName")
    if "downwardAPI" in volume:
        return dict(_downward(pod, volume["downwardAPI"].get("items") or ()))
    files: dict[str, bytes] = {}
    for source in (volume.get("projected") or {}).get("sources") or ():
        if "configMap" in source:
            files |= _chosen(store, "configmaps", namespace, source["configMap"], "name")
        elif "secret" in source:
            files |= _chosen(store, "secrets", namespace, source["secret"], "name")
        elif "downwardAPI" in source:
            files |= dict(_downward(pod, source["downwardAPI"].get("items") or ()))
        elif "serviceAccountToken" in source:
            files[source["serviceAccountToken"]["path"]] = token.encode()
    return files


def _chosen(store: Store, plural: str, namespace: str, source: Mapping[str, Any], name_field: str) -> dict[str, bytes]:
    optional = bool(source.get("optional"))
    entries = _entries(store, plural, namespace, source[name_field], optional)
    if not source.get("items"):
        return entries
    chosen = {}
    for item in source["items"]:
        if item["key"] in entries:
            chosen[item["path"]] = entries[item["key"]]
        elif not optional:
            raise ContentMissing(f"references non-existent {plural[:-1]} key: {item['key']}")
    return chosen


def _entries(store: Store, plural: str, namespace: str, name: str, optional: bool) -> dict[str, bytes]:
    found = store.find(plural, namespace, name)
    if found is None:
        if optional:
            return {}
        raise ContentMissing(f'{plural[:-1]} "{name}" not found')
    if plural == "secrets":
        return {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}
    plain = {key: value.encode() for key, value in (found.get("data") or {}).items()}
    return plain | {key: base64.b64decode(value) for key, value in (found.get("binaryData") or {}).items()}


def _downward(pod: Object, items: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, bytes]]:
    for item in items:
        if "fieldRef" in item:
            yield item["path"], field_text(pod, item["fieldRef"]["fieldPath"]).encode()
