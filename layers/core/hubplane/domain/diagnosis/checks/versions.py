"""Whether hub and notebook image speak the same JupyterHub (2019 README, "500 Error on Notebook Startup")."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubplane.domain.diagnosis.facts import ClusterFacts
from hubplane.domain.diagnosis.findings import Finding
from hubplane.domain.diagnosis.mends import build_cluster
from hubplane.domain.diagnosis.notebook_image import (
    choose_image,
    hub_version,
    image_trouble,
    image_version,
    is_fit,
    what_to_publish,
)

NAME = "versions"
# jupyterhub/handlers/base.py: the words of the page, which the hub logs as well.
LOOP = re.compile(r"Redirect loop detected")
DIFFERS = "The notebook image has another JupyterHub than the hub, so people meet a redirect loop (500) when their server starts."
RUNS_ON = (
    "A server that runs has another JupyterHub than the hub, so its owner meets a redirect loop (500), though the notebook image "
    "says that it fits: one that was started before the image changed has to be stopped (`hubplane stop-server`) and started "
    "again; if a new one does it too, the image says wrong, and another tag has to be published."
)
GONE = "The notebook image is not in the registry, so no server starts on a node that has not pulled it yet."


def judge(facts: ClusterFacts) -> Iterator[Finding]:
    """One finding: an image that is gone, or major versions that differ, or the loop in the hub's log."""
    image, trouble, loops = facts.spec.notebook_image, image_trouble(facts), loop_lines(facts)
    said = [f"log of the hub's pod: {loops[-1][:300]}"] if loops else []
    if trouble == "differs":
        said.append(f"the hub runs JupyterHub {hub_version(facts)}, image {image.name}:{image.tag} has {image_version(facts)}")
    elif trouble == "gone":
        said.append(f"{image.name}:{image.tag} does not exist")
    if not said:
        return
    choice = choose_image(facts)
    if is_fit(facts):
        yield Finding(NAME, "critical", RUNS_ON, (*said, choice.reason), "diagnose-cluster")
        return
    mend = build_cluster(facts, choice.spec) if choice.spec is not None else None
    help_ = "The proposed build gives servers that start after it an image that fits." if mend else what_to_publish(facts)
    sentence = f"{GONE if trouble == 'gone' else DIFFERS} {help_}"
    yield Finding(NAME, "critical", sentence, (*said, choice.reason), "diagnose-cluster", mend)


def loop_lines(facts: ClusterFacts) -> list[str]:
    """The lines of the hub's log that tell of the redirect loop."""
    return [line.strip() for line in facts.hub_log.splitlines() if LOOP.search(line)]


def is_image_wanted(facts: ClusterFacts) -> bool:
    """Whether another image has to be looked for: only then the registry is asked for its tags."""
    return image_trouble(facts) is not None or (bool(loop_lines(facts)) and not is_fit(facts))
