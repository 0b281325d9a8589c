"""Whether the autoscaler runs, what its log says, and whether its last installation was refused (2019 README, "Autoscaler Error
During Build")."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubplane.domain.diagnosis.causes import autoscaler_pods, events_about, is_young, pod_words
from hubplane.domain.diagnosis.facts import BuildFailure, ClusterFacts
from hubplane.domain.diagnosis.findings import Finding
from hubplane.domain.diagnosis.mends import build_cluster, repair_autoscaler

NAME = "autoscaler"
# klog lines of level error or fatal: "E1125 10:00:00.123456       1 static_autoscaler.go:598] …"
ERROR_LINE = re.compile(r"^[EF]\d{4} ")
NO_RIGHTS = re.compile(r"AccessDenied|UnauthorizedOperation|is not authorized to perform|no EC2 IMDS role found")
# It looks around every 10 s (--scan-interval). One failed look is a hiccup; the same error in most of the last lines is a state.
FEW_ERRORS = 5


def judge(facts: ClusterFacts) -> Iterator[Finding]:
    """The refused installation first: while it stands, the pod is of no interest."""
    if facts.failure is not None and is_disruption_budget_error(facts.failure):
        sentence = (
            "The autoscaler could not be installed: Kubernetes lets nobody change its PodDisruptionBudget in place, so its "
            "namespace has to be made again."
        )
        yield Finding(NAME, "warning", sentence, (facts.failure.cause[:500],), "repair-autoscaler", repair_autoscaler(facts))
        return
    pods = autoscaler_pods(facts.autoscaler_pods)
    if not pods:
        sentence = "The autoscaler does not run, so no node comes when one is needed."
        said = "namespace autoscaler has no pod"
        yield Finding(NAME, "warning", sentence, (said,), "repair-autoscaler", repair_autoscaler(facts))
    elif not any(pod.ready for pod in pods):
        young = all(is_young(facts, pod) for pod in pods)
        stuck = any(pod.unschedulable for pod in pods)
        seen = [text for pod in pods for text in (pod_words(pod), *(event.message for event in events_about(facts, pod)[:2]))]
        sentence = "The autoscaler's pod is not ready, so no node comes when one is needed."
        mend = None if young or stuck else repair_autoscaler(facts)
        yield Finding(NAME, "warning", sentence, tuple(dict.fromkeys(seen)), "repair-autoscaler", mend)
    else:
        yield from _log(facts)


def _log(facts: ClusterFacts) -> Iterator[Finding]:
    lines = facts.autoscaler_log.splitlines()
    refused = [line for line in lines if NO_RIGHTS.search(line)]
    errors = [line for line in lines if ERROR_LINE.match(line) and line not in refused]
    if refused:
        sentence = "The autoscaler has no rights to scale the node groups: its role or its identity association is not as built."
        yield Finding(NAME, "warning", sentence, _shown(refused), "repair-autoscaler", build_cluster(facts))
    elif len(errors) >= FEW_ERRORS:
        sentence = "The autoscaler runs, but reports errors again and again; nodes may not come or go as they should."
        yield Finding(NAME, "warning", sentence, _shown(errors), "repair-autoscaler")


def _shown(lines: list[str]) -> tuple[str, ...]:
    return (f"log of the autoscaler, {len(lines)} such lines, the last: {lines[-1].strip()[:300]}",)


def is_disruption_budget_error(failure: BuildFailure) -> bool:
    """Whether the last build ended because helm might not change the autoscaler's PodDisruptionBudget."""
    return failure.stage == "InstallAutoscaler" and (
        failure.error == "PodDisruptionBudgetImmutable" or "PodDisruptionBudget" in failure.cause
    )
