"""EKS access entries: who may use a cluster's Kubernetes API."""

from __future__ import annotations

from typing import Any

from ministack.services import eks

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend

Answer = tuple[int, dict[str, str], bytes]


@mend
def access_entries_let_in(cloud: Cloud, gateway: Gateway) -> None:
    """Access entries are only kept, and are taken whatever the cluster's authentication mode.

    With this each change goes to the stand-in, and EKS's refusals are there: of CONFIG_MAP clusters, and of groups that
    Kubernetes keeps for itself (its words are those of https://github.com/terraform-aws-modules/terraform-aws-eks/issues/2915).
    """

    def forward(cluster_name: str, principal_arn: str) -> None:
        cluster = eks._clusters.get(cluster_name)
        if not cluster or cluster["status"] != "ACTIVE":
            return
        entry = eks._access_entries.get(eks._ae_key(cluster_name, principal_arn))
        if entry is None:
            cloud.stand_in.delete_access(cluster_name, principal_arn)
            return
        prefix = f"{cluster_name}\x00{principal_arn}\x00"
        policies = [policy for key, policy in eks._access_policies.items() if key.startswith(prefix)]
        wide = [policy for policy in policies if policy["accessScope"]["type"] == "cluster"]
        narrow = [policy for policy in policies if policy not in wide]
        alike = not wide and len({tuple(sorted(policy["accessScope"]["namespaces"])) for policy in narrow}) == 1
        scoped = [] if alike else [(policy["policyArn"], sorted(policy["accessScope"]["namespaces"])) for policy in narrow]
        cloud.stand_in.put_access(
            cluster_name,
            {
                "principal_arn": principal_arn,
                "policies": [policy["policyArn"] for policy in (narrow if alike else wide)],
                "groups": entry["kubernetesGroups"],
                "namespaces": sorted(narrow[0]["accessScope"]["namespaces"]) if alike else None,
                "scoped": [{"policy": arn, "namespaces": namespaces} for arn, namespaces in scoped],
            },
        )

    def forwarding(name: str) -> None:
        original = getattr(eks, name)

        def change(cluster_name: str, *rest: Any) -> Answer:
            cluster = eks._clusters.get(cluster_name)
            if cluster and (refusal := _refusal(cluster)):
                return eks._error(400, "InvalidRequestException", refusal)
            if refusal := _group_refusal(rest[-1]):
                return eks._error(400, "InvalidParameterException", refusal)
            answer: Answer = original(cluster_name, *rest)
            if answer[0] < 400:
                given = rest[0]
                forward(cluster_name, given["principalArn"] if isinstance(given, dict) else given)
            return answer

        setattr(eks, name, change)

    eks._hubplane_forward_access = forward
    for name in (
        "_create_access_entry",
        "_update_access_entry",
        "_delete_access_entry",
        "_associate_access_policy",
        "_disassociate_access_policy",
    ):
        forwarding(name)


def _group_refusal(body: object) -> str | None:
    groups = body.get("kubernetesGroups") or () if isinstance(body, dict) else ()
    for name in groups:
        if name.startswith("system:"):
            return f"The kubernetes group name {name} is invalid, it cannot start with system:"
    return None


def _refusal(cluster: dict[str, Any]) -> str | None:
    if cluster["status"] != "ACTIVE":
        return f"Cluster {cluster['name']} is not in ACTIVE status, it is {cluster['status']}"
    if cluster["accessConfig"].get("authenticationMode") not in ("API", "API_AND_CONFIG_MAP"):
        return "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation."
    return None
