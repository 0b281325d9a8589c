"""EKS Pod Identity: which role a service account's pods have."""

from __future__ import annotations

from typing import Any

from ministack.services import eks

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend

Answer = tuple[int, dict[str, str], bytes]
CHANGES = ("_create_pod_identity_association", "_update_pod_identity_association", "_delete_pod_identity_association")


@mend
def pod_identities_reach_the_pods(cloud: Cloud, gateway: Gateway) -> None:
    """Associations are only kept: no pod ever gets its role. With this the stand-in knows them all after each change."""

    def forwarding(name: str) -> None:
        original = getattr(eks, name)

        def change(cluster_name: str, *rest: Any) -> Answer:
            answer: Answer = original(cluster_name, *rest)
            if answer[0] < 400:
                prefix = f"{cluster_name}\x00"
                found = [item for key, item in eks._pod_identity_associations.items() if key.startswith(prefix)]
                names = ("namespace", "serviceAccount", "roleArn")
                cloud.stand_in.put_identities(cluster_name, [{name: item[name] for name in names} for item in found])
            return answer

        setattr(eks, name, change)

    for name in CHANGES:
        forwarding(name)
