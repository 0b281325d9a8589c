"""What an admin gives the machines about people who leave and come back; every fault at once, each with field, value, rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hubplane.domain.errors import PersonInputInvalid
from hubplane.domain.machine_inputs import is_cluster_name, shown, strange_fields
from hubplane.domain.mail.fields import one_line
from hubplane.domain.names import username_key

MODES: Final = ("plan", "enforce")
MAX_REASON_LENGTH: Final = 1000
WAYS: Final = ("allow", "transfer")
LARGEST_IMPORT: Final = 500
"""People of one import: 500 with their storage stay below the 256 KiB that a state machine hands on."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """Who leaves, by whose word. ``servers_stopped_in``: clusters whose servers a person has looked after by hand."""

    username: str
    by: str
    reason: str
    mode: str = "plan"
    servers_stopped_in: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Return:
    """Who comes back: ``username`` is the former name. ``way`` ``allow`` lets the person sign up under it again, ``transfer``
    gives the home to the account ``to``."""

    username: str
    way: str
    by: str
    reason: str
    to: str | None = None
    mode: str = "plan"


@dataclass(frozen=True, slots=True)
class FormerUser:
    """A person as the former user pool has them. Without a verified address nobody can prove to be that person."""

    username: str
    sub: str
    email: str
    email_verified: bool


@dataclass(frozen=True, slots=True)
class Import:
    """People of an adopted system, in the order given."""

    people: tuple[FormerUser, ...]
    by: str
    mode: str = "plan"


def read_leaving(document: Any) -> Leaving:
    """The input of ``offboard_user``. Raises ``PersonInputInvalid``."""
    fields = ("username", "by", "reason", "mode", "servers_stopped_in")
    found = _checked(document, fields, ("username", "by", "reason"), _faults_of_servers)
    return Leaving(
        username=username_key(found["username"]),
        by=one_line(found["by"]),
        reason=one_line(found["reason"]),
        mode=found.get("mode", "plan"),
        servers_stopped_in=tuple(found.get("servers_stopped_in") or ()),
    )


def read_return(document: Any) -> Return:
    """The input of ``return_user``. Raises ``PersonInputInvalid``."""
    fields = ("username", "way", "to", "by", "reason", "mode")
    found = _checked(document, fields, ("username", "by", "reason"), _faults_of_way)
    return Return(
        username=username_key(found["username"]),
        way=found["way"],
        by=one_line(found["by"]),
        reason=one_line(found["reason"]),
        to=username_key(found["to"]) if found.get("to") else None,
        mode=found.get("mode", "plan"),
    )


def read_import(document: Any) -> Import:
    """The input of ``import_users``. Raises ``PersonInputInvalid``; what is wrong with a single person's name is the plan's."""
    found = _checked(document, ("users", "by", "mode"), ("by",), _faults_of_users)
    people = tuple(
        FormerUser(user["username"], user["sub"], user["email"], user.get("email_verified") is True) for user in found["users"]
    )
    return Import(people=people, by=one_line(found["by"]), mode=found.get("mode", "plan"))


def _checked(document: Any, fields: tuple[str, ...], texts: tuple[str, ...], more: Any) -> Mapping[str, Any]:
    if not isinstance(document, Mapping):
        raise PersonInputInvalid(f"the input is {type(document).__name__}: give an object with {', '.join(fields)}")
    faults = list(_faults(document, fields, texts))
    faults += more(document)
    if faults:
        raise PersonInputInvalid("\n".join([f"the input has {len(faults)} fault{'s' * (len(faults) != 1)}:", *faults]))
    return document


def _faults(document: Mapping[str, Any], fields: tuple[str, ...], texts: tuple[str, ...]) -> Iterator[str]:
    for name in texts:
        value = document.get(name)
        if not isinstance(value, str) or not one_line(value) or len(value) > MAX_REASON_LENGTH:
            yield f"{name} = {shown(value)}: must be text of 1 to {MAX_REASON_LENGTH} characters; the ledger keeps it"
    if document.get("mode", "plan") not in MODES:
        yield f"mode = {shown(document.get('mode'))}: must be plan (say what would be done) or enforce (do it)"
    if isinstance(document.get("by"), str) and document.get("username") == document["by"]:
        yield f"by = {shown(document['by'])}: must be somebody else than the person; an admin decides"
    yield from strange_fields(document, fields)


def _faults_of_servers(document: Mapping[str, Any]) -> Iterator[str]:
    clusters = document.get("servers_stopped_in")
    if clusters is not None and not (isinstance(clusters, list) and all(is_cluster_name(name) for name in clusters)):
        yield f"servers_stopped_in = {shown(clusters)}: must be a list of clusters' names; leave it out otherwise"


def _faults_of_way(document: Mapping[str, Any]) -> Iterator[str]:
    way, to = document.get("way"), document.get("to")
    if way not in WAYS:
        yield f"way = {shown(way)}: must be allow (the person signs up under the old name again) or transfer (to an account)"
    if way == "transfer" and (not isinstance(to, str) or not to.strip()):
        yield f"to = {shown(to)}: must name the person's new account; a transfer needs one"
    if way == "allow" and to is not None:
        yield f"to = {shown(to)}: must be left out; with way allow the person comes back under the old name"


def _faults_of_users(document: Mapping[str, Any]) -> Iterator[str]:
    users = document.get("users")
    if not isinstance(users, list) or not 1 <= len(users) <= LARGEST_IMPORT:
        pattern = '{"username": "…", "sub": "…", "email": "…", "email_verified": true}'
        yield f"users: must be a list of 1 to {LARGEST_IMPORT} objects such as {pattern}"
        return
    for number, user in enumerate(users):
        for name in ("username", "sub", "email"):
            value = user.get(name) if isinstance(user, Mapping) else None
            if not isinstance(value, str) or not value.strip() or len(value) > MAX_REASON_LENGTH:
                yield f"users[{number}].{name} = {shown(value)}: must be text, as the former user pool has it"
        if isinstance(user, Mapping) and type(user.get("email_verified")) is not bool:
            yield f"users[{number}].email_verified = {shown(user.get('email_verified'))}: must be true or false, without quotes"
