"""Which notebook image a build names where the present one does not fit: only one that is proved to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from hubplane.domain.account_check.facts import NotebookImageFound
from hubplane.domain.cluster_spec.model import ClusterSpec, ImageBuild
from hubplane.domain.diagnosis.facts import ClusterFacts, HubAnswers, TaggedImage
from hubplane.domain.diagnosis.notebook_image import choose_image, read_tags
from tests.unit.diagnosis.clusters import NOW, SPEC_2019, healthy

OTHER, GONE = NotebookImageFound(True, True, True, "1.0.0"), NotebookImageFound(True, True)
SOURCE = ImageBuild("https://github.com/asfadmin/asf-jupyter-notebooks", "v1.2.0")
PRESENT = SPEC_2019.notebook_image.tag


def spec_with(**fields: Any) -> ClusterSpec:
    return replace(SPEC_2019, notebook_image=replace(SPEC_2019.notebook_image, **fields))


def tagged(tag: str, version: str | None, days: int = 1) -> TaggedImage:
    return TaggedImage(tag, NOW - timedelta(days=days), version)


CHOICES: dict[str, tuple[ClusterFacts, tuple[str, str | None] | None, str]] = {
    # facts, (tag, declared JupyterHub) of the specification that is proposed, words of the reason
    "the-newest-that-fits": (
        healthy(notebook_image=OTHER, notebook_tags=(tagged("new", None), tagged("fit", "5.2.1"), tagged("old", "5.5.0"))),
        ("fit", None),
        "tag fit, pushed 2026-11-24 15:00 UTC, has JupyterHub 5.2.1",
    ),
    "what-was-declared-is-forgotten": (
        healthy(spec_with(jupyterhub_version="5.5.0"), notebook_image=OTHER, notebook_tags=(tagged("fit", "5.5.0"),)),
        ("fit", None),
        "newest that fits the hub's 5.5.0",
    ),
    "none-fits": (
        healthy(notebook_image=OTHER, notebook_tags=(tagged("a", None), tagged("b", "4.1.6"))),
        None,
        "none of the 2 newest other tags says that it has JupyterHub 5",
    ),
    "the-present-one-fits": (
        healthy(notebook_tags=(tagged("fit", "5.5.0"),)),
        None,
        f"image {PRESENT} has JupyterHub 5.4.1, which fits the hub's 5.5.0",
    ),
    "what-is-only-declared-is-no-proof": (
        healthy(
            spec_with(jupyterhub_version="5.5.0"),
            notebook_image=NotebookImageFound(True, True, True),
            notebook_tags=(tagged("fit", "5.5.0"),),
        ),
        ("fit", None),
        "tag fit",
    ),
    "no-other-tag": (healthy(notebook_image=OTHER), None, "no other tag was found"),
    "hub-unknown": (
        healthy(notebook_image=GONE, jupyterhub_version=None, hub_answers=HubAnswers(), notebook_tags=(tagged("a", "5.5.0"),)),
        None,
        "which JupyterHub the hub runs is not known",
    ),
    "gone-and-another-fits": (
        healthy(notebook_image=GONE, notebook_tags=(tagged("fit", "5.5.0"),)),
        ("fit", None),
        "tag fit",
    ),
    "gone-and-built-again": (
        healthy(spec_with(build=SOURCE), notebook_image=GONE, notebook_tags=(tagged("fit", "5.5.0"),)),
        (PRESENT, None),
        "a build makes it again from https://github.com/asfadmin/asf-jupyter-notebooks at v1.2.0",
    ),
    "gone-and-its-source-is-of-another-hub": (
        healthy(
            spec_with(build=SOURCE, jupyterhub_version="4.1.6"), notebook_image=GONE, notebook_tags=(tagged("fit", "5.5.0"),)
        ),
        ("fit", None),
        "tag fit",
    ),
    "built-under-a-new-tag": (
        healthy(spec_with(build=SOURCE, jupyterhub_version="5.4.1"), notebook_image=OTHER),
        (f"{PRESENT}-jupyterhub-5.4.1", "5.4.1"),
        "declared to bring JupyterHub 5.4.1",
    ),
    "a-source-that-declares-nothing-proves-nothing": (
        healthy(spec_with(build=SOURCE), notebook_image=OTHER),
        None,
        "no other tag was found",
    ),
    "the-new-tag-is-there-and-does-not-fit": (
        healthy(
            spec_with(build=SOURCE, jupyterhub_version="5.4.1"),
            notebook_image=OTHER,
            notebook_tags=(tagged(f"{PRESENT}-jupyterhub-5.4.1", "1.0.0"),),
        ),
        None,
        "none of the 1 newest",
    ),
}


@pytest.mark.parametrize("name", CHOICES)
def test_an_image_is_chosen_only_where_it_is_proved_to_fit(name: str) -> None:
    facts, wanted, words = CHOICES[name]
    choice = choose_image(facts)
    image = choice.spec.notebook_image if choice.spec else None
    assert (image and (image.tag, image.jupyterhub_version)) == wanted
    assert words in choice.reason
    if choice.spec is not None:
        assert choice.spec == replace(facts.spec, notebook_image=image)


class Registry:
    """A repository's tags, newest first, with the JupyterHub in each; what was looked into is written down."""

    def __init__(self, **versions: str | None) -> None:
        self.versions, self.read = versions, [""][:0]

    def newest_tags(self, repository: str, most: int, registry_id: str | None = None) -> tuple[tuple[str, datetime], ...]:
        assert (repository, registry_id) == ("asf-franz-labs", "553778890976")
        return tuple((tag, NOW) for tag in self.versions)[:most]

    def image_config(self, repository: str, tag: str, registry_id: str) -> tuple[Mapping[str, Any] | None, str]:
        self.read.append(tag)
        version = self.versions[tag]
        return ({"config": {"Labels": {"hubplane.jupyterhub-version": version}}}, "") if version else (None, "denied")


def test_tags_are_looked_into_up_to_the_first_that_fits() -> None:
    registry = Registry(**{"newer": None, PRESENT: "1.0.0", "other": "4.1.6", "fit": "5.4.1", "older": "5.5.0"})
    found = read_tags(healthy(notebook_image=OTHER), "us-east-1", registry)
    assert [(item.tag, item.jupyterhub_version) for item in found] == [("newer", None), ("other", "4.1.6"), ("fit", "5.4.1")]
    assert registry.read == ["newer", "other", "fit"]


def test_no_more_than_ten_tags_are_looked_into() -> None:
    registry = Registry(**{f"tag{number}": "4.1.6" for number in range(30)})
    assert len(read_tags(healthy(notebook_image=OTHER), "us-east-1", registry)) == 10


@pytest.mark.parametrize(
    ("facts", "region"),
    [
        pytest.param(healthy(notebook_image=OTHER), "eu-central-1", id="another-region"),
        pytest.param(healthy(spec_with(name="quay.io/jupyter/base"), notebook_image=OTHER), "us-east-1", id="another-registry"),
        pytest.param(healthy(jupyterhub_version=None, hub_answers=HubAnswers()), "us-east-1", id="hub-unknown"),
    ],
)
def test_where_no_answer_would_help_nobody_is_asked(facts: ClusterFacts, region: str) -> None:
    registry = Registry(fit="5.5.0")
    assert read_tags(facts, region, registry) == ()
    assert registry.read == []
