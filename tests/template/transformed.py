"""Prints what CloudFormation makes of the control plane's template, as JSON.

A program of its own, because the SAM transform lives in the emulator's environment (local/cloud/requirements.txt).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

# What the transform looks up in IAM by itself; the name is enough for SAM, the ARN for what it writes.
LOGS = "AWSLambdaBasicExecutionRole"


def transformed(path: Path) -> dict[str, object]:
    """The template with plain CloudFormation types only; code counts as uploaded, which `sam deploy` does before."""
    document = yaml_parse(path.read_text())
    for resource in document["Resources"].values():
        for uri in {"CodeUri", "ContentUri", "DefinitionUri"} & resource.get("Properties", {}).keys():
            resource["Properties"][uri] = f"s3://uploaded/{resource['Properties'][uri].strip('/').replace('/', '-')}"
    managed = {LOGS: f"arn:aws:iam::aws:policy/service-role/{LOGS}"}
    session = boto3.session.Session(region_name="us-east-1")
    found: dict[str, object] = Translator(managed, Parser(), boto_session=session).translate(document, {})
    return found


if __name__ == "__main__":
    print(json.dumps(transformed(Path(sys.argv[1]))))
