"""Which notebook image a build should name where the present one does not fit the hub, or is not there any more.

Only what is proved is proposed: a tag whose image says a JupyterHub of the hub's major version, or a build of the operator's own
source whose version the specification declares. Where neither is there, the finding says what to publish.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, Protocol

from hubplane.domain.cluster_spec.model import ClusterSpec
from hubplane.domain.diagnosis.facts import ClusterFacts, TaggedImage
from hubplane.domain.hub_facts import Answer
from hubplane.domain.hub_health import VERSION_HEADER
from hubplane.domain.images import VERSION_LABELS, ecr_image, jupyterhub_version_of

__all__ = [
    "MOST_TAGS",
    "ImageChoice",
    "choose_image",
    "fits",
    "hub_version",
    "image_trouble",
    "image_version",
    "is_fit",
    "read_tags",
]

# Each tag that is looked into costs two calls and a download of some 10 kB; who publishes more often than that without a fit has
# stopped publishing for this hub.
MOST_TAGS: Final = 10
# Of ECR's 128 characters of a tag, what is left for the operator's own beside the version.
OWN_TAG_LENGTH: Final = 90


class ImageChoice(NamedTuple):
    """``spec``: the specification to build, None where no image is proved to fit. ``reason``: why this one, or why none."""

    spec: ClusterSpec | None
    reason: str


class Tags(Protocol):
    """The questions to ECR; ``adapters.ecr.Ecr`` answers them."""

    def newest_tags(self, repository: str, most: int, registry_id: str | None = None) -> tuple[tuple[str, datetime], ...]:
        """(tag, pushed at), the newest first."""

    def image_config(self, repository: str, tag: str, registry_id: str) -> tuple[Mapping[str, Any] | None, str]:
        """What the image says of itself, or None and why not."""


def hub_version(facts: ClusterFacts) -> str | None:
    """What the hub says of itself, else what the last build recorded."""
    health = facts.hub_answers.health
    answered = health.headers.get(VERSION_HEADER) if isinstance(health, Answer) else None
    return answered or facts.jupyterhub_version


def image_version(facts: ClusterFacts) -> str | None:
    """What the image in the registry says of itself, else what the specification says of it."""
    found = facts.notebook_image
    said = found.jupyterhub_version if found is not None else None
    return said or facts.spec.notebook_image.jupyterhub_version


def fits(in_image: str | None, in_hub: str) -> bool:
    """Whether an image is known to have the hub's major version; JupyterHub itself only warns of other minor ones."""
    return in_image is not None and in_image.split(".")[0] == in_hub.split(".", maxsplit=1)[0]


def image_trouble(facts: ClusterFacts) -> Literal["gone", "differs"] | None:
    """What is wrong with the image by what registry, hub and specification say; None also where they do not say."""
    found, in_hub, in_image = facts.notebook_image, hub_version(facts), image_version(facts)
    if found is not None and found.checked and not found.tag_exists:
        return "gone"
    return "differs" if in_hub is not None and in_image is not None and not fits(in_image, in_hub) else None


def is_fit(facts: ClusterFacts) -> bool:
    """Whether the present image is there and says itself that it fits: another one that says so would be no better."""
    found, in_hub = facts.notebook_image, hub_version(facts)
    return found is not None and in_hub is not None and image_trouble(facts) is None and fits(found.jupyterhub_version, in_hub)


def read_tags(facts: ClusterFacts, region: str, registry: Tags) -> tuple[TaggedImage, ...]:
    """The newest tags beside the present one, the newest first, up to the first that fits; () where there is nobody to ask."""
    image, in_hub = facts.spec.notebook_image, hub_version(facts)
    place = ecr_image(image.name)
    if place is None or place.region != region or in_hub is None:
        return ()
    seen: list[TaggedImage] = []
    for tag, pushed_at in registry.newest_tags(place.repository, MOST_TAGS, place.account_id):
        if tag == image.tag:
            continue
        config, _ = registry.image_config(place.repository, tag, place.account_id)
        seen.append(TaggedImage(tag, pushed_at, jupyterhub_version_of(config) if config is not None else None))
        if fits(seen[-1].jupyterhub_version, in_hub):
            break
    return tuple(seen)


def choose_image(facts: ClusterFacts) -> ImageChoice:
    """An image that is gone is built again from its own source, if it has one; else the newest tag that fits; else a build of the
    source under a new tag, where its declared version fits and only the image under the present tag is another one."""
    image, in_hub = facts.spec.notebook_image, hub_version(facts)
    if in_hub is None:
        return ImageChoice(None, "which JupyterHub the hub runs is not known, so no image can be called a fit")
    if is_fit(facts):
        return ImageChoice(None, f"image {image.tag} has JupyterHub {image_version(facts)}, which fits the hub's {in_hub}")
    is_gone, declared = image_trouble(facts) == "gone", image.jupyterhub_version
    if image.build is not None and is_gone and (declared is None or fits(declared, in_hub)):
        return ImageChoice(facts.spec, f"a build makes it again from {image.build.repository_url} at {image.build.ref}")
    fit = next((seen for seen in facts.notebook_tags if fits(seen.jupyterhub_version, in_hub)), None)
    if fit is not None:
        # What was declared of the present tag is no word about another one.
        chosen = replace(image, tag=fit.tag, jupyterhub_version=None)
        reason = f"tag {fit.tag}, pushed {fit.pushed_at:%Y-%m-%d %H:%M} UTC, has JupyterHub {fit.jupyterhub_version}"
        return ImageChoice(replace(facts.spec, notebook_image=chosen), f"{reason}: the newest that fits the hub's {in_hub}")
    found, new_tag = facts.notebook_image, f"{image.tag[:OWN_TAG_LENGTH]}-jupyterhub-{declared}"
    is_another = found is not None and found.jupyterhub_version is not None and not fits(found.jupyterhub_version, in_hub)
    is_free = all(seen.tag != new_tag for seen in facts.notebook_tags)
    if image.build is not None and fits(declared, in_hub) and is_another and is_free:
        spec = replace(facts.spec, notebook_image=replace(image, tag=new_tag))
        source = f"{image.build.repository_url} at {image.build.ref}"
        return ImageChoice(spec, f"a build makes {new_tag} from {source}, which is declared to bring JupyterHub {declared}")
    others = len(facts.notebook_tags)
    looked = f"none of the {others} newest other tags says" if others else "no other tag was found that says"
    return ImageChoice(None, f"{looked} that it has JupyterHub {in_hub.split('.')[0]}")


def what_to_publish(facts: ClusterFacts) -> str:
    """The sentence for a person where no image is proved to fit."""
    in_hub = hub_version(facts) or "of the hub"
    return (
        f"Publish {facts.spec.notebook_image.name} with JupyterHub {in_hub} under a tag of its own, with the label "
        f"{VERSION_LABELS[0]}={in_hub}, set notebook_image.tag to it and build."
    )
