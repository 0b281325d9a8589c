"""The rules between fields, each run on whatever fields are there: one broken field hides no other fault.

A rule looks at a document whose defaults are filled in but which may still be wrong anywhere, so each takes only values of
the type it needs. ``say`` turns a place into the name that the person typed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any, Final

from hubplane.domain.cluster_spec.eks_versions import EKS_VERSIONS, has_ended, support_note
from hubplane.domain.cluster_spec.faults import Finding, Path
from hubplane.domain.cluster_spec.name_limits import NameLimit, tightest_cluster_limit, tightest_group_limit

Say = Callable[[Path], str]

# Graviton and a1 (https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html: "g" after the generation).
_ARM_INSTANCE = re.compile(r"a1\.|[a-z]+[0-9]+g[a-z]*[.-]")
# NVIDIA GPUs (same page: P and G families; G4ad has AMD's).
_NVIDIA_INSTANCE = re.compile(r"(?!g4ad)(?:p[2-9]|g[3-9]|gr[0-9])[a-z]*[.-]")
_REPELS: Final = ("NoSchedule", "NoExecute")


def cross_findings(document: Mapping[str, Any], say: Say, today: date | None) -> Iterator[Finding]:
    """Every broken rule between fields of a document whose defaults are filled in."""
    yield from _names_fit(document, say)
    yield from _subnets(document, say)
    yield from _hub(document, say)
    yield from _oauth(document, say)
    yield from _sizes(document, say)
    yield from _groups(document, say)
    yield from _taints(document)
    yield from _somewhere_to_run(document, say)
    yield from _access(document)
    yield from _retention(document, say)
    version = document.get("kubernetes_version")
    if today is not None and isinstance(version, str) and has_ended(version, today):
        last = EKS_VERSIONS[version].extended_until
        yield Finding(("kubernetes_version",), version, f"is no longer offered by EKS since {last}: choose {_offered(today)}")


def notes(document: Mapping[str, Any], say: Say, today: date | None) -> Iterator[str]:
    """What is allowed and still worth a sentence."""
    version = document["kubernetes_version"]
    note = support_note(version, today) if today is not None else None
    if note:
        yield note
    for path, group in _node_groups(document):
        gpu_instance, gpu_image = _NVIDIA_INSTANCE.match(group["instance_type"]), "NVIDIA" in group["ami_type"]
        if gpu_instance and not gpu_image and group["ami_id"] is None:
            hint = "notebooks will not see it; ami_type AL2023_x86_64_NVIDIA of the typed form brings it"
            yield f"{_instance(path, group, say)} has a GPU and {group['ami_type']} no driver for it: {hint}"
        if gpu_image and not gpu_instance:
            yield f"{_instance(path, group, say)} has no NVIDIA GPU, though {group['ami_type']} is made for one"


def _retention(document: Mapping[str, Any], say: Say) -> Iterator[Finding]:
    """A copy that ends before its volume rests, or before its owner heard of it, would break the promise of the mails."""
    place = ("storage", "policy")
    policy = _get(document, *place)
    if not isinstance(policy, dict):
        return
    ends, idle, warnings = (policy.get(name) for name in ("end_of_retention_days", "volume_idle_days", "warning_days"))
    if type(ends) is not int or type(idle) is not int or not isinstance(warnings, list):
        return
    days = [item for item in warnings if type(item) is int]
    if days and ends <= idle + max(days):
        others = f"{say((*place, 'volume_idle_days'))} {idle} and the first of {say((*place, 'warning_days'))} {max(days)}"
        rule = f"must be more than {idle + max(days)} days, {others} together; or null for never"
        yield Finding((*place, "end_of_retention_days"), ends, rule)


def _instance(path: Path, group: Mapping[str, Any], say: Say) -> str:
    return f"{say((*path, 'instance_type'))} {group['instance_type']}"


def _names_fit(document: Mapping[str, Any], say: Say) -> Iterator[Finding]:
    name, port = document.get("cluster_name"), _get(document, "hub", "node_port")
    if not isinstance(name, str):
        return
    longest, limit = tightest_cluster_limit(port if type(port) is int and 0 < port < 100_000 else 30052)
    if len(name) > longest:
        rule = f"has {len(name)} characters and may have {longest}: {_limit(limit)}; choose a shorter name"
        yield Finding(("cluster_name",), name, rule)
        return
    longest, limit = tightest_group_limit(name)
    for path, group in _node_groups(document):
        group_name = group.get("name")
        if isinstance(group_name, str) and len(group_name) > longest:
            rule = (
                f"has {len(group_name)} characters and may have {longest} in this cluster: {_limit(limit)}; choose a shorter name"
            )
            yield Finding((*path, "name"), group_name, rule)


def _limit(limit: NameLimit) -> str:
    pattern = limit.pattern.replace("{", "<").replace("}", ">")
    return f"the {limit.resource} is called {pattern} and ends at {limit.longest} characters"


def _subnets(document: Mapping[str, Any], say: Say) -> Iterator[Finding]:
    all_ids, active = _get(document, "network", "subnet_ids"), _get(document, "network", "active_subnet_ids")
    if not isinstance(all_ids, list) or not isinstance(active, list):
        return
    for index, subnet in enumerate(active):
        if subnet not in all_ids:
            rule = f"is not among {say(('network', 'subnet_ids'))}: add it there, or name one of those"
            yield Finding(("network", "active_subnet_ids", index), subnet, rule)


def _hub(document: Mapping[str, Any], say: Say) -> Iterator[Finding]:
    users = _get(document, "hub", "admin_users")
    seen: dict[str, str] = {}
    for index, user in enumerate(users if isinstance(users, list) else []):
        if isinstance(user, str) and seen.setdefault(user.lower(), user) != user:
            rule = f"is the same person as {seen[user.lower()]}, because JupyterHub lowers all names: keep one of them"
            yield Finding(("hub", "admin_users", index), user, rule)
    source, version = _get(document, "hub", "chart", "source"), _get(document, "hub", "chart", "version")
    if not isinstance(source, str):
        return
    if "://" in source and version is None:
        yield Finding(
            ("hub", "chart", "version"), version, "is required with a repository or an oci:// reference: pin one, such as 4.4.0"
        )
    if "://" not in source and version is not None:
        yield Finding(("hub", "chart", "version"), version, "must be left out, because a folder holds one version of a chart")


def _oauth(document: Mapping[str, Any], say: Say) -> Iterator[Finding]:
    oauth = document.get("oauth")
    if not isinstance(oauth, dict):
        return
    id_path, secret_path = ("oauth", "client_id_secret_arn"), ("oauth", "client_secret_secret_arn")
    given = {path: oauth.get(str(path[-1])) is not None for path in (id_path, secret_path)}
    for path, other in ((id_path, secret_path), (secret_path, id_path)):
        if not given[path] and given[other]:
            yield Finding(path, None, f"is required with {say(other)}: give both, or neither for a client that Hubplane makes")
    scopes = oauth.get("scopes")
    if not any(given.values()) and isinstance(scopes, list) and "openid" not in scopes:
        rule = "must hold openid while Hubplane makes the app client: Cognito's user info answers to that scope only"
        yield Finding(("oauth", "scopes"), scopes, rule)


def _sizes(document: Mapping[str, Any], say: Say) -> Iterator[Finding]:
    for path, group in _node_groups(document):
        low, wanted, high = (group.get(name) for name in ("min_size", "desired_size", "max_size"))
        desired = say((*path, "desired_size"))
        if type(low) is int and type(wanted) is int and low > wanted:
            rule = f"must not be more than {desired}, which is {wanted}: lower it or raise {desired}"
            yield Finding((*path, "min_size"), low, rule)
        if type(high) is int and type(wanted) is int and high < wanted + 1:
            rule = f"must be at least one more than {desired}, which is {wanted}: the autoscaler needs room for one node more"
            yield Finding((*path, "max_size"), high, rule)


def _groups(document: Mapping[str, Any], say: Say) -> Iterator[Finding]:
    groups = list(_node_groups(document))
    names = Counter(group["name"] for _, group in groups if isinstance(group.get("name"), str))
    seen: set[str] = set()
    for path, group in groups:
        name, ami_type, instance = group.get("name"), group.get("ami_type"), group.get("instance_type")
        if isinstance(name, str) and names[name] > 1 and name in seen:
            yield Finding((*path, "name"), name, "is the name of another group of this cluster: give each group its own")
        if isinstance(name, str):
            seen.add(name)
        if isinstance(ami_type, str) and isinstance(instance, str):
            arm = _ARM_INSTANCE.match(instance) is not None
            if arm != ("_ARM_64_" in ami_type):
                cpu, family = ("ARM", "an ARM_64") if arm else ("x86", "an x86_64")
                rule = f"has {cpu} processors, on which {ami_type} does not run"
                rule = f"{rule}: choose another, or {family} type as ami_type (typed form)"
                yield Finding((*path, "instance_type"), instance, rule)


def _taints(document: Mapping[str, Any]) -> Iterator[Finding]:
    for path, group in _node_groups(document):
        seen: set[tuple[str, str]] = set()
        taints = group.get("taints")
        for index, taint in enumerate(taints if isinstance(taints, list) else []):
            pair = (str(taint.get("key")), str(taint.get("effect"))) if isinstance(taint, dict) else None
            if pair in seen and isinstance(taint, dict):
                rule = "stands there twice with the same effect: Kubernetes keeps one taint per key and effect; take one out"
                yield Finding((*path, "taints", index, "key"), taint.get("key"), rule)
            if pair is not None:
                seen.add(pair)


def _somewhere_to_run(document: Mapping[str, Any], say: Say) -> Iterator[Finding]:
    """The hub, the autoscaler and CoreDNS tolerate no taints of ours, and the autoscaler cannot start the node it runs on."""
    groups = list(_node_groups(document))
    if not groups or len(groups) != len(document["node_groups"]):
        return
    open_groups = [(path, group) for path, group in groups if not _repels(group)]
    if not open_groups:
        rule = "repels the hub in every node group: leave one group without NoSchedule and NoExecute taints"
        yield Finding((*groups[0][0], "taints"), groups[0][1].get("taints"), rule)
    elif all(group.get("desired_size") == 0 for _, group in open_groups):
        path = (*open_groups[0][0], "desired_size")
        yield Finding(path, 0, "leaves no node for the hub and the autoscaler: give one group without taints at least 1")


def _repels(group: Mapping[str, Any]) -> bool:
    taints = group.get("taints")
    return isinstance(taints, list) and any(isinstance(taint, dict) and taint.get("effect") in _REPELS for taint in taints)


def _access(document: Mapping[str, Any]) -> Iterator[Finding]:
    grants = document.get("access")
    seen: set[str] = set()
    for index, grant in enumerate(grants if isinstance(grants, list) else []):
        principal = grant.get("principal_arn") if isinstance(grant, dict) else None
        if not isinstance(principal, str):
            continue
        if principal in seen:
            yield Finding(
                ("access", index, "principal_arn"),
                principal,
                "stands there twice: EKS keeps one entry per principal; keep one level",
            )
        seen.add(principal)


def _node_groups(document: Mapping[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    groups = document.get("node_groups")
    for index, group in enumerate(groups if isinstance(groups, list) else []):
        if isinstance(group, dict):
            yield ("node_groups", index), group


def _get(document: Any, *path: str) -> Any:
    for part in path:
        document = document.get(part) if isinstance(document, Mapping) else None
    return document


def _offered(today: date) -> str:
    return ", ".join(version for version in EKS_VERSIONS if not has_ended(version, today)) or "a newer one, see eks_versions.py"
