"""People of another provider than the stack's own user pool: who they are is what their provider said at their first spawn.

Their records lie in the same table under keys that no name of the pool can be: ``#`` is in none (``usernames``). Their subs carry
the provider, because two providers may give one sub to two people.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hubplane.domain.names import EXTERNAL_PREFIX, username_key
from hubplane.domain.registration.records import Status, UserRecord


def provider_of(sign_in_url: str) -> str:
    """The host of a sign-in URL, in lower case: ``https://auth.example.org/login`` is ``auth.example.org``."""
    return sign_in_url.strip().lower().partition("://")[2].partition("/")[0]


def external_key(provider: str, username: str) -> str:
    """The key of the record of somebody whom this provider's hub calls ``username``."""
    return f"{EXTERNAL_PREFIX}{provider}#{username_key(username)}"


def external_sub(provider: str, subject: str) -> str:
    """The sub of a provider's account, as records and owner tags carry it."""
    return f"{provider}|{subject}"


def pinned(record: UserRecord | None, provider: str, username: str, subject: str, cluster_name: str) -> UserRecord:
    """The record that a spawn on this cluster leaves: who comes first has the name. A known person gets the cluster as well,
    another subject changes nothing."""
    sub = external_sub(provider, subject)
    if record is None:
        return UserRecord(external_key(provider, username), sub, "", Status.APPROVED, (cluster_name,))
    if record.sub != sub or record.status is not Status.APPROVED or cluster_name in record.clusters:
        return record
    return replace(record, clusters=tuple(sorted({*record.clusters, cluster_name})))


def pin(
    record: UserRecord,
    read: Callable[[str], UserRecord | None],
    write: Callable[[UserRecord, UserRecord | None, str], bool],
) -> bool:
    """Make ``record`` who a name is from now on; False where it is somebody else's by now. Repeatable.

    ``write`` stores it in place of the one that ``read`` told, with the ledger's sentence; False where that has changed since.
    """
    old = read(record.username)
    if old is not None and old.sub != record.sub:
        return False
    return write(record, old, f"{record.username} is {record.sub} from the first home on: {', '.join(record.clusters)}")
