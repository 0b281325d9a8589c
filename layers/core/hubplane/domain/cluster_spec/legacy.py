"""The 24 parameters of the 2019 system, as strings, put into the typed form.

Names, defaults and what was required are those of the 2019 README, section "parameter overrides", with two readings of our
own: HubAWSId and HubAWSSecret were called required and had the default "", so they may be left out; ImageTag had no default,
so it has to be given. What a parameter means today stands in ``PARAMETERS``, which docs/cluster-spec.md prints as the
migration table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from hubplane.domain.cluster_spec.faults import ABSENT, Finding, Path
from hubplane.domain.cluster_spec.formats import secret_arn
from hubplane.domain.cluster_spec.secrecy import names_a_secret
from hubplane.domain.cluster_spec.secret_values import refused_secret
from hubplane.domain.cluster_spec.suggestions import nearest, same_letters

Kind = Literal["text", "text or nothing", "integer", "list", "list of one", "secret", "unused secret", "unused role"]

_GROUP: Path = ("node_groups", 0)
_ROLE = re.compile(
    r"arn:aws(?:-cn|-us-gov)?:iam::[0-9]{12}:role/(?:[!-.0-~]+/)*[A-Za-z0-9_+=,.@-]{1,64}|[A-Za-z0-9_+=,.@-]{1,64}"
)
_OUTDATED_IMAGE: Final = "ami-0eeeef929db40543c"
_POD_IDENTITY = "is not used: pods get AWS rights through EKS Pod Identity"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One 2019 parameter: where it lives in the typed form (() if nowhere), its default (None: required), what changed."""

    name: str
    path: Path
    kind: Kind
    default: str | None
    note: str = ""

    @property
    def place(self) -> Path:
        """Where findings about it are kept: its typed path, or its own if it has none."""
        return self.path or ("parameters", self.name)


PARAMETERS: Final = (
    Parameter("VpcId", ("network", "vpc_id"), "text", None),
    Parameter("Subnets", ("network", "subnet_ids"), "list", None, "At least two, in two Availability Zones."),
    Parameter("ActiveSubnets", ("network", "active_subnet_ids"), "list", None, "All in one Availability Zone."),
    Parameter("CodeBuildServiceRoleArn", (), "unused role", None, "Not used: every function has a role of its own."),
    Parameter("AdminUserName", ("hub", "admin_users"), "list of one", None),
    Parameter("OAuthDnsName", ("oauth", "domain_url"), "text", None),
    Parameter("OAuthClientId", ("oauth", "client_id_secret_arn"), "secret", None, "The ARN of the secret that holds it."),
    Parameter("OAuthClientSecret", ("oauth", "client_secret_secret_arn"), "secret", None, "The ARN of the secret that holds it."),
    Parameter("HubAWSId", (), "unused secret", "", "Not used: EKS Pod Identity. Rotate and delete the key."),
    Parameter("HubAWSSecret", (), "unused secret", "", "Not used: EKS Pod Identity. Rotate and delete the key."),
    Parameter("JupyterHubURL", ("hub", "url"), "text or nothing", "", "Empty: the load balancer's own name."),
    Parameter(
        "ImageName",
        ("notebook_image", "name"),
        "text",
        "553778890976.dkr.ecr.us-east-1.amazonaws.com/asf-franz-labs",
        "Without a tag.",
    ),
    Parameter("ImageTag", ("notebook_image", "tag"), "text", None),
    Parameter(
        "NodeImageId",
        (*_GROUP, "ami_id"),
        "text or nothing",
        "",
        f"The 2019 default {_OUTDATED_IMAGE} fits no Kubernetes version that EKS still offers: empty is EKS' recommended image.",
    ),
    Parameter("NodeInstanceType", (*_GROUP, "instance_type"), "text", "m5.2xlarge"),
    Parameter("NodeAutoScalingGroupMinSize", (*_GROUP, "min_size"), "integer", "2"),
    Parameter("NodeAutoScalingGroupMaxSize", (*_GROUP, "max_size"), "integer", "8"),
    Parameter("NodeAutoScalingGroupDesiredCapacity", (*_GROUP, "desired_size"), "integer", "2"),
    Parameter("NodeVolumeSize", (*_GROUP, "volume_size_gib"), "integer", "500"),
    Parameter("NodeAccessKeyId", (), "unused secret", "", "Not used: EKS Pod Identity. Rotate and delete the key."),
    Parameter("NodeSecretKey", (), "unused secret", "", "Not used: EKS Pod Identity. Rotate and delete the key."),
    Parameter("LoadBalancerCidrBlock", ("network", "load_balancer_cidr"), "text", "0.0.0.0/0"),
    Parameter(
        "CertificateArn",
        ("hub", "certificate_arn"),
        "text",
        "arn:aws:acm:us-east-1:553778890976:certificate/10791780-75d2-4ef0-bfbc-2c074e94b92b",
    ),
    Parameter("NodeProxyPort", ("hub", "node_port"), "integer", "30052"),
)
BY_NAME: Final[Mapping[str, Parameter]] = {parameter.name: parameter for parameter in PARAMETERS}


@dataclass(frozen=True, slots=True)
class Translated:
    """The typed document of a set of 2019 parameters, what was wrong before it could be one, and what to tell the operator."""

    document: dict[str, Any]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]


def translate(cluster_name: Any, parameters: Mapping[str, Any], typed_names: Mapping[str, str]) -> Translated:
    """The typed document of ``parameters``; ``typed_names`` are the typed form's names, for hints on names of the wrong form.

    Values that are no strings, or no numbers where a number belongs, go over as they are, for the schema to refuse.
    """
    document: dict[str, Any] = {"network": {}, "hub": {}, "oauth": {}, "notebook_image": {}, "node_groups": [{}]}
    if cluster_name is not ABSENT:
        document["cluster_name"] = cluster_name
    findings: list[Finding] = []
    notes: list[str] = []
    for name, value in parameters.items():
        if name not in BY_NAME:
            findings.append(_unknown(name, value, typed_names))
    for parameter in PARAMETERS:
        value = parameters.get(parameter.name, ABSENT if parameter.default is None else parameter.default)
        problem = _own_problem(parameter, value, cluster_name)
        findings += [problem] if problem else []
        if not parameter.path:
            notes += _note(parameter, value) if problem is None else []
        elif value is not ABSENT:
            _put(document, parameter.path, _typed(parameter, value))
    return Translated(document, tuple(findings), tuple(notes))


def _own_problem(parameter: Parameter, value: Any, cluster_name: Any) -> Finding | None:
    """What the schema of the typed form cannot say of a parameter."""
    secret = parameter.kind in ("secret", "unused secret")
    if value is ABSENT:
        return _missing(parameter, cluster_name)
    if not isinstance(value, str):
        example = value if type(value) is int and value.bit_length() < 64 and not secret else "…"
        return Finding(parameter.place, value, f'must be a string, as all 2019 parameters are: write "{example}"', hide=secret)
    if secret:
        return _secret_problem(parameter, value, cluster_name)
    if parameter.kind == "unused role" and not _ROLE.fullmatch(value):
        rule = "must be the name or the ARN of an IAM role, such as jupyter-hub-build: it is no longer used"
        return Finding(parameter.place, value, rule)
    if parameter.name == "NodeImageId" and value == _OUTDATED_IMAGE:
        rule = "is the default of 2019 and fits no Kubernetes version that EKS still offers: leave it out"
        return Finding(parameter.place, value, rule)
    return None


def _missing(parameter: Parameter, cluster_name: Any) -> Finding | None:
    """A required parameter whose absence the typed form would allow."""
    if parameter.kind == "unused role":
        rule = "is required by the 2019 form, though no longer used: give the role's name, jupyter-hub-build"
        return Finding(parameter.place, ABSENT, rule)
    if parameter.kind == "secret":
        required = refused_secret(parameter.place, "", cluster=cluster_name, secret=_secret_name(parameter.name))
        return Finding(parameter.place, ABSENT, required.rule)
    return None


def _secret_problem(parameter: Parameter, value: str, cluster_name: Any) -> Finding | None:
    """Empty OAuth secrets and all faults of the four keys; wrong OAuth secrets are the schema's."""
    unused = parameter.kind == "unused secret"
    sound = value == "" or secret_arn(value) is None if unused else value != ""
    if sound:
        return None
    refused = refused_secret(parameter.place, value, cluster=cluster_name, secret=_secret_name(parameter.name))
    rule = (
        f'write "", because it {_POD_IDENTITY}; rotate and delete that key. This value {refused.rule}' if unused else refused.rule
    )
    return Finding(parameter.place, value, rule, hide=refused.hide)


def _typed(parameter: Parameter, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if parameter.kind == "text or nothing":
        return value or None
    if parameter.kind == "integer" and re.fullmatch(r"-?[0-9]{1,9}", value):
        return int(value)
    if parameter.kind == "list":
        return [item.strip(" ") for item in value.split(",")] if value else []
    return [value] if parameter.kind == "list of one" else value


def _put(document: Any, path: Path, value: Any) -> None:
    for part in path[:-1]:
        document = document[part]
    document[path[-1]] = value


def _note(parameter: Parameter, value: str) -> list[str]:
    if parameter.kind == "unused role":
        return [f"{parameter.name} is no longer used: every function and every cluster has roles of its own"]
    return [f"{parameter.name} {_POD_IDENTITY}. Rotate and delete that key, then leave the parameter out"] if value else []


def _secret_name(parameter_name: str) -> str:
    """OAuthClientId -> oauth-client-id, HubAWSSecret -> hub-aws-secret."""
    return "-".join(re.findall(r"OAuth|AWS|[A-Z][a-z]+", parameter_name)).lower()


def _unknown(name: str, value: Any, typed_names: Mapping[str, str]) -> Finding:
    meant = same_letters(name, BY_NAME) or nearest(name, BY_NAME)
    typed = typed_names.get(name) or typed_names.get(name.rpartition(".")[2])
    if typed is not None:
        legacy = next((item.name for item in PARAMETERS if dotted(item.path) == typed), None)
        hint = f"in this form it is called {legacy}" if legacy else f"it belongs to the typed form only: give `spec` with {typed}"
        rule = f"is a name of the typed form ({typed}); {hint}"
    elif meant is not None:
        rule = f"is no parameter of the 2019 system; did you mean {meant}?"
    else:
        rule = f"is no parameter of the 2019 system, which are {', '.join(BY_NAME)}; take it out"
    hide = names_a_secret(name) or (meant is not None and "secret" in BY_NAME[meant].kind)
    return Finding(("parameters", name), value, rule, hide=hide)


def dotted(path: Path) -> str:
    """The path as the published tables write it, ``node_groups[].max_size``."""
    return "".join("[]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
