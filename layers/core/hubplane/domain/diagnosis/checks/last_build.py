"""How the last build ended, and whether one is running now."""

from __future__ import annotations

from collections.abc import Iterator

from hubplane.domain.diagnosis.checks.autoscaler import is_disruption_budget_error
from hubplane.domain.diagnosis.facts import ClusterFacts
from hubplane.domain.diagnosis.findings import Finding
from hubplane.domain.diagnosis.mends import build_cluster

NAME = "last_build"


def judge(facts: ClusterFacts) -> Iterator[Finding]:
    """A failed build may have stopped half-way: what it had changed by then stays as it is."""
    failure = facts.failure
    if facts.status == "BUILDING":
        sentence = "A build of the cluster is running; what is found beside this may pass when it ends."
        yield Finding(NAME, "notice", sentence, ("status BUILDING in the Clusters table",), "diagnose-cluster")
    elif failure is not None and not is_disruption_budget_error(failure):
        sentence = (
            f"The last build failed in stage {failure.stage}, and may have stopped half-way. The input named here builds the "
            "specification of the last release that worked; to go on with the newer one, start that build again."
        )
        said = (f"{failure.error}: {failure.cause[:600]}",)
        yield Finding(NAME, "warning", sentence, said, "diagnose-cluster", build_cluster(facts))
