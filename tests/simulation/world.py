"""People, their hub, its cluster and the control plane's tables, around the model of EBS."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hubplane.domain.homes.holds import Hold
from hubplane.domain.homes.making import Making
from hubplane.domain.storage.actions import Action
from hubplane.domain.storage.outcomes import Outcome, Result
from hubplane.domain.storage.policy import StoragePolicy, snapshot_boundary
from hubplane.domain.storage.ports import Entry
from hubplane.domain.storage.records import AcceptedWarning, Claim, Inventory, Owner, Sighting
from tests.simulation.ebs import ACCOUNT, Ebs
from tests.simulation.promises import Promises

CLUSTER = "lab"
POLICY = StoragePolicy(
    volume_idle_days=2,
    daily_snapshots=2,
    weekly_snapshots=1,
    monthly_snapshots=0,
    end_of_retention_days=9,
    largest_share=0.5,
    prune=True,
)
# The hub unmounts and Kubernetes detaches some time after the server has stopped.
DETACHING = timedelta(minutes=4)
# Sessions are longer than EC2 is late.
SHORTEST_SESSION = timedelta(minutes=10)


@dataclass
class Person:
    """One person at a time has a name; ``sub`` changes when another one gets it. ``volume_id`` is set during a session."""

    name: str
    sub: str
    volume_id: str | None = None

    @property
    def claim_name(self) -> str:
        return f"claim-{self.name}"


class World:
    """The truth, and the tables that outlive a crash."""

    def __init__(self) -> None:
        self.ebs = Ebs()
        self.people = [Person(name, f"sub-{name}-1") for name in ("ann", "bob", "cyd", "dan")]
        self.claims: dict[str, Claim] = {}
        self.terminating: set[str] = set()
        self.sightings: dict[str, Sighting] = {}
        self.accepted: list[AcceptedWarning] = []
        self.ledger: dict[str, dict[tuple[str, str], Entry]] = defaultdict(dict)
        self.told: dict[str, str] = {}
        self.runs = 0
        self.mail_works = True
        self.cluster_answers = True
        self.generation = 1
        self.objects: dict[str, tuple[str, str]] = {}
        self.joined_at: dict[str, datetime] = {}
        self.holds: dict[str, Hold] = {}
        self.makings: dict[str, list[Making]] = defaultdict(list)
        self.promises = Promises(self.ebs, POLICY, self.claims)
        self.promises.is_known = lambda sub: any(person.sub == sub for person in self.people)
        hub = self.ebs.create_volume(10, self._tags("hub-db-dir"))
        self._bind("hub-db-dir", hub)
        self.ebs.write(hub)
        self.ebs.detached_at[hub] = self.ebs.now

    # -- the hub --------------------------------------------------------------------------------------------------------------

    def start(self, person: Person, *, old_hook: bool = False, start_tag: bool = True) -> None:
        """A session begins: on the volume of the claim, or on one restored from the newest copy, or on an empty one.

        ``old_hook``: the hook of 2019, which swallows a failed restore and lets the hub make an empty volume.
        """
        claim = self.claims.get(person.claim_name)
        if person.volume_id is not None or person.claim_name in self.terminating:
            return
        volume_id = claim.volume_id if claim else None
        if volume_id is None or volume_id not in self.ebs.volumes:
            volume_id = self._new_volume(person, old_hook=old_hook)
            self._bind(person.claim_name, volume_id)
        volume = self.ebs.volumes[volume_id]
        if volume.attached or volume.state != "available" or volume.tags.get("hubplane:owner-sub") != person.sub:
            return
        if start_tag:
            self._tag(volume_id, "server-start-time", str(self.ebs.now.replace(microsecond=0)))
        self._mount(person, volume_id)

    def mount(self, person: Person) -> bool:
        """The hub starts the pod that ``ensure_home`` said yes to, and makes no claim: False, and the pod waits, without one."""
        claim = self.claims.get(person.claim_name)
        if claim is None or claim.volume_id not in self.ebs.volumes or person.claim_name in self.terminating:
            return False
        if self.ebs.volumes[claim.volume_id].attached:
            return False
        self.promises.mounted(claim.volume_id, person.sub)
        self._mount(person, claim.volume_id)
        return True

    def make_home(self, person: Person) -> None:
        """The hub makes the claim that ``ensure_home`` said was new, and the driver an empty volume for it."""
        self.promises.made_empty(person.sub)
        if person.claim_name not in self.claims:
            self._bind(person.claim_name, self.ebs.create_volume(10, self._tags(person.claim_name, person.sub)))

    def _mount(self, person: Person, volume_id: str) -> None:
        self.claims[person.claim_name] = replace(self.claims[person.claim_name], in_use=True)
        self.ebs.attach(volume_id)
        person.volume_id = volume_id
        self.promises.used(self.ebs.write(volume_id), person.sub)

    def stop(self, person: Person, *, stop_tag: str | None = "server-stop-time") -> None:
        """The session ends with a last write; the tag is written before the volume is detached, or not at all."""
        volume_id = person.volume_id
        if volume_id is None:
            return
        self.ebs.advance(SHORTEST_SESSION)
        self.promises.used(self.ebs.write(volume_id), person.sub)
        if stop_tag == "jupyter-volume-stopping-time":
            self._tag(volume_id, stop_tag, str(self.ebs.now.replace(tzinfo=None)))
        elif stop_tag is not None:
            self._tag(volume_id, stop_tag, str(self.ebs.now.replace(second=0, microsecond=0)))
        self.ebs.advance(DETACHING)
        self.ebs.detach(volume_id)
        self.promises.ended(volume_id)
        person.volume_id = None
        self.claims[person.claim_name] = replace(self.claims[person.claim_name], in_use=False)
        if person.claim_name in self.terminating:
            self._end_claim(person.claim_name)

    def leave(self, person: Person) -> None:
        """The account is deleted, and another person registers the name."""
        self.stop(person)
        self.generation += 1
        person.sub = f"sub-{person.name}-{self.generation}"

    # -- the cluster ----------------------------------------------------------------------------------------------------------

    def delete_claim(self, name: str, uid: str) -> bool | None:
        """Kubernetes' delete with a precondition on the uid: False for none of the name, None for another one.

        The claim of a running pod is only marked, and goes with the pod.
        """
        claim = self.claims.get(name)
        if claim is None:
            return False
        if claim.uid != uid:
            return None
        self.promises.claim_deleted(claim)
        if claim.in_use:
            self.terminating.add(name)
        else:
            self._end_claim(name)
        return True

    def lose_claim(self, person: Person) -> None:
        """By hand: claim and PersistentVolume are removed and the volume stays, known to no cluster."""
        claim = self.claims.get(person.claim_name)
        if claim is not None and not claim.in_use:
            del self.claims[person.claim_name]
            self._forget_objects(claim.volume_id)

    def orphan(self, claim_name: str) -> str:
        """A volume of a person who is gone, known to no cluster and unattached for an hour."""
        volume_id = self.ebs.create_volume(10, self._tags(claim_name))
        self.ebs.detached_at[volume_id] = self.ebs.now
        return volume_id

    def duplicate(self, person: Person) -> None:
        """By hand: a second volume under the claim's name, made from its newest copy."""
        source = self._newest_copy(person)
        if source is not None:
            volume_id = self.ebs.create_volume(
                self.ebs.snapshots[source].size_gib, self._tags(person.claim_name, person.sub), source
            )
            self.ebs.detached_at[volume_id] = self.ebs.now

    def grow(self, person: Person) -> None:
        """By hand: the volume of the person's claim becomes larger."""
        claim = self.claims.get(person.claim_name)
        if claim is not None and claim.volume_id in self.ebs.volumes:
            volume = self.ebs.volumes[claim.volume_id]
            self.ebs.change(volume, size_gib=volume.size_gib + 10)

    def remove_duplicates(self, person: Person) -> None:
        """By hand: volumes that carry the claim's name and are not bound to it are removed, if a snapshot holds them."""
        claim = self.claims.get(person.claim_name)
        completed = (item for item in self.ebs.snapshots.values() if item.state == "completed" and item.owner_id == ACCOUNT)
        saved = {self.ebs.node_of[item.snapshot_id] for item in completed}
        for volume in list(self.ebs.volumes.values()):
            mine = volume.tags.get("kubernetes.io/created-for/pvc/name") == person.claim_name
            copied = self.ebs.node_of[volume.volume_id] in saved
            if mine and copied and not volume.attached and (claim is None or claim.volume_id != volume.volume_id):
                self.ebs.remove_by_hand(volume.volume_id)

    # -- the tables -----------------------------------------------------------------------------------------------------------

    def inventory(self, *, claims: bool = True) -> Inventory:
        """What a sweep shows now; the cluster is asked as well if it answers."""
        volumes, snapshots = self.ebs.describe()
        asked = claims and self.cluster_answers
        return Inventory(
            cluster_name=CLUSTER,
            account_id=ACCOUNT,
            volumes=tuple(volumes),
            snapshots=tuple(snapshots),
            claims=tuple(self.claims.values()) if asked else None,
            persistent_volume_ids=frozenset(claim.volume_id for claim in self.claims.values() if claim.volume_id),
            owners=tuple(Owner(person.sub, person.name, person.claim_name) for person in self.people),
            sightings=tuple(self.sightings.values()),
            events=tuple(self.ebs.events),
            warnings=tuple(self.accepted),
            pending_in_account=self.ebs.pending,
            volumes_deleted_tonight=self._deleted_tonight(Action.DELETE_CLAIM, Action.DELETE_VOLUME),
            snapshots_deleted_tonight=self._deleted_tonight(Action.DELETE_SNAPSHOT),
        )

    @property
    def night(self) -> str:
        """What the ledger calls this night."""
        return snapshot_boundary(POLICY, self.ebs.now).date().isoformat()

    def _deleted_tonight(self, *actions: Action) -> int:
        """What the ledger says: outcomes where a batch was finished, intents where it was not."""
        found = 0
        for entry in self.ledger[self.night].values():
            if entry.outcomes is None:
                found += sum(1 for intent in entry.intents if intent.action in actions)
            else:
                found += sum(1 for item in entry.outcomes if item.action in actions and item.result is Result.DELETED)
        return found

    def tell(self, outcome: Outcome) -> None:
        """A mail about a volume or a last copy that was deleted is put on the queue, which knows it by the thing's id."""
        is_volume = outcome.action in (Action.DELETE_CLAIM, Action.DELETE_VOLUME)
        if outcome.result is Result.DELETED and outcome.owner_sub is not None and (is_volume or outcome.last_copy):
            self.told[outcome.resource_id] = outcome.owner_sub

    def accept(self, warning: AcceptedWarning) -> None:
        """The mail service takes a mail."""
        self.promises.mail_accepted(warning)
        self.accepted.append(warning)

    def _new_volume(self, person: Person, *, old_hook: bool) -> str:
        source = None if old_hook else self._newest_copy(person)
        size_gib = self.ebs.snapshots[source].size_gib if source else (10, 50, 500)[len(self.ebs.node_of) % 3]
        return self.ebs.create_volume(size_gib, self._tags(person.claim_name, person.sub), source)

    def _newest_copy(self, person: Person) -> str | None:
        mine = [
            (item.started_at, key)
            for key, item in self.ebs.snapshots.items()
            if item.state == "completed" and item.owner_id == ACCOUNT and item.tags.get("hubplane:owner-sub") == person.sub
        ]
        return max(mine)[1] if mine else None

    def _tags(self, claim_name: str, sub: str | None = None) -> dict[str, str]:
        return {
            f"kubernetes.io/cluster/{CLUSTER}": "owned",
            "kubernetes.io/created-for/pvc/name": claim_name,
            "kubernetes.io/created-for/pvc/namespace": "jupyter",
            **({"hubplane:owner-sub": sub} if sub else {}),
        }

    def _tag(self, volume_id: str, key: str, value: str) -> None:
        volume = self.ebs.volumes[volume_id]
        self.ebs.change(volume, tags={**volume.tags, key: value})

    def _bind(self, name: str, volume_id: str) -> None:
        self.claims[name] = Claim("jupyter", name, f"uid-{volume_id}", volume_id)
        self.objects[f"pv-{volume_id}"] = (volume_id, name)

    def _forget_objects(self, volume_id: str | None) -> None:
        for name in [name for name, (each, _) in self.objects.items() if each == volume_id]:
            del self.objects[name]

    def _end_claim(self, name: str) -> None:
        self.terminating.discard(name)
        claim = self.claims.pop(name)
        self.joined_at.pop(name, None)
        self._forget_objects(claim.volume_id)
        if claim.volume_id in self.ebs.volumes:
            self.ebs.delete_volume(claim.volume_id)
