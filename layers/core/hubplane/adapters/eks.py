"""EKS: how to reach the Kubernetes API of a cluster, and what there is before one is built."""

from __future__ import annotations

import base64
from typing import Any

from botocore.model import ServiceId
from botocore.signers import RequestSigner

from hubplane.domain.account_check.facts import ExistingCluster, KubernetesVersion
from hubplane.domain.errors import NotYet
from hubplane.domain.kubernetes_access import ClusterConnection
from hubplane.domain.provider_errors import error_code, translated

# The form that EKS's authenticator asks for, https://github.com/kubernetes-sigs/aws-iam-authenticator#api-authorization-from-outside-a-cluster:
# the prefix, the header that names the cluster (signed, so that a token of one cluster is refused by another), and 60 s of
# X-Amz-Expires. EKS accepts the token for 15 minutes from its X-Amz-Date, longer than a Lambda function may run.
TOKEN_PREFIX = "k8s-aws-v1."  # noqa: S105
CLUSTER_NAME_HEADER = "x-k8s-aws-id"
TOKEN_EXPIRES_SECONDS = 60

ANSWERING = frozenset({"ACTIVE", "UPDATING"})
"""Of botocore's ClusterStatus. Pods run on, and the API answers, while EKS renews a control plane or changes its settings
(https://docs.aws.amazon.com/eks/latest/userguide/update-cluster.html)."""


def cluster_connection(eks_client: Any, session: Any, cluster_name: str) -> ClusterConnection:
    """Endpoint, CA and a fresh bearer token of the cluster, for the identity of the ``boto3.Session``.

    Reads only and can be repeated. Ask again rather than keep the token: EKS takes it for 15 minutes. Raises ``NotYet``
    while EKS has not given the cluster an endpoint, ``ProviderError`` where no such cluster exists.
    """
    with translated(f"describe EKS cluster {cluster_name}"):
        cluster = eks_client.describe_cluster(name=cluster_name)["cluster"]
    endpoint = cluster.get("endpoint")
    authority = cluster.get("certificateAuthority", {}).get("data")
    if not endpoint or not authority:
        raise NotYet(
            f"EKS cluster {cluster_name} is {cluster.get('status', 'in an unknown state')} and has no endpoint or certificate "
            "authority yet: wait until it is ACTIVE and try again"
        )
    return ClusterConnection(
        cluster_name=cluster_name,
        endpoint=endpoint,
        certificate_authority_data=authority,
        token=bearer_token(session, cluster_name),
    )


def answers(eks_client: Any, cluster_name: str) -> bool:
    """Whether the cluster's API can be asked; that of one which is being made or deleted, or whose making failed, cannot."""
    return cluster_status(eks_client, cluster_name) in ANSWERING


def cluster_status(eks_client: Any, cluster_name: str) -> str | None:
    """EKS's word for the cluster's state, None where there is no such cluster. Reads only."""
    with translated(f"describe EKS cluster {cluster_name}"):
        try:
            status: str = eks_client.describe_cluster(name=cluster_name)["cluster"]["status"]
        except Exception as error:
            if error_code(error) == "ResourceNotFoundException":
                return None
            raise
    return status


def bearer_token(session: Any, cluster_name: str) -> str:
    """A token for the cluster's API: a signed STS GetCallerIdentity URL, base64url without padding. Asks nothing of AWS.

    The STS client only tells its endpoint, which is the Region's own, right in every partition, and follows
    ``AWS_ENDPOINT_URL``; it is never called.
    """
    region = session.region_name
    endpoint = session.client("sts", region_name=region).meta.endpoint_url.rstrip("/")
    signer = RequestSigner(ServiceId("sts"), region, "sts", "v4", session.get_credentials(), session.events)
    url = signer.generate_presigned_url(
        {
            "method": "GET",
            "url": f"{endpoint}/?Action=GetCallerIdentity&Version=2011-06-15",
            "body": {},
            "headers": {CLUSTER_NAME_HEADER: cluster_name},
            "context": {},
        },
        operation_name="GetCallerIdentity",
        expires_in=TOKEN_EXPIRES_SECONDS,
        region_name=region,
    )
    return TOKEN_PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


class Eks:
    """Questions about clusters of one Region; ``client`` is a boto3 EKS client. Reads only."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def kubernetes_version(self, version: str) -> KubernetesVersion | None:
        """What EKS says of a Kubernetes version; None for one that it does not list."""
        with translated("describe the Kubernetes versions of EKS"):
            pages = self._client.get_paginator("describe_cluster_versions").paginate(includeAll=True)
            for item in (item for page in pages for item in page["clusterVersions"]):
                if item["clusterVersion"] == version:
                    status = item.get("versionStatus") or item["status"].upper().replace("-", "_")
                    return KubernetesVersion(version, status, item.get("endOfStandardSupportDate"))
        return None

    def existing_cluster(self, cluster_name: str) -> ExistingCluster | None:
        """The cluster of this name with the subnets of its node groups; None where there is none."""
        with translated(f"describe EKS cluster {cluster_name}"):
            try:
                cluster = self._client.describe_cluster(name=cluster_name)["cluster"]
            except Exception as error:
                if error_code(error) == "ResourceNotFoundException":
                    return None
                raise
            pages = self._client.get_paginator("list_nodegroups").paginate(clusterName=cluster_name)
            groups = [name for page in pages for name in page["nodegroups"]]
            described = [self._client.describe_nodegroup(clusterName=cluster_name, nodegroupName=name) for name in groups]
        return ExistingCluster(
            version=cluster["version"],
            status=cluster["status"],
            subnet_ids=tuple(cluster.get("resourcesVpcConfig", {}).get("subnetIds", ())),
            node_subnet_ids=tuple(sorted({subnet for answer in described for subnet in answer["nodegroup"].get("subnets", ())})),
            is_ours=cluster.get("tags", {}).get("hubplane:cluster") == cluster_name,
        )

    def count_clusters(self) -> int:
        """All EKS clusters of the account in this Region."""
        with translated("list EKS clusters"):
            pages = self._client.get_paginator("list_clusters").paginate()
            return sum(len(page["clusters"]) for page in pages)
