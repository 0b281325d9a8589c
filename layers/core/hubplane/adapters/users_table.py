"""The Users table: one record per name, and one item ``claim#<claim>`` for each claim that the name holds, naming its holder.

Both are written in one transaction under conditions, which is what decides between two people who race for a name or a claim
(decision 0030). A record is only changed as it was read; ``last_seen_at`` has a write of its own and no part in that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from hubplane.domain.errors import ProviderError, Throttled
from hubplane.domain.names import claims_of, hub_name, username_key
from hubplane.domain.provider_errors import error_code, translated
from hubplane.domain.registration.known import Known
from hubplane.domain.registration.records import ReturnGrant, Status, UserRecord

CLAIM_PREFIX: Final = "claim#"
"""``#`` is in no username of the pool, so no record has such a key. Claims of people of other providers carry the provider: on
another cluster the same claim is somebody else's."""

MAX_KEY_BYTES: Final = 2048
CONDITION_FAILED: Final = "ConditionalCheckFailedException"
CANCELED: Final = "TransactionCanceledException"

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RecordChange:
    """``new`` in place of ``old``, which is the record as it was read; None: there was none."""

    new: UserRecord
    old: UserRecord | None = None


class UsersTable:
    """Reads and conditional writes of one table; ``client`` is a boto3 DynamoDB client."""

    def __init__(self, client: Any, table_name: str) -> None:
        self._client = client
        self._table_name = table_name

    def read(self, username: str) -> UserRecord | None:
        """The record of a name in any letter case, read consistently; None where there is none."""
        key = username_key(username)
        if not _may_be_key(key):
            return None
        with translated(f"read the record of user {key}"):
            item = self._client.get_item(TableName=self._table_name, Key=_key(key), ConsistentRead=True).get("Item")
        return None if item is None else _record(item)

    def known(self, username: str) -> Known:
        """What the table says about a name, read consistently: its record and the holders of its claims."""
        key = username_key(username)
        held_by = {_claim_key(key, claim): claim for claim in claims_of(hub_name(key)).all}
        keys = (key, *held_by)
        if not all(map(_may_be_key, (key, *(each.removeprefix(CLAIM_PREFIX) for each in held_by)))):
            return Known()
        with translated(f"look up user {key}"):
            wanted = {self._table_name: {"Keys": [_key(each) for each in keys], "ConsistentRead": True}}
            answer = self._client.batch_get_item(RequestItems=wanted)
        if answer.get("UnprocessedKeys"):
            raise Throttled(f"look up user {key}: DynamoDB answered for a part only")
        found = {item["username"]["S"]: item for item in answer["Responses"].get(self._table_name, ())}
        records = {key: _record(found[key])} if key in found else {}
        return Known(records, {claim: found[each]["holder"]["S"] for each, claim in held_by.items() if each in found})

    def records(self) -> Iterator[UserRecord]:
        """Every record, in pages and in no order, read eventually consistently; tombstones too, claims' items not."""
        with translated("read the Users table"):
            for page in self._client.get_paginator("scan").paginate(TableName=self._table_name):
                yield from (_record(item) for item in page["Items"] if not item["username"]["S"].startswith(CLAIM_PREFIX))

    def write(self, *changes: RecordChange, also: Sequence[Mapping[str, Any]] = ()) -> bool:
        """All ``changes`` with their claims in one transaction, or nothing: False where a record is not as it was read any more,
        or a claim is another name's. Repeatable: what stands already is success.

        ``also`` are further items of TransactWriteItems; they decide with the rest, and a repeat asks them again. Raises
        ``Throttled`` or ``ProviderError``.
        """
        items = [item for change in changes for item in self._items(change)]
        with translated(f"write the records of {', '.join(change.new.username for change in changes)}"):
            try:
                self._client.transact_write_items(TransactItems=[*items, *also])
            except Exception as error:
                if error_code(error) != CANCELED or not _is_refused(error):
                    raise
            else:
                return True
        # The answer of a first try may have been lost on its way: then everything is as it should be.
        return not also and all(self._stands(change.new) for change in changes)

    def see(self, username: str, sub: str, now: datetime, at_most_every: timedelta) -> bool:
        """Remember that this account was here, at most once in a while. False: remembered before, or no such account."""
        key = username_key(username)
        if not _may_be_key(key):
            return False
        with translated(f"remember that user {key} was here"):
            try:
                self._client.update_item(
                    TableName=self._table_name,
                    Key=_key(key),
                    UpdateExpression="SET last_seen_at = :now",
                    ConditionExpression="#sub = :sub AND (attribute_not_exists(last_seen_at) OR last_seen_at <= :before)",
                    ExpressionAttributeNames={"#sub": "sub"},
                    ExpressionAttributeValues={
                        ":now": {"S": _time(now)},
                        ":before": {"S": _time(now - at_most_every)},
                        ":sub": {"S": sub},
                    },
                )
            except Exception as error:
                if error_code(error) == CONDITION_FAILED:
                    return False
                raise
        return True

    def password_changed(self, username: str, sub: str, now: datetime, settles_in: timedelta) -> datetime:
        """When this account's password was last changed: ``now``, or the moment remembered less than ``settles_in`` ago, so that
        one change that is told several times keeps one moment. ``now`` for an account without a record.
        """
        key = username_key(username)
        if not _may_be_key(key):
            return now
        with translated(f"remember that user {key} has a new password"):
            try:
                self._client.update_item(
                    TableName=self._table_name,
                    Key=_key(key),
                    UpdateExpression="SET #at = :now",
                    ConditionExpression="#sub = :sub AND (attribute_not_exists(#at) OR #at <= :old)",
                    ExpressionAttributeNames={"#sub": "sub", "#at": "password_changed_at"},
                    ExpressionAttributeValues={
                        ":now": {"S": _time(now)},
                        ":old": {"S": _time(now - settles_in)},
                        ":sub": {"S": sub},
                    },
                )
            except Exception as error:
                if error_code(error) != CONDITION_FAILED:
                    raise
            else:
                return now
            item = self._client.get_item(TableName=self._table_name, Key=_key(key), ConsistentRead=True).get("Item", {})
        mine = item.get("sub", {}).get("S") == sub
        return datetime.fromisoformat(item["password_changed_at"]["S"]) if mine and "password_changed_at" in item else now

    def _items(self, change: RecordChange) -> Iterator[Item]:
        if change.old is not None and change.old.username != change.new.username:
            raise ValueError(f"a change of {change.old.username} cannot write {change.new.username}: a name is never handed on")
        yield {"Update": {"TableName": self._table_name, **_update(change)}}
        for claim in sorted(claims_of(change.new.name).all):
            yield {
                "Put": {
                    "TableName": self._table_name,
                    "Item": {**_key(_claim_key(change.new.username, claim)), "holder": {"S": change.new.username}},
                    "ConditionExpression": "attribute_not_exists(username) OR holder = :holder",
                    "ExpressionAttributeValues": {":holder": {"S": change.new.username}},
                }
            }

    def _stands(self, record: UserRecord) -> bool:
        known = self.known(record.username)
        mine = claims_of(record.name).all
        return known.records.get(record.username) == record and all(
            known.claim_holders.get(claim) == record.username for claim in mine
        )


def _update(change: RecordChange) -> Item:
    """An Update that leaves ``last_seen_at`` alone, on the condition that everything else is as it was read."""
    new = _attributes(change.new)
    names: dict[str, str] = {}
    values: Item = {}
    sets, removes, conditions = [], [], []
    old = None if change.old is None else _attributes(change.old)
    for number, (name, value) in enumerate(new.items()):
        names[f"#{number}"] = name
        if value is None:
            removes.append(f"#{number}")
        else:
            sets.append(f"#{number} = :new{number}")
            values[f":new{number}"] = value
        if old is None:
            continue
        if old[name] is None:
            conditions.append(f"attribute_not_exists(#{number})")
        else:
            conditions.append(f"#{number} = :old{number}")
            values[f":old{number}"] = old[name]
    return {
        "Key": _key(change.new.username),
        "UpdateExpression": f"SET {', '.join(sets)}" + (f" REMOVE {', '.join(removes)}" if removes else ""),
        "ConditionExpression": " AND ".join(conditions) or "attribute_not_exists(username)",
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }


def _attributes(record: UserRecord) -> dict[str, Item | None]:
    """The record without its key and ``last_seen_at``; None for an attribute that is to be absent."""
    grant = record.return_grant
    return {
        "sub": {"S": record.sub},
        "email": {"S": record.email},
        "status": {"S": str(record.status)},
        "clusters": _texts(record.clusters),
        "former_subs": _texts(record.former_subs),
        "return_grant": None
        if grant is None
        else {"M": {"granted_by": {"S": grant.granted_by}, "expires_at": {"S": grant.expires_at.isoformat()}}},
        "home_passed_to": None if record.home_passed_to is None else {"S": record.home_passed_to},
    }


def _record(item: Item) -> UserRecord:
    username = item["username"]["S"]
    grant, passed, seen = item.get("return_grant"), item.get("home_passed_to"), item.get("last_seen_at")
    try:
        return UserRecord(
            username=username,
            sub=item["sub"]["S"],
            email=item["email"]["S"],
            status=Status(item["status"]["S"]),
            clusters=tuple(each["S"] for each in item["clusters"]["L"]),
            former_subs=tuple(each["S"] for each in item["former_subs"]["L"]),
            return_grant=None if grant is None else _grant(grant["M"]),
            home_passed_to=None if passed is None else passed["S"],
            last_seen_at=None if seen is None else datetime.fromisoformat(seen["S"]),
        )
    except (KeyError, ValueError) as error:
        raise ProviderError(
            f"Users table: the record of {username!r} cannot be read ({type(error).__name__}: {error}); somebody has edited it, "
            "repair it from the table's backup"
        ) from error


def _grant(item: Item) -> ReturnGrant:
    return ReturnGrant(granted_by=item["granted_by"]["S"], expires_at=datetime.fromisoformat(item["expires_at"]["S"]))


def _is_refused(error: Exception) -> bool:
    """Whether a condition failed. A clash with another transaction is no answer yet: raises ``Throttled``."""
    reasons = [reason.get("Code") for reason in getattr(error, "response", {}).get("CancellationReasons", ())]
    if "ConditionalCheckFailed" in reasons:
        return True
    if {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"} & set(reasons):
        raise Throttled(f"write a record: {error}") from error
    return False


def _may_be_key(key: str) -> bool:
    """Whether a record or a claim can have this key: DynamoDB takes 2,048 bytes of UTF-8 (developer guide, "Constraints")."""
    try:
        return key != "" and not key.startswith(CLAIM_PREFIX) and len((CLAIM_PREFIX + key).encode()) <= MAX_KEY_BYTES
    except UnicodeEncodeError:
        return False


def _claim_key(key: str, claim: str) -> str:
    return CLAIM_PREFIX + key.removesuffix(hub_name(key)) + claim


def _key(text: str) -> Item:
    return {"username": {"S": text}}


def _texts(values: Sequence[str]) -> Item:
    return {"L": [{"S": value} for value in values]}


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
