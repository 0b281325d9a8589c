"""What the program asks AWS for: a session, the deployed stack's outputs, the names of clusters.

The first call imports boto3, so that help and wrong use stay fast. Every call goes through ``asking``, which says in words what
went wrong and which exit code that is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hubplane_cli.errors import NoAccess, NoAnswer, Problem, WrongUse
from hubplane_cli.machines import output_key

STACK = "hubplane"
"""The name that samconfig.toml deploys under."""
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_UNKNOWN_KEY = {
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "AuthFailure",
}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Forbidden"}


@dataclass(frozen=True)
class Place:
    """Where the control plane is: the stack's name, and Region and profile where they were given."""

    stack: str = STACK
    region: str | None = None
    profile: str | None = None


@dataclass
class Cloud:
    """Clients and the stack's outputs for one run of the program. Each is asked for once."""

    place: Place
    patience: Mapping[str, Any] = field(default_factory=lambda: {"retries": {"mode": "standard", "max_attempts": 6}})
    _clients: dict[tuple[str, str | None], Any] = field(default_factory=dict)

    @cached_property
    def session(self) -> Any:
        import boto3

        # AWS_REGION is what AWS's other programs read too, and boto3 alone does not.
        region = self.place.region or os.environ.get("AWS_REGION") or None
        with asking("read the AWS configuration"):
            return boto3.Session(profile_name=self.place.profile, region_name=region)

    def client(self, service: str, region: str | None = None) -> Any:
        """A boto3 client, made once."""
        if (service, region) not in self._clients:
            from botocore.config import Config

            with asking(f"use {service}"):
                self._clients[service, region] = self.session.client(service, region_name=region, config=Config(**self.patience))
        return self._clients[service, region]

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The outputs of the deployed stack. Raises ``WrongUse`` where there is none of that name."""
        client = self.client("cloudformation")
        try:
            with asking(f"read the stack {self.place.stack}"):
                stacks = client.describe_stacks(StackName=self.place.stack)["Stacks"]
        except NoAnswer as error:
            if "does not exist" not in str(error):
                raise
            raise WrongUse(self._no_stack()) from None
        return {item["OutputKey"]: item["OutputValue"] for item in stacks[0].get("Outputs", [])}

    def _no_stack(self) -> str:
        client, found = self.client("cloudformation"), []
        with asking("list the stacks"):
            for page in client.get_paginator("describe_stacks").paginate():
                keys = [(stack["StackName"], item["OutputKey"]) for stack in page["Stacks"] for item in stack.get("Outputs", [])]
                found += [name for name, key in keys if key == output_key("build_cluster")]
        there = f"Hubplane is deployed there as {', '.join(sorted(found))}" if found else "no stack there is Hubplane's"
        return (
            f"there is no stack {self.place.stack} in {client.meta.region_name}, and {there}: "
            "give --stack (or HUBPLANE_STACK) and --region (or AWS_REGION)"
        )

    def machine_arn(self, machine_name: str) -> str:
        """The ARN of a state machine by its file's name. Raises ``WrongUse`` where the deployed stack has none of it."""
        key, suffix = output_key(machine_name), "StateMachineArn"
        if key in self.outputs:
            return self.outputs[key]
        there = sorted(_snake(name.removesuffix(suffix)) for name in self.outputs if name.endswith(suffix))
        near = nearest(machine_name.replace("-", "_"), there)
        raise WrongUse(
            f"the stack {self.place.stack} has no state machine {machine_name}{near}: what is deployed has {', '.join(there)}. "
            "A newer Hubplane may have it: deploy that first"
        )

    def cluster_names(self) -> list[str]:
        """Every cluster of the Clusters table, by name."""
        table = self.outputs["ClustersTableName"]
        with asking("read the Clusters table"):
            pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=table, ProjectionExpression="cluster_name")
            return sorted(item["cluster_name"]["S"] for page in pages for item in page["Items"])

    def cluster(self, cluster_name: str) -> dict[str, str]:
        """The texts of a cluster's record. Raises ``WrongUse`` with the nearest name where there is none."""
        table = self.outputs["ClustersTableName"]
        with asking("read the Clusters table"):
            answer = self.client("dynamodb").get_item(
                TableName=table, Key={"cluster_name": {"S": cluster_name}}, ConsistentRead=True
            )
        if "Item" not in answer:
            raise WrongUse(f"no cluster {cluster_name} was ever built here{nearest(cluster_name, self.cluster_names())}")
        return {name: value["S"] for name, value in answer["Item"].items() if "S" in value}

    def require_cluster(self, cluster_name: str) -> None:
        """Raise ``WrongUse`` for a name that is certainly wrong. Whoever may not read the table finds out from the execution."""
        try:
            self.cluster(cluster_name)
        except NoAccess:
            return


@contextmanager
def asking(doing: str) -> Iterator[None]:
    """Turn what boto3 raises into the program's own classes, with what to do about it."""
    try:
        yield
    except Problem:
        raise
    except Exception as error:
        if not type(error).__module__.startswith(("botocore", "boto3")):
            raise
        raise _explained(error, doing) from error


def _explained(error: Exception, doing: str) -> Problem:
    from botocore import exceptions as known

    if isinstance(error, known.ClientError):
        return _refused(error, doing)
    if isinstance(error, known.ProfileNotFound):
        return WrongUse(f"{error}: give another --profile (or AWS_PROFILE)")
    if isinstance(error, known.NoRegionError):
        return WrongUse("which Region? give --region (or AWS_REGION)")
    if isinstance(error, (known.SSOError, known.TokenRetrievalError)):
        return NoAccess(
            f"the single sign-on session has ended ({error}): sign in again with aws sso login, then repeat the command"
        )
    if isinstance(error, (known.NoCredentialsError, known.PartialCredentialsError, known.CredentialRetrievalError)):
        return NoAccess(
            f"no AWS credentials to {doing} with ({error}): sign in (aws sso login, aws configure), or give --profile"
        )
    return NoAnswer(f"could not {doing}: {error}")


def _refused(error: Any, doing: str) -> Problem:
    code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    if code in _EXPIRED:
        return NoAccess(f"the AWS credentials have expired ({code}): sign in again, then repeat the command")
    if code in _UNKNOWN_KEY:
        return NoAccess(f"AWS does not know these credentials ({code}: {message}): check AWS_ACCESS_KEY_ID or the profile")
    if code in _DENIED:
        return NoAccess(f"these credentials may not {doing}: {message}")
    return NoAnswer(f"could not {doing}: {code}: {message}")


def nearest(name: str, known: list[str]) -> str:
    """Words that name the one thing that was probably meant; empty where nothing is near."""
    import difflib

    found = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f" (did you mean {found[0]}?)" if found else ""


def _snake(pascal: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in pascal).lstrip("_")
