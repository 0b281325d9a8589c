"""The Clusters table: one item per cluster, holding its lock, its last specification and its last release.

Every write that ends or takes a claim is conditional, so that two executions can never both believe they hold it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from hubplane.domain.clusters import DELETED, BuiltCluster, ClusterRecord
from hubplane.domain.errors import LockLost
from hubplane.domain.locks import Lock
from hubplane.domain.provider_errors import error_code, translated
from hubplane.domain.storage.policy import policy_from_json

CONDITION_FAILED = "ConditionalCheckFailedException"
STORAGE_LOCK = {"#lock": "storage_lock"}
UPGRADE_LOCK = {"#upgrade_lock": "upgrade_lock"}


class ClustersTable:
    """Reads and conditional writes of one table; ``client`` is a boto3 DynamoDB client."""

    def __init__(self, client: Any, table_name: str) -> None:
        self._client = client
        self._table_name = table_name

    def read(self, cluster_name: str) -> ClusterRecord:
        """The record, read consistently; a cluster never seen has all fields None."""
        with translated(f"read the record of cluster {cluster_name}"):
            item = self._client.get_item(TableName=self._table_name, Key=_key(cluster_name), ConsistentRead=True).get("Item", {})
        return ClusterRecord(
            cluster_name=cluster_name,
            status=_text(item.get("status")),
            availability_zone=_text(item.get("availability_zone")),
            lock=_lock(item.get("lock")),
            storage_lock=_lock(item.get("storage_lock")),
            upgrade_lock=_lock(item.get("upgrade_lock")),
            **_release(_text(item.get("release"))),
        )

    def built(self) -> tuple[BuiltCluster, ...]:
        """Every cluster that has a release and was not deleted since, by name; in pages."""
        found: list[BuiltCluster] = []
        with translated("list the clusters that were built"):
            pages = self._client.get_paginator("scan").paginate(
                TableName=self._table_name,
                ProjectionExpression="cluster_name, #release",
                FilterExpression="attribute_exists(#release) AND NOT #status = :deleted",
                ExpressionAttributeNames={"#release": "release", "#status": "status"},
                ExpressionAttributeValues={":deleted": {"S": DELETED}},
            )
            for item in (item for page in pages for item in page["Items"]):
                hub_url = json.loads(item["release"]["S"]).get("hub_url") or ""
                found.append(BuiltCluster(item["cluster_name"]["S"], hub_url))
        return tuple(sorted(found, key=lambda cluster: cluster.cluster_name))

    def other_releases(self, cluster_name: str) -> dict[str, str]:
        """The release of every other cluster that was built and not deleted since, as the text that it is kept as; in pages."""
        with translated("read the releases of the other clusters"):
            pages = self._client.get_paginator("scan").paginate(
                TableName=self._table_name,
                ProjectionExpression="cluster_name, #release",
                FilterExpression="attribute_exists(#release) AND NOT #status = :deleted AND NOT cluster_name = :name",
                ExpressionAttributeNames={"#release": "release", "#status": "status"},
                ExpressionAttributeValues={":deleted": {"S": DELETED}, ":name": {"S": cluster_name}},
                ConsistentRead=True,
            )
            return {item["cluster_name"]["S"]: item["release"]["S"] for page in pages for item in page["Items"]}

    def hub_urls(self) -> dict[str, str]:
        """Where people reach the hub of each of ``built``, by the cluster's name."""
        return {cluster.cluster_name: cluster.hub_url for cluster in self.built()}

    def take_lock(self, cluster_name: str, execution_arn: str, seen: Lock | None, now: datetime, lease: timedelta) -> bool:
        """Take the lock if the table still shows ``seen``. False: somebody was faster. Repeatable for the same execution."""
        values: dict[str, Any] = {":now": {"S": now.isoformat()}, ":status": {"S": "BUILDING"}}
        expression = "SET #lock = :lock, #status = :status, updated_at = :now REMOVE approval"
        return self._take(cluster_name, expression, execution_arn, seen, now + lease, values, f"lock cluster {cluster_name}")

    def hold_lock(self, cluster_name: str, execution_arn: str, seen: Lock | None, now: datetime, lease: timedelta) -> bool:
        """The same lock for what is no build: the cluster's status stays as it is. Repeatable for the same execution."""
        values: dict[str, Any] = {":now": {"S": now.isoformat()}}
        expression = "SET #lock = :lock, held_at = :now"
        return self._take(cluster_name, expression, execution_arn, seen, now + lease, values, f"hold cluster {cluster_name}")

    def free_lock(self, cluster_name: str, execution_arn: str) -> bool:
        """Give back what ``hold_lock`` took. False, and nothing written, where this execution holds no lock. Repeatable."""
        values = {":me": {"S": execution_arn}}
        return self._update(cluster_name, "REMOVE #lock", "#lock.execution_arn = :me", values, f"free cluster {cluster_name}")

    def forget_failure(self, cluster_name: str, execution_arn: str, failure: str) -> bool:
        """The cluster is ACTIVE again, where its failure is still the JSON text ``failure``, it has a release, and this execution
        holds its lock. False, and nothing written, otherwise. Repeatable."""
        values = {":status": {"S": "ACTIVE"}, ":failure": {"S": failure}, ":me": {"S": execution_arn}}
        return self._update(
            cluster_name,
            "SET #status = :status REMOVE failure",
            "failure = :failure AND attribute_exists(#release) AND #lock.execution_arn = :me",
            values,
            f"forget the mended failure of cluster {cluster_name}",
            {"#release": "release"},
        )

    def take_storage_lock(
        self, cluster_name: str, execution_arn: str, seen: Lock | None, now: datetime, lease: timedelta
    ) -> bool:
        """The same for the storage lock, which leaves the cluster's status alone. Repeatable; a repeat renews the lease."""
        values = {":now": {"S": now.isoformat()}}
        expression = "SET #lock = :lock, storage_updated_at = :now REMOVE storage_approval"
        doing = f"lock the storage of cluster {cluster_name}"
        return self._take(cluster_name, expression, execution_arn, seen, now + lease, values, doing, STORAGE_LOCK)

    def release_storage_lock(self, cluster_name: str, execution_arn: str) -> bool:
        """Give the storage lock back. False, and nothing written, where this execution holds none. Repeatable."""
        return self._update(
            cluster_name,
            "REMOVE #lock, storage_approval",
            "#lock.execution_arn = :me",
            {":me": {"S": execution_arn}},
            f"free the storage of cluster {cluster_name}",
            STORAGE_LOCK,
        )

    def take_upgrade_lock(self, record: ClusterRecord, execution_arn: str, now: datetime, lease: timedelta) -> bool:
        """Take the upgrade lock if the table still shows both locks of ``record``. Repeatable; a repeat renews the lease."""
        seen = {":seen": record.lock, ":seen_upgrade": record.upgrade_lock}
        values: dict[str, Any] = {name: {"S": lock.execution_arn} for name, lock in seen.items() if lock}
        values |= {":mine": _lock_item(execution_arn, now, now + lease), ":now": {"S": now.isoformat()}}
        conditions = [
            _still("#lock", ":seen", record.lock),
            _still("#upgrade_lock", ":seen_upgrade", record.upgrade_lock),
            "attribute_exists(cluster_name)",
        ]
        expression = "SET #upgrade_lock = :mine, upgrade_updated_at = :now"
        doing = f"lock cluster {record.cluster_name} for its upgrade"
        return self._update(record.cluster_name, expression, " AND ".join(conditions), values, doing, UPGRADE_LOCK)

    def hold_upgrade_lock(self, cluster_name: str, execution_arn: str, now: datetime) -> bool:
        """Say that this execution still holds the upgrade lock; False where it does not. Writes no more than the time."""
        values = {":me": {"S": execution_arn}, ":now": {"S": now.isoformat()}}
        held = "#upgrade_lock.execution_arn = :me"
        doing = f"look whether cluster {cluster_name} may still be upgraded"
        return self._update(cluster_name, "SET upgrade_updated_at = :now", held, values, doing, UPGRADE_LOCK)

    def free_upgrade_lock(self, cluster_name: str, execution_arn: str) -> bool:
        """Give the upgrade lock back. False, and nothing written, where this execution holds none. Repeatable."""
        held, values = "#upgrade_lock.execution_arn = :me", {":me": {"S": execution_arn}}
        doing = f"free cluster {cluster_name} after its upgrade"
        return self._update(cluster_name, "REMOVE #upgrade_lock", held, values, doing, UPGRADE_LOCK)

    def record_storage_question(self, cluster_name: str, holder_arn: str, question: Mapping[str, Any]) -> None:
        """Keep what a person is asked about a night, with the task token that answers it. Raises ``LockLost``."""
        values = {":question": {"S": json.dumps(dict(question), sort_keys=True)}, ":me": {"S": holder_arn}}
        doing = f"ask about the storage of cluster {cluster_name}"
        expression, condition = "SET storage_approval = :question", "#lock.execution_arn = :me"
        if not self._update(cluster_name, expression, condition, values, doing, STORAGE_LOCK):
            raise _lost(cluster_name, holder_arn)

    def record_approval_request(self, cluster_name: str, execution_arn: str, request: Mapping[str, Any]) -> None:
        """Keep what a person is asked, with the task token that answers it. Raises ``LockLost``."""
        values = {":approval": {"S": json.dumps(dict(request), sort_keys=True)}, ":me": {"S": execution_arn}}
        if not self._update(
            cluster_name, "SET approval = :approval", "#lock.execution_arn = :me", values, f"ask about cluster {cluster_name}"
        ):
            raise _lost(cluster_name, execution_arn)

    def take_for_deletion(self, record: ClusterRecord, execution_arn: str, now: datetime, lease: timedelta) -> bool:
        """Status DELETING and both locks, in one write, if the table still shows those of ``record``. Repeatable."""
        values: dict[str, Any] = {":now": {"S": now.isoformat()}, ":status": {"S": "DELETING"}}
        seen = {":seen": record.lock, ":seen_storage": record.storage_lock, ":seen_upgrade": record.upgrade_lock}
        for name, lock in seen.items():
            values |= {name: {"S": lock.execution_arn}} if lock else {}
        conditions = [
            _still("#lock", ":seen", record.lock),
            _still("#storage_lock", ":seen_storage", record.storage_lock),
            _still("#upgrade_lock", ":seen_upgrade", record.upgrade_lock),
            "attribute_exists(cluster_name)",
        ]
        values[":lock"] = _lock_item(execution_arn, now, now + lease)
        return self._update(
            record.cluster_name,
            "SET #lock = :lock, #storage_lock = :lock, #status = :status, updated_at = :now REMOVE approval, storage_approval",
            " AND ".join(conditions),
            values,
            f"lock cluster {record.cluster_name} for its deletion",
            {"#storage_lock": "storage_lock", **UPGRADE_LOCK},
        )

    def hold_for_deletion(self, cluster_name: str, execution_arn: str, now: datetime) -> None:
        """Say that this execution still holds both locks. Raises ``LockLost``; writes no more than the time."""
        held = "#lock.execution_arn = :me AND #storage_lock.execution_arn = :me"
        values = {":me": {"S": execution_arn}, ":now": {"S": now.isoformat()}}
        doing = f"look whether cluster {cluster_name} may still be deleted"
        if not self._update(cluster_name, "SET updated_at = :now", held, values, doing, {"#storage_lock": "storage_lock"}):
            raise _lost(cluster_name, execution_arn)

    def record_deletion(
        self, cluster_name: str, execution_arn: str, listing: Mapping[str, Any], status: str, now: datetime
    ) -> bool:
        """How a deletion ended: ``status``, ``listing`` (what stays, or why it failed) as JSON, both locks gone.

        The release stays on the record: whose policy holds for the snapshots that stay, and what a build may start from. False,
        and nothing written, where this execution holds no lock; a repeat by the same execution is success.
        """
        values = {
            ":status": {"S": status},
            ":listing": {"S": json.dumps(dict(listing), sort_keys=True)},
            ":now": {"S": now.isoformat()},
            ":me": {"S": execution_arn},
        }
        return self._update(
            cluster_name,
            "SET #status = :status, deletion = :listing, updated_at = :now, finished_by = :me "
            "REMOVE #lock, #storage_lock, approval, storage_approval, #stage, failure",
            "#lock.execution_arn = :me OR (attribute_not_exists(#lock) AND finished_by = :me)",
            values,
            f"record the deletion of cluster {cluster_name}",
            {"#storage_lock": "storage_lock", "#stage": "stage"},
        )

    def record_release(self, cluster_name: str, execution_arn: str, release: Mapping[str, Any], now: datetime) -> None:
        """Status ACTIVE, the release as JSON, the lock gone. Raises ``LockLost``; a repeat by the same execution is success."""
        values = {
            ":status": {"S": "ACTIVE"},
            ":stage": {"S": "RecordRelease"},
            ":release": {"S": json.dumps(dict(release), sort_keys=True)},
            ":now": {"S": now.isoformat()},
            ":me": {"S": execution_arn},
        }
        ended = self._update(
            cluster_name,
            "SET #status = :status, #stage = :stage, #release = :release, updated_at = :now, finished_by = :me "
            "REMOVE #lock, approval, failure",
            "#lock.execution_arn = :me OR (attribute_not_exists(#lock) AND finished_by = :me)",
            values,
            f"record the release of cluster {cluster_name}",
            {"#stage": "stage", "#release": "release"},
        )
        if not ended:
            raise _lost(cluster_name, execution_arn)

    def record_failure(self, cluster_name: str, execution_arn: str, failure: Mapping[str, str], now: datetime) -> bool:
        """Status FAILED, the failure as JSON, the lock gone. False, and nothing written, where this execution holds no lock."""
        values = {
            ":status": {"S": "FAILED"},
            ":stage": {"S": failure["stage"]},
            ":failure": {"S": json.dumps(dict(failure), sort_keys=True)},
            ":now": {"S": now.isoformat()},
            ":me": {"S": execution_arn},
        }
        return self._update(
            cluster_name,
            "SET #status = :status, #stage = :stage, failure = :failure, updated_at = :now, finished_by = :me "
            "REMOVE #lock, approval",
            "#lock.execution_arn = :me OR (attribute_not_exists(#lock) AND finished_by = :me)",
            values,
            f"record the failure of cluster {cluster_name}",
            {"#stage": "stage"},
        )

    def _take(
        self,
        cluster_name: str,
        expression: str,
        execution_arn: str,
        seen: Lock | None,
        lease_expires_at: datetime,
        values: Mapping[str, Any],
        doing: str,
        names: Mapping[str, str] | None = None,
    ) -> bool:
        lock = _lock_item(execution_arn, datetime.fromisoformat(values[":now"]["S"]), lease_expires_at)
        condition = "attribute_not_exists(#lock)" if seen is None else "#lock.execution_arn = :seen"
        seen_value = {} if seen is None else {":seen": {"S": seen.execution_arn}}
        return self._update(cluster_name, expression, condition, {**values, ":lock": lock, **seen_value}, doing, names)

    def _update(
        self,
        cluster_name: str,
        expression: str,
        condition: str,
        values: Mapping[str, Any],
        doing: str,
        names: Mapping[str, str] | None = None,
    ) -> bool:
        used = {"#lock": "lock", "#status": "status", **(names or {})}
        with translated(doing):
            try:
                self._client.update_item(
                    TableName=self._table_name,
                    Key=_key(cluster_name),
                    UpdateExpression=expression,
                    ConditionExpression=condition,
                    ExpressionAttributeNames={name: word for name, word in used.items() if name in expression + condition},
                    ExpressionAttributeValues=dict(values),
                )
            except Exception as error:
                if error_code(error) == CONDITION_FAILED:
                    return False
                raise
        return True


def _key(cluster_name: str) -> dict[str, Any]:
    return {"cluster_name": {"S": cluster_name}}


def _lock(item: Mapping[str, Any] | None) -> Lock | None:
    if item is None:
        return None
    return Lock(
        execution_arn=item["M"]["execution_arn"]["S"],
        acquired_at=datetime.fromisoformat(item["M"]["acquired_at"]["S"]),
        lease_expires_at=datetime.fromisoformat(item["M"]["lease_expires_at"]["S"]),
    )


def _lock_item(execution_arn: str, acquired_at: datetime, lease_expires_at: datetime) -> dict[str, Any]:
    return {
        "M": {
            "execution_arn": {"S": execution_arn},
            "acquired_at": {"S": acquired_at.isoformat()},
            "lease_expires_at": {"S": lease_expires_at.isoformat()},
        }
    }


def _still(name: str, value: str, seen: Lock | None) -> str:
    return f"attribute_not_exists({name})" if seen is None else f"{name}.execution_arn = {value}"


def _release(text: str | None) -> dict[str, Any]:
    """What the record says of its last release. One of before policies existed takes the defaults, which delete nothing."""
    if text is None:
        return {}
    release = json.loads(text)
    spec = release.get("spec", {})
    storage = spec.get("storage", {})
    return {
        "storage_policy": policy_from_json(storage.get("policy", {})),
        "hub_url": release.get("hub_url"),
        "home_size_gib": storage.get("home_size_gib"),
        "storage_class_name": storage.get("class_name"),
        "sign_in_url": spec.get("oauth", {}).get("domain_url"),
        "has_given_client": bool(spec.get("oauth", {}).get("client_id_secret_arn")),
    }


def _text(value: Mapping[str, str] | None) -> str | None:
    return None if value is None else value["S"]


def _lost(cluster_name: str, execution_arn: str) -> LockLost:
    return LockLost(
        f"execution {execution_arn} no longer holds the lock of cluster {cluster_name}: another one has taken over; "
        "look at that one, or start again when it has ended"
    )
