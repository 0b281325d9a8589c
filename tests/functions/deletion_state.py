"""What an account looks like at one moment, as one number: two moments of the same number are the same to whoever starts then."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
from threading import RLock
from typing import Any

from moto.backends import get_backend

from tests.functions.deletion_world import Account

MOTO = ("dynamodb", "s3", "sqs", "ecr", "secretsmanager", "scheduler", "elb", "elbv2", "ec2", "logs")


class AccountState:
    """Fingerprints of one account: every service of moto by its objects, the fakes by their words.

    A call changes no other service than the one that it goes to, so only that one is looked at anew.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._parts = {name: _backend(name) for name in MOTO}

    def after(self, label: str) -> str:
        """The fingerprint now, where ``label`` is that of the last call (``dynamodb.get_item``)."""
        service = label.partition(".")[0]
        if service in self._parts:
            self._parts[service] = _backend(service)
        cluster, ebs = self._account.cluster, self._account.ebs
        words = repr((ebs.volumes, ebs.snapshots, cluster.objects, sorted(cluster.releases), cluster.stack, cluster.tokens))
        fakes = hashlib.sha256(f"{words}{self._account.pool.clients!r}".encode()).hexdigest()
        return "|".join([fakes, *self._parts.values()])


class _Pickler(pickle.Pickler):
    """Locks hold no state of an account."""

    def persistent_id(self, obj: Any) -> str | None:
        return "lock" if isinstance(obj, type(RLock())) else None


def _backend(service: str) -> str:
    """One service of moto. Of a cluster's record the time at which its holder last looked is left out: nothing reads it."""
    text = io.BytesIO()
    for regions in get_backend(service).values():
        for backend in regions.values():
            if service == "dynamodb":
                items = [item.to_json()["Attributes"] for table in backend.tables.values() for item in table.all_items()]
                kept = [{key: value for key, value in item.items() if key != "updated_at"} for item in items]
                text.write(json.dumps(kept, sort_keys=True).encode())
            else:
                _Pickler(text).dump(vars(backend))
    return hashlib.sha256(text.getvalue()).hexdigest()
