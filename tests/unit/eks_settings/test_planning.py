"""What is changed about a cluster's EKS settings, and what is never touched."""

from __future__ import annotations

import pytest

from hubplane.domain.eks_settings import planning
from hubplane.domain.eks_settings.planning import plan_eks_settings, tagging_configuration, version_key
from hubplane.domain.eks_settings.settings import (
    STORAGE_PRUNER,
    STORAGE_READER,
    Access,
    Association,
    PolicyGrant,
    PresentAddon,
    PresentAssociation,
    PresentEntry,
    PresentSettings,
    WantedSettings,
)
from hubplane.domain.errors import ProviderError
from hubplane.domain.hub_facts import PortRules

ADMIN, ANNA, BERT, SWEEP = (f"arn:aws:iam::111122223333:role/{name}" for name in ("hubplane", "anna", "bert", "sweep"))
EVERYTHING = PolicyGrant("AmazonEKSClusterAdminPolicy")
VIEW, EDIT = PolicyGrant("AmazonEKSViewPolicy", ("jupyter",)), PolicyGrant("AmazonEKSEditPolicy", ("jupyter",))
HUB = Association("jupyter", "hub", "arn:aws:iam::111122223333:role/hub-role")

TARGETS, FORMER, OTHERS, ALIKE = (
    f"arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/{name}/0123456789abcdef"
    for name in ("lab-30052", "lab-30053", "metrics", "lab-2-30052")
)

WANTED = WantedSettings(
    access={
        ADMIN: Access(frozenset({EVERYTHING})),
        ANNA: Access(frozenset({EDIT})),
        SWEEP: Access(groups=frozenset({STORAGE_READER})),
    },
    addon_versions={"coredns": "v1.13.1-eksbuild.2"},
    associations=(HUB,),
    target_group_arn=TARGETS,
    auto_scaling_groups=("asg-1",),
)
PRESENT = PresentSettings(
    entries={
        ADMIN: PresentEntry(frozenset({EVERYTHING}), True),
        ANNA: PresentEntry(frozenset({EDIT}), True),
        SWEEP: PresentEntry(frozenset(), True, frozenset({STORAGE_READER})),
    },
    addons={"coredns": PresentAddon("v1.13.1-eksbuild.2", "ACTIVE")},
    associations={("jupyter", "hub"): PresentAssociation("a-1", HUB.role_arn)},
    target_groups={"asg-1": frozenset({TARGETS, OTHERS})},
)
NOTHING = PresentSettings({}, {}, {}, {})


def kinds(present: PresentSettings, wanted: WantedSettings = WANTED) -> list[str]:
    return [type(action).__name__ for action in plan_eks_settings(wanted, present)]


def anna(*grants: PolicyGrant, is_managed: bool = True) -> PresentSettings:
    return PRESENT._replace(entries={**PRESENT.entries, ANNA: PresentEntry(frozenset(grants), is_managed)})


def sweep(*groups: str, grants: frozenset[PolicyGrant] = frozenset(), is_managed: bool = True) -> PresentSettings:
    return PRESENT._replace(entries={**PRESENT.entries, SWEEP: PresentEntry(grants, is_managed, frozenset(groups))})


def addon(version: str, status: str = "ACTIVE") -> PresentSettings:
    return PRESENT._replace(addons={"coredns": PresentAddon(version, status)})


def test_a_cluster_that_is_as_wanted_needs_nothing() -> None:
    assert plan_eks_settings(WANTED, PRESENT) == ()


def test_a_new_cluster_gets_everything_identities_before_the_addons_that_use_them() -> None:
    assert kinds(NOTHING) == [
        "CreateAccessEntry",
        "Grant",
        "CreateAccessEntry",
        "Grant",
        "CreateAccessEntry",
        "CreateAssociation",
        "CreateAddon",
        "AttachTargetGroup",
    ]


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        pytest.param(
            PRESENT._replace(entries={**PRESENT.entries, BERT: PresentEntry(frozenset({VIEW}), True)}),
            [planning.DeleteAccessEntry(BERT, f"end the access of {BERT}, which the specification no longer lists")],
            id="ours-and-no-longer-listed-goes",
        ),
        pytest.param(
            PRESENT._replace(entries={**PRESENT.entries, BERT: PresentEntry(frozenset({EVERYTHING}), False)}),
            [],
            id="others-entries-stay",
        ),
        pytest.param(
            anna(EDIT, VIEW),
            [planning.Revoke(ANNA, VIEW, f"take AmazonEKSViewPolicy from {ANNA}, which the specification no longer lists")],
            id="ours-loses-what-is-no-longer-listed",
        ),
        pytest.param(anna(EDIT, EVERYTHING, is_managed=False), [], id="others-entries-keep-their-grants"),
        pytest.param(
            anna(is_managed=False),
            [planning.Grant(ANNA, EDIT, f"give {ANNA} AmazonEKSEditPolicy in namespace jupyter")],
            id="others-entries-gain-what-is-missing",
        ),
        pytest.param(anna(PolicyGrant("AmazonEKSEditPolicy"), is_managed=False), [], id="others-wider-grants-are-not-narrowed"),
        pytest.param(
            anna(PolicyGrant("AmazonEKSEditPolicy")),
            [planning.Grant(ANNA, EDIT, f"give {ANNA} AmazonEKSEditPolicy in namespace jupyter")],
            id="a-new-scope-is-one-call",
        ),
        pytest.param(
            PRESENT._replace(entries={arn: entry for arn, entry in PRESENT.entries.items() if arn != SWEEP}),
            [
                planning.CreateAccessEntry(
                    SWEEP,
                    frozenset({STORAGE_READER}),
                    f"let {SWEEP} use the Kubernetes API as group hubplane:storage-reader",
                )
            ],
            id="a-new-entry-is-in-its-group-from-the-start",
        ),
        pytest.param(
            sweep(),
            [planning.UpdateAccessEntry(SWEEP, frozenset({STORAGE_READER}), f"put {SWEEP} into group hubplane:storage-reader")],
            id="an-entry-that-lacks-its-group",
        ),
        pytest.param(
            sweep(STORAGE_READER, STORAGE_PRUNER, "more"),
            [
                planning.UpdateAccessEntry(
                    SWEEP,
                    frozenset({STORAGE_READER}),
                    f"take {SWEEP} out of groups hubplane:storage-pruner, more, where it is not wanted",
                )
            ],
            id="ours-leaves-groups-that-are-not-wanted",
        ),
        pytest.param(
            sweep("others"),
            [
                planning.UpdateAccessEntry(
                    SWEEP,
                    frozenset({STORAGE_READER}),
                    f"put {SWEEP} into group hubplane:storage-reader; take {SWEEP} out of group others, where it is not wanted",
                )
            ],
            id="one-update-for-both-ways",
        ),
        pytest.param(
            sweep("others", is_managed=False),
            [
                planning.UpdateAccessEntry(
                    SWEEP, frozenset({STORAGE_READER, "others"}), f"put {SWEEP} into group hubplane:storage-reader"
                )
            ],
            id="others-entries-keep-their-groups",
        ),
        pytest.param(sweep("others", STORAGE_READER, is_managed=False), [], id="others-entries-with-the-group-stay"),
        pytest.param(
            sweep(STORAGE_READER, grants=frozenset({EVERYTHING})),
            [
                planning.Revoke(
                    SWEEP,
                    EVERYTHING,
                    f"take AmazonEKSClusterAdminPolicy from {SWEEP}, which the specification no longer lists",
                )
            ],
            id="who-was-admin-is-so-no-longer",
        ),
        pytest.param(
            addon("v1.13.1-eksbuild.1"),
            [
                planning.UpdateAddon(
                    "coredns", "v1.13.1-eksbuild.2", "update add-on coredns from v1.13.1-eksbuild.1 to v1.13.1-eksbuild.2"
                )
            ],
            id="older-addon",
        ),
        pytest.param(addon("v1.14.0-eksbuild.1"), [], id="addons-never-go-down"),
        pytest.param(addon("v1.9.9-eksbuild.9", "UPDATING"), [], id="busy-addon-is-left-alone"),
        pytest.param(addon("v1.9.9-eksbuild.9", "CREATING"), [], id="coming-addon-is-left-alone"),
        pytest.param(
            addon("v1.13.1-eksbuild.2", "CREATE_FAILED"),
            [
                planning.UpdateAddon(
                    "coredns", "v1.13.1-eksbuild.2", "try add-on coredns v1.13.1-eksbuild.2 again, which is CREATE_FAILED"
                )
            ],
            id="failed-addon-is-tried-again",
        ),
        pytest.param(addon("v1.13.1-eksbuild.2", "DEGRADED"), [], id="degraded-addon-gets-time"),
        pytest.param(
            PRESENT._replace(associations={("jupyter", "hub"): PresentAssociation("a-1", "arn:aws:iam::111122223333:role/old")}),
            [planning.UpdateAssociation("a-1", HUB, "give pods of jupyter/hub the role hub-role in place of old")],
            id="role-replaced",
        ),
        pytest.param(
            PRESENT._replace(target_groups={"asg-1": frozenset({OTHERS})}),
            [planning.AttachTargetGroup("asg-1", TARGETS, "send the load balancer's requests to the nodes of asg-1")],
            id="target-group-missing",
        ),
        pytest.param(
            PRESENT._replace(target_groups={"asg-1": frozenset({TARGETS, FORMER, OTHERS, ALIKE})}),
            [
                planning.DetachTargetGroup(
                    "asg-1", FORMER, "let nodes of asg-1 no longer register with lab-30053, of a former port"
                )
            ],
            id="target-group-of-a-former-port",
        ),
    ],
)
def test_what_differs_is_one_action_with_its_reason(present: PresentSettings, expected: list[planning.Action]) -> None:
    assert list(plan_eks_settings(WANTED, present)) == expected


def test_an_entry_for_nodes_is_refused_with_the_way_out() -> None:
    nodes = PresentEntry(frozenset(), False, frozenset({"system:nodes"}), "EC2_LINUX")
    with pytest.raises(ProviderError, match=r"is of type EC2_LINUX, which .* delete it"):
        plan_eks_settings(WANTED, PRESENT._replace(entries={**PRESENT.entries, SWEEP: nodes}))
    assert plan_eks_settings(WANTED, PRESENT._replace(entries={**PRESENT.entries, BERT: nodes})) == ()


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        pytest.param("v1.9.0-eksbuild.1", "v1.10.0-eksbuild.1", id="numbers-not-text"),
        pytest.param("v1.20.0-eksbuild.2", "v1.20.0-eksbuild.10", id="build-numbers"),
    ],
)
def test_versions_are_compared_as_numbers(older: str, newer: str) -> None:
    assert version_key(older) < version_key(newer)


TAGS = {"hubplane:cluster": "lab", "osl-billing": "lab"}
TAGGING = '{"controller": {"extraVolumeTags": {"hubplane:cluster": "lab", "osl-billing": "lab"}}}'


@pytest.mark.parametrize(
    ("present", "tags", "wanted"),
    [
        pytest.param("", TAGS, TAGGING, id="new"),
        pytest.param(TAGGING, TAGS, "", id="as-it-is"),
        pytest.param('{"controller": {"extraVolumeTags": {"gone": "x"}}}', TAGS, TAGGING, id="a-tag-that-went"),
        pytest.param(
            '{"controller": {"extraVolumeTags": null, "replicaCount": 3}, "node": {"enableWindows": false}}',
            {"a": "b"},
            '{"controller": {"extraVolumeTags": {"a": "b"}, "replicaCount": 3}, "node": {"enableWindows": false}}',
            id="what-others-configured-stays",
        ),
        pytest.param("controller:\n  replicaCount: 3\n", TAGS, "", id="yaml-stays-as-it-is"),
        pytest.param("[]", TAGS, "", id="no-object"),
        pytest.param('{"controller": 3}', TAGS, "", id="no-schema-of-ours"),
        pytest.param(TAGGING, {}, "", id="nothing-wanted"),
    ],
)
def test_the_driver_is_told_to_tag_volumes_and_nothing_else(present: str, tags: dict[str, str], wanted: str) -> None:
    assert tagging_configuration(present, tags) == wanted


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(None, [("CreateAddon", TAGGING)], id="new"),
        pytest.param(PresentAddon("v1.54.0-eksbuild.1", "ACTIVE", TAGGING), [], id="as-wanted"),
        pytest.param(PresentAddon("v1.54.0-eksbuild.1", "ACTIVE"), [("UpdateAddon", TAGGING)], id="untagged"),
        pytest.param(PresentAddon("v1.54.0-eksbuild.1", "UPDATING"), [], id="busy"),
        pytest.param(PresentAddon("v1.50.0-eksbuild.1", "ACTIVE"), [("UpdateAddon", TAGGING)], id="old-and-untagged-at-once"),
        pytest.param(PresentAddon("v1.50.0-eksbuild.1", "ACTIVE", TAGGING), [("UpdateAddon", "")], id="old"),
    ],
)
def test_only_the_volume_driver_is_configured_and_in_one_update(
    found: PresentAddon | None, expected: list[tuple[str, str]]
) -> None:
    versions = {**WANTED.addon_versions, "aws-ebs-csi-driver": "v1.54.0-eksbuild.1"}
    addons = {**PRESENT.addons, **({"aws-ebs-csi-driver": found} if found else {})}
    actions = plan_eks_settings(WANTED._replace(addon_versions=versions, volume_tags=TAGS), PRESENT._replace(addons=addons))
    assert [
        (type(action).__name__, action.configuration)
        for action in actions
        if isinstance(action, planning.CreateAddon | planning.UpdateAddon)
    ] == expected


AS_BUILT = PortRules(frozenset({80, 443}), True, "sg-nodes", "sg-balancer")


@pytest.mark.parametrize(
    ("ports", "opened"),
    [
        pytest.param(AS_BUILT, [], id="as-built"),
        pytest.param(AS_BUILT._replace(node_port_open=False), [("sg-nodes", 30052)], id="no-node-port"),
        pytest.param(AS_BUILT._replace(balancer_ports=frozenset({80})), [("sg-balancer", 443)], id="no-https"),
        pytest.param(AS_BUILT._replace(balancer_ports=frozenset()), [("sg-balancer", 80), ("sg-balancer", 443)], id="nobody"),
        pytest.param(PortRules(frozenset(), False, None, None), [], id="the-groups-are-gone"),
        pytest.param(None, [], id="not-looked-at"),
    ],
)
def test_rules_of_the_way_in_that_somebody_removed_are_made_again(ports: PortRules | None, opened: list[tuple[str, int]]) -> None:
    wanted = WANTED._replace(load_balancer_cidr="137.229.0.0/16")
    found: list[tuple[str, int]] = []
    for action in plan_eks_settings(wanted, PRESENT._replace(ports=ports)):
        match action:
            case planning.OpenNodePort(node_group_id=group_id, node_port=port):
                found.append((group_id, port))
            case planning.OpenWebPort(balancer_group_id=group_id, port=port, cidr=cidr):
                assert cidr == "137.229.0.0/16"
                found.append((group_id, port))
    assert found == opened
