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
from hubplane.domain.account_check.gathering import (
    ami_parameters_asked,
    certificate_asked,
    find_notebook_image,
    subnets_asked,
    use_of_quotas,
)
from hubplane.domain.account_check.judging import carrying_account, judge_account
from hubplane.domain.account_check.quotas import vcpu_quota
from hubplane.domain.cluster_spec.model import ClusterSpec, spec_from_json
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
    return carrying_account(judgement, chart, me.account_id, region, me.partition)


def gather(spec: ClusterSpec, region: str, account_id: str) -> AccountFacts:
    """All facts of the account that the judgement looks at, read one after the other."""
    ec2, eks, balancing = Ec2(client("ec2")), Eks(client("eks")), ElasticLoadBalancing(client("elbv2"))
    existing = eks.existing_cluster(spec.cluster_name)
    certificate_arn = certificate_asked(spec, region)
    return AccountFacts(
        region=region,
        subnets=ec2.subnets(subnets_asked(spec, existing)),
        instance_types=ec2.instance_types(group.instance_type for group in spec.node_groups),
        amis=ec2.amis(group.ami_id for group in spec.node_groups if group.ami_id is not None),
        recommended_ami_ids={name: public_parameter(client("ssm"), path) for name, path in ami_parameters_asked(spec).items()},
        certificate=certificate(client("acm"), certificate_arn) if certificate_arn else None,
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
