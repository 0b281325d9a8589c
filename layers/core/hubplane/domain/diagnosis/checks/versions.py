"""Whether hub and notebook image speak the same JupyterHub (2019 README, "500 Error on Notebook Startup")."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubplane.domain.diagnosis.facts import ClusterFacts
from hubplane.domain.diagnosis.findings import Finding
from hubplane.domain.hub_facts import Answer
from hubplane.domain.hub_health import VERSION_HEADER

NAME = "versions"
# jupyterhub/handlers/base.py: the words of the page, which the hub logs as well.
LOOP = re.compile(r"Redirect loop detected")
SENTENCE = (
    "The notebook image has another JupyterHub than the hub, so people meet a redirect loop (500) when their server starts: the "
    "image needs a tag with the hub's version."
)


def judge(facts: ClusterFacts) -> Iterator[Finding]:
    """The loop in the hub's log, or major versions that differ; JupyterHub itself only warns of other minor ones."""
    image = facts.spec.notebook_image
    in_hub, in_image = _hub_version(facts), image.jupyterhub_version
    if facts.notebook_image is not None and facts.notebook_image.jupyterhub_version is not None:
        in_image = facts.notebook_image.jupyterhub_version
    loops = [line.strip() for line in facts.hub_log.splitlines() if LOOP.search(line)]
    differ = in_hub is not None and in_image is not None and in_hub.split(".")[0] != in_image.split(".")[0]
    if differ or loops:
        said = [f"log of the hub's pod: {loops[-1][:300]}"] if loops else []
        if differ:
            said.append(f"the hub runs JupyterHub {in_hub}, image {image.name}:{image.tag} has {in_image}")
        yield Finding(NAME, "critical", SENTENCE, tuple(said), "diagnose-cluster")
    found = facts.notebook_image
    if found is not None and found.checked and not found.tag_exists:
        sentence = "The notebook image is not in the registry, so no server starts on a node that has not pulled it yet."
        said = [f"{image.name}:{image.tag} does not exist"]
        yield Finding(NAME, "critical", sentence, tuple(said), "diagnose-cluster")


def _hub_version(facts: ClusterFacts) -> str | None:
    """What the hub says of itself, else what the last build recorded."""
    health = facts.hub_answers.health
    answered = health.headers.get(VERSION_HEADER) if isinstance(health, Answer) else None
    return answered or facts.jupyterhub_version
