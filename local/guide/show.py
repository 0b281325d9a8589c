"""Says what exists after a build, read back from the services themselves, and what to try next."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from local.guide.deploy import ControlPlane, client
from local.guide.follow import Outcome
from local.guide.processes import TOOLS, EmbeddedCloud

EMULATED = (
    "Emulated here: every AWS service (one emulator), the Kubernetes API with its nodes and volumes (a stand-in), the "
    "image builds (nothing is compiled), mail. Real here: sam, the template, the functions and the state machine, helm "
    "and kubectl, JupyterHub and its proxy. The two charts are small ones of this project that take the real ones' values."
)


def what_exists(console: Console, cloud: EmbeddedCloud, control_plane: ControlPlane, outcome: Outcome, kubeconfig: Path) -> None:
    """Print the cluster, node groups, releases, addresses and OAuth client as the services report them."""
    name = outcome.result["cluster_name"]
    eks = client(cloud, "eks")
    cluster = eks.describe_cluster(name=name)["cluster"]
    rows = [("cluster", f"{name}: {cluster['status']}, Kubernetes {cluster['version']}, {outcome.result['availability_zone']}")]
    for group_name in eks.list_nodegroups(clusterName=name)["nodegroups"]:
        group = eks.describe_nodegroup(clusterName=name, nodegroupName=group_name)["nodegroup"]
        scaling = group["scalingConfig"]
        size = f"{scaling['minSize']}..{scaling['maxSize']}, wanted {scaling['desiredSize']}"
        rows.append(("node group", f"{group_name}: {group['status']}, {instance_type(cloud, group)}, {size} nodes"))
    for item in releases(cloud, kubeconfig):
        words = f"{item['name']} in {item['namespace']}: {item['status']}, revision {item['revision']}, {item['chart']}"
        rows.append(("release", words))
    rows.append(("hub", f"{outcome.result['hub_url']} (JupyterHub {outcome.result['jupyterhub_version']})"))
    rows.append(("load balancer", outcome.result["outputs"]["LoadBalancerDnsName"]))
    rows.append(("OAuth client", oauth_client(cloud, control_plane, name)))
    console.print()
    console.print("What exists now")
    for kind, words in rows:
        console.print(f"  {kind:<14} {words}", highlight=False, soft_wrap=True)
    for note in outcome.result["notes"]:
        console.print(f"  note           {note}", highlight=False, soft_wrap=True)


def instance_type(cloud: EmbeddedCloud, group: Mapping[str, Any]) -> str:
    """What the nodes of a group are; the launch template says it."""
    template = group["launchTemplate"]
    ec2 = client(cloud, "ec2")
    versions = ec2.describe_launch_template_versions(LaunchTemplateId=template["id"], Versions=[str(template["version"])])
    words: str = versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]["InstanceType"]
    return words


def what_to_try(console: Console, cloud: EmbeddedCloud, cluster_name: str, hub_url: str) -> None:
    """Commands that work as they stand, from the folder of the checkout."""
    host = hub_url.removeprefix("https://")
    connect = f"--connect-to {host}:443:127.0.0.1:{cloud.front_port}"
    ca_file = os.path.relpath(cloud.front_ca_file)
    console.print()
    console.print("Try next")
    for command in (
        "source .local/env; export PATH=$PWD/.venv/bin:$PWD/.tools/bin:$PATH",
        "hubplane diagnose opensarlab --watch # or list-homes, storage-day, upgrade, …: hubplane --help",
        "kubectl get all                      # namespace jupyter",
        "helm list -A",
        f"curl --cacert {ca_file} {connect} {hub_url}/hub/health",
        "make local                           # again: reports no change",
        "make local-stop                      # ends it and leaves nothing behind",
    ):
        console.print(f"  {command}", highlight=False, soft_wrap=True)
    console.print()
    console.print(EMULATED, highlight=False)


def releases(cloud: EmbeddedCloud, kubeconfig: Path) -> list[dict[str, Any]]:
    """What `helm list -A` says of the cluster behind ``kubeconfig``."""
    listed = subprocess.run(
        [str(TOOLS / "bin/helm"), "list", "-A", "-o", "json"],
        env={**os.environ, **cloud.environment(), "KUBECONFIG": str(kubeconfig)},
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[dict[str, Any]] = json.loads(listed.stdout)
    return found


def oauth_client(cloud: EmbeddedCloud, control_plane: ControlPlane, cluster_name: str) -> str:
    """The app client of the cluster in the control plane's user pool, with its callback."""
    cognito = client(cloud, "cognito-idp")
    pool = control_plane.outputs["UserPoolId"]
    for item in cognito.list_user_pool_clients(UserPoolId=pool, MaxResults=60)["UserPoolClients"]:
        if item["ClientName"] == cluster_name:
            details: Mapping[str, Any] = cognito.describe_user_pool_client(UserPoolId=pool, ClientId=item["ClientId"])
            return f"{item['ClientId']} → {', '.join(details['UserPoolClient'].get('CallbackURLs', []))}"
    return "an external provider's"
