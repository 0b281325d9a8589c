"""docs/cluster-spec.md is in step with the code, and its examples hold."""

from __future__ import annotations

import re

import yaml

from docs.cluster_spec_tables import PAGE, TABLES, with_tables
from hubplane.domain.cluster_spec.legacy import PARAMETERS
from hubplane.domain.cluster_spec.name_limits import (
    CLUSTER_NAME_LIMITS,
    GROUP_NAME_LIMITS,
    tightest_cluster_limit,
    tightest_group_limit,
)
from hubplane.domain.cluster_spec.schema import properties_by_path
from tests.unit.cluster_spec.examples import EVENTS, ROOT, accepted, legacy_input, only_fault


def test_the_tables_are_those_that_the_script_writes() -> None:
    page = PAGE.read_text()
    assert with_tables(page) == page, "run: python docs/cluster_spec_tables.py"
    assert all(f"<!-- {name} -->" in page for name in TABLES)


def test_every_field_and_every_parameter_of_2019_is_on_the_page() -> None:
    page = PAGE.read_text()
    for name in (*properties_by_path(), *(item.name for item in PARAMETERS)):
        assert f"| `{name}` |" in page


def test_the_pages_yaml_examples_are_sound() -> None:
    first, groups = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    accepted({"cluster_name": "opensarlab", "spec": first})
    validated = accepted({"cluster_name": "opensarlab", "spec": first + groups})
    assert [group.name for group in validated.spec.node_groups] == ["main", "gpu"]
    whole = yaml.safe_load((EVENTS / "examples" / "gpu.spec.yaml").read_text())
    assert yaml.safe_load(groups)["node_groups"] == whole["node_groups"]


def test_the_fault_on_the_page_is_said_word_for_word() -> None:
    document = legacy_input()
    document["parameters"]["NodeProxyPort"] = "30"
    assert f"    {only_fault(document)}\n" in PAGE.read_text()


def test_name_limits_are_those_of_the_names_in_the_architecture() -> None:
    """A name that architecture.md gives to a resource and that has a limit here is the same name."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    for limit in (*CLUSTER_NAME_LIMITS, *GROUP_NAME_LIMITS):
        written = limit.pattern.replace("{port}", "{node port}").replace("{", "<").replace("}", ">")
        alternatives = written.replace("-autoscaler", "-{cluster,node,ebs-csi,autoscaler,hub}")
        assert f"`{written}`" in text or f"`{alternatives}`" in text, limit


def test_no_other_role_of_a_cluster_is_longer_than_the_one_that_sets_the_limit() -> None:
    template = (ROOT / "functions" / "plan_stack_change" / "cluster.yaml").read_text()
    roles = re.findall(r"hubplane-cluster-\$\{ClusterName\}-[a-z-]+", template)
    (limit,) = [item for item in CLUSTER_NAME_LIMITS if item.resource == "IAM role"]
    assert roles
    assert max(map(len, roles)) - len("${ClusterName}") <= len(limit.pattern) - len("{cluster}")


def test_the_target_group_limits_cluster_names_and_eks_limits_group_names() -> None:
    assert [(length, item.resource) for length, item in [tightest_cluster_limit(30052)]] == [(26, "target group")]
    assert [(length, item.resource) for length, item in [tightest_group_limit("opensarlab")]] == [(52, "EKS node group")]
