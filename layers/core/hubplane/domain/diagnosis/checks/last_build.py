"""How the last build ended, and whether one is running now."""

from __future__ import annotations

from collections.abc import Iterator

from hubplane.domain.diagnosis.checks.autoscaler import is_disruption_budget_error
from hubplane.domain.diagnosis.facts import ClusterFacts
from hubplane.domain.diagnosis.findings import Finding
from hubplane.domain.diagnosis.mends import build_cluster

NAME = "last_build"


def judge(facts: ClusterFacts) -> Iterator[Finding]:
    """A failed build may have stopped half-way: what it had changed by then stays, above all a control plane's version."""
    failure = facts.failure
    if facts.rose_to is not None:
        recorded = facts.spec.kubernetes_version
        sentence = (
            f"The control plane runs a later Kubernetes than the last release. Each build that is proposed here goes on to "
            f"{facts.rose_to} and replaces the nodes that lag, whose servers end; `hubplane upgrade` does so behind a gate."
        )
        said = (f"EKS runs Kubernetes {facts.rose_to}, the last release is of {recorded}",)
        yield Finding(NAME, "notice", sentence, said, "upgrade-cluster")
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
