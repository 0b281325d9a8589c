"""The local charts: rendered by the real helm, they fit together as the real ones do."""

from __future__ import annotations

import base64
import json
import subprocess
from typing import Any

import pytest
import yaml

from tests.unit.releases.example import CHARTS, CLIENT_SECRET, PROXY_TOKEN, SERVICE_TOKEN, example_values, real_helm

Object = dict[str, Any]


def template(chart: str, values: Object) -> subprocess.CompletedProcess[str]:
    command = [real_helm(), "template", "jupyterhub", str(CHARTS / chart), "-n", "jupyter", "--values", "-"]
    return subprocess.run(command, input=json.dumps(values), capture_output=True, text=True, check=False)


def rendered(**changes: Any) -> dict[tuple[str, str], Object]:
    """The JupyterHub chart's objects by kind and name."""
    done = template("jupyterhub", {**example_values(), **changes})
    assert done.returncode == 0, done.stderr
    return {(item["kind"], item["metadata"]["name"]): item for item in yaml.safe_load_all(done.stdout) if item}


@pytest.fixture(scope="module")
def objects() -> dict[tuple[str, str], Object]:
    return rendered()


@pytest.mark.parametrize(("service", "deployment"), [("hub", "hub"), ("proxy-api", "proxy"), ("proxy-public", "proxy")])
def test_each_service_finds_its_pods_and_their_port(
    objects: dict[tuple[str, str], Object], service: str, deployment: str
) -> None:
    template_of_pods = objects["Deployment", deployment]["spec"]["template"]
    spec = objects["Service", service]["spec"]
    assert spec["selector"].items() <= template_of_pods["metadata"]["labels"].items()
    assert spec["selector"]["app"] == "jupyterhub"
    names = {port["name"] for container in template_of_pods["spec"]["containers"] for port in container["ports"]}
    assert {port["targetPort"] for port in spec["ports"]} <= names


def test_the_load_balancer_finds_its_node_port(objects: dict[tuple[str, str], Object]) -> None:
    spec = objects["Service", "proxy-public"]["spec"]
    assert spec["type"] == "NodePort"
    assert [port["nodePort"] for port in spec["ports"]] == [30052]


def test_the_hub_runs_its_configuration_with_its_values_and_token(objects: dict[tuple[str, str], Object]) -> None:
    container = objects["Deployment", "hub"]["spec"]["template"]["spec"]["containers"][0]
    assert container["command"] == ["jupyterhub"]
    assert container["args"][:2] == ["--config", "/usr/local/etc/jupyterhub/jupyterhub_config.py"]
    compile(objects["ConfigMap", "hub"]["data"]["jupyterhub_config.py"], "jupyterhub_config.py", "exec")
    data = {key: base64.b64decode(value).decode() for key, value in objects["Secret", "hub"]["data"].items()}
    assert data["hub.config.ConfigurableHTTPProxy.auth_token"] == PROXY_TOKEN
    values = json.loads(data["values.yaml"])
    assert values["hub"]["config"]["GenericOAuthenticator"]["client_secret"] == CLIENT_SECRET
    assert values["Release"]["Name"] == "jupyterhub"


def test_secrets_are_in_the_secret_only(objects: dict[tuple[str, str], Object]) -> None:
    others = json.dumps([item for (kind, _), item in objects.items() if kind != "Secret"])
    assert CLIENT_SECRET not in others
    assert PROXY_TOKEN not in others
    assert SERVICE_TOKEN not in others


def test_the_hubs_database_outlives_an_uninstall(objects: dict[tuple[str, str], Object]) -> None:
    claim = objects["PersistentVolumeClaim", "hub-db-dir"]
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert claim["spec"]["storageClassName"] == "gp3"


def test_a_changed_value_restarts_the_hub_but_not_the_proxy(objects: dict[tuple[str, str], Object]) -> None:
    changed = rendered(cull={"enabled": False})
    for name, same in (("hub", False), ("proxy", True)):
        assert (changed["Deployment", name]["spec"]["template"] == objects["Deployment", name]["spec"]["template"]) is same


@pytest.mark.parametrize(
    ("chart", "values", "words"),
    [
        ("jupyterhub", {**example_values(), "singleusr": {}}, "singleusr"),
        ("jupyterhub", {**example_values(), "proxy": {"secretToken": ""}}, "openssl rand -hex 32"),
        ("cluster-autoscaler", {"awsRegion": "us-east-1"}, "autoDiscovery.clusterName is empty"),
        ("cluster-autoscaler", {"autoDiscovery": {"clusterName": "x"}}, "awsRegion is empty"),
    ],
    ids=["unknown-key", "no-token", "no-cluster", "no-region"],
)
def test_what_the_real_charts_could_not_run_with_is_refused(chart: str, values: Object, words: str) -> None:
    done = template(chart, values)
    assert done.returncode != 0
    assert words in done.stderr
