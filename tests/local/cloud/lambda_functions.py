"""Lambda functions for tests, from source text."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

ROLE = "arn:aws:iam::553778890976:role/tested"


def zipped(files: dict[str, str], executable: tuple[str, ...] = ()) -> bytes:
    """A deployment package; the files named in ``executable`` may be run."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o100755 if name in executable else 0o100644) << 16
            archive.writestr(entry, text)
    return content.getvalue()


def create(cloud: Any, name: str, source: str, **settings: Any) -> str:
    """Create a Python function from the source of its ``app.py``; answers its ARN."""
    arn: str = cloud.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=settings.pop("role", ROLE),
        Handler="app.handler",
        Code={"ZipFile": zipped({"app.py": source})},
        Timeout=settings.pop("timeout", 20),
        **settings,
    )["FunctionArn"]
    return arn


def invoke(cloud: Any, name: str, event: Any = None) -> tuple[Any, str | None]:
    """The answer (or the error report) and the FunctionError header."""
    answer = cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    return json.loads(answer["Payload"].read()), answer.get("FunctionError")
