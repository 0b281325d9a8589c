"""Homes that are full, by what fails on them (2019 README, "Gitpuller Error" and "Out of Storage Space").

How full a disk is only the kubelet knows (docs/decisions/0061), so this sees a home when something could not be written at the
start of its server: Kubernetes tells the output of a start hook that failed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubplane.domain.diagnosis.causes import events_about, person_of
from hubplane.domain.diagnosis.facts import ClusterFacts
from hubplane.domain.diagnosis.findings import Finding
from hubplane.domain.diagnosis.mends import expand_home

NAME = "full_homes"
FULL = re.compile(r"unable to write index_file|No space left on device|Disk quota exceeded|database or disk is full")


def judge(facts: ClusterFacts) -> Iterator[Finding]:
    """One finding per person whose server told of a full disk; events about a server that is gone are history."""
    for pod in facts.pods:
        if not pod.is_server or pod.ending:
            continue
        said = [f"{event.reason}: {event.message}"[:400] for event in events_about(facts, pod) if FULL.search(event.message)]
        if pod.waiting and FULL.search(pod.waiting[1]):
            said.append(f"{pod.waiting[0]}: {pod.waiting[1]}"[:400])
        if not said:
            continue
        claim_name = pod.claims[0] if pod.claims else None
        person = pod.username or (person_of(facts, claim_name) if claim_name else None)
        size = _size_gib(facts, claim_name)
        sentence = f"The home of {person or claim_name or pod.name} is full, so its server does not start as it should."
        mend = expand_home(facts, person, size) if person and size else None
        yield Finding(NAME, "warning", sentence, tuple(dict.fromkeys(said)), "diagnose-cluster", mend)


def _size_gib(facts: ClusterFacts, claim_name: str | None) -> int | None:
    bound = facts.volume_of_claim(claim_name) if claim_name else None
    volume = facts.ebs_volumes.get(bound.volume_id or "") if bound else None
    return volume.size_gib if volume else None
