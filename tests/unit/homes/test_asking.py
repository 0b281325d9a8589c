"""What the tables say of who asks for a home, and what the hub is told where it cannot be looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hubplane.domain.clusters import ClusterRecord
from hubplane.domain.errors import ClusterBusy, NotYet, ProviderError, Throttled
from hubplane.domain.homes.answers import refusal_of
from hubplane.domain.homes.asking import key_of, who_asks
from hubplane.domain.registration.external import pin
from hubplane.domain.registration.known import Known
from hubplane.domain.registration.records import Status, UserRecord
from hubplane.domain.storage.policy import StoragePolicy
from tests.unit.storage.builders import ACCOUNT

POOL, ELSEWHERE = "https://lab.auth.us-east-1.amazoncognito.com", "https://idp.example.org"
ANN = UserRecord("ann", "sub-ann", "ann@example.edu", Status.APPROVED, ("lab",))
KNOWN = Known(records={"ann": ANN}, claim_holders={"claim-ann": "ann"})


def cluster(status: str = "CREATED", **fields: Any) -> ClusterRecord:
    return ClusterRecord("lab", status, None, "us-east-1d", **fields)


@pytest.mark.parametrize(
    ("asked", "record", "expected"),
    [
        pytest.param(
            {},
            cluster(),
            {"claim_name": "claim-ann", "requested_gib": 0, "protection_tag": "do-not-delete", "storage_class_name": "gp3"},
            id="before-the-first-release",
        ),
        pytest.param(
            {"claim_name": "claim-ann---1a2b3c4d"},
            cluster(storage_policy=StoragePolicy(protection_tag="keep"), home_size_gib=500, storage_class_name="fast"),
            {
                "claim_name": "claim-ann---1a2b3c4d",
                "requested_gib": 500,
                "protection_tag": "keep",
                "storage_class_name": "fast",
            },
            id="as-the-release-and-the-hub-say",
        ),
        pytest.param({"subject": "sub-ann"}, cluster(sign_in_url=POOL), {"subject": "sub-ann", "record": ANN}, id="of-the-pool"),
        pytest.param({"subject": ""}, cluster(sign_in_url=POOL), {"subject": None, "is_new": False}, id="no-subject"),
        pytest.param({"subject": None}, cluster(sign_in_url=ELSEWHERE), {"record": None, "subject": None}, id="unnamed-outside"),
        pytest.param({"subject": "7"}, cluster(sign_in_url=ELSEWHERE), {"is_new": True}, id="first-visit-from-outside"),
    ],
)
def test_who_asks_is_who_the_tables_know(asked: dict[str, Any], record: ClusterRecord, expected: dict[str, Any]) -> None:
    facts = who_asks({"cluster_name": "lab", "username": "ann", **asked}, lambda _: record, lambda _: KNOWN, ACCOUNT, POOL)
    assert {name: getattr(facts, name) for name in expected} == expected
    assert (facts.cluster_name, facts.zone, facts.account_id) == ("lab", "us-east-1d", ACCOUNT)


def test_the_same_name_elsewhere_is_somebody_else() -> None:
    assert key_of("Ann", POOL + "/", POOL) == key_of("Ann", None, POOL) == "ann"
    assert key_of("Ann", ELSEWHERE, POOL) != "ann"


@pytest.mark.parametrize("status", ["DELETING", "DELETION_FAILED", "DELETED"])
def test_nobody_gets_a_home_on_a_cluster_that_ends(status: str) -> None:
    def nobody(_: str) -> Known:
        raise AssertionError("no need to know who asks")

    with pytest.raises(ClusterBusy, match="Your home is kept"):
        who_asks({"cluster_name": "lab", "username": "ann"}, lambda _: cluster(status), nobody, ACCOUNT, POOL)


@pytest.mark.parametrize(
    ("error", "retry_seconds", "words"),
    [
        pytest.param(ClusterBusy("cluster sar is DELETING"), None, "This hub is being taken down", id="ending"),
        pytest.param(NotYet("EKS is CREATING"), 60, "try again in a minute", id="not-yet"),
        pytest.param(Throttled("slower"), 60, "try again in a minute", id="throttled"),
        pytest.param(ProviderError("arn:aws:iam::1:role/x may not"), None, "(ProviderError): tell an operator", id="provider"),
        pytest.param(KeyError("secret"), None, "the log of EnsureHome has the cause", id="our-own-fault"),
    ],
)
def test_whatever_fails_is_a_no_that_tells_nothing_of_the_account(
    error: Exception, retry_seconds: int | None, words: str
) -> None:
    told = refusal_of(error)
    assert (told["allowed"], told["retry_seconds"], told["volume_id"]) == (False, retry_seconds, None)
    assert words in told["sentence"]
    assert str(error) not in told["sentence"]


@pytest.mark.parametrize(
    ("old", "unchanged", "pinned"),
    [
        pytest.param(None, True, True, id="nobody-before"),
        pytest.param(ANN, True, True, id="the-same-person"),
        pytest.param(replace(ANN, sub="sub-eve"), True, False, id="somebody-else-by-now"),
        pytest.param(None, False, False, id="somebody-came-between"),
    ],
)
def test_a_name_is_pinned_to_who_has_it(old: UserRecord | None, unchanged: bool, pinned: bool) -> None:
    written: list[str] = []

    def write(new: UserRecord, seen: UserRecord | None, sentence: str) -> bool:
        assert (new, seen) == (ANN, old)
        written.append(sentence)
        return unchanged

    assert pin(ANN, {"ann": old}.get, write) is pinned
    assert written == ([] if old is not None and old.sub != ANN.sub else ["ann is sub-ann from the first home on: lab"])
