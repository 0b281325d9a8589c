"""What CheckAccount asks: nothing whose answer nobody would judge, and no refusal of somebody else's registry ends a build."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from hubplane.domain.account_check.facts import ExistingCluster, NotebookImageFound, QuotaUse
from hubplane.domain.account_check.gathering import (
    ami_parameters_asked,
    certificate_asked,
    find_notebook_image,
    subnets_asked,
    use_of_quotas,
)
from hubplane.domain.account_check.quotas import QUOTAS
from hubplane.domain.cluster_spec.model import ClusterSpec, Hub, Network, NodeGroup, NotebookImage, OAuth
from hubplane.domain.errors import ProviderError, Throttled

OURS, THEIRS = "111122223333", "444455556666"
CONFIG = {"config": {"Labels": {"hubplane.jupyterhub-version": "5.5.0"}}}


class Registry:
    """One repository ``labs`` with one tag ``v1``; ``refuses`` is raised by every question."""

    def __init__(self, config: Mapping[str, Any] | None = CONFIG, refuses: Exception | None = None) -> None:
        self.config, self.refuses = config, refuses

    def repository_uri(self, repository: str, registry_id: str | None = None) -> str | None:
        if self.refuses:
            raise self.refuses
        return f"{registry_id}.dkr.ecr.us-east-1.amazonaws.com/{repository}" if repository == "labs" else None

    def tag_exists(self, repository: str, tag: str, registry_id: str | None = None) -> bool:
        assert repository == "labs", "asked for a tag of a repository that does not exist"
        return tag == "v1"

    def image_config(self, repository: str, tag: str, registry_id: str) -> tuple[Mapping[str, Any] | None, str]:
        assert tag == "v1", "asked for an image that does not exist"
        return self.config, "" if self.config else "no word"


def find(image: str, registry: Registry | None, account: str = OURS) -> NotebookImageFound:
    name, _, tag = image.rpartition(":")

    def opened() -> Registry:
        assert registry is not None, "a registry was asked that cannot answer"
        return registry

    return find_notebook_image(NotebookImage(name=name, tag=tag), "us-east-1", account, opened)


def in_ecr(image: str, account: str = OURS, region: str = "us-east-1") -> str:
    return f"{account}.dkr.ecr.{region}.amazonaws.com/{image}"


@pytest.mark.parametrize(
    ("image", "registry", "found"),
    [
        pytest.param("quay.io/jupyter/base-notebook:v1", None, (False, False, False, None), id="not-ecr"),
        pytest.param(in_ecr("labs:v1", region="us-west-2"), None, (False, False, False, None), id="another-region"),
        pytest.param(in_ecr("absent:v1"), Registry(), (True, False, False, None), id="no-repository"),
        pytest.param(in_ecr("labs:v2"), Registry(), (True, True, False, None), id="no-tag"),
        pytest.param(in_ecr("labs:v1"), Registry(), (True, True, True, "5.5.0"), id="tells-its-version"),
        pytest.param(in_ecr("labs:v1"), Registry(config=None), (True, True, True, None), id="silent"),
        pytest.param(
            in_ecr("labs:v1", account=THEIRS),
            Registry(refuses=ProviderError("AccessDenied")),
            (False, False, False, None),
            id="closed-registry-of-others",
        ),
    ],
)
def test_only_a_registry_that_answers_is_judged(
    image: str, registry: Registry | None, found: tuple[bool, bool, bool, str | None]
) -> None:
    answer = find(image, registry)
    assert (answer.checked, answer.repository_exists, answer.tag_exists, answer.jupyterhub_version) == found
    assert bool(answer.why_unknown) is (answer.jupyterhub_version is None)


@pytest.mark.parametrize(
    ("image", "refusal"),
    [
        pytest.param(in_ecr("labs:v1"), ProviderError("AccessDenied"), id="our-own-registry"),
        pytest.param(in_ecr("labs:v1", account=THEIRS), Throttled("slow down"), id="asked-too-fast"),
    ],
)
def test_a_refusal_that_may_hide_a_fault_is_none_of_the_image(image: str, refusal: Exception) -> None:
    with pytest.raises(type(refusal)):
        find(image, Registry(refuses=refusal))


SPEC = ClusterSpec(
    cluster_name="lab",
    network=Network(vpc_id="vpc-1", subnet_ids=("subnet-a", "subnet-b"), active_subnet_ids=("subnet-a",)),
    hub=Hub(certificate_arn="arn:aws:acm:us-east-1:111122223333:certificate/c-1", admin_users=("ann",)),
    oauth=OAuth(domain_url="https://lab.auth.us-east-1.amazoncognito.com"),
    notebook_image=NotebookImage(name="labs", tag="v1"),
    node_groups=(NodeGroup(), NodeGroup(name="gpu", instance_type="g5.2xlarge")),
)


def test_what_is_used_is_counted_only_beside_a_known_limit_and_instances_once() -> None:
    known = {
        QUOTAS[key].quota_code: limit for key, limit in {"clusters": 100.0, "vcpus_gpu": 64.0, "vcpus_standard": 640.0}.items()
    }
    asked: list[str] = []

    def count(name: str, value: Any) -> Any:
        asked.append(name)
        return value

    found = use_of_quotas(
        SPEC,
        lambda service_code, quota_code: (known.get(quota_code), "" if quota_code in known else "denied"),
        {name: lambda name=name: count(name, 7) for name in ("clusters", "load_balancers", "security_groups")},
        lambda: count("instances", {"vcpus_standard": 16}),
    )
    assert asked == ["clusters", "instances"]
    assert found == {
        "clusters": QuotaUse(100.0, 7),
        "load_balancers": QuotaUse(None, 0, "denied"),
        "security_groups": QuotaUse(None, 0, "denied"),
        "vcpus_gpu": QuotaUse(64.0, 0),
        "vcpus_standard": QuotaUse(640.0, 16),
    }


@pytest.mark.parametrize(
    ("existing", "expected"),
    [
        pytest.param(None, {"subnet-a", "subnet-b"}, id="a-first-build"),
        pytest.param(
            ExistingCluster("1.33", "ACTIVE", ("subnet-a", "subnet-c"), ("subnet-d",), is_ours=True),
            {"subnet-a", "subnet-b", "subnet-c", "subnet-d"},
            id="where-the-cluster-is-already",
        ),
    ],
)
def test_subnets_are_looked_at_once_wanted_or_present(existing: ExistingCluster | None, expected: set[str]) -> None:
    assert subnets_asked(SPEC, existing) == expected


def test_a_recommended_image_is_asked_for_where_none_is_pinned() -> None:
    pinned = replace(SPEC, node_groups=(NodeGroup(ami_id="ami-1"), NodeGroup(name="gpu", instance_type="g5.2xlarge")))
    assert set(ami_parameters_asked(SPEC)) == {NodeGroup().name, "gpu"}
    assert set(ami_parameters_asked(pinned)) == {"gpu"}
    assert ami_parameters_asked(pinned)["gpu"].startswith("/aws/service/eks/optimized-ami/")


@pytest.mark.parametrize(
    ("arn", "is_asked"),
    [
        pytest.param("arn:aws:acm:us-east-1:111122223333:certificate/c-1", True, id="of-this-region"),
        pytest.param("arn:aws:acm:us-west-2:111122223333:certificate/c-1", False, id="of-another-region"),
        pytest.param("arn:aws:iam::111122223333:server-certificate/c-1", False, id="of-iam"),
    ],
)
def test_a_certificate_is_asked_of_the_region_that_has_it(arn: str, is_asked: bool) -> None:
    spec = replace(SPEC, hub=replace(SPEC.hub, certificate_arn=arn))
    assert certificate_asked(spec, "us-east-1") == (arn if is_asked else None)
