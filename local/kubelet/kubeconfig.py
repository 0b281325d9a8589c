"""A pod's service account as a kubeconfig.

Kubernetes clients in a pod read the token from a fixed path below /var/run, which a process here cannot have for itself.
KubeSpawner falls back to ``KUBECONFIG`` when its variables for in-cluster use are absent (kubespawner/clients.py,
``load_config``), so the same token and certificate authority are handed over that way.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
AUTHORITY_FILE = f"{SERVICE_ACCOUNT}/ca.crt"
IN_CLUSTER_VARIABLES = ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")


def cluster_key(files: Mapping[str, bytes]) -> str:
    """A folder name for the cluster that a pod belongs to: pods and claims of two clusters may have the same names, their
    certificate authorities differ. ``cluster`` for pods without a service account."""
    authority = files.get(AUTHORITY_FILE)
    return hashlib.sha256(authority).hexdigest()[:12] if authority else "cluster"


def service_account_kubeconfig(environment: Mapping[str, str], files: Mapping[str, bytes]) -> str | None:
    """The kubeconfig, JSON being YAML, or None where the pod was given no token or no address. Certificate authority and
    token are named by their container paths, to be rewritten like all others."""
    host, port = (environment.get(name) for name in IN_CLUSTER_VARIABLES)
    token_file = f"{SERVICE_ACCOUNT}/token"
    if not host or not port or token_file not in files:
        return None
    cluster = {"server": f"https://{host}:{port}"}
    if AUTHORITY_FILE in files:
        cluster["certificate-authority"] = AUTHORITY_FILE
    namespace = files.get(f"{SERVICE_ACCOUNT}/namespace", b"default").decode().strip()
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "pod",
            "clusters": [{"name": "cluster", "cluster": cluster}],
            "users": [{"name": "pod", "user": {"tokenFile": token_file}}],
            "contexts": [{"name": "pod", "context": {"cluster": "cluster", "user": "pod", "namespace": namespace}}],
        },
        indent=2,
    )
