"""ExamineCluster: everything that a diagnosis looks at, read once, and what the checks make of it. Changes nothing.

Event: ``input`` as a person or the schedule gave it. Result: ``cluster_name``, ``mend`` (never or policy), ``healthy``,
``findings`` with the gravest first, ``counts``, ``unseen``, ``seconds``, ``reason``. Calls grow with the pages of what is there,
never with people.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters import ebs_sweep
from hubplane.adapters.acm import certificate
from hubplane.adapters.cluster_release import ClusterRelease, read_release
from hubplane.adapters.cluster_stack_facts import running_version
from hubplane.adapters.ec2 import Ec2
from hubplane.adapters.ecr import Ecr
from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.elasticloadbalancing import ElasticLoadBalancing
from hubplane.adapters.entrance import Entrance
from hubplane.adapters.hub_http import Address, get, parse_connect_to, parse_url
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.adapters.node_group_states import node_group_states
from hubplane.adapters.sts import caller
from hubplane.domain.diagnosis.gathering import Recorded, Sources, gather
from hubplane.domain.diagnosis.inputs import read_diagnosis_input
from hubplane.domain.diagnosis.judging import diagnose, diagnosis_to_json
from hubplane.domain.hub_facts import Answer, LoadBalancer, NoAnswer, Url
from hubplane.domain.storage.tags import is_for_planners
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    hub_connect_to: str = ""


SETTINGS = read_settings(Settings)
CONNECT_TO = parse_connect_to(SETTINGS.hub_connect_to)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    cluster_name, mend = read_diagnosis_input(event["input"])
    started = time.monotonic()
    release = read_release(client("dynamodb"), SETTINGS.clusters_table_name, cluster_name)
    recorded = Recorded(
        release.spec,
        release.status,
        release.failure,
        release.outputs.get("TargetGroupArn"),
        release.document.get("jupyterhub_version"),
    )
    facts = gather(cluster_name, datetime.now(UTC), recorded, sources(cluster_name, release))
    result = diagnosis_to_json(facts, diagnose(facts))
    return {
        "cluster_name": cluster_name,
        "mend": mend,
        **result,
        "seconds": round(time.monotonic() - started, 1),
        "changes": [],
    }


def sources(cluster_name: str, release: ClusterRelease) -> Sources:
    """Each question of a diagnosis with the adapter that answers it."""
    protection_tag = release.spec.storage.policy.protection_tag
    sweep = ebs_sweep.sweep_client(lambda key: is_for_planners(key, protection_tag))
    entrance = Entrance(client("elbv2"), client("ec2"), cluster_name)
    return Sources(
        region=client("ec2").meta.region_name,
        load_balancer=entrance.load_balancer,
        targets=lambda arn: ElasticLoadBalancing(client("elbv2")).target_health(arn),
        ports=entrance.port_rules,
        certificate=lambda arn: certificate(client("acm"), arn),
        node_groups=lambda: node_group_states(client("eks"), client("autoscaling"), client("ec2"), cluster_name),
        kubernetes_version=lambda: running_version(client("eks"), cluster_name),
        account_id=lambda: caller(client("sts")).account_id,
        registry=lambda: Ecr(client("ecr")),
        offered_types=lambda names, zone: Ec2(client("ec2")).offered_types(names, zone),
        volume_pages=lambda: ebs_sweep.volume_pages(sweep, cluster_name),
        volumes_by_id=lambda ids: ebs_sweep.volumes_by_id(sweep, ids),
        snapshot_pages=lambda: ebs_sweep.tagged_snapshot_pages(sweep, cluster_name),
        hub_says=lambda path, balancer: ask_hub(release.hub_url, path, balancer),
        cluster_api=lambda: Kubernetes(cluster_connection(client("eks"), boto3.Session(), cluster_name)),
    )


def ask_hub(hub_url: str, path: str, balancer: LoadBalancer) -> Answer | NoAnswer:
    hub = parse_url(hub_url)
    address = CONNECT_TO.get(443, Address(balancer.dns_name, 443))
    return get(Url("https", hub.host, 443, path), address, verify_host_name=hub.host != balancer.dns_name.lower())
