"""EKS Pod Identity of one cluster: which role the pods of a service account have, and the credentials that its agent gives them.

A pod whose service account has an association gets the variables that EKS' admission webhook adds and a token file (EKS User
Guide, "Understand how EKS Pod Identity works"); an SDK takes its credentials from there by itself. The agent's address on a node,
169.254.170.23, is a path of the control API here.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local.kubernetes.access.service_accounts import ServiceAccountTokens

TOKEN_FILE = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token"


@dataclass
class PodIdentities:
    """The associations of a cluster. ``sts`` makes a client of the emulator; ``agent_url`` is the control API's."""

    cluster_name: str
    region: str
    tokens: ServiceAccountTokens
    sts: Callable[[], Any]
    agent_url: str = ""
    roles: dict[tuple[str, str], str] = field(default_factory=dict)
    """(namespace, service account) -> role ARN."""

    def environment(self, namespace: str, service_account: str) -> dict[str, str]:
        """What is added to the pod's variables when it is made; nothing without an association, as on EKS."""
        if (namespace, service_account) not in self.roles:
            return {}
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": self.agent_url,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": TOKEN_FILE,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
        }

    def files(self, namespace: str, service_account: str, token: str) -> dict[str, bytes]:
        """The token file of such a pod."""
        return {TOKEN_FILE: token.encode()} if (namespace, service_account) in self.roles else {}

    async def credentials(self, token: str) -> dict[str, str] | None:
        """The agent's answer to a pod's token; None for a token of nobody, or of somebody without a role."""
        identity = self.tokens.identity(token)
        role = self.roles.get(tuple(identity.user.split(":")[2:])) if identity else None  # type: ignore[arg-type]
        if role is None:
            return None
        return await asyncio.to_thread(self._assume, role)

    def _assume(self, role_arn: str) -> dict[str, str]:
        tags = [{"Key": "eks-cluster-name", "Value": self.cluster_name}]
        session = f"eks-{self.cluster_name}-{uuid.uuid4().hex[:12]}"[:64]
        found = self.sts().assume_role(RoleArn=role_arn, RoleSessionName=session, Tags=tags)["Credentials"]
        return {
            "AccessKeyId": found["AccessKeyId"],
            "SecretAccessKey": found["SecretAccessKey"],
            "Token": found["SessionToken"],
            "Expiration": found["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
