"""One cluster's specification and its releases, as small as the rules allow; tests change single fields of it."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hubplane.domain.cluster_spec.model import ClusterSpec, Hub, Network, NotebookImage, OAuth, Storage
from hubplane.domain.releases.charts import Chart
from hubplane.domain.releases.hub_secrets import OAuthClient
from hubplane.domain.releases.jupyterhub_values import SpawnFunctions, render_jupyterhub_values

REPOSITORY = Path(__file__).resolve().parents[3]
CHARTS = REPOSITORY / "local" / "charts"
CLIENT_SECRET = "planted-client-secret"
PROXY_TOKEN = "ab" * 32
SERVICE_TOKEN = "cd" * 32
SPAWN_FUNCTIONS = SpawnFunctions(
    "arn:aws:lambda:us-east-1:123456789012:function:hubplane-EnsureHomeFunction-1A2B",
    "arn:aws:lambda:us-east-1:123456789012:function:hubplane-RecordServerStopFunction-3C4D",
)
CHART = Chart("jupyterhub", "https://hub.jupyter.org/helm-chart/", "4.4.0")


def example_spec(**changes: Any) -> ClusterSpec:
    """``opensarlab`` as of 2019, with the given fields changed."""
    spec = ClusterSpec(
        cluster_name="opensarlab",
        network=Network("vpc-4da21e37", ("subnet-39a09073", "subnet-4388e824"), ("subnet-4388e824",)),
        hub=Hub(
            certificate_arn="arn:aws:acm:us-east-1:123456789012:certificate/10791780-75d2-4ef0-bfbc-2c074e94b92b",
            admin_users=("emlundell_test1",),
            url="https://opensarlab.asf.alaska.edu",
        ),
        oauth=OAuth(domain_url="https://opensarlab.auth.us-east-1.amazoncognito.com"),
        notebook_image=NotebookImage("123456789012.dkr.ecr.us-east-1.amazonaws.com/asf-franz-labs", "2019-08-10-00-15-33"),
        storage=Storage("gp3", 500),
    )
    return replace(spec, **changes)


def example_values(spec: ClusterSpec | None = None, **changes: Any) -> dict[str, Any]:
    """Rendered values of ``spec``."""
    arguments: dict[str, Any] = {
        "chart": CHART,
        "oauth": OAuthClient("client1234", CLIENT_SECRET),
        "proxy_token": PROXY_TOKEN,
        "service_token": SERVICE_TOKEN,
        "hub_url": "https://opensarlab.asf.alaska.edu",
        "spawn_functions": SPAWN_FUNCTIONS,
        **changes,
    }
    return render_jupyterhub_values(spec or example_spec(), **arguments)


def real_helm() -> Path:
    """The real binary that `make` put into .tools/bin, or the one on PATH; a test cannot go without it."""
    found = shutil.which("helm", path=f"{REPOSITORY / '.tools' / 'bin'}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.fail("there is no helm binary in .tools/bin or on PATH: run `make local` once, or build layers/helm")
    return Path(found)
