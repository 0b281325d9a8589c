"""CheckAccount: every contradiction between the account and the specification, before anything is built."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.acm import certificate
from hubplane.adapters.ec2 import Ec2
from hubplane.adapters.ecr import Ecr
from hubplane.adapters.eks import Eks
from hubplane.adapters.elasticloadbalancing import ElasticLoadBalancing
from hubplane.adapters.servicequotas import limit
from hubplane.adapters.ssm import public_parameter
from hubplane.adapters.sts import caller
from hubplane.domain.account_check.facts import AccountFacts
from hubplane.domain.account_check.gathering import find_notebook_image, use_of_quotas
from hubplane.domain.account_check.judging import judge_account
from hubplane.domain.account_check.nodes import recommended_ami_parameter
from hubplane.domain.account_check.quotas import vcpu_quota
from hubplane.domain.cluster_spec.model import ClusterSpec, spec_from_json
from hubplane.domain.errors import AccountNotReady
from hubplane.domain.images import chart_of
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    jupyterhub_chart: str = ""
    jupyterhub_chart_version: str = ""


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # nine clients cost a second, so each is made when it is first asked for


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    spec = spec_from_json(event["spec"])
    region, me = client("ec2").meta.region_name, caller(client("sts"))
    chart = chart_of(spec, SETTINGS.jupyterhub_chart, SETTINGS.jupyterhub_chart_version)
    judgement = judge_account(
        spec,
        gather(spec, region, me.account_id),
        chart=chart,
        account_id=me.account_id,
        recorded_availability_zone=event.get("recorded_availability_zone"),
        now=datetime.now(UTC),
    )
    if judgement.faults:
        raise AccountNotReady("\n".join(f"- {fault}" for fault in judgement.faults))
    return {
        "availability_zone": judgement.availability_zone,
        "ami_ids": dict(judgement.ami_ids),
        "account_id": me.account_id,
        "region": region,
        "partition": me.partition,
        "hub_chart": {
            "source": chart.source,
            "version": chart.version,
            "jupyterhub_version": chart.jupyterhub_version,
        },
        "notes": list(judgement.notes),
        "changes": [],
        "reason": f"account {me.account_id} in {region} can carry the cluster; its nodes are in {judgement.availability_zone}",
    }


def gather(spec: ClusterSpec, region: str, account_id: str) -> AccountFacts:
    """All facts of the account that the judgement looks at, read one after the other."""
    ec2, eks, balancing = Ec2(client("ec2")), Eks(client("eks")), ElasticLoadBalancing(client("elbv2"))
    existing = eks.existing_cluster(spec.cluster_name)
    subnet_ids = {*spec.network.subnet_ids, *spec.network.active_subnet_ids}
    if existing is not None:
        subnet_ids |= {*existing.subnet_ids, *existing.node_subnet_ids}
    paths = {group.name: recommended_ami_parameter(spec.kubernetes_version, group.ami_type) for group in spec.node_groups}
    unpinned = {group.name for group in spec.node_groups if group.ami_id is None}
    certificate_region = spec.hub.certificate_arn.split(":")[3]
    return AccountFacts(
        region=region,
        subnets=ec2.subnets(subnet_ids),
        instance_types=ec2.instance_types(group.instance_type for group in spec.node_groups),
        amis=ec2.amis(group.ami_id for group in spec.node_groups if group.ami_id is not None),
        recommended_ami_ids={
            name: public_parameter(client("ssm"), path) for name, path in paths.items() if path is not None and name in unpinned
        },
        certificate=certificate(client("acm"), spec.hub.certificate_arn) if certificate_region == region else None,
        kubernetes_version=eks.kubernetes_version(spec.kubernetes_version),
        existing_cluster=existing,
        notebook_image=find_notebook_image(spec.notebook_image, region, account_id, lambda: Ecr(client("ecr"))),
        target_group=balancing.target_group(f"{spec.cluster_name}-{spec.hub.node_port}"),
        load_balancer_vpc_id=balancing.load_balancer_vpc(spec.cluster_name),
        volume_availability_zones=ec2.volume_zones(spec.cluster_name),
        quotas=use_of_quotas(
            spec,
            lambda service_code, quota_code: limit(client("service-quotas"), service_code, quota_code),
            {
                "clusters": eks.count_clusters,
                "load_balancers": balancing.count_application_load_balancers,
                "security_groups": ec2.count_security_groups,
            },
            lambda: ec2.on_demand_vcpus(spec.cluster_name, vcpu_quota),
        ),
    )
