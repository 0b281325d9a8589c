"""What a server may mount: the claim's volume, the newest copy of it, or nothing.

A home belongs to a sub, the claim's name only leads to it (promise 8); and once a name has carried data, its claim never gets an
empty volume again (promise 7), because the night's snapshot of an empty volume would be the newest one. Whatever is not known is
refused: a person who waits an hour has lost an hour.
"""

from __future__ import annotations

from collections.abc import Iterator

from hubplane.domain.homes.facts import HomeAction, HomeFacts, HomePlan, SeenClaim
from hubplane.domain.homes.seen import SeenHome, see
from hubplane.domain.names import claims_of, username_key
from hubplane.domain.registration.records import Status
from hubplane.domain.storage.records import Snapshot, Volume
from hubplane.domain.storage.wording import minute

SOON_SECONDS = 5
"""A volume is made within seconds, and so is it joined with its claim."""

VOLUME_RETRY_SECONDS = 30
"""A volume is removed within a minute; a claim that ends waits for its pod, whose grace is 30 s."""

SNAPSHOT_RETRY_SECONDS = 300
"""A first snapshot takes hours (50 GB an hour), a later one minutes."""

ASK = "ask an operator to look at it"


def plan_home(facts: HomeFacts) -> HomePlan:
    """What to do before this person's server starts. The same facts give the same plan; nothing is raised."""
    home = see(facts)
    plans = (
        *map(_refuse, (*_about_the_person(facts), *_about_ownership(facts, home))),
        *_about_what_changes(home),
        *map(_refuse, _about_the_volumes(facts, home)),
    )
    if plans:
        return plans[0]
    return _without_claim(facts, home) if home.claim is None else _with_claim(facts, home, home.claim)


def _about_the_person(facts: HomeFacts) -> Iterator[str]:
    name, record = facts.username, facts.record
    if record is None or record.name != username_key(name):
        yield f"Nobody called {name} is on record, so nobody knows whose home this is: ask an operator to bind the account."
        return
    if record.is_external and facts.subject is None:
        yield f"The hub does not say with which account you are signed in, so nobody knows whose home {name} is: {ASK}."
    if facts.subject is not None and facts.subject != record.sub:
        yield (
            f"You are signed in with another account than the one that the home of {name} belongs to: sign out and in again; if "
            "that does not help, ask an admin."
        )
    if record.status is Status.TOMBSTONE:
        yield (
            f"The account {name} was closed and its home is kept for the person it belonged to; if that is you, "
            "ask an admin to let you return."
        )
    elif record.status is not Status.APPROVED:
        yield f"The account {name} is {record.status}, not approved: ask an admin of the hub."
    elif facts.cluster_name not in record.clusters:
        yield f"The account {name} is not approved for {facts.cluster_name}: ask an admin of the hub."
    mine = claims_of(name).all
    if facts.claim_name not in mine:
        yield f"The hub asks for the home {facts.claim_name}, which does not follow from the name {name}: {ASK}."
    if any(facts.claim_holders.get(claim) != record.username for claim in mine):
        yield f"The home of {name} is not on record as yours alone (another name may lead to it): {ASK}."
    if facts.zone is None:
        yield f"The Availability Zone of {facts.cluster_name} is not on record, so no home can be placed: {ASK}."


def _about_ownership(facts: HomeFacts, home: SeenHome) -> Iterator[str]:
    """Another's home is never mounted, and what says no name is only this person's where nothing says another's."""
    bound = home.bound_volume
    if bound is not None and home.owner_of(bound) is not None and home.is_mine(bound):
        return  # an old copy of somebody else's does not keep a person from what is marked as theirs
    foreign = home.foreign
    if foreign:
        yield (
            f"The home under the name {facts.username} belongs to another account ({foreign[0]} says so) and is not mounted; "
            "if it is yours from an earlier account, ask an admin to hand it over."
        )
    if home.strays:
        yield f"{home.strays[0]} carries the name of your home but not of a cluster: {ASK}."
    if home.strangers:
        yield f"{home.strangers[0]} carries the name of your home but is another AWS account's: {ASK}."


def _about_what_changes(home: SeenHome) -> Iterator[HomePlan]:
    if any(claim.ending for claim in home.claims):
        yield _wait("Your home is being put away; it comes back when that is done, in a few minutes.", VOLUME_RETRY_SECONDS)
    for volume in home.passing:
        if volume.state == "creating":
            source = f" from {volume.source_snapshot_id}" if volume.source_snapshot_id else ""
            yield _wait(f"The volume of your home ({volume.volume_id}) is being made{source}.", SOON_SECONDS)
        else:
            yield _wait(f"The volume of your home ({volume.volume_id}) is being removed: try again soon.", VOLUME_RETRY_SECONDS)


def _about_the_volumes(facts: HomeFacts, home: SeenHome) -> Iterator[str]:
    """Two volumes: which one holds the work, nobody can say (fault 25); and a pod reaches only its own zone (fault 23)."""
    if len(home.volumes) > 1:
        ids = ", ".join(volume.volume_id for volume in home.volumes)
        yield f"There are {len(home.volumes)} volumes of your home ({ids}) and nobody chooses between them by chance: {ASK}."
    for volume in home.volumes:
        if volume.state == "error" and volume.source_snapshot_id:
            yield (
                f"Your home is safe in its copy {volume.source_snapshot_id}, but the volume that was made of it "
                f"({volume.volume_id}) failed: ask an operator to delete that volume, then start again."
            )
        elif volume.state not in ("available", "in-use"):
            yield f"The volume of your home ({volume.volume_id}) is in state {volume.state or 'unknown'}: {ASK}."
        elif volume.zone != facts.zone:
            yield (
                f"Your home ({volume.volume_id}) lies in {volume.zone or 'no known zone'}, the cluster in {facts.zone}: ask an "
                "operator to move it (move_home)."
            )


def _without_claim(facts: HomeFacts, home: SeenHome) -> HomePlan:
    for name in sorted(home.claim_names - {facts.claim_name}):
        return _refuse(f"Your home lies under the claim {name}, and this hub mounts {facts.claim_name}: {ASK}.")
    if home.volumes:
        return _with_volume(home, home.volumes[0])
    if home.snapshots:
        return _with_snapshots(facts, home)
    return HomePlan(HomeAction.CREATE, "Your home is new: it starts empty.")


def _with_claim(facts: HomeFacts, home: SeenHome, claim: SeenClaim) -> HomePlan:
    if claim.bound_to is None:
        if home.volumes or home.snapshots:
            return _refuse(f"Your home's claim is not bound, though there is data of yours; it would get an empty volume: {ASK}.")
        yet = "Your home is new: it is made when the server starts."
        return HomePlan(HomeAction.USE, yet)
    volume = home.bound_volume
    if volume is None:
        return _refuse(f"Your home's claim is bound to {claim.bound_to}, whose volume does not exist: {ASK}, it can be restored.")
    strange = _about_the_bound_volume(facts, home, claim, volume)
    if strange is not None:
        return _refuse(f"Your home's claim is bound to {volume.volume_id}, which {strange}: {ASK}.")
    if claim.phase != "Bound":
        return _wait(f"Your home ({volume.volume_id}) is being joined with its claim.", SOON_SECONDS)
    mark_owner = home.owner_of(volume) is None
    return HomePlan(HomeAction.USE, "Your home is there.", volume.volume_id, mark_owner=mark_owner)


def _about_the_bound_volume(facts: HomeFacts, home: SeenHome, claim: SeenClaim, volume: Volume) -> str | None:
    if home.clusters_of(volume) and facts.cluster_name not in home.clusters_of(volume):
        return "is another cluster's"
    if home.owner_of(volume) is None and home.claim_of(volume) not in (None, claim.name):
        return "was made for another claim"
    return None


def _with_volume(home: SeenHome, volume: Volume) -> HomePlan:
    if volume.attached or volume.state != "available":
        return _refuse(f"Your home ({volume.volume_id}) is attached elsewhere: stop what uses it, or {ASK}.")
    other = home.unrelated_to(volume.volume_id)
    if other is not None:
        return _refuse(_two_lines(volume.volume_id, other))
    mark_owner = home.owner_of(volume) is None
    sentence = f"Your home is there ({volume.volume_id}) and gets its claim back."
    return HomePlan(HomeAction.ADOPT, sentence, volume.volume_id, mark_owner=mark_owner)


def _with_snapshots(facts: HomeFacts, home: SeenHome) -> HomePlan:
    """The newest copy. An older one never takes its place in silence: a pending one is waited for, a failed one counts for
    nothing only where the copy before it was started after the home's last use."""
    newest = max(home.snapshots, key=lambda snapshot: (snapshot.started_at, snapshot.snapshot_id))
    if newest.state == "pending":
        began = minute(newest.started_at)
        return _wait(f"The newest copy of your home was begun {began} and is not finished: try later.", SNAPSHOT_RETRY_SECONDS)
    copies = [snapshot for snapshot in home.snapshots if snapshot.state == "completed"]
    best = max(copies, key=lambda snapshot: (snapshot.started_at, snapshot.snapshot_id), default=None)
    if best is None:
        return _refuse(f"None of your home's copies is complete ({newest.snapshot_id} is in state {newest.state}): {ASK}.")
    for snapshot in home.snapshots:
        if snapshot.started_at >= best.started_at and snapshot is not best and not home.holds_all_of(best, snapshot):
            return _refuse(f"The newest copy of your home ({snapshot.snapshot_id}) is in state {snapshot.state}: {ASK}.")
    other = home.unrelated_to(best.volume_id)
    if other is not None:
        return _refuse(_two_lines(best.snapshot_id, other))
    size_gib = max(facts.requested_gib, best.size_gib)
    sentence = f"Your home comes back from its copy of {minute(best.started_at)}."
    return HomePlan(HomeAction.RESTORE, sentence, None, best.snapshot_id, size_gib, mark_owner=home.owner_of(best) is None)


def _two_lines(newest: str, other: Snapshot) -> str:
    return (
        f"{newest} is the newest of your home, but {other.snapshot_id} holds data that it was not made from; which is your work, "
        "nobody can tell: ask an operator to choose."
    )


def _refuse(sentence: str) -> HomePlan:
    return HomePlan(HomeAction.REFUSE, sentence)


def _wait(sentence: str, retry_seconds: int) -> HomePlan:
    return HomePlan(HomeAction.WAIT, sentence, retry_seconds=retry_seconds)
