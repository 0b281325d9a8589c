"""A specification file as the input of ``build_cluster``, in whatever form it is.

A typed specification in YAML is handed over as the text that it is: the machine reads YAML more strictly than any loader here.
"""

from __future__ import annotations

import json
import re
from typing import Any

from hubplane_cli.errors import WrongUse

SECRET_NAMES = {"OAuthClientId": "oauth-client-id", "OAuthClientSecret": "oauth-client-secret"}
"""2019 parameter that held a secret in plain sight -> how its secret is called below ``hubplane/<cluster>/``."""
UNUSED_SECRETS = ("HubAWSId", "HubAWSSecret", "NodeAccessKeyId", "NodeSecretKey")
"""Keys of 2019 that nothing needs any more: pods get their rights through EKS Pod Identity (docs/cluster-spec.md)."""
_ACCESS_KEY = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}")
_LARGEST = 256 * 1024  # Step Functions' limit for an input: StartExecution in its API reference


def build_input(text: str, cluster_name: str | None) -> dict[str, Any]:
    """The input that the file's text makes. Raises ``WrongUse``, also for a secret: an input is in the history for 90 days.

    A whole input stays as it is, an object with a 2019 parameter name is the 2019 form, all else is a typed specification.
    """
    if len(text.encode()) > _LARGEST:
        raise WrongUse(f"the specification is larger than {_LARGEST // 1024} KiB, which no execution takes")
    if _ACCESS_KEY.search(text):
        raise WrongUse("the specification holds an AWS access key: take it out and rotate it, for it has been in a file")
    document = _json_object(text)
    if document is None:
        document = {"spec": text}
    elif "parameters" not in document and "spec" not in document:
        is_2019 = any(name[:1].isupper() for name in document)
        document = {"parameters": document} if is_2019 else {"spec": document}
    said = document.get("cluster_name")
    if said and cluster_name and said != cluster_name:
        raise WrongUse(f"the file is of cluster {said}, and the command says {cluster_name}: which of them is to be built?")
    name = cluster_name or said
    if not name:
        raise WrongUse("which cluster? the file does not say: hubplane build NAME --spec FILE")
    _refuse_secrets(document.get("parameters"), name)
    return {"cluster_name": name, **{key: value for key, value in document.items() if key != "cluster_name"}}


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _refuse_secrets(parameters: Any, cluster_name: str) -> None:
    if not isinstance(parameters, dict):
        return
    plain = {name for name, value in parameters.items() if value and not str(value).startswith("arn:")}
    used, unused = [[name for name in names if name in plain] for names in (SECRET_NAMES, UNUSED_SECRETS)]
    if not used and not unused:
        return
    lines = [f"{', '.join((*used, *unused))}: secrets in plain sight, which an execution would keep in its history."]
    if used:
        lines.append("Store each, and write the ARN that the command prints into the file in its place:")
    for name in used:
        secret = f"hubplane/{cluster_name}/{SECRET_NAMES[name]}"
        lines.append(f"  aws secretsmanager create-secret --name {secret} --secret-string file://{name}.txt")
    if unused:
        lines.append(
            f'{", ".join(unused)}: not used any more. Write "" in their place, and delete the access keys that they are.'
        )
    raise WrongUse("\n".join(lines))
