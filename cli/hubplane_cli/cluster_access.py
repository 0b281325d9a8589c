"""``hubplane kubeconfig``: a context whose credentials come from ``aws eks get-token``, for whoever has an access entry."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import click

from hubplane_cli.cloud import Cloud, asking, nearest
from hubplane_cli.errors import NoAccess, NoAnswer, WrongUse
from hubplane_cli.kubeconfig import Access, files_of, write
from hubplane_cli.screen import say

NAMESPACE = "jupyter"
_ASSUMED = re.compile(r"^arn:(?P<partition>[^:]+):sts::(?P<account>\d+):assumed-role/(?P<role>[^/]+)/.*$")


def add_context(cloud: Cloud, cluster_name: str, context: str, role_arn: str | None, make_current: bool) -> int:
    """Write the context and say what is missing to use it; the exit code. Repeatable."""
    cluster = _describe(cloud, cluster_name)
    access = access_to(cluster, context, cloud.client("eks").meta.region_name, _profile(cloud), role_arn)
    files = files_of(os.environ.get("KUBECONFIG"), Path.home())
    changed = write(files, access, make_current)
    where = ", ".join(str(file) for file in changed) or f"{', '.join(str(file) for file in files)} (it was so already)"
    say(f"context {context}, namespace {NAMESPACE}: {where}")
    if not make_current:
        say(f"use it with: kubectl --context {context} get pods")
    for warning in (_missing_program(), _missing_entry(cloud, cluster_name, role_arn)):
        if warning:
            click.secho(f"Warning: {warning}", err=True, fg="yellow")
    return 0


def access_to(cluster: dict[str, Any], context: str, region: str, profile: str | None, role_arn: str | None) -> Access:
    """The entries for a cluster as EKS describes it, in the form that ``aws eks update-kubeconfig`` writes.

    The cluster is called by its ARN, which no other account or Region shares. Each context has a user of its own, because two
    contexts of one cluster may take different roles.
    """
    arguments = ["--region", region, "eks", "get-token", "--cluster-name", cluster["name"], "--output", "json"]
    credential: dict[str, Any] = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": [*arguments, *(["--role-arn", role_arn] if role_arn else [])],
        "installHint": "kubectl asks the AWS CLI for a token: https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html",
    }
    if profile:
        credential["env"] = [{"name": "AWS_PROFILE", "value": profile}]
    return Access(
        context=context,
        cluster=cluster["arn"],
        user=f"{context}@{cluster['arn']}",
        cluster_body={"server": cluster["endpoint"], "certificate-authority-data": cluster["certificateAuthority"]["data"]},
        user_body={"exec": credential},
        namespace=NAMESPACE,
    )


def _describe(cloud: Cloud, cluster_name: str) -> dict[str, Any]:
    client = cloud.client("eks")
    try:
        with asking(f"describe the EKS cluster {cluster_name}"):
            cluster: dict[str, Any] = client.describe_cluster(name=cluster_name)["cluster"]
    except NoAnswer as error:
        if "ResourceNotFoundException" not in str(error):
            raise
        with asking("list the EKS clusters"):
            names = [name for page in client.get_paginator("list_clusters").paginate() for name in page["clusters"]]
        there = f": there are {', '.join(sorted(names))}" if names else ": there is none"
        raise WrongUse(
            f"no EKS cluster {cluster_name} in {client.meta.region_name}{nearest(cluster_name, names)}{there}"
        ) from error
    if not cluster.get("endpoint") or not cluster.get("certificateAuthority", {}).get("data"):
        raise WrongUse(
            f"the EKS cluster {cluster_name} is {cluster.get('status', 'not ready')} and has no endpoint yet: wait for its build"
        )
    return cluster


def _profile(cloud: Cloud) -> str | None:
    return cloud.place.profile or os.environ.get("AWS_PROFILE")


def _missing_program() -> str:
    if shutil.which("aws"):
        return ""
    return (
        "there is no program aws on your PATH, and kubectl will ask it for a token: install the AWS CLI "
        "(https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html) before you use the context"
    )


def _missing_entry(cloud: Cloud, cluster_name: str, role_arn: str | None) -> str:
    """A warning for who has no access entry; none where that cannot be found out. EKS names a role without its session."""
    try:
        with asking("look up your access entry"):
            mine = principal_of(role_arn or cloud.client("sts").get_caller_identity()["Arn"])
            pages = cloud.client("eks").get_paginator("list_access_entries").paginate(clusterName=cluster_name)
            entries = [arn for page in pages for arn in page["accessEntries"]]
    except (NoAccess, NoAnswer):
        return ""
    # A role's path is in its entry and not in the session's ARN.
    if any(_without_path(entry) == _without_path(mine) for entry in entries):
        return ""
    return (
        f"{mine} has no access entry, so the cluster will refuse you: put it into the specification under access, "
        f'{{"principal_arn": "{mine}", "level": "view"}} (or edit, admin), and build; or name a listed role with --role-arn'
    )


def principal_of(caller_arn: str) -> str:
    """The IAM principal of an STS caller's ARN: of a session the role."""
    match = _ASSUMED.match(caller_arn)
    return f"arn:{match['partition']}:iam::{match['account']}:role/{match['role']}" if match else caller_arn


def _without_path(arn: str) -> str:
    start, _, rest = arn.partition("/")
    return f"{start}/{rest.rpartition('/')[2]}"
