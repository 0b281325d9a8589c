"""The spawner of hub/hubplane_hub on the real KubeSpawner, in the hub's own environment: nothing makes a home anew."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from local.kubelet import HubRuntime
from local.kubelet.kubeconfig import SERVICE_ACCOUNT, service_account_kubeconfig
from local.kubelet.runtime import HOOKS, TOOLS
from local.kubernetes.runtime import RunningPod
from tests.local.kubelet.test_hub_and_proxy import READY_SECONDS, Pair, runtime, start, started, tools

__all__ = ["runtime", "started", "tools"]  # fixtures

CHECKS = Path(__file__).with_name("home_spawner_checks.py")


@pytest.fixture(scope="module")
def found(tools: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process of the hub's environment finds."""
    kubeconfig = tmp_path_factory.mktemp("hub") / "kubeconfig"
    account = {f"{SERVICE_ACCOUNT}/token": b"t", f"{SERVICE_ACCOUNT}/namespace": b"jupyter"}
    address = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"}  # nothing is asked of it
    kubeconfig.write_text((service_account_kubeconfig(address, account) or "").replace(SERVICE_ACCOUNT, str(kubeconfig.parent)))
    (kubeconfig.parent / "token").write_text("t")
    done = subprocess.run(
        [str(TOOLS / "bin" / "python"), str(CHECKS)],
        env={"PATH": os.defpath, "PYTHONPATH": str(HOOKS), "KUBECONFIG": str(kubeconfig)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_the_wiring_wins_over_every_other_section_of_the_configuration(found: dict[str, Any]) -> None:
    assert found["is_ours"]
    assert found["hooks"] == ["hubplane_hub.wiring"] * 2
    assert found["overridden"] == [], "KubeSpawner calls what is overridden here"


def test_a_server_that_ran_before_the_hub_did_was_not_refused(found: dict[str, Any]) -> None:
    assert (found["runs_since_before"], found["begun"]) == (False, True)


def test_no_pod_and_no_claim_without_a_home_given_to_this_very_start(found: dict[str, Any]) -> None:
    assert "nobody was asked" in found["start_without_home"]
    assert "a claim was about to be made" in found["claim_without_home"]
    first, second = found["start"]
    assert first == "started"
    assert "nobody was asked" in second
    assert found["cleared"] == [True, True, True]


def test_only_a_first_start_makes_a_claim_and_it_is_made_even_if_one_was_made_before(found: dict[str, Any]) -> None:
    refused, ensures, sentence = found["use"]
    assert (refused, ensures) == (False, False)
    assert "a claim was about to be made" in sentence
    assert found["create"] == [True, False, True]


def test_a_claim_that_is_going_is_none_and_one_that_cannot_be_looked_at_is_an_error(found: dict[str, Any]) -> None:
    assert found["claims"] == [True, False, False, "raised"]


def test_the_spawn_page_is_told_of_this_start_only(found: dict[str, Any]) -> None:
    assert found["older"] == [True, False, False]
    assert found["progress"] == ["first", "False"]


def test_a_hub_whose_image_lacks_the_hooks_does_not_start(runtime: HubRuntime, started: list[RunningPod]) -> None:
    asked = Pair().hub("from hubplane_hub import configure\n\nconfigure(c)\n")
    asked.container["image"] = "quay.io/jupyterhub/k8s-hub:4.4.0"  # type: ignore[index]
    hub = start(runtime, started, asked)
    wait_for_end(hub)
    assert "No module named 'hubplane_hub'" in hub.log()


def test_a_hub_image_of_hubplane_s_own_has_them(runtime: HubRuntime, started: list[RunningPod]) -> None:
    asked = Pair().hub(
        "from hubplane_hub import configure\n\nconfigure(c)\nprint('wired', c.JupyterHub.spawner_class)\nraise SystemExit(7)\n"
    )
    asked.container["image"] = "553778890976.dkr.ecr.us-east-1.amazonaws.com/hubplane/opensarlab/hub:1"  # type: ignore[index]
    hub = start(runtime, started, asked)
    wait_for_end(hub)
    assert "wired <class 'hubplane_hub.spawner.HomeSpawner'>" in hub.log()


def wait_for_end(hub: RunningPod) -> None:
    until = time.monotonic() + READY_SECONDS
    while hub.failure() is None and time.monotonic() < until:
        time.sleep(0.1)
    assert hub.failure() is not None
