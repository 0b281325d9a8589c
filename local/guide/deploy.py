"""Builds the control plane with `sam build` and deploys it with `sam deploy`, from the template that ships."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import boto3

from local.guide.processes import ACCOUNT_ID, REPOSITORY, TOOLS, EmbeddedCloud

STACK_NAME = "hubplane"
SAM = TOOLS / "sam/bin/sam"


class DeployError(Exception):
    """sam refused; the message holds the end of what it printed."""


@dataclass(frozen=True)
class ControlPlane:
    """A deployed control plane: its stack's name and outputs."""

    stack_name: str
    outputs: Mapping[str, str]


def local_parameters(cloud: EmbeddedCloud) -> dict[str, str]:
    """The parameter values that differ from a real account's; the template is the same."""
    charts = REPOSITORY / "local/charts"
    return {
        "PythonRuntime": f"python{sys.version_info.major}.{sys.version_info.minor}",
        "UserPoolDomainPrefix": "opensarlab",
        "JupyterHubChart": str(charts / "jupyterhub"),
        "JupyterHubChartVersion": "",
        "AutoscalerChart": str(charts / "cluster-autoscaler"),
        "AutoscalerChartVersion": "",
        "PollSeconds": "1",
        "SnapshotPollSeconds": "1",
        "HubConnectTo": f"127.0.0.1:{cloud.front_port},80:127.0.0.1:{cloud.front_http_port}",
        "OperatorEmail": "operators@example.org",
        "AdminEmail": "admins@example.org",
        "SenderAddress": "hub@example.org",
        "InstitutionName": "OpenSARLab",
        "MaxMailsPerSecond": "50",
        "ClusterAdminPrincipalArns": f"arn:aws:iam::{ACCOUNT_ID}:root",
    }


def build(build_dir: Path, runtime: str) -> None:
    """`sam build` into ``build_dir``; unchanged parts come from its cache."""
    _sam(
        [
            *("build", "--build-dir", str(build_dir), "--cache-dir", str(build_dir.parent / "sam-cache"), "--cached"),
            *("--config-env", "local", "--parameter-overrides", f"PythonRuntime={runtime}"),
        ],
        {},
    )


def deploy(cloud: EmbeddedCloud, build_dir: Path, parameters: Mapping[str, str]) -> ControlPlane:
    """`sam deploy`; a stack that is as wanted stays as it is."""
    overrides = [f"{name}={value or chr(34) * 2}" for name, value in parameters.items()]
    _sam(
        [
            *(
                "deploy",
                "--config-file",
                str(REPOSITORY / "samconfig.toml"),
                "--template-file",
                str(build_dir / "template.yaml"),
                "--config-env",
                "local",
                "--stack-name",
                STACK_NAME,
            ),
            *("--parameter-overrides", *overrides),
        ],
        cloud.environment(),
    )
    return ControlPlane(STACK_NAME, stack_outputs(cloud))


def stack_outputs(cloud: EmbeddedCloud) -> dict[str, str]:
    """The outputs of the deployed stack."""
    stacks = client(cloud, "cloudformation").describe_stacks(StackName=STACK_NAME)["Stacks"]
    return {item["OutputKey"]: item["OutputValue"] for item in stacks[0].get("Outputs", [])}


def client(cloud: EmbeddedCloud, service: str):  # type: ignore[no-untyped-def]
    """A boto3 client of the embedded cloud."""
    environment = cloud.environment()
    return boto3.client(
        service,
        endpoint_url=cloud.endpoint_url,
        region_name=environment["AWS_DEFAULT_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )


def _sam(arguments: list[str], environment: Mapping[str, str]) -> None:
    path = f"{REPOSITORY / '.venv/bin'}:{os.environ['PATH']}"
    # sam leaves an empty temporary folder behind for each function that it builds.
    with tempfile.TemporaryDirectory() as scratch:
        own = {"SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "0.5", "PATH": path, "TMPDIR": scratch}
        finished = subprocess.run(
            [str(SAM), *arguments],
            cwd=REPOSITORY,
            env={**os.environ, **own, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
    if finished.returncode != 0:
        said = (finished.stdout + finished.stderr).splitlines()[-40:]
        raise DeployError(f"sam {arguments[0]} failed with code {finished.returncode}:\n" + "\n".join(said))
