"""Every function that talks to a cluster has one kind of rights there, and no function of the storage day is an admin."""

from __future__ import annotations

from typing import Any

from tests.template.test_control_plane import FOLDERS, function_of, resources

READERS, PRUNERS, KEEPERS = "STORAGE_READER_ROLE_ARNS", "STORAGE_PRUNER_ROLE_ARNS", "HOME_KEEPER_ROLE_ARNS"
MOVERS, DRILLERS = "HOME_MOVER_ROLE_ARNS", "HOME_DRILLER_ROLE_ARNS"
CONNECTION = "cluster_connection("


def role_lists() -> dict[str, Any]:
    """The settings of ConfigureEks that list roles of functions."""
    configure_eks = resources("AWS::Serverless::Function")["ConfigureEksFunction"]["Properties"]
    return {name: value for name, value in configure_eks["Environment"]["Variables"].items() if name.endswith("_ROLE_ARNS")}


def roles_of(variable: str) -> set[str]:
    """Logical ids of the functions whose roles a setting of ConfigureEks lists."""

    def logical_ids(node: Any) -> set[str]:
        if isinstance(node, dict):
            return {node["Fn::GetAtt"][0].removesuffix("Role")} if "Fn::GetAtt" in node else logical_ids(list(node.values()))
        return set().union(*map(logical_ids, node)) if isinstance(node, list) else set()

    return logical_ids(role_lists()[variable])


def asks_clusters() -> set[str]:
    """Logical ids of the functions whose code makes a connection to a cluster."""
    paths = {f"functions/{folder.name}/" for folder in FOLDERS if CONNECTION in (folder / "app.py").read_text()}
    functions = resources("AWS::Serverless::Function")
    return {name for name, item in functions.items() if item["Properties"]["CodeUri"] in paths}


def test_who_talks_to_a_cluster_is_in_one_list_and_nobody_else_is() -> None:
    listed = [name for variable in role_lists() for name in sorted(roles_of(variable))]
    assert sorted(listed) == sorted(asks_clusters())


def test_the_storage_day_reads_with_one_function_and_deletes_claims_with_one() -> None:
    assert roles_of(READERS) == {"SweepStorageFunction"}
    assert roles_of(PRUNERS) == {"ApplyDeletionsFunction"}


def test_a_spawn_reads_one_claim_and_no_more() -> None:
    spawn, by_hand = {"EnsureHomeFunction", "RecordServerStopFunction"}, {"PlanHomeChangeFunction", "BindCopyFunction"}
    assert roles_of(KEEPERS) == spawn | by_hand


def test_one_function_takes_a_home_s_claim_away_to_give_it_another_volume() -> None:
    assert roles_of(MOVERS) == {"SwitchHomeFunction"}


def test_a_drill_s_functions_are_apart_from_those_of_homes() -> None:
    assert roles_of(DRILLERS) == {"EnsureCanaryFunction", "MountDrillVolumeFunction", "SweepDrillFunction"}


def test_who_talks_to_a_cluster_may_ask_eks_where_it_is() -> None:
    for folder in FOLDERS:
        if CONNECTION in (folder / "app.py").read_text():
            assert "eks:DescribeCluster" in str(function_of(folder)["Properties"]["Policies"]), folder.name
