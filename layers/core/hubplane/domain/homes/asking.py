"""Who asks for a home: somebody of the stack's own user pool, or of another provider, whose name is theirs from then on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from hubplane.domain.clusters import ClusterRecord
from hubplane.domain.errors import ClusterBusy
from hubplane.domain.homes.answers import TAKEN_DOWN
from hubplane.domain.homes.facts import HomeFacts
from hubplane.domain.names import claims_of, username_key
from hubplane.domain.oauth_client import same_domain
from hubplane.domain.registration.external import external_key, external_sub, pinned, provider_of
from hubplane.domain.registration.known import Known
from hubplane.domain.registration.records import UserRecord


def who_asks(
    asked: Mapping[str, Any],
    read_cluster: Callable[[str], ClusterRecord],
    known_of: Callable[[str], Known],
    account_id: str,
    own_domain_url: str,
) -> HomeFacts:
    """The person and the cluster as the tables have them; storage not looked at yet.

    ``asked`` has the hub's ``cluster_name`` and ``username``, ``claim_name`` where that is not the person's own, and
    ``subject``; ``known_of`` a key is what the tables say of that name. Raises ``ClusterBusy`` where the cluster is taken down.
    """
    cluster = read_cluster(str(asked["cluster_name"]))
    if cluster.is_ending:
        raise ClusterBusy(TAKEN_DOWN)
    return facts_of(asked, cluster, known_of, account_id, own_domain_url)


def facts_of(
    asked: Mapping[str, Any],
    cluster: ClusterRecord,
    known_of: Callable[[str], Known],
    account_id: str,
    own_domain_url: str,
) -> HomeFacts:
    """The same of a cluster that was read already, whatever becomes of it."""
    username = str(asked["username"])
    key = key_of(username, cluster.sign_in_url, own_domain_url)
    known = known_of(key)
    record = known.records.get(key)
    facts = HomeFacts(
        cluster_name=cluster.cluster_name,
        account_id=account_id,
        username=username,
        claim_name=str(asked.get("claim_name") or claims_of(username).escaped),
        zone=cluster.availability_zone,
        requested_gib=cluster.home_size_gib or 0,  # before the first release is recorded there is no copy to size
        record=record,
        claim_holders=known.claim_holders,
        protection_tag=cluster.protection_tag,
        storage_class_name=cluster.home_class,
        subject=asked.get("subject") or None,
    )
    provider = foreign_provider(cluster.sign_in_url, own_domain_url)
    return facts if provider is None else asked_from_outside(facts, provider, record)


def foreign_provider(sign_in_url: str | None, own_domain_url: str) -> str | None:
    """The provider of a cluster whose people are not the user pool's; None for the pool, and before the first release."""
    return None if sign_in_url is None or same_domain(sign_in_url, own_domain_url) else provider_of(sign_in_url)


def key_of(username: str, sign_in_url: str | None, own_domain_url: str) -> str:
    """The key of the record of somebody whom the cluster with this sign-in knows as ``username``."""
    provider = foreign_provider(sign_in_url, own_domain_url)
    return username_key(username) if provider is None else external_key(provider, username)


def asked_from_outside(facts: HomeFacts, provider: str, record: UserRecord | None) -> HomeFacts:
    """``facts`` with the record that the person has once they get a home; none for who is signed in without a subject.

    ``facts.subject`` is the provider's own. A claim that is nobody's yet counts as theirs: writing the record makes it so, or
    fails.
    """
    if not facts.subject:
        return replace(facts, record=record, subject=None)
    wanted = pinned(record, provider, facts.username, facts.subject, facts.cluster_name)
    return replace(
        facts,
        record=wanted,
        claim_holders=_with(facts.claim_holders, facts.username, wanted.username),
        subject=external_sub(provider, facts.subject),
        is_new=wanted != record,
    )


def _with(holders: Mapping[str, str], username: str, key: str) -> dict[str, str]:
    return {claim: holders.get(claim, key) for claim in claims_of(username).all}
