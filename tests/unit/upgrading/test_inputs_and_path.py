"""What may be asked for, and the path that leads there."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from hubplane.domain.cluster_spec.model import ChartReference, spec_from_json
from hubplane.domain.cluster_spec.validation import validate
from hubplane.domain.errors import UpgradeInputInvalid
from hubplane.domain.upgrading.duration import duration_of
from hubplane.domain.upgrading.inputs import Upgrade, cluster_faults, form_faults, read_upgrade
from hubplane.domain.upgrading.planning import plan_upgrade, step_to_json
from hubplane.domain.upgrading.present import GroupVersion, Present
from tests.unit.cluster_stack.specs import OWN_AMI, SPEC_2019

TODAY = date(2026, 11, 25)
REPOSITORY = "https://hub.jupyter.org/helm-chart/"
SOUND = {"cluster_name": "opensarlab", "kubernetes_version": "1.36"}
SPEC = replace(SPEC_2019, kubernetes_version="1.34")


def present(control_plane: str = "1.34", group: str | None = "same", status: str = "ACTIVE") -> Present:
    version = control_plane if group == "same" else group
    return Present(control_plane, status, (GroupVersion("opensarlab-main", version, None, status, 2),))


def test_a_sound_input_is_read_and_plans_by_default() -> None:
    assert read_upgrade({**SOUND, "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": "arn"}) == Upgrade(
        "opensarlab", kubernetes_version="1.36"
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cluster_name": "Not a name"}, "cluster_name ="),
        ({"kubernetes_version": None}, "nothing is asked for"),
        ({"kubernetes_version": 1.36}, 'a minor version such as "1.36"'),
        ({"kubernetes_version": "1.36.2"}, 'a minor version such as "1.36"'),
        ({"chart_version": "newest"}, "chart_version ="),
        ({"notebook_image_tag": "a tag"}, "notebook_image_tag ="),
        ({"ami_ids": {"main": "image"}}, "ami_ids ="),
        ({"ami_ids": {}}, "ami_ids ="),
        ({"mode": "Enforce"}, "must be plan"),
        ({"force": True}, "is no field of the input"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_each_fault_of_form_is_named(change: dict[str, Any], words: str) -> None:
    [fault] = form_faults({**SOUND, **change})
    assert words in fault


def test_faults_of_form_and_against_the_cluster_come_together() -> None:
    document = {"cluster_name": "opensarlab", "kubernetes_version": "1.33", "chart_version": "4.4.0", "mode": "now"}
    more = cluster_faults(document, SPEC, present(), "/charts/jupyterhub", TODAY)
    with pytest.raises(UpgradeInputInvalid, match="3 faults") as caught:
        read_upgrade(document, more)
    for words in ("no upgrade goes back", "the hub's chart is a folder", "must be plan"):
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("version", "words"),
    [("1.30", "EKS does not offer it"), ("1.99", "EKS does not offer it"), ("1.33", "runs 1.34")],
)
def test_a_version_that_cannot_be_reached_is_refused(version: str, words: str) -> None:
    [fault] = cluster_faults({**SOUND, "kubernetes_version": version}, SPEC, present(), REPOSITORY, TODAY)
    assert words in fault


def test_a_pinned_image_is_never_let_go_by_itself() -> None:
    spec = replace(OWN_AMI, kubernetes_version="1.35")
    faults = cluster_faults(SOUND, spec, present("1.35"), REPOSITORY, TODAY)
    assert len(faults) == 2
    assert all("(absent): the group pins ami-" in fault for fault in faults)
    images = {"main": "ami-0123456789abcdef1", "gpu-large": "ami-0123456789abcdef2"}
    assert cluster_faults({**SOUND, "ami_ids": images}, spec, present("1.35"), REPOSITORY, TODAY) == []
    # Without another version the pins may stay as they are.
    assert (
        cluster_faults({"cluster_name": "opensarlab", "chart_version": "4.4.0"}, spec, present("1.35"), REPOSITORY, TODAY) == []
    )


def test_an_image_for_a_group_that_pins_none_or_is_not_there_is_refused() -> None:
    images = {"main": "ami-0123456789abcdef1", "other": "ami-0123456789abcdef2"}
    faults = cluster_faults({**SOUND, "ami_ids": images}, SPEC, present(), REPOSITORY, TODAY)
    assert len(faults) == 2
    assert "leave it out" in faults[0]
    assert "there is no such node group" in faults[1]


def path(spec: Any, wanted: Upgrade, runs: Present) -> list[tuple[str, str]]:
    return [(step.from_version, step.to_version) for step in plan_upgrade(spec, wanted, runs, REPOSITORY)]


TO_136 = Upgrade("opensarlab", kubernetes_version="1.36")


@pytest.mark.parametrize(
    ("recorded", "runs", "wanted"),
    [
        pytest.param("1.36", present("1.36"), [], id="done already"),
        pytest.param("1.35", present("1.35"), [("1.35", "1.36")], id="one minor"),
        pytest.param("1.34", present("1.34"), [("1.34", "1.35"), ("1.35", "1.36")], id="two minors, one at a time"),
        pytest.param("1.34", present("1.35"), [("1.35", "1.35"), ("1.35", "1.36")], id="killed before it was recorded"),
        pytest.param("1.35", present("1.36", "1.35"), [("1.36", "1.36")], id="killed before the nodes rolled"),
        pytest.param("1.36", present("1.36", "1.35"), [("1.36", "1.36")], id="a group lags"),
        pytest.param("1.35", present("1.35", None), [("1.35", "1.36")], id="an image of its own has no version to lag"),
    ],
)
def test_the_path_goes_one_minor_at_a_time_and_finishes_first_what_lies_half_done(
    recorded: str, runs: Present, wanted: list[tuple[str, str]]
) -> None:
    assert path(replace(SPEC, kubernetes_version=recorded), TO_136, runs) == wanted


def test_chart_and_image_change_in_the_last_step_only() -> None:
    wanted = replace(TO_136, chart_version="9.9.9", notebook_image_tag="newer")
    first, last = plan_upgrade(SPEC, wanted, present(), REPOSITORY)
    assert (first.spec.hub.chart, first.spec.notebook_image) == (SPEC.hub.chart, SPEC.notebook_image)
    assert last.spec.hub.chart == ChartReference(REPOSITORY, "9.9.9")
    assert (last.spec.notebook_image.tag, last.spec.kubernetes_version) == ("newer", "1.36")
    assert "the hub's chart goes to 9.9.9" in last.reason
    [only] = plan_upgrade(SPEC, Upgrade("opensarlab", chart_version="9.9.9"), present(), REPOSITORY)
    assert (only.from_version, only.to_version) == ("1.34", "1.34")


def test_a_step_is_a_build_that_the_specification_s_own_rules_accept() -> None:
    [step] = plan_upgrade(replace(SPEC, kubernetes_version="1.35"), TO_136, present("1.35"), REPOSITORY)
    document = step_to_json(step)
    assert validate(document["build"], today=TODAY).spec == spec_from_json(document["build"]["spec"])
    shortest, longest = document["minutes"]
    assert 0 < shortest < longest
    assert document["rolls"] == ["opensarlab-main"]


ANOTHER = {"main": "ami-0123456789abcdef1"}


@pytest.mark.parametrize(
    ("wanted", "runs", "rolls"),
    [
        pytest.param(TO_136, present("1.35"), [["opensarlab-main"]], id="a minor"),
        pytest.param(TO_136, present("1.35", None), [[]], id="an image of its own stays"),
        pytest.param(replace(TO_136, ami_ids=ANOTHER), present("1.35", None), [["opensarlab-main"]], id="its next image"),
        pytest.param(
            replace(TO_136, ami_ids=ANOTHER), present("1.34", None), [[], ["opensarlab-main"]], id="its next image comes last"
        ),
        pytest.param(TO_136, present("1.36", "1.35"), [["opensarlab-main"]], id="a group that lags"),
        pytest.param(Upgrade("opensarlab", chart_version="9.9.9"), present("1.35"), [[]], id="a chart"),
    ],
)
def test_only_groups_whose_nodes_are_replaced_are_drained_and_counted(
    wanted: Upgrade, runs: Present, rolls: list[list[str]]
) -> None:
    spec = replace(SPEC, kubernetes_version=runs.control_plane if runs.groups[0].version != "1.35" else "1.35")
    steps = plan_upgrade(spec, wanted, runs, REPOSITORY)
    assert [list(step.rolls) for step in steps] == rolls
    for step in steps:
        nodes = [sentence for sentence in step.duration.sources if sentence.startswith("2 nodes")]
        assert bool(nodes) is bool(step.rolls)


def test_each_figure_of_a_plan_says_where_it_comes_from() -> None:
    duration = duration_of(2, control_plane_rises=True)
    assert duration.minutes == (24, 85)
    assert all("estimate" in sentence for sentence in duration.sources)
    assert "drains each for at most 15 minutes (EKS User Guide" in duration.sources[1]
    assert duration_of(0, control_plane_rises=False).minutes == (8, 15)
