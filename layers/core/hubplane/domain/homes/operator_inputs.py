"""What an operator gives ``stop_server``, ``list_homes``, ``expand_home``, ``adopt_homes``.

Every fault is told at once, with field, value and rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hubplane.domain.errors import HomeInputInvalid
from hubplane.domain.machine_inputs import is_cluster_name, shown, strange_fields

LONGEST_USERNAME: Final = 128
"""Cognito's own limit (Amazon Cognito API reference, SignUp, Username)."""

LARGEST_SIZE_GIB: Final = 65536
"""64 TiB, of any volume at most (EBS User Guide, "Amazon EBS volume types"); ``growing`` knows the limit of each type."""

LONGEST_SERVER_NAME: Final = 255
"""JupyterHub keeps it in a column of 255 characters (jupyterhub/orm.py, ``Spawner.name``)."""


_CLAIM_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_PLAN_ID: Final = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class StopInput:
    """Whose server. ``server_name`` None is every server of the person, empty text the default one."""

    cluster_name: str
    username: str
    server_name: str | None = None


@dataclass(frozen=True, slots=True)
class ExpandInput:
    """Whose home becomes how large. ``claim_name``: an operator's claim in the place of the one that the name leads to."""

    cluster_name: str
    username: str
    size_gib: int
    claim_name: str | None = None
    mode: str = "plan"


@dataclass(frozen=True, slots=True)
class AdoptInput:
    """``plan_id`` is the plan that ``enforce`` carries out, ``by`` the admin who read it."""

    cluster_name: str
    mode: str = "plan"
    plan_id: str | None = None
    by: str | None = None


def read_stop(document: Any) -> StopInput:
    """The input of ``stop_server``. Raises ``HomeInputInvalid`` with every fault."""
    found = _checked(document, {"cluster_name": _cluster, "username": _person, "server_name": _server})
    return StopInput(found["cluster_name"], found["username"].strip(), found.get("server_name"))


def read_listing(document: Any) -> str:
    """The cluster of ``list_homes``. Raises ``HomeInputInvalid``."""
    name: str = _checked(document, {"cluster_name": _cluster})["cluster_name"]
    return name


def read_expansion(document: Any) -> ExpandInput:
    """The input of ``expand_home``. Raises ``HomeInputInvalid``."""
    rules = {"cluster_name": _cluster, "username": _person, "size_gib": _size, "claim_name": _claim, "mode": _mode}
    found = _checked(document, rules)
    return ExpandInput(
        found["cluster_name"], found["username"].strip(), found["size_gib"], found.get("claim_name"), found.get("mode") or "plan"
    )


def read_adoption(document: Any) -> AdoptInput:
    """The input of ``adopt_homes``. Raises ``HomeInputInvalid``."""
    found = _checked(document, {"cluster_name": _cluster, "mode": _mode, "plan_id": _plan, "by": _admin}, _approval)
    return AdoptInput(found["cluster_name"], found.get("mode") or "plan", found.get("plan_id"), found.get("by"))


def _checked(
    document: Any,
    rules: Mapping[str, Callable[[Any], str | None]],
    more: Callable[[Mapping[str, Any]], Iterator[str]] = lambda _: iter(()),
) -> Mapping[str, Any]:
    if not isinstance(document, Mapping):
        raise HomeInputInvalid(f"the input is {type(document).__name__}: give an object with {', '.join(rules)}")
    faults = [
        f"{name} = {shown(document.get(name))}: {rule}"
        for name, rule in ((name, check(document.get(name))) for name, check in rules.items())
        if rule
    ]
    faults += more(document)
    faults += strange_fields(document, rules)
    if faults:
        raise HomeInputInvalid("\n".join([f"the input has {len(faults)} fault{'s' * (len(faults) != 1)}:", *faults]))
    return document


def _cluster(value: Any) -> str | None:
    fits = is_cluster_name(value)
    return None if fits else "must be the name of a cluster that was built here, such as opensarlab"


def _person(value: Any) -> str | None:
    fits = isinstance(value, str) and value.strip() and len(value) <= LONGEST_USERNAME
    return None if fits else "must be the name that the person signs in with"


def _server(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and len(value) <= LONGEST_SERVER_NAME):
        return None
    return 'must be the name of one server, "" for the default one; leave it out for all servers of the person'


def _size(value: Any) -> str | None:
    if type(value) is int and 1 <= value <= LARGEST_SIZE_GIB:
        return None
    return f"must be the whole new size in GiB, a number from 1 to {LARGEST_SIZE_GIB} (64 TiB, the largest EBS volume)"


def _claim(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and _CLAIM_NAME.fullmatch(value)):
        return None
    return "must be the name of a persistent volume claim; leave it out for the claim that the person's name leads to"


def _mode(value: Any) -> str | None:
    return None if value in (None, "plan", "enforce") else "must be plan (say what would be done) or enforce (do it)"


def _plan(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and _PLAN_ID.fullmatch(value)):
        return None
    return "must be the plan_id that a run in mode plan answered, 16 hexadecimal digits"


def _admin(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and value.strip() and len(value) <= LONGEST_USERNAME):
        return None
    return f"must be the admin who read the plan, text of 1 to {LONGEST_USERNAME} characters; the ledger keeps it"


def _approval(document: Mapping[str, Any]) -> Iterator[str]:
    if document.get("mode") != "enforce":
        return
    if document.get("plan_id") is None:
        yield "plan_id = (absent): mode enforce carries out a plan that an admin has read: run mode plan first, give its plan_id"
    if document.get("by") is None:
        yield "by = (absent): mode enforce needs the admin who read the plan; the ledger keeps it"
