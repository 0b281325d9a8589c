"""What of a cluster goes and what stays: unknown means keep, and no volume or last copy goes without what holds it."""

from __future__ import annotations

from typing import Any

import pytest

from hubplane.domain.deletion.inputs import Homes
from hubplane.domain.deletion.planning import judge_snapshot, judge_thing, judge_volume
from hubplane.domain.deletion.things import Kind, Thing, Verdict, owners_in, tagged_thing, verdict_from_json, verdict_to_json
from hubplane.domain.report.pricing import prices_of
from hubplane.domain.storage.copies import find_copies
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.view import view_of
from tests.unit.storage.builders import CLUSTER, NOW, ago, claim, inventory, sighting, snapshot, tags, volume

PRICES = prices_of("us-east-1")
POLICY = StoragePolicy()


@pytest.mark.parametrize(
    ("written", "owners"),
    [
        ({"kubernetes.io/cluster/sar": "owned"}, {"sar"}),
        ({"kubernetes.io/cluster/sar": "shared", "KubernetesCluster": "sar"}, {"sar"}),
        ({"hubplane:cluster": "sar", "elbv2.k8s.aws/cluster": "ice"}, {"sar", "ice"}),
        ({"cluster.k8s.amazonaws.com/name": "sar"}, {"sar"}),
        ({"Name": "sar", "hubplane:cluster": ""}, set()),
    ],
    ids=["in-tree", "shared", "two", "cni", "none"],
)
def test_who_owns_a_thing_is_read_from_every_form_of_its_tags(written: dict[str, str], owners: set[str]) -> None:
    assert owners_in(written) == owners


@pytest.mark.parametrize(
    ("thing", "goes", "told", "usd"),
    [
        (Thing(Kind.SECURITY_GROUP, "sg-1", frozenset({CLUSTER})), True, "the cluster is gone", 0),
        (Thing(Kind.SECURITY_GROUP, "sg-1", frozenset()), False, "nothing says that it is this cluster's", 0),
        (Thing(Kind.SECURITY_GROUP, "sg-1", frozenset({CLUSTER, "ice"})), False, "belongs to ice, lab", 0),
        (Thing(Kind.LOAD_BALANCER, "arn", frozenset({"ice"})), False, "belongs to ice", 16.43),
        (Thing(Kind.LOG_GROUP, "/x", frozenset({CLUSTER}), size_gib=10, stays="it tells"), False, "it tells", 0.3),
        (Thing(Kind.IMAGE_REPOSITORY, "hub", frozenset(), size_gib=5), False, "nothing says", 0.5),
        (Thing(Kind.NETWORK_INTERFACE, "eni", frozenset({CLUSTER}), busy="it is in-use"), True, "but it is in-use", 0),
    ],
    ids=["ours", "nobody-s", "shared", "another-s", "log", "untagged-images", "busy"],
)
def test_things_go_only_where_they_say_that_they_are_the_cluster_s(thing: Thing, goes: bool, told: str, usd: float) -> None:
    verdict = judge_thing(thing, CLUSTER, PRICES)
    assert (verdict.goes, verdict.usd_per_month) == (goes, pytest.approx(usd))
    assert told in verdict.reason


def test_what_a_tag_calls_shared_outlives_the_cluster() -> None:
    thing = tagged_thing(Kind.SECURITY_GROUP, "sg-1", {f"kubernetes.io/cluster/{CLUSTER}": "shared"})
    verdict = judge_thing(thing, CLUSTER, PRICES)
    assert not verdict.goes
    assert verdict.reason == f"Kept: its tag kubernetes.io/cluster/{CLUSTER} says that it is shared."
    owned = tagged_thing(Kind.SECURITY_GROUP, "sg-1", {f"kubernetes.io/cluster/{CLUSTER}": "owned"})
    assert judge_thing(owned, CLUSTER, PRICES).goes


@pytest.mark.parametrize(
    ("thing_id", "goes"),
    [("hubplane/lab/notebook", False), ("hubplane/lab/oauth-client", False), ("hubplane/lab/hub", True)],
)
def test_what_another_cluster_s_release_names_stays(thing_id: str, goes: bool) -> None:
    others = {
        "ice": '{"spec": {"notebook": {"image": "5537.dkr.ecr.us-east-1.amazonaws.com/hubplane/lab/notebook:1"}}}',
        "sea": '{"spec": {"oauth": {"client_id_secret_arn": "arn:aws:secretsmanager:x:secret:hubplane/lab/oauth-client-a1"}}}',
    }
    verdict = judge_thing(Thing(Kind.IMAGE_REPOSITORY, thing_id, frozenset({CLUSTER})), CLUSTER, PRICES, others)
    assert verdict.goes is goes
    assert goes or "the release of cluster" in verdict.reason


def of_volume(*things: Any, homes: Homes = Homes.KEEP_SNAPSHOTS, **fields: Any) -> Verdict:
    view = view_of(inventory(*things, **fields), POLICY, NOW)
    return judge_volume(view, view.volumes["vol-1"], homes, PRICES)


PROVED = (snapshot(), sighting())


@pytest.mark.parametrize("homes", list(Homes))
def test_a_volume_goes_on_its_proof_and_stays_where_asked(homes: Homes) -> None:
    verdict = of_volume(volume(), *PROVED, homes=homes)
    assert verdict.goes is (homes is not Homes.KEEP_VOLUMES)
    assert verdict.proof == (None if homes is Homes.KEEP_VOLUMES else "snap-1")
    assert verdict.usd_per_month == pytest.approx(40)
    assert verdict_from_json(verdict_to_json(verdict)) == verdict


@pytest.mark.parametrize(
    ("things", "told"),
    [
        ((volume(), sighting()), "it has no snapshot"),
        ((volume(), snapshot()), "not known since when"),
        ((volume(), snapshot(state="pending"), sighting()), "is pending"),
        ((volume(), snapshot(state="error"), sighting()), "is error"),
        ((volume(), snapshot(owner_id="999988887777"), sighting()), "belongs to account"),
        ((volume(), snapshot(size_gib=400), sighting()), "400 GiB of 500"),
        ((volume(), snapshot(days_old=11), sighting()), "before it was seen unattached"),
        ((volume(), snapshot(volume_id="vol-2"), sighting()), "it has no snapshot"),
        ((volume(attached=True, state="in-use"), *PROVED), "in use"),
        ((volume(state="error"), *PROVED), "only an available volume"),
        ((volume(more={"Do-Not-Delete": ""}), *PROVED), "do-not-delete"),
        ((volume(more={"KubernetesCluster": "ice"}), *PROVED), "several clusters"),
        ((volume(more={"volume-delete-time": "soon"}), *PROVED), "is no time"),
        ((volume(), volume("vol-2"), *PROVED), "another volume"),
        ((volume(), claim(in_use=True), *PROVED), "a pod uses its claim"),
    ],
)
def test_a_volume_without_its_proof_or_with_a_doubt_stays(things: tuple[Any, ...], told: str) -> None:
    verdict = of_volume(*things)
    assert not verdict.goes
    assert told in verdict.reason


def test_while_the_cluster_stands_nobody_knows_what_it_uses() -> None:
    assert not of_volume(volume(), *PROVED, claims=None).goes


def test_the_hub_s_database_is_proved_like_a_home_and_idleness_is_not_asked_for() -> None:
    fresh = volume(tags=tags("hub-db-dir"), stopped=ago(0.5))
    assert of_volume(fresh, snapshot(days_old=0.1), sighting(since_days=0.2)).goes


def of_snapshot(snapshot_id: str, *things: Any, homes: Homes = Homes.DELETE_AFTER_PROOF) -> Verdict:
    view = view_of(inventory(*things), POLICY, NOW)
    return judge_snapshot(view, find_copies(view), view.snapshots[snapshot_id], homes, PRICES)


OLD, NEW = snapshot("snap-old", days_old=20), snapshot("snap-new", days_old=9)


@pytest.mark.parametrize("homes", [Homes.KEEP_SNAPSHOTS, Homes.KEEP_VOLUMES])
def test_snapshots_stay_under_every_other_policy(homes: Homes) -> None:
    assert not of_snapshot("snap-old", OLD, NEW, homes=homes).goes


@pytest.mark.parametrize(
    ("asked", "things", "goes", "told"),
    [
        ("snap-old", (OLD, NEW), True, "snap-new holds all of it"),
        ("snap-new", (OLD, NEW), False, "last copy"),
        ("snap-old", (OLD, snapshot("snap-new", state="pending")), False, "last copy"),
        ("snap-old", (OLD, snapshot("snap-new", "vol-2")), False, "last copy"),
        ("snap-old", (OLD, NEW, volume()), False, "vol-1 stands"),
        ("snap-old", (snapshot("snap-old", days_old=20, tags=tags(**{"do-not-delete": "no"})), NEW), False, "do-not-delete"),
        ("snap-old", (snapshot("snap-old", days_old=20, state="error"), NEW), False, "no copy to judge"),
        ("snap-old", (snapshot("snap-old", days_old=20, tags=tags(KubernetesCluster="ice")), NEW), False, "2 clusters"),
    ],
    ids=["superseded", "last", "pending", "other-volume", "volume-stands", "protected", "error", "shared"],
)
def test_after_proof_only_what_a_later_good_copy_holds_goes(asked: str, things: tuple[Any, ...], goes: bool, told: str) -> None:
    verdict = of_snapshot(asked, *things)
    assert verdict.goes is goes
    assert told in verdict.reason
