"""When a cluster's add-ons and node groups are ready, and when waiting is in vain."""

from __future__ import annotations

from typing import Any

import pytest

from hubplane.domain.eks_settings.readiness import Health, Readiness, judge_readiness
from hubplane.domain.eks_settings.settings import (
    ADDONS,
)

ACTIVE = Health("ACTIVE")
ALL_ACTIVE = dict.fromkeys(ADDONS, ACTIVE)


def with_addon(health: Health | None) -> dict[str, Any]:
    return {**{name: item for name, item in ALL_ACTIVE.items() if name != "coredns"}, **({"coredns": health} if health else {})}


@pytest.mark.parametrize(
    ("addons", "node_groups", "is_ready", "hopeless", "words"),
    [
        pytest.param(ALL_ACTIVE, {"main": ACTIVE}, True, False, "6 add-ons and 1 node group(s) are active", id="ready"),
        pytest.param(with_addon(None), {"main": ACTIVE}, False, False, "add-on coredns is not there yet", id="addon-missing"),
        pytest.param(
            with_addon(Health("CREATING")), {"main": ACTIVE}, False, False, "add-on coredns is CREATING", id="addon-coming"
        ),
        pytest.param(
            with_addon(Health("DEGRADED", (("InsufficientNumberOfReplicas", "no nodes"),))),
            {"main": Health("CREATING")},
            False,
            False,
            "add-on coredns is DEGRADED (InsufficientNumberOfReplicas: no nodes); node group main is CREATING",
            id="coredns-waits-for-nodes",
        ),
        pytest.param(
            with_addon(Health("DEGRADED", (("AccessDenied", "role"),))),
            {"main": ACTIVE},
            False,
            True,
            "add-on coredns is DEGRADED (AccessDenied: role)",
            id="addon-without-rights",
        ),
        pytest.param(
            with_addon(Health("CREATE_FAILED", (("ConfigurationConflict", "conflicts found"),))),
            {"main": ACTIVE},
            False,
            True,
            "add-on coredns is CREATE_FAILED (ConfigurationConflict: conflicts found)",
            id="addon-failed",
        ),
        pytest.param(ALL_ACTIVE, {"main": None}, False, False, "node group main is not there yet", id="node-group-missing"),
        pytest.param(
            ALL_ACTIVE,
            {"main": Health("CREATE_FAILED", (("NodeCreationFailure", "Instances failed to join"),))},
            False,
            True,
            "node group main is CREATE_FAILED (NodeCreationFailure: Instances failed to join)",
            id="node-group-failed",
        ),
        pytest.param(
            ALL_ACTIVE,
            {"main": Health("DEGRADED", (("AutoScalingGroupRateLimitExceeded", "slow down"),))},
            False,
            False,
            "node group main is DEGRADED",
            id="node-group-throttled",
        ),
        pytest.param(
            ALL_ACTIVE, {"main": ACTIVE, "gpu": Health("UPDATING")}, False, False, "node group gpu is UPDATING", id="second-group"
        ),
    ],
)
def test_readiness_tells_waiting_from_hopeless(
    addons: dict[str, Health], node_groups: dict[str, Health | None], is_ready: bool, hopeless: bool, words: str
) -> None:
    readiness = judge_readiness(addons, node_groups)
    assert readiness == Readiness(is_ready, hopeless, readiness.reason)
    assert words in readiness.reason
