"""One verdict on the account from all checks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from hubplane.domain.account_check.entrance import judge_certificate, judge_node_port
from hubplane.domain.account_check.facts import AccountFacts
from hubplane.domain.account_check.findings import Findings
from hubplane.domain.account_check.network import judge_network
from hubplane.domain.account_check.nodes import judge_kubernetes, judge_node_group
from hubplane.domain.account_check.notebook import judge_notebook_image
from hubplane.domain.account_check.quotas import judge_quotas
from hubplane.domain.cluster_spec.model import ClusterSpec
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
