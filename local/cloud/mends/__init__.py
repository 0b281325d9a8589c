"""The mends: one function per silent fault of the pinned emulator, each with the fault in its docstring.

``HUBPLANE_SKIP_MENDS=name,name`` leaves mends out, which is how each test shows that its mend is still needed. When the
emulator learns a thing, delete its mend.
"""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Callable
from typing import Any

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway

Mend = Callable[[Cloud, Gateway], None]

MODULES = (
    "identity",
    "lambda_workers",
    "lambda_logs",
    "function_urls",
    "states_sdk",
    "states_machine",
    "states_jsonata",
    "states_children",
    "states_history",
    "sts",
    "eks_clusters",
    "eks_access",
    "eks_pod_identity",
    "eks_nodegroups",
    "scaling_activities",
    "eks_updates",
    "eks_insights",
    "target_health",
    "load_balancers",
    "classic_load_balancers",
    "stack_eks",
    "stack_drift",
    "eks_rolling",
    "stack_pace",
    "stack_checks",
    "stack_replacement",
    "ec2_catalogue",
    "ec2_network",
    "ebs_pages",
    "ebs_snapshots",
    "ebs_volumes",
    "ebs_modifications",
    "ebs_contents",
    "ebs_tags",
    "ec2_trail",
    "recycle_bin",
    "schedules",
    "service_quotas",
    "codebuild",
    "cognito_clients",
    "cognito_tokens",
    "cognito_triggers",
    "cognito_codes",
    "cognito_trail",
    "ses_feedback",
)

_mends: dict[str, Mend] = {}


def mend(function: Mend) -> Mend:
    """Register a mend under its function's name."""
    if function.__name__ in _mends:
        raise ValueError(f"two mends are called {function.__name__}")
    _mends[function.__name__] = function
    return function


def replace_action(module: Any, original: Any, replacement: Any) -> None:
    """Put ``replacement`` wherever ``module`` uses ``original``: as a global and in its table of actions."""
    for name, value in list(vars(module).items()):
        if value is original:
            setattr(module, name, replacement)
        elif isinstance(value, dict) and not name.startswith("__"):
            for key in [key for key, item in value.items() if item is original]:
                value[key] = replacement


def apply_all(cloud: Cloud, gateway: Gateway) -> list[str]:
    """Apply every mend but those named in ``HUBPLANE_SKIP_MENDS``; answers the names applied."""
    for module in MODULES:
        importlib.import_module(f"local.cloud.mends.{module}")
    skipped = {name.strip() for name in os.environ.get("HUBPLANE_SKIP_MENDS", "").split(",") if name.strip()}
    unknown = skipped - set(_mends)
    if unknown:
        raise SystemExit(
            f"HUBPLANE_SKIP_MENDS: {', '.join(sorted(unknown))}: no such mend; there are {', '.join(sorted(_mends))}"
        )
    applied = []
    for name, function in _mends.items():
        if name in skipped:
            logging.getLogger("hubplane.cloud").warning("left out: %s", name)
            continue
        function(cloud, gateway)
        applied.append(name)
    return applied
