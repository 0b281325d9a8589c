"""SwitchHome: the new volume takes the home's place, one deed a call, each decided from what is seen now. Called until done.

Event: ``change``, ``copy_id``, ``volume_id``, ``execution_arn``. Result: ``done``, ``deed``. Renews the hold. Repeatable, may
be killed anywhere (``domain.homes.switching``). Raises ``HomeChangeRefused`` where a person has to look.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.claims import Claims
from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.ebs import Ebs, changing_client, looking_client
from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.home_binding import HomeBinding
from hubplane.adapters.home_holds import HomeHolds
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.adapters.volume_use import read_uses
from hubplane.domain.errors import HomeChangeRefused
from hubplane.domain.homes.binding import HomeBond
from hubplane.domain.homes.changes import HELD_FOR, HomeChange, change_from_json
from hubplane.domain.homes.copying import used_since
from hubplane.domain.homes.marks import NAMESPACE, home_tags, set_aside_tags
from hubplane.domain.homes.switching import DeedKind, SeenPlace, next_deed
from hubplane.domain.storage.actions import ClaimReference
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.ports import ClaimNow, Refusal, Refused
from hubplane.domain.storage.tags import read_tags
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    ledger_table_name: str
    account_id: str
    hold_seconds: int


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@cache
def ebs() -> Ebs:
    return Ebs(looking_client(), changing_client())


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    change = change_from_json(event["change"])
    until_at = datetime.now(UTC) + timedelta(seconds=SETTINGS.hold_seconds)
    holds = HomeHolds(client("dynamodb"), SETTINGS.ledger_table_name)
    holds.hold(change.cluster_name, change.claim_name, event["execution_arn"], HELD_FOR, until_at)
    kubernetes = Kubernetes(cluster_connection(client("eks"), boto3.Session(), change.cluster_name))
    switch = Switch(change, event["copy_id"], event["volume_id"], kubernetes)
    deed = next_deed(switch.place)
    if deed.kind is DeedKind.REFUSE:
        raise HomeChangeRefused(deed.sentence)
    done = deed.kind is not DeedKind.WAIT and switch.do(deed.kind)
    return {
        "done": deed.kind is DeedKind.DONE,
        "deed": str(deed.kind),
        "changes": [deed.sentence] if done and deed.kind is not DeedKind.DONE else [],
        "reason": deed.sentence,
    }


class Switch:
    """The place as it is seen now, and the deeds."""

    def __init__(self, change: HomeChange, copy_id: str | None, volume_id: str, kubernetes: Kubernetes) -> None:
        self.change, self.claims, self.binding = change, Claims(kubernetes), HomeBinding(kubernetes)
        self.volume_id = volume_id
        self.cluster = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).read(change.cluster_name)
        self.policy = self.cluster.storage_policy or StoragePolicy()
        self.claim: ClaimNow | None = self.claims.read_claim(NAMESPACE, change.claim_name)
        self.place = self._place(copy_id)

    def _place(self, copy_id: str | None) -> SeenPlace:
        former_id = self.change.present_id
        volumes = {item.volume_id: item for item in ebs().volumes([item for item in (self.volume_id, former_id) if item])}
        former = volumes.get(former_id or "")
        copy = next(iter(ebs().snapshots([copy_id])), None) if copy_id else None
        uses = read_uses(client("dynamodb"), SETTINGS.ledger_table_name) if former and copy else ()
        seen = self.claims.see(self.change.claim_name) if self.claim else None
        is_bound = seen is not None and seen.phase == "Bound"
        return SeenPlace(
            cluster_name=self.change.cluster_name,
            claim_name=self.change.claim_name,
            account_id=SETTINGS.account_id,
            new=volumes.get(self.volume_id),
            former_id=former_id,
            former=former,
            copy=copy,
            used_since_copy=bool(former and copy and used_since(former, uses, copy.started_at)),
            claim_exists=self.claim is not None,
            bound_to=self.claim.claim.volume_id if self.claim and is_bound else None,
            waits_for_new=seen is not None and not is_bound and seen.bound_to == self.volume_id,
            ending=bool(self.claim and self.claim.ending),
            in_use=bool(self.claim and self.claim.claim.in_use),
            objects=self.claims.objects_of(former_id) if former_id else (),
        )

    def do(self, kind: DeedKind) -> bool:
        """One deed; False where something came between, and the next look decides anew."""
        if kind is DeedKind.RETAIN:
            self.claims.retain(next(item.name for item in self.place.objects if not item.retains))
        elif kind is DeedKind.FREE:
            return self._free()
        elif kind is DeedKind.NAME:
            ebs().tag_volume(self.volume_id, self._home_tags())
        elif kind is DeedKind.SET_ASIDE:
            self._set_aside()
        elif kind is DeedKind.BIND:
            self.binding.bind(self._bond())
        elif kind is DeedKind.FORGET:
            return self.claims.forget(self.place.objects[0].name)
        return True

    def _free(self) -> bool:
        if self.claim is None:
            return False
        claim = self.claim.claim
        try:
            self.claims.delete_claim(ClaimReference(claim.namespace, claim.name, claim.uid), self.claim.version)
        except Refused as refusal:
            if refusal.kind in (Refusal.CHANGED, Refusal.GONE, Refusal.LOST):
                return False
            raise
        return True

    def _home_tags(self) -> dict[str, str]:
        change, former = self.change, self.place.former
        tags = home_tags(change.cluster_name, change.claim_name, change.owner_sub, self.volume_id)
        tag = self.policy.protection_tag
        protected = former is not None and read_tags(former.tags, tag).protected
        return {**tags, **({tag: "true"} if protected else {})}

    def _set_aside(self) -> None:
        former, copy = self.place.former, self.place.copy
        at = copy.started_at if copy else datetime.now(UTC)
        ids = [*([copy.snapshot_id] if copy else []), *([former.volume_id] if former else [])]
        ebs().tag(ids, set_aside_tags(self.change.claim_name, at))

    def _bond(self) -> HomeBond:
        new = self.place.new
        assert new is not None  # noqa: S101 - without it next_deed refuses
        return HomeBond(
            claim_name=self.change.claim_name,
            username=self.change.username,
            volume_id=new.volume_id,
            persistent_volume_name=new.volume_id,
            size_gib=new.size_gib,
            zone=new.zone,
            storage_class_name=self.cluster.storage_class_name or "gp3",
        )
