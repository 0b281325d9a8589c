"""One verdict on the account from all checks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from hubplane.domain.account_check.entrance import judge_certificate, judge_node_port
from hubplane.domain.account_check.facts import AccountFacts
from hubplane.domain.account_check.findings import Findings
from hubplane.domain.account_check.network import judge_network
from hubplane.domain.account_check.nodes import judge_kubernetes, judge_node_group
from hubplane.domain.account_check.notebook import judge_notebook_image
from hubplane.domain.account_check.quotas import judge_quotas
from hubplane.domain.cluster_spec.model import ClusterSpec
from hubplane.domain.errors import AccountNotReady
from hubplane.domain.images import HubChart


class Judgement(NamedTuple):
    """``ami_ids`` holds the specification's own image per node group; None leaves the choice, and its renewal, to EKS."""

    availability_zone: str | None
    ami_ids: Mapping[str, str | None]
    faults: tuple[str, ...]
    notes: tuple[str, ...]


def judge_account(
    spec: ClusterSpec,
    facts: AccountFacts,
    *,
    chart: HubChart,
    account_id: str,
    recorded_availability_zone: str | None,
    now: datetime,
) -> Judgement:
    """Every contradiction between the account and the specification at once, and what to know besides. Pure.

    An image that EKS recommends is only checked to exist: a build that pinned today's would change the cluster whenever
    AWS publishes another, so a node group without ``ami_id`` is left to EKS.
    """
    findings = Findings()
    zone = judge_network(spec, facts, recorded_availability_zone, findings)
    judge_kubernetes(spec, facts, now, findings)
    for group in spec.node_groups:
        judge_node_group(spec, group, facts, zone, findings)
    judge_certificate(spec, facts, now, findings)
    judge_node_port(spec, facts, findings)
    judge_notebook_image(spec, facts, chart, account_id, findings)
    judge_quotas(spec, facts, findings)
    return Judgement(
        availability_zone=zone,
        ami_ids={group.name: group.ami_id for group in spec.node_groups},
        faults=tuple(findings.faults),
        notes=tuple(findings.notes),
    )


def carrying_account(judgement: Judgement, chart: HubChart, account_id: str, region: str, partition: str) -> dict[str, Any]:
    """What the state machine gets of an account that can carry the cluster. Raises ``AccountNotReady`` with every fault."""
    if judgement.faults:
        raise AccountNotReady("\n".join(f"- {fault}" for fault in judgement.faults))
    return {
        "availability_zone": judgement.availability_zone,
        "ami_ids": dict(judgement.ami_ids),
        "account_id": account_id,
        "region": region,
        "partition": partition,
        "hub_chart": {
            "source": chart.source,
            "version": chart.version,
            "jupyterhub_version": chart.jupyterhub_version,
        },
        "notes": list(judgement.notes),
        "changes": [],
        "reason": f"account {account_id} in {region} can carry the cluster; its nodes are in {judgement.availability_zone}",
    }
