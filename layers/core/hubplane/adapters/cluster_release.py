"""What the Clusters table keeps of a cluster's last release and of its last failure, for those that look and mend."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hubplane.domain.cluster_spec.model import ClusterSpec, spec_from_json
from hubplane.domain.diagnosis.facts import BuildFailure
from hubplane.domain.errors import ClusterUnknown
from hubplane.domain.provider_errors import translated


@dataclass(frozen=True, slots=True)
class ClusterRelease:
    """The last release: its specification, and what it was recorded with. ``failure``: how a later build ended, if one did, and
    ``failure_text`` as the table has it.

    ``document`` is the record as it was written (``hub_url``, ``outputs``, ``hub_image``, ``jupyterhub_version`` …).
    """

    status: str | None
    spec: ClusterSpec
    document: Mapping[str, Any]
    failure: BuildFailure | None = None
    failure_text: str | None = None

    @property
    def hub_url(self) -> str:
        """Where people reach the hub."""
        return str(self.document["hub_url"])

    @property
    def outputs(self) -> Mapping[str, str]:
        """Outputs of the cluster's stack."""
        found: Mapping[str, str] = self.document.get("outputs") or {}
        return found


def read_release(client: Any, table_name: str, cluster_name: str) -> ClusterRelease:
    """The cluster's last release, read consistently. Raises ``ClusterUnknown`` where none was ever recorded."""
    with translated(f"read the release of cluster {cluster_name}"):
        item = client.get_item(TableName=table_name, Key={"cluster_name": {"S": cluster_name}}, ConsistentRead=True).get(
            "Item", {}
        )
    if "release" not in item:
        raise ClusterUnknown(f"cluster {cluster_name} was never built here: start build_cluster first, or mend the name")
    document = json.loads(item["release"]["S"])
    failure_text = item["failure"]["S"] if "failure" in item else None
    failure = json.loads(failure_text) if failure_text else None
    return ClusterRelease(
        status=item.get("status", {}).get("S"),
        spec=spec_from_json(document["spec"]),
        document=document,
        failure=BuildFailure(failure["stage"], failure["error"], failure["cause"]) if failure else None,
        failure_text=failure_text,
    )
