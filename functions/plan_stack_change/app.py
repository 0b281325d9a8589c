"""PlanStackChange: renders the cluster's template and asks CloudFormation what it would change. Nothing is changed yet.

Result: ``ready`` (false: the stack is not at rest, ask again), ``change_set_name``, ``more`` (true: this is the control plane's
change, and the rest is planned when it is done). A roll-back that failed is continued, once by each execution. Repeatable.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3

from hubplane.adapters import cluster_stack_facts as facts
from hubplane.adapters.cloudformation import CloudFormation
from hubplane.domain.cluster_spec.model import spec_from_json
from hubplane.domain.cluster_stack.proposing import Account, Rights, plan_change
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    cluster_stack_role_arn: str
    ensure_home_function_arn: str
    record_server_stop_function_arn: str


SETTINGS = read_settings(Settings)
HUB_MAY_INVOKE = (SETTINGS.ensure_home_function_arn, SETTINGS.record_server_stop_function_arn)
RIGHTS = Rights(SETTINGS.cluster_stack_role_arn, HUB_MAY_INVOKE)
client = cache(boto3.client)


@cache
def stacks() -> CloudFormation:
    """Made by the first call: a client costs half as much time again as importing boto3."""
    return CloudFormation(boto3.client("cloudformation"))


@cache
def base_template() -> dict[str, Any]:
    """cluster.yaml, parsed. PyYAML is imported here to keep the cold start short: looking at a stack in motion needs none."""
    import yaml  # noqa: PLC0415

    parsed: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("cluster.yaml").read_text("utf-8"))
    return parsed


# Most builds need neither EC2 nor EKS: EC2 tells a first build the VPC's ranges, EKS what runs when a person changed sizes.
ACCOUNT = Account(
    base_template=base_template,
    vpc_cidr_blocks=lambda vpc_id: facts.vpc_cidr_blocks(client("ec2"), vpc_id),
    listening_ports=lambda cluster_name: facts.listening_ports(client("elbv2"), cluster_name),
    running_group=lambda cluster_name, group_name: facts.running_group(client("eks"), cluster_name, group_name),
    running_version=lambda cluster_name: facts.running_version(client("eks"), cluster_name),
)


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    return plan_change(spec_from_json(event["spec"]), event["execution_arn"], stacks(), ACCOUNT, RIGHTS)
