"""Giving a person their home before a server starts: the plan, and as much of it as can be done now.

One call does a few deeds and answers how far it came; the hub asks again until the answer is yes or no. What was done is seen in
the things themselves, so a call that is killed anywhere is gone on with by the next one:

=========================  =========================================================================================
seen                       done
=========================  =========================================================================================
snapshots only             the making is written down with its token, then CreateVolume
a volume being made        nothing: EC2 works
a volume, no claim         PersistentVolume, then claim, each naming the other
a claim not joined yet     nothing: Kubernetes works
a claim that holds it      its start is written on the volume, the making is ended: the only yes
=========================  =========================================================================================

Nothing is done without holding the home, so that of two spawns one waits, and no machine changes the home meanwhile. All is
looked at once more under the hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from hubplane.domain.errors import HomeHeld, HomeTaken, ProviderError
from hubplane.domain.homes.binding import Bond, HomeBond
from hubplane.domain.homes.facts import HomeAction, HomeFacts, HomePlan
from hubplane.domain.homes.making import Making, Step, adoption_of, restore_of, step_to_adopt, step_to_restore
from hubplane.domain.homes.planning import SOON_SECONDS, VOLUME_RETRY_SECONDS, plan_home
from hubplane.domain.homes.ports import Claims, Storage, Tools
from hubplane.domain.names import claims_of
from hubplane.domain.storage.records import Volume
from hubplane.domain.storage.tags import OWNER_TAG, START_TAG

HOLD: Final = timedelta(seconds=90)
"""Longer than one call may take (the function's timeout is 60 s): a hold never passes while its holder still acts."""

HELD_SECONDS: Final = 60
WHY: Final = "Your home is being brought back by another start of your server."


def give_home(asked: HomeFacts, make_tools: Callable[[], Tools]) -> HomePlan:
    """The plan as far as it is carried out. ``asked`` has the person and the cluster; storage is looked at here.

    ``allowed`` only where the claim holds the person's own volume, or where there was never any data. Repeatable at every point.
    Raises what the ports raise, after which asking again is right.
    """
    plan = plan_home(asked)
    if plan.action is HomeAction.REFUSE:
        return plan  # by the person alone: nothing is looked up for whoever may not enter
    tools = make_tools()
    held = tools.holds.read(asked.cluster_name, asked.claim_name)
    if held is not None:
        return _held(held.why)
    facts = look(asked, tools.storage, tools.claims)
    plan = plan_home(facts)
    if plan.action is HomeAction.REFUSE:
        return plan
    if asked.is_new and asked.record is not None and not tools.people.pin(asked.record):
        return _wait("Somebody else of your name is coming in at this moment.")
    return _carried_out(facts, plan, tools)


def _carried_out(facts: HomeFacts, plan: HomePlan, tools: Tools) -> HomePlan:
    if plan.action in (HomeAction.RESTORE, HomeAction.ADOPT):
        return _holding(facts, tools)
    if plan.action is HomeAction.USE and plan.volume_id is not None:
        _mark(facts, plan, plan.volume_id, tools)
    if plan.action is HomeAction.CREATE and _was_just_made(facts, tools):
        return _wait("Your home was being brought back; its volume shows in a few minutes.")
    return plan


def look(facts: HomeFacts, storage: Storage, claims: Claims) -> HomeFacts:
    """``facts`` with the claims, and with all volumes and copies that carry their names or hang on them.

    Volumes before snapshots: who deletes a volume has its snapshot first, so what was missed among the ones is among the others.
    """
    names = sorted(claims_of(facts.username).all)
    seen = tuple(claim for claim in map(claims.see, names) if claim is not None)
    volumes = {volume.volume_id: volume for volume in storage.volumes_of_claims(names)}
    bound = [claim.volume_id for claim in seen if claim.volume_id and claim.volume_id not in volumes]
    volumes |= {volume.volume_id: volume for volume in (storage.volumes(bound) if bound else ())}
    return replace(facts, claims=seen, volumes=tuple(volumes.values()), snapshots=storage.snapshots_of_claims(names))


def _holding(asked: HomeFacts, tools: Tools) -> HomePlan:
    """Look again under the hold and do what is due."""
    cluster_name, claim_name = asked.cluster_name, asked.claim_name
    try:
        tools.holds.hold(cluster_name, claim_name, tools.holder, WHY, tools.clock.now() + HOLD)
    except HomeHeld:
        return _held(WHY)
    facts = look(asked, tools.storage, tools.claims)
    plan = plan_home(facts)
    deeds: dict[HomeAction, Callable[[HomeFacts, HomePlan, Tools], HomePlan]] = {
        HomeAction.RESTORE: _restore,
        HomeAction.ADOPT: _adopt,
    }
    plan = deeds[plan.action](facts, plan, tools) if plan.action in deeds else _again(plan)
    # Where a deed fails the hold stays for its short lease: its answer may be lost and the deed done.
    tools.holds.release(cluster_name, claim_name, tools.holder)
    return plan


def _again(plan: HomePlan) -> HomePlan:
    """What was there to be done is done, by somebody else: the next call says so, and marks it."""
    if plan.action in (HomeAction.REFUSE, HomeAction.WAIT):
        return plan
    return HomePlan(HomeAction.WAIT, "Your home has just been brought back.", retry_seconds=1)


def _restore(facts: HomeFacts, plan: HomePlan, tools: Tools) -> HomePlan:
    source = next(each for each in facts.snapshots if each.snapshot_id == plan.snapshot_id)
    now, last = tools.clock.now(), tools.makings.last(facts.cluster_name, facts.claim_name)
    step, tries = step_to_restore(last, source.snapshot_id, now)
    if step is Step.WAIT:
        return _wait("Your home was being brought back from another copy; what became of that shows in a few minutes.")
    if step is Step.GIVE_UP:
        return _failed(plan, f"{tries} volumes of it vanished as soon as they were made, mostly for a key that may not be used")
    if step is Step.BEGIN or last is None:
        number = last.number + 1 if last else 1
        last = restore_of(facts, source, plan.size_gib or source.size_gib, number, tries, tools.token, now)
        if not tools.makings.begin(facts.cluster_name, last):
            return _held(WHY)
    assert last.wanted is not None  # noqa: S101 - only a restore is gone on with
    try:
        volume_id = tools.volumes.create(last.wanted)
    except ProviderError as error:
        return _failed(plan, f"EC2 makes no volume of it ({_code(error)})", str(error))
    if last.volume_id is None:
        tools.makings.note(facts.cluster_name, last, volume_id, tools.clock.now())
    return replace(plan, sentence=f"{plan.sentence} Its volume {volume_id} is being made.", retry_seconds=SOON_SECONDS)


def _adopt(facts: HomeFacts, plan: HomePlan, tools: Tools) -> HomePlan:
    volume = next(each for each in facts.volumes if each.volume_id == plan.volume_id)
    now, last = tools.clock.now(), tools.makings.last(facts.cluster_name, facts.claim_name)
    step = step_to_adopt(last, volume, now)
    if step is Step.BEGIN or last is None:
        made = adoption_of(facts, volume, last.number + 1 if last else 1, now)
        if not tools.makings.begin(facts.cluster_name, made):
            return _held(WHY)
    if step is not Step.GO_ON or last is None:
        return replace(plan, sentence=f"{plan.sentence} That takes two minutes.", retry_seconds=VOLUME_RETRY_SECONDS)
    stand_ins = () if last.wanted else tools.claims.objects_of(volume.volume_id)
    others = {each.name for each in stand_ins} - {last.persistent_volume_name}
    if others:  # with a second object beside a released one the driver would delete the volume for that one's sake
        return _refuse(
            f"Your home ({volume.volume_id}) is still known to the cluster as {', '.join(sorted(others))}: ask an operator to "
            "look at that persistent volume."
        )
    if plan.mark_owner and facts.record is not None:
        tools.storage.tag_volume(volume.volume_id, {OWNER_TAG: facts.record.sub})
    try:
        bond = tools.binding.bind(_bond(facts, last, volume))
    except HomeTaken as error:
        found = str(error).partition(". Nothing was changed")[0]
        return _refuse(f"Your home ({volume.volume_id}) cannot get its claim back ({found}): ask an operator.", str(error))
    done = "It has its claim." if bond is Bond.BOUND else "It is being joined with its claim."
    return replace(plan, sentence=f"{plan.sentence} {done}", retry_seconds=1)


def _mark(facts: HomeFacts, plan: HomePlan, volume_id: str, tools: Tools) -> None:
    """Whose the volume is, where it says nobody's, and that it is in use. Two calls: IAM lets an owner be written once."""
    if plan.mark_owner and facts.record is not None:
        tools.storage.tag_volume(volume_id, {OWNER_TAG: facts.record.sub})
    now = tools.clock.now()
    tools.storage.tag_volume(volume_id, {START_TAG: now.isoformat(sep=" ", timespec="seconds")})
    last = tools.makings.last(facts.cluster_name, facts.claim_name)
    if last is not None and last.is_open:
        tools.makings.end(facts.cluster_name, last, volume_id, now)


def _was_just_made(facts: HomeFacts, tools: Tools) -> bool:
    """Whether data was on its way a moment ago, though nothing shows: then nothing empty may take its place."""
    last = tools.makings.last(facts.cluster_name, facts.claim_name)
    return last is not None and last.lasts(tools.clock.now())


def _bond(facts: HomeFacts, making: Making, volume: Volume) -> HomeBond:
    return HomeBond(
        claim_name=facts.claim_name,
        username=facts.username,
        volume_id=volume.volume_id,
        persistent_volume_name=making.persistent_volume_name,
        size_gib=volume.size_gib,
        zone=volume.zone,
        storage_class_name=facts.storage_class_name,
    )


def _held(why: str) -> HomePlan:
    seconds = SOON_SECONDS if why == WHY else HELD_SECONDS
    return HomePlan(HomeAction.WAIT, why, retry_seconds=seconds)


def _wait(sentence: str) -> HomePlan:
    return HomePlan(HomeAction.WAIT, sentence, retry_seconds=VOLUME_RETRY_SECONDS)


def _refuse(sentence: str, cause: str = "") -> HomePlan:
    return HomePlan(HomeAction.REFUSE, sentence, cause=cause)


def _failed(plan: HomePlan, why: str, cause: str = "") -> HomePlan:
    """A restore that fails keeps the server from starting: the hub would make an empty volume (domain fault 1)."""
    sentence = f"Your home is safe in its copy {plan.snapshot_id}, but {why}: ask an operator to look at it, then start again."
    return _refuse(sentence, cause)


def _code(error: ProviderError) -> str:
    """EC2's word for it, from a message of botocore's."""
    found = re.search(r"\((\w[\w.]*)\) when calling", str(error))
    return found[1] if found else "its answer is in the log of EnsureHome"
