"""Values of the JupyterHub chart: what they promise, and that the chart's own schema takes them."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from hubplane.domain.cluster_spec.model import ChartReference, NodeGroup, OAuth, Taint
from hubplane.domain.releases.charts import Chart
from tests.unit.releases.example import (
    CHARTS,
    CLIENT_SECRET,
    PROXY_TOKEN,
    SERVICE_TOKEN,
    SPAWN_FUNCTIONS,
    example_spec,
    example_values,
    real_helm,
)

# Keys and types of the real chart's values (z2jh 4.4.0). The copy lies in the local chart, so that helm enforces it there.
STRUCTURE = json.loads((CHARTS / "jupyterhub" / "values.schema.json").read_text())

GPU_GROUPS = (
    NodeGroup(),
    NodeGroup(
        name="gpu",
        instance_type="g5.xlarge",
        ami_type="AL2023_x86_64_NVIDIA",
        taints=(Taint("nvidia.com/gpu", "NoSchedule", "present"), Taint("slow", "PreferNoSchedule")),
    ),
)

SPECS = {
    "the-2019-cluster": example_spec(),
    "two-node-groups": example_spec(node_groups=GPU_GROUPS),
    "no-culling": example_spec(hub=replace(example_spec().hub, idle_cull_minutes=0)),
    "another-provider": example_spec(
        oauth=OAuth("https://login.example.org", authorize_path="/authorize", token_path="/token", userinfo_path="/me")
    ),
}


def at(values: dict[str, Any], path: str) -> Any:
    """The value at ``a.b.c``."""
    for key in path.split("."):
        values = values[key]
    return values


def without_required(schema: Any) -> Any:
    """The schema without its lists of required keys: those speak of values merged with the chart's defaults."""
    if isinstance(schema, dict):
        return {
            key: without_required(value) for key, value in schema.items() if not (key == "required" and isinstance(value, list))
        }
    return [without_required(item) for item in schema] if isinstance(schema, list) else schema


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())
def test_every_key_and_type_is_one_that_the_real_chart_knows(spec: Any) -> None:
    jsonschema.Draft7Validator(without_required(STRUCTURE)).validate(example_values(spec, hub_image="repo/hub:1"))


def test_the_schema_without_its_required_lists_still_refuses_an_unknown_key_and_a_wrong_type() -> None:
    validator = jsonschema.Draft7Validator(without_required(STRUCTURE))
    assert [list(error.path) for error in validator.iter_errors({"proxy": {"sercetToken": "x"}})] == [["proxy"]]
    assert [list(error.path) for error in validator.iter_errors({"cull": {"timeout": "60"}})] == [["cull", "timeout"]]


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())
def test_merged_with_a_charts_defaults_helm_finds_nothing_missing(spec: Any) -> None:
    # The local chart's defaults stand for the real chart's, which cannot be fetched here; the schema, with its required
    # lists, is the real one, and helm applies it to the merged values.
    done = subprocess.run(
        [real_helm(), "lint", "--strict", str(CHARTS / "jupyterhub"), "--values", "-"],
        input=json.dumps(example_values(spec)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


EXPECTED = {
    "the authenticator is the generic one": ("hub.config.JupyterHub.authenticator_class", "generic-oauth"),
    "sign-in at the domain": (
        "hub.config.GenericOAuthenticator.authorize_url",
        "https://opensarlab.auth.us-east-1.amazoncognito.com/oauth2/authorize",
    ),
    "token at the domain": (
        "hub.config.GenericOAuthenticator.token_url",
        "https://opensarlab.auth.us-east-1.amazoncognito.com/oauth2/token",
    ),
    "person at the domain": (
        "hub.config.GenericOAuthenticator.userdata_url",
        "https://opensarlab.auth.us-east-1.amazoncognito.com/oauth2/userInfo",
    ),
    "callback on the hub": (
        "hub.config.GenericOAuthenticator.oauth_callback_url",
        "https://opensarlab.asf.alaska.edu/hub/oauth_callback",
    ),
    "sign-out at Cognito comes back to the hub": (
        "hub.config.GenericOAuthenticator.logout_redirect_url",
        "https://opensarlab.auth.us-east-1.amazoncognito.com/logout?client_id=client1234&logout_uri=https://opensarlab.asf.alaska.edu",
    ),
    "whoever Cognito lets in may enter": ("hub.config.GenericOAuthenticator.allow_all", True),
    "the name is Cognito's username": ("hub.config.GenericOAuthenticator.username_claim", "username"),
    "the scope is the specification's": ("hub.config.GenericOAuthenticator.scope", ["openid"]),
    "the admin of the specification": ("hub.config.Authenticator.admin_users", ["emlundell_test1"]),
    "a node port for the load balancer": ("proxy.service.type", "NodePort"),
    "its number is the specification's": ("proxy.service.nodePorts", {"http": 30052}),
    "no second port": ("proxy.https.enabled", False),
    "the proxy token as given": ("proxy.secretToken", PROXY_TOKEN),
    "each start is asked for": ("hub.extraConfig", {"hubplane": "from hubplane_hub import configure\n\nconfigure(c)\n"}),
    "at this cluster's functions": (
        "hub.extraEnv",
        {
            "HUBPLANE_CLUSTER_NAME": "opensarlab",
            "HUBPLANE_ENSURE_HOME_ARN": SPAWN_FUNCTIONS.ensure_home_arn,
            "HUBPLANE_RECORD_SERVER_STOP_ARN": SPAWN_FUNCTIONS.record_server_stop_arn,
        },
    ),
    "with the sub of the sign-in": ("hub.config.Authenticator.enable_auth_state", True),
    "which still has to hold": ("hub.config.Authenticator.refresh_pre_spawn", True),
    "asked for at starts only, which 0 would forbid": ("hub.config.Authenticator.auth_refresh_age", 1_209_600),
    "refusals of one person restart nobody's hub": ("hub.consecutiveFailureLimit", 0),
    "the control plane is a service": ("hub.services.hubplane.apiToken", SERVICE_TOKEN),
    "it may see and stop servers": ("hub.loadRoles.hubplane.scopes", ["read:servers", "delete:servers"]),
    "nobody else gets that role": ("hub.loadRoles.hubplane.services", ["hubplane"]),
    "a home's size": ("singleuser.storage.capacity", "500Gi"),
    "a home's class": ("singleuser.storage.dynamic.storageClass", "gp3"),
    "a claim's name can be computed forward": ("singleuser.storage.dynamic.pvcNameTemplate", "claim-{escaped_username}"),
    "and is not remembered otherwise": ("hub.config.KubeSpawner.remember_pvc_name", False),
    "user pods cannot ask for the node's role": (
        "singleuser.cloudMetadata",
        {"blockWithIptables": True, "ip": "169.254.169.254"},
    ),
    "the hub's database in the same class": ("hub.db.pvc.storageClassName", "gp3"),
    "an uninstall keeps the hub's database": ("hub.db.pvc.annotations", {"helm.sh/resource-policy": "keep"}),
    "the service account of Pod Identity": ("hub.serviceAccount", {"create": True, "name": "hub"}),
    "an idle server after an hour": ("cull", {"enabled": True, "timeout": 3600, "every": 600}),
    "helm waits for no image": ("prePuller.hook.enabled", False),
    "users are packed": ("scheduling.userScheduler.enabled", True),
    "the autoscaler evicts nobody": ("singleuser.extraAnnotations", {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}),
    "no debug log": ("debug.enabled", False),
    "the chart is remembered": ("custom.hubplane.chart", "https://hub.jupyter.org/helm-chart/@4.4.0"),
}


@pytest.mark.parametrize(("path", "wanted"), EXPECTED.values(), ids=EXPECTED.keys())
def test_the_2019_cluster(path: str, wanted: Any) -> None:
    assert at(example_values(), path) == wanted


def test_equal_input_gives_equal_values() -> None:
    assert example_values() == example_values()


def test_fault_17_no_aws_key_reaches_a_pod() -> None:
    values = example_values(SPECS["two-node-groups"], hub_image="repo/hub:1")
    assert not re.search(r"AWS_|AKIA|aws_access|aws_secret", json.dumps(values))
    # Nor a service account, whose Pod Identity role a notebook could take on: user pods have none of their own.
    assert not {"extraEnv", "serviceAccountName", "extraFiles"} & set(values["singleuser"])
    assert sorted(values["hub"]["extraEnv"]) == [
        "HUBPLANE_CLUSTER_NAME",
        "HUBPLANE_ENSURE_HOME_ARN",
        "HUBPLANE_RECORD_SERVER_STOP_ARN",
    ]


def test_values_hold_no_null_because_helm_takes_it_for_drop_the_default() -> None:
    for spec in SPECS.values():
        assert "null" not in json.dumps(example_values(spec))


@pytest.mark.parametrize(
    ("image", "wanted"),
    [
        (None, None),
        ("quay.io/hub:1.2", {"name": "quay.io/hub", "tag": "1.2"}),
        ("registry:5000/team/hub:1.2", {"name": "registry:5000/team/hub", "tag": "1.2"}),
    ],
    ids=["the-chart's-own", "name-and-tag", "registry-with-a-port"],
)
def test_hub_image(image: str | None, wanted: dict[str, str] | None) -> None:
    assert example_values(hub_image=image)["hub"].get("image") == wanted


def test_a_hub_url_with_a_slash_gives_the_same_callback() -> None:
    assert example_values(hub_url="https://opensarlab.asf.alaska.edu/") == example_values()


def test_the_domain_of_hubplanes_own_user_pool_takes_the_place_of_the_specifications() -> None:
    settings = example_values(domain_url="https://other.auth.us-east-1.amazoncognito.com")["hub"]["config"][
        "GenericOAuthenticator"
    ]
    assert settings["token_url"] == "https://other.auth.us-east-1.amazoncognito.com/oauth2/token"


def test_another_provider_keeps_the_hubs_own_sign_out_page() -> None:
    settings = example_values(SPECS["another-provider"])["hub"]["config"]["GenericOAuthenticator"]
    assert settings["userdata_url"] == "https://login.example.org/me"
    assert "logout_redirect_url" not in settings


@pytest.mark.parametrize(
    ("minutes", "wanted"),
    [
        (0, {"enabled": False}),
        (5, {"enabled": True, "timeout": 300, "every": 150}),
        (240, {"enabled": True, "timeout": 14400, "every": 600}),
    ],
    ids=["never", "looks-twice-in-a-short-limit", "the-chart's-pace"],
)
def test_culling(minutes: int, wanted: dict[str, Any]) -> None:
    assert example_values(example_spec(hub=replace(example_spec().hub, idle_cull_minutes=minutes)))["cull"] == wanted


def test_a_single_node_group_asks_nobody_to_choose() -> None:
    assert "profileList" not in example_values()["singleuser"]


def test_each_of_two_node_groups_is_a_profile_on_its_own_nodes() -> None:
    main, gpu = example_values(SPECS["two-node-groups"])["singleuser"]["profileList"]
    assert main["default"] is True
    assert main["kubespawner_override"] == {"node_selector": {"eks.amazonaws.com/nodegroup": "opensarlab-main"}}
    assert "default" not in gpu
    override = gpu["kubespawner_override"]
    assert override["node_selector"] == {"eks.amazonaws.com/nodegroup": "opensarlab-gpu"}
    assert override["extra_resource_limits"] == override["extra_resource_guarantees"] == {"nvidia.com/gpu": "1"}
    assert override["tolerations"][-2:] == [
        {"key": "nvidia.com/gpu", "operator": "Equal", "value": "present", "effect": "NoSchedule"},
        {"key": "slow", "operator": "Exists", "effect": "PreferNoSchedule"},
    ]
    assert [item["key"] for item in override["tolerations"][:2]] == ["hub.jupyter.org/dedicated", "hub.jupyter.org_dedicated"]


@pytest.mark.parametrize(
    "change",
    [
        {"chart": Chart("jupyterhub", "https://hub.jupyter.org/helm-chart/", "4.3.4")},
        {"chart": Chart("jupyterhub", "oci://registry.example.org/jupyterhub", "4.4.0")},
        {"chart": Chart("jupyterhub", "charts/jupyterhub", "4.4.0", "0123456789abcdef")},
    ],
    ids=["version", "source", "content-of-a-folder"],
)
def test_another_chart_gives_other_values(change: dict[str, Any]) -> None:
    assert example_values(**change) != example_values()


def test_what_the_release_does_not_depend_on_changes_nothing_and_restarts_no_hub() -> None:
    spec = example_spec(tags={"osl-billing": "sar"}, log_retention_days=7)
    assert example_values(replace(spec, hub=replace(spec.hub, chart=ChartReference("unused")))) == example_values()


def test_secrets_stay_out_of_repr() -> None:
    from hubplane.domain.releases.hub_secrets import OAuthClient

    assert CLIENT_SECRET not in repr(OAuthClient("client1234", CLIENT_SECRET))
