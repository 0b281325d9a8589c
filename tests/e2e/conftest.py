"""One embedded cloud with a deployed control plane for all end-to-end tests of a worker."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local.guide import deploy, processes
from local.guide.cluster_access import write_kubeconfig
from local.guide.follow import Outcome, StageProgress, follow
from local.guide.input import build_input
from tests.e2e.control import post

TOKEN_KEPT_SECONDS = 600
"""Of the 14 minutes that a token is good for."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What looks at the traces of all the others comes after them."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@dataclass
class Hubplane:
    """A deployed control plane on an embedded cloud, and what tests do with it."""

    cloud: processes.EmbeddedCloud
    control_plane: deploy.ControlPlane
    folder: Path
    planted: list[str] = field(default_factory=list)
    _tokens: dict[str, tuple[float, str]] = field(default_factory=dict, repr=False)

    def client(self, service: str) -> Any:
        return deploy.client(self.cloud, service)

    def input_2019(self) -> dict[str, Any]:
        """The input of the 2019 cluster; the values behind its secret ARNs are remembered in ``planted``."""
        document = build_input(self.cloud)
        secrets = self.client("secretsmanager")
        for value in document["parameters"].values():
            if ":secret:" in value:
                self.planted.append(secrets.get_secret_value(SecretId=value)["SecretString"])
        return document

    def start(self, document: dict[str, Any]) -> str:
        """Start a build; the hub's name is led to the cluster's load balancer, as its DNS record would."""
        typed, parameters = document.get("spec"), document.get("parameters", {})
        url = (typed["hub"].get("url") if isinstance(typed, dict) else parameters.get("JupyterHubURL")) or ""
        if url.startswith("https://"):
            hosts = {url.removeprefix("https://"): document["cluster_name"]}
            post(f"{self.cloud.endpoint_url}/_hubplane/front/hosts", hosts)
        return self.start_machine("BuildCluster", document)

    def start_machine(self, machine: str, document: dict[str, Any]) -> str:
        """Start the machine whose output is called after it, ``RunStorageDay``; the execution's ARN."""
        started = self.client("stepfunctions").start_execution(
            stateMachineArn=self.control_plane.outputs[f"{machine}StateMachineArn"],
            name=f"e2e-{uuid.uuid4().hex[:12]}",
            input=json.dumps(document),
        )
        arn: str = started["executionArn"]
        return arn

    def follow(self, execution_arn: str, told: list[StageProgress] | None = None) -> Outcome:
        seen = told if told is not None else []
        return follow(self.client("stepfunctions"), execution_arn, seen.append, pace_seconds=0.3)

    def build(self, document: dict[str, Any]) -> Outcome:
        """Build and insist that it ends well."""
        outcome = self.follow(self.start(document))
        assert outcome.status == "SUCCEEDED", f"{outcome.error}: {outcome.cause}"
        return outcome

    def restore(self, document: dict[str, Any]) -> Outcome:
        """Build and say yes to whatever is asked: what a test changed goes back to what the others expect."""
        execution_arn, states = self.start(document), self.client("stepfunctions")
        while states.describe_execution(executionArn=execution_arn)["status"] == "RUNNING":
            question = self.record(document["cluster_name"]).get("approval")
            if question:
                token = json.loads(question["S"])["task_token"]
                with contextlib.suppress(states.exceptions.TaskTimedOut, states.exceptions.TaskDoesNotExist):
                    states.send_task_success(taskToken=token, output=json.dumps({"approved": True, "by": "a test"}))
            time.sleep(0.3)
        outcome = self.follow(execution_arn)
        assert outcome.status == "SUCCEEDED", f"{outcome.error}: {outcome.cause}"
        return outcome

    def fail(self, document: dict[str, Any]) -> Outcome:
        """Build and insist that it fails."""
        outcome = self.follow(self.start(document))
        assert outcome.status == "FAILED", outcome
        return outcome

    def record(self, cluster_name: str) -> dict[str, Any]:
        table = self.control_plane.outputs["ClustersTableName"]
        answer = self.client("dynamodb").get_item(TableName=table, Key={"cluster_name": {"S": cluster_name}})
        found: dict[str, Any] = answer.get("Item", {})
        return found

    def run(self, cluster_name: str, *command: str) -> str:
        """Run kubectl or helm against a cluster, as a person with ``.local/kubeconfig`` would."""
        kubeconfig = self.folder / f"kubeconfig-{cluster_name}"
        write_kubeconfig(self.cloud, cluster_name, kubeconfig)
        document = json.loads(kubeconfig.read_text())
        document["users"][0]["user"] = {"token": self._token(cluster_name, document["users"][0]["user"]["exec"])}
        with_token = kubeconfig.with_name(f"{kubeconfig.name}-token")
        with_token.write_text(json.dumps(document))
        finished = subprocess.run(
            command,
            env={
                **os.environ,
                **self.cloud.environment(),
                "KUBECONFIG": str(with_token),
                "PATH": f"{processes.TOOLS / 'bin'}:{os.environ['PATH']}",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, f"{command}: {finished.stderr}"
        return finished.stdout

    def _token(self, cluster_name: str, plugin: dict[str, Any]) -> str:
        """What the kubeconfig's plugin answers, asked for once in ten minutes: it costs more than the command that needs it."""
        asked_at, token = self._tokens.get(cluster_name, (0.0, ""))
        if not token or time.monotonic() - asked_at > TOKEN_KEPT_SECONDS:
            variables = {item["name"]: item["value"] for item in plugin["env"]}
            command = [plugin["command"], *plugin["args"]]
            answer = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=True)
            token = json.loads(answer.stdout)["status"]["token"]
            self._tokens[cluster_name] = time.monotonic(), token
        return token

    def releases(self, cluster_name: str) -> dict[str, dict[str, Any]]:
        """Release name -> what `helm list -A` says of it."""
        return {item["name"]: item for item in json.loads(self.run(cluster_name, "helm", "list", "-A", "-o", "json"))}


@pytest.fixture(scope="session")
def built_control_plane(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artefacts of `sam build`, made once."""
    build_dir = tmp_path_factory.mktemp("sam") / "build"
    deploy.build(build_dir, f"python{sys.version_info.major}.{sys.version_info.minor}")
    return build_dir


@pytest.fixture(scope="session")
def hubplane(built_control_plane: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hubplane]:
    folder = tmp_path_factory.mktemp("embedded")
    cloud = processes.start(folder / "state", stack_seconds=1)
    try:
        control_plane = deploy.deploy(cloud, built_control_plane, deploy.local_parameters(cloud))
        yield Hubplane(cloud, control_plane, folder)
    finally:
        processes.stop(cloud)


@pytest.fixture(scope="session")
def built_2019(hubplane: Hubplane) -> tuple[dict[str, Any], Outcome]:
    """The 2019 cluster, built once: its input and how the first build ended."""
    document = hubplane.input_2019()
    return copy.deepcopy(document), hubplane.build(document)
