"""Access to a built cluster for kubectl and helm: the same signed token that `aws eks get-token` makes."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3

from hubplane.adapters import eks
from local.guide.deploy import client
from local.guide.processes import REPOSITORY, EmbeddedCloud

TOKEN_MINUTES = 14
"""EKS takes a token for 15 minutes from its signing (aws-iam-authenticator); the last one is left unused."""


def exec_credential(cluster_name: str) -> str:
    """The ExecCredential JSON that kubectl and helm ask their plugin for, with AWS taken from the environment."""
    session = boto3.Session()
    connection = eks.cluster_connection(session.client("eks"), session, cluster_name)
    expires_at = datetime.now(UTC) + timedelta(minutes=TOKEN_MINUTES)
    status = {"token": connection.token, "expirationTimestamp": expires_at.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status})


def write_kubeconfig(cloud: EmbeddedCloud, cluster_name: str, file: Path) -> None:
    """A kubeconfig with one context, namespace jupyter, whose credentials come from ``exec_credential``."""
    cluster = client(cloud, "eks").describe_cluster(name=cluster_name)["cluster"]
    variables = [{"name": name, "value": value} for name, value in cloud.environment().items()]
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": cluster_name,
        "clusters": [
            {
                "name": cluster_name,
                "cluster": {
                    "server": cluster["endpoint"],
                    "certificate-authority-data": cluster["certificateAuthority"]["data"],
                },
            }
        ],
        "contexts": [{"name": cluster_name, "context": {"cluster": cluster_name, "user": cluster_name, "namespace": "jupyter"}}],
        "users": [
            {
                "name": cluster_name,
                "user": {
                    "exec": {
                        "apiVersion": "client.authentication.k8s.io/v1",
                        "command": sys.executable,
                        "args": ["-m", "local.guide", "token", cluster_name],
                        "env": [*variables, {"name": "PYTHONPATH", "value": str(REPOSITORY)}],
                        "interactiveMode": "Never",
                    }
                },
            }
        ],
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=2) + "\n")
    file.chmod(0o600)
