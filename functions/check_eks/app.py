"""CheckEks: are the add-ons and the node groups active?"""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3

from hubplane.adapters.eks_settings import EksSettings
from hubplane.domain.eks_settings.readiness import judge_readiness
from hubplane.domain.errors import ProviderError
from hubplane.entrypoint import task

client = cache(boto3.client)  # a client costs 0.1 s, so it is made when it is first asked for


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    cluster_name, outputs = event["cluster_name"], event["outputs"]
    eks = EksSettings(client("eks"), cluster_name, outputs["NodeRoleArn"].split(":")[1], tags={})
    names = tuple(outputs["NodeGroupNames"].split(","))
    found = eks.node_group_health(names)
    readiness = judge_readiness(eks.addon_health(), {name: found.get(name) for name in names})
    if readiness.hopeless:
        raise ProviderError(f"EKS cluster {cluster_name}: {readiness.reason}: mend it and start the build again")
    return {"ready": readiness.is_ready, "changes": [], "reason": readiness.reason}
