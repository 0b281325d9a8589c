"""What a person or a schedule gives the machines that look at a cluster and mend it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from hubplane.domain.errors import MendInputInvalid
from hubplane.domain.machine_inputs import is_cluster_name, shown, strange_fields

__all__ = ["MEND_MODES", "SECRETS", "read_diagnosis_input", "read_mend_input", "read_rotation_input"]

MEND_MODES: Final = ("never", "policy")
SECRETS: Final = ("oauth-client", "proxy-token", "hub-token")


def read_diagnosis_input(document: Any) -> tuple[str, str]:
    """(cluster name, mend mode) of a diagnosis. Raises ``MendInputInvalid`` with every fault, one a line."""
    faults = list(_faults(document, ("cluster_name", "mend")))
    mode = document.get("mend", "never") if isinstance(document, Mapping) else "never"
    if mode not in MEND_MODES:
        faults.append(f"mend = {shown(mode)}: must be never (only look) or policy (mend what the cluster's policy allows)")
    return _checked(faults, document), mode


def read_mend_input(document: Any) -> str:
    """The cluster name in the input of restart_hub or repair_autoscaler. Raises ``MendInputInvalid`` with every fault."""
    return _checked(list(_faults(document, ("cluster_name",))), document)


def read_rotation_input(document: Any) -> tuple[str, tuple[str, ...]]:
    """(cluster name, secrets to renew in the order of ``SECRETS``). Raises ``MendInputInvalid`` with every fault."""
    faults = list(_faults(document, ("cluster_name", "secrets")))
    given = document.get("secrets", list(SECRETS)) if isinstance(document, Mapping) else list(SECRETS)
    rule = f"must list one or more of {', '.join(SECRETS)}; leave it out for all three"
    if not isinstance(given, list) or not given or any(item not in SECRETS for item in given):
        faults.append(f"secrets = {shown(given)}: {rule}")
        given = []
    return _checked(faults, document), tuple(name for name in SECRETS if name in given)


def _checked(faults: Sequence[str], document: Any) -> str:
    if faults:
        raise MendInputInvalid("\n".join([f"the input has {len(faults)} fault{'s' * (len(faults) != 1)}:", *faults]))
    name: str = document["cluster_name"]
    return name


def _faults(document: Any, fields: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(document, Mapping):
        yield 'input: must be an object such as {"cluster_name": "opensarlab"}'
        return
    name = document.get("cluster_name")
    if not is_cluster_name(name):
        yield f"cluster_name = {shown(name)}: must be the name of a cluster that was built here, such as opensarlab"
    yield from strange_fields(document, fields)
