"""The input of the guided build: the 2019 parameter file, its secrets stored and named by ARN."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

from local.guide.deploy import client
from local.guide.processes import REPOSITORY, EmbeddedCloud

POLICY = {"end_of_retention_days": 365}
EVENT = REPOSITORY / "events/build_cluster.json"
SECRET_ARN = re.compile(r"^arn:aws:secretsmanager:[^:]+:[^:]+:secret:(?P<name>.+)-[A-Za-z0-9]{6}$")


def build_input(cloud: EmbeddedCloud) -> dict[str, Any]:
    """``events/build_cluster.json`` with secrets that exist, and an end of retention, so that a guided night warns somebody.

    Repeatable.
    """
    document: dict[str, Any] = {**json.loads(EVENT.read_text()), "storage_policy": POLICY}
    manager = client(cloud, "secretsmanager")
    known = {
        item["Name"]: item["ARN"] for page in manager.get_paginator("list_secrets").paginate() for item in page["SecretList"]
    }
    for parameter, value in document["parameters"].items():
        match = SECRET_ARN.match(value)
        if match:
            name = match["name"]
            arn = known.get(name) or manager.create_secret(Name=name, SecretString=secrets.token_hex(16))["ARN"]
            document["parameters"][parameter] = arn
    return document
