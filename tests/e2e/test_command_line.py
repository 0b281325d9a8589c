"""The command-line program as an operator uses it: a build, a storage day, a question, and kubectl with the access it gives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.guide import fleet, processes
from tests.e2e.conftest import Hubplane
from tests.e2e.test_inputs import typed_spec

pytestmark = pytest.mark.e2e

CLUSTER = "accesslab"
LEVELS = ("view", "edit", "admin")
SCRIPTS = Path(sys.executable).parent


@dataclass(frozen=True)
class Finished:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Operator:
    """Somebody with a home folder of their own, the program, kubectl and the AWS CLI on the PATH."""

    hubplane: Hubplane
    home: Path

    def environment(self) -> dict[str, str]:
        path = f"{SCRIPTS}:{processes.TOOLS / 'bin'}:/usr/bin:/bin"
        return {**self.hubplane.cloud.environment(), "HOME": str(self.home), "PATH": path, "LANG": "C.UTF-8"}

    def run(self, *command: str) -> Finished:
        finished = subprocess.run(command, env=self.environment(), capture_output=True, text=True, check=False, timeout=300)
        return Finished(finished.returncode, finished.stdout, finished.stderr)

    def kubectl(self, level: str, *arguments: str) -> Finished:
        return self.run("kubectl", "--context", level, *arguments)


@pytest.fixture(scope="module")
def operator(hubplane: Hubplane, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    return Operator(hubplane, tmp_path_factory.mktemp("operator"))


@pytest.fixture(scope="module")
def roles(hubplane: Hubplane) -> dict[str, str]:
    """A role for each level, and one that nobody lists."""
    iam, trust = hubplane.client("iam"), {"Version": "2012-10-17", "Statement": []}
    return {
        level: iam.create_role(RoleName=f"lab-{level}", Path="/team/", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        for level in (*LEVELS, "nobody")
    }


@pytest.fixture(scope="module")
def built(operator: Operator, roles: dict[str, str]) -> Finished:
    """A cluster whose specification lists the roles, built by the program from a YAML file."""
    spec = {**typed_spec(CLUSTER, node_port=30091)["spec"], "access": [{"principal_arn": roles[x], "level": x} for x in LEVELS]}
    file = operator.home / "accesslab.yaml"
    file.write_text(yaml.safe_dump(spec))
    finished = operator.run("hubplane", "build", CLUSTER, "--spec", str(file), "--watch", "--json")
    assert finished.code == 0, finished.err
    return finished


@pytest.fixture(scope="module")
def contexts(operator: Operator, built: Finished, roles: dict[str, str]) -> Iterator[dict[str, Finished]]:
    """A context of each role's, named after its level, beside one of somebody else's."""
    operator.run("kubectl", "config", "set-context", "minikube", "--cluster=minikube")
    yield {
        level: operator.run("hubplane", "kubeconfig", CLUSTER, "--context", level, "--role-arn", arn)
        for level, arn in roles.items()
    }


def test_a_build_is_followed_to_its_result(built: Finished) -> None:
    document = json.loads(built.out)

    assert (document["status"], document["result"]["cluster_name"]) == ("SUCCEEDED", CLUSTER)
    lines = [line.split()[-1] for line in built.err.splitlines()]
    stages = [
        "ValidateSpec",
        "LockCluster",
        "CheckAccount",
        "PlanStackChange",
        "ConfigureEks",
        "InstallJupyterHub",
        "RecordRelease",
    ]
    assert [line for line in lines if line in stages] == stages
    assert lines[-1] == "succeeded"


def test_the_cluster_is_listed_and_completed(operator: Operator, built: Finished) -> None:
    rows = {row["cluster"]: row for row in json.loads(operator.run("hubplane", "clusters", "--json").out)}
    completing = {"_HUBPLANE_COMPLETE": "bash_complete", "COMP_WORDS": "hubplane storage-day acc", "COMP_CWORD": "2"}
    completed = operator.run("env", *(f"{name}={value}" for name, value in completing.items()), "hubplane")

    assert rows[CLUSTER]["status"] == "ACTIVE"
    assert rows[CLUSTER]["hub"].startswith("https://")
    assert completed.out.split() == [f"plain,{CLUSTER}"]


def test_a_failed_execution_ends_with_1_and_all_faults(operator: Operator) -> None:
    file = operator.home / "brokenlab.yaml"
    file.write_text("hub: {admin_users: []}\nnetwork: {vpc_id: vpc}\n")
    finished = operator.run("hubplane", "build", "brokenlab", "--spec", str(file), "--watch")
    shown = " ".join(finished.err.split())

    assert (finished.code, finished.out) == (1, "")
    assert "SpecInvalid" in shown
    assert all(field in shown for field in ("hub.admin_users", "network.vpc_id", "oauth", "notebook_image"))


def test_a_storage_day_is_followed_through_its_nested_executions(operator: Operator, built: Finished) -> None:
    finished = operator.run("hubplane", "storage-day", CLUSTER, "--mode", "plan", "--watch")

    assert finished.code == 0, finished.err
    words = [line.split(maxsplit=1)[-1] for line in finished.err.splitlines()]
    steps = ["PrepareStorage", "SnapshotVolumes", "PruneVolumes", "PruneSnapshots", "WriteStorageReport"]
    assert [word for word in words if word in steps and word != "PrepareStorage"] == steps[1:]
    assert words.count("SweepStorage") == 3, "of each of the three nested executions"
    assert finished.out.startswith("reason: ")
    assert "report:" in finished.out


def test_a_home_is_made_larger_from_the_terminal(operator: Operator, built: Finished) -> None:
    hubplane, home = operator.hubplane, fleet.Home({"person": "grace", "size_gib": 10, "used_days_ago": 1}, CLUSTER)
    hubplane.run(CLUSTER, "kubectl", "get", "nodes")  # writes the kubeconfig
    fleet.seed(hubplane.cloud, list(home.volumes(datetime.now(UTC).replace(microsecond=0))), [])
    fleet.apply(hubplane.cloud, hubplane.folder / f"kubeconfig-{CLUSTER}", list(home.manifests()))
    bound = ("--for=jsonpath={.status.phase}=Bound", f"pvc/{home.claim_name}", "--timeout=60s")
    hubplane.run(CLUSTER, "kubectl", "-n", "jupyter", "wait", *bound)
    people = fleet.UsersTable(hubplane.client("dynamodb"), hubplane.control_plane.outputs["UsersTableName"])
    assert people.write(fleet.RecordChange(home.record()))
    asked = ("hubplane", "expand-home", CLUSTER, "grace", "--size-gib", "12", "--watch", "--json")

    planned, done = operator.run(*asked), operator.run(*asked, "--mode", "enforce")

    assert (planned.code, done.code) == (0, 0), planned.err + done.err
    results = [json.loads(finished.out)["result"] for finished in (planned, done)]
    assert [result["status"] for result in results] == ["planned", "expanded"]
    assert hubplane.client("ec2").describe_volumes(VolumeIds=[home.volume_id])["Volumes"][0]["Size"] == 12


def test_a_machine_that_is_not_deployed_is_named(operator: Operator) -> None:
    finished = operator.run("hubplane", "start", "run-storage-dya", "--input", "/dev/null")

    assert finished.code == 2


def test_a_question_is_shown_and_refused_from_another_terminal(
    operator: Operator, built: Finished, roles: dict[str, str]
) -> None:
    spec = {**typed_spec(CLUSTER, node_port=30091)["spec"], "node_groups": [{"name": "main", "max_size": 7}]}
    spec["access"] = [{"principal_arn": roles[x], "level": x} for x in LEVELS]
    file = operator.home / "smaller.yaml"
    file.write_text(yaml.safe_dump(spec))
    watching = subprocess.Popen(
        [str(SCRIPTS / "hubplane"), "build", CLUSTER, "--spec", str(file), "--watch"],
        env=operator.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watching.stderr is not None
    answered: list[Finished] = []
    for line in watching.stderr:
        if "hubplane reject" in line:
            command = line.partition("or: ")[2].split()
            answered.append(operator.run(*command[:-1], "not on a Monday", "--by", "Grace", "--yes"))
    assert watching.wait(timeout=60) == 1

    assert [item.code for item in answered] == [0], answered
    assert "ScalingConfig.MaxSize from 8 to 7" in answered[0].err


def test_the_contexts_stand_beside_those_of_others(operator: Operator, contexts: dict[str, Finished]) -> None:
    assert [finished.code for finished in contexts.values()] == [0, 0, 0, 0]
    names = operator.run("kubectl", "config", "get-contexts", "-o", "name").out.split()
    assert {"minikube", *LEVELS} <= set(names)
    assert "has no access entry" in contexts["nobody"].err
    assert not any("Warning" in contexts[level].err for level in LEVELS)


READS_PODS = ("get", "pods")
WRITES = ("create", "configmap", "note-{level}", "--from-literal=a=b")
READS_SECRETS = ("get", "secrets")


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        (READS_PODS, {"view", "edit", "admin"}),
        (WRITES, {"edit", "admin"}),
        (READS_SECRETS, {"edit", "admin"}),
        (("get", "pods", "-n", "kube-system"), {"admin"}),
        (("create", "configmap", "note-{level}", "-n", "kube-system"), set()),
        (("delete", "namespace", "jupyter", "--dry-run=server"), set()),
    ],
    ids=["pods", "configmap", "secrets", "another namespace", "writing there", "the namespace itself"],
)
def test_kubectl_may_what_the_level_says_and_no_more(
    operator: Operator, contexts: dict[str, Finished], arguments: tuple[str, ...], allowed: set[str]
) -> None:
    ended = {level: operator.kubectl(level, *(part.format(level=level) for part in arguments)) for level in LEVELS}

    assert {level for level, finished in ended.items() if finished.code == 0} == allowed, ended
    assert all("forbidden" in finished.err.lower() for level, finished in ended.items() if level not in allowed), ended


def test_without_an_access_entry_the_cluster_refuses(operator: Operator, contexts: dict[str, Finished]) -> None:
    finished = operator.kubectl("nobody", "get", "pods")

    assert finished.code != 0
    assert "logged in" in finished.err or "Unauthorized" in finished.err


def test_the_token_comes_from_the_aws_cli(operator: Operator, contexts: dict[str, Finished]) -> None:
    user = json.loads(operator.run("kubectl", "config", "view", "--raw", "-o", "json", "--minify", "--context", "view").out)[
        "users"
    ][0]
    command: dict[str, Any] = user["user"]["exec"]

    issued = operator.run(command["command"], *command["args"])

    assert issued.code == 0, issued.err
    assert json.loads(issued.out)["status"]["token"].startswith("k8s-aws-v1.")
    assert os.access(SCRIPTS / "aws", os.X_OK)
