"""What the account check says of an account that is right, and what it only notes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest

from hubplane.domain.account_check.facts import (
    AccountFacts,
    KubernetesVersion,
    NotebookImageFound,
    QuotaUse,
    TargetGroup,
)
from hubplane.domain.account_check.judging import Judgement
from hubplane.domain.cluster_spec.model import ClusterSpec, ImageBuild, NodeGroup
from hubplane.domain.images import HubChart
from tests.unit.account_check.accounts import (
    ACCOUNT,
    CLUSTER,
    GOOD,
    NOW,
    REGISTRY,
    SPEC,
    certificate,
    group,
    judge,
    notebook,
    own_ami,
    subnets,
)


def test_a_ready_account_has_no_faults_and_one_zone() -> None:
    assert judge() == Judgement("us-east-1d", {"main": None}, (), ())


def test_an_existing_cluster_that_is_as_specified_has_no_faults() -> None:
    facts = GOOD._replace(
        existing_cluster=CLUSTER,
        target_group=TargetGroup("opensarlab-30052", "vpc-1", 30052, ("opensarlab",)),
        load_balancer_vpc_id="vpc-1",
        volume_availability_zones={"us-east-1d": 12},
        quotas={"clusters": QuotaUse(1, 1), "load_balancers": QuotaUse(1, 1), "security_groups": QuotaUse(3, 3)},
    )
    assert judge(facts=facts, zone="us-east-1d") == Judgement("us-east-1d", {"main": None}, (), ())


NOTES: list[Any] = [
    pytest.param(
        SPEC,
        GOOD._replace(kubernetes_version=KubernetesVersion("1.35", "EXTENDED_SUPPORT", None)),
        "extended support",
        id="extended",
    ),
    pytest.param(
        SPEC,
        GOOD._replace(kubernetes_version=KubernetesVersion("1.35", "STANDARD_SUPPORT", NOW + timedelta(days=59))),
        "standard support of Kubernetes 1.35 ends on 2027-01-21",
        id="support-ends-soon",
    ),
    pytest.param(
        SPEC, certificate(not_after=NOW + timedelta(days=29)), "ends on 2026-12-22; ACM renews it", id="certificate-ends-soon"
    ),
    pytest.param(
        SPEC,
        certificate(not_after=NOW + timedelta(days=29), renewal_eligibility="INELIGIBLE"),
        "ends on 2026-12-22; nothing renews it",
        id="imported-certificate-ends-soon",
    ),
    pytest.param(replace(SPEC, hub=replace(SPEC.hub, url=None)), GOOD, "hub.url is not set", id="no-url"),
    pytest.param(
        replace(SPEC, hub=replace(SPEC.hub, certificate_arn=f"arn:aws:iam::{ACCOUNT}:server-certificate/old")),
        GOOD._replace(certificate=None),
        "is kept in IAM",
        id="iam-certificate",
    ),
    pytest.param(group(ami_id="ami-1"), own_ami(name="golden-2026"), "does not say which Kubernetes version", id="silent-ami"),
    pytest.param(
        group(ami_id="ami-1"),
        own_ami(name="amazon-eks-node-al2023-x86_64-standard-1.32-v20260101"),
        "is for Kubernetes 1.32, older",
        id="ami-within-skew",
    ),
    pytest.param(SPEC, GOOD._replace(recommended_ami_ids={}), "was not checked", id="ami-type-without-parameter"),
    pytest.param(
        SPEC,
        GOOD._replace(volume_availability_zones={"us-east-1d": 9, "us-east-1a": 2}),
        "2 volume(s) of the cluster are in us-east-1a",
        id="stray",
    ),
    pytest.param(SPEC, subnets(d={"free_addresses": 200}), "take up to 240", id="addresses-of-the-full-fleet"),
    pytest.param(
        SPEC,
        GOOD._replace(notebook_image=NotebookImageFound(False, why_unknown="it is not in ECR of this Region")),
        "was not looked for: it is not in ECR of this Region",
        id="foreign-registry",
    ),
    pytest.param(
        SPEC,
        GOOD._replace(notebook_image=NotebookImageFound(True, True, True)),
        "is not known (it does not say); the hub runs 5.5.0",
        id="silent-image",
    ),
    pytest.param(
        SPEC,
        GOOD._replace(notebook_image=NotebookImageFound(True, True, True, "5.3.0")),
        "servers log a warning",
        id="minor-differs",
    ),
    pytest.param(
        SPEC, GOOD._replace(quotas={"clusters": QuotaUse(None, 0, "denied")}), "was not checked: denied", id="unreadable-quota"
    ),
    pytest.param(
        SPEC,
        GOOD._replace(quotas={"vcpus_standard": QuotaUse(64, 32)}),
        "or lower max_size: until then the cluster cannot grow to its full size",
        id="vcpus-for-the-first-nodes-only",
    ),
    pytest.param(
        notebook(name=f"{REGISTRY}/hubplane/opensarlab/notebook", build=ImageBuild("https://github.com/asf/labs", "main")),
        GOOD._replace(notebook_image=NotebookImageFound(True, why_unknown="it is not there yet")),
        "is not known (it is not there yet)",
        id="image-to-be-built",
    ),
]


@pytest.mark.parametrize(("spec", "facts", "note"), NOTES)
def test_what_need_not_stop_a_build_is_a_note(spec: ClusterSpec, facts: AccountFacts, note: str) -> None:
    judgement = judge(spec, facts)
    assert judgement.faults == ()
    assert [text for text in judgement.notes if note in text], judgement.notes


def test_an_unknown_chart_version_is_noted_and_not_guessed() -> None:
    judgement = judge(chart=HubChart("https://hub.jupyter.org/helm-chart/", "9.9.9"))
    assert (judgement.faults, len(judgement.notes)) == ((), 1)
    assert "chart version 9.9.9" in judgement.notes[0]


def test_the_specifications_own_images_are_answered_and_others_left_to_eks() -> None:
    spec = replace(SPEC, node_groups=(NodeGroup(name="main"), NodeGroup(name="gpu", ami_id="ami-1")))
    assert judge(spec, own_ami()).ami_ids == MappingProxyType({"main": None, "gpu": "ami-1"})


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda facts: facts._replace(volume_availability_zones={"us-east-1a": 500}), id="many-volumes-elsewhere"),
        pytest.param(
            lambda facts: facts._replace(existing_cluster=CLUSTER._replace(node_subnet_ids=("subnet-a",))), id="nodes-elsewhere"
        ),
    ],
)
def test_the_record_outranks_whatever_else_is_found(damage: Callable[[AccountFacts], AccountFacts]) -> None:
    judgement = judge(facts=damage(GOOD), zone="us-east-1d")
    assert (judgement.availability_zone, judgement.faults) == ("us-east-1d", ())
