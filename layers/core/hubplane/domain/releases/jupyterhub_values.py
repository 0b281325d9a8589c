"""Values of the Zero-to-JupyterHub chart, rendered from the specification.

Only what differs from the chart's defaults or must never follow them is set, so that a newer chart brings its own
defaults. Names and types are those of the chart's ``values.schema.yaml`` (4.4.0); the class names under ``hub.config`` are
JupyterHub 5, oauthenticator 17 and KubeSpawner 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hubplane.domain.cluster_spec.model import ClusterSpec, OAuth
from hubplane.domain.releases.charts import Chart
from hubplane.domain.releases.hub_secrets import SERVICE_NAME, SERVICE_SCOPES, OAuthClient
from hubplane.domain.releases.profiles import profile_list

HUB_SERVICE_ACCOUNT = "hub"
"""What the Pod Identity association of the cluster's hub role names."""

CLOUD_METADATA_IP = "169.254.169.254"

# KubeSpawner 7 writes names that are no DNS label as a hash, which no control plane can turn back into a person. The escaped
# form is what KubeSpawner < 7 made of `claim-{username}`, so every claim of the 2019 system stays valid, and names can be
# computed forward from the list of users. Pods and volumes keep the chart's hashed names, which cannot grow too long.
CLAIM_NAME_TEMPLATE = "claim-{escaped_username}"

HUB_DATABASE_SIZE = "1Gi"
"""The chart's own default for ``hub.db.pvc.storage``; gp3 makes no smaller volume."""

# A first spawn may wait for a node (some 3 minutes on EKS) and then for an image of 10 to 20 GB. The chart's 300 s give up first.
START_TIMEOUT_SECONDS = 1200

# As long as a session of the hub (JupyterHub's cookie_max_age_days is 14). The default of five minutes would end sessions of
# running notebooks where a provider gives no refresh tokens; 0 would keep refresh_pre_spawn from asking as well
# (jupyterhub/handlers/base.py, ``refresh_auth``).
AUTH_REFRESH_SECONDS = 14 * 24 * 3600

CULL_EVERY_SECONDS = 600
"""The chart's default for ``cull.every``."""

# The chart runs it last, after every other section and file. A hub whose image lacks the package ends here with an
# ImportError instead of starting servers without asking (hub/hubplane_hub).
HOOKS = "from hubplane_hub import configure\n\nconfigure(c)\n"


@dataclass(frozen=True)
class SpawnFunctions:
    """The two functions that the hub invokes, by ARN: before a server starts and after it stopped."""

    ensure_home_arn: str
    record_server_stop_arn: str


def render_jupyterhub_values(
    spec: ClusterSpec,
    *,
    chart: Chart,
    oauth: OAuthClient,
    proxy_token: str,
    service_token: str,
    hub_url: str,
    spawn_functions: SpawnFunctions,
    hub_image: str | None = None,
    domain_url: str | None = None,
) -> dict[str, Any]:
    """The chart's values for one cluster: plain dicts, lists and scalars, never None (helm takes null for "drop the default").

    ``service_token`` is that of the control plane at the hub's API. ``hub_url`` is how people reach the hub, ``hub_image`` a
    ``name:tag`` in place of the chart's hub image (with which no hub starts: it lacks the hooks), ``domain_url`` the OAuth domain
    where it is not the specification's. The same arguments give equal values.
    """
    hub_url = hub_url.rstrip("/")
    return {
        "hub": {
            **_hub(spec, oauth, service_token, hub_url, hub_image, (domain_url or spec.oauth.domain_url).rstrip("/")),
            **_hooks(spec, spawn_functions),
        },
        "proxy": {
            "secretToken": proxy_token,
            # The load balancer ends TLS, so the service has no https port that could take the same or a random node port.
            "service": {"type": "NodePort", "nodePorts": {"http": spec.hub.node_port}},
            "https": {"enabled": False},
        },
        "singleuser": _singleuser(spec),
        "cull": _cull(spec.hub.idle_cull_minutes),
        # Packs people onto the fullest node, so that the autoscaler finds empty ones to remove.
        "scheduling": {"userScheduler": {"enabled": True}},
        "prePuller": {
            # The hook makes helm wait for gigabytes on every node, longer than a Lambda function may run.
            "hook": {"enabled": False},
            # Its DaemonSet would make a release unready whenever the autoscaler adds a node.
            "continuous": {"enabled": False},
        },
        "rbac": {"create": True},
        "debug": {"enabled": False},
        "custom": {"hubplane": _record(spec, chart)},
    }


def _hub(
    spec: ClusterSpec, oauth: OAuthClient, service_token: str, hub_url: str, hub_image: str | None, domain_url: str
) -> dict[str, Any]:
    hub: dict[str, Any] = {
        "config": {
            "JupyterHub": {"authenticator_class": "generic-oauth"},
            "Authenticator": {
                "admin_users": sorted(spec.hub.admin_users),
                # The sign-in's `sub` goes with each question for a home. The chart makes and keeps the key that encrypts it.
                "enable_auth_state": True,
                # Before each start the provider is asked whether the sign-in still holds.
                "refresh_pre_spawn": True,
                "auth_refresh_age": AUTH_REFRESH_SECONDS,
            },
            "GenericOAuthenticator": _authenticator(spec, oauth, hub_url, domain_url),
            # The claim follows from the user's name alone, also after the hub's database was lost or restored.
            "KubeSpawner": {"remember_pvc_name": False},
        },
        "serviceAccount": {"create": True, "name": HUB_SERVICE_ACCOUNT},
        # Off-boarding stops servers through the hub: a pod that is deleted behind its back stays "running" there.
        "services": {SERVICE_NAME: {"apiToken": service_token}},
        "loadRoles": {SERVICE_NAME: {"scopes": list(SERVICE_SCOPES), "services": [SERVICE_NAME]}},
        "db": {
            "type": "sqlite-pvc",
            "pvc": {
                "storage": HUB_DATABASE_SIZE,
                "storageClassName": spec.storage.class_name,
                # An uninstall, also the one that repairs a crashed first install, must not take the hub's users with it.
                "annotations": {"helm.sh/resource-policy": "keep"},
            },
        },
    }
    if hub_image:
        name, _, tag = hub_image.rpartition(":")
        hub["image"] = {"name": name, "tag": tag}
    return hub


def _hooks(spec: ClusterSpec, functions: SpawnFunctions) -> dict[str, Any]:
    """What makes the hub ask before each start. The variables name nothing secret; credentials are the pod's own."""
    return {
        "extraConfig": {"hubplane": HOOKS},
        "extraEnv": {
            "HUBPLANE_CLUSTER_NAME": spec.cluster_name,
            "HUBPLANE_ENSURE_HOME_ARN": functions.ensure_home_arn,
            "HUBPLANE_RECORD_SERVER_STOP_ARN": functions.record_server_stop_arn,
        },
        # The chart's 5 would restart the hub for everybody after five refusals of one person (JupyterHub counts each spawn
        # that fails, jupyterhub/handlers/base.py); a hub that is really broken fails its liveness probe.
        "consecutiveFailureLimit": 0,
    }


def _authenticator(spec: ClusterSpec, oauth: OAuthClient, hub_url: str, domain_url: str) -> dict[str, Any]:
    """oauthenticator 17's GenericOAuthenticator.

    ``allow_all``: since JupyterHub 5 nobody may enter unless a rule says so. Who gets an account is decided at sign-up in
    Cognito, and being able to sign in there is the rule.
    """
    settings: dict[str, Any] = {
        "client_id": oauth.client_id,
        "client_secret": oauth.client_secret,
        "authorize_url": domain_url + spec.oauth.authorize_path,
        "token_url": domain_url + spec.oauth.token_path,
        "userdata_url": domain_url + spec.oauth.userinfo_path,
        "oauth_callback_url": f"{hub_url}/hub/oauth_callback",
        "scope": list(spec.oauth.scopes),
        "username_claim": spec.oauth.username_claim,
        "login_service": spec.cluster_name,
        "allow_all": True,
    }
    if has_cognito_endpoints(spec.oauth):
        # Neither needs escaping: a query may hold `:` and `/` (RFC 3986, 3.4), and Cognito's client ids are letters and digits.
        settings["logout_redirect_url"] = f"{domain_url}/logout?client_id={oauth.client_id}&logout_uri={hub_url}"
    return settings


def has_cognito_endpoints(oauth: OAuth) -> bool:
    """Whether the provider's paths are Cognito's, whose ``/logout`` takes ``client_id`` and ``logout_uri``.

    Other providers sign out in ways of their own; without an address the hub shows its own page instead.
    https://docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html
    """
    return oauth.authorize_path == "/oauth2/authorize" and oauth.userinfo_path == "/oauth2/userInfo"


def _singleuser(spec: ClusterSpec) -> dict[str, Any]:
    singleuser: dict[str, Any] = {
        "image": {"name": spec.notebook_image.name, "tag": spec.notebook_image.tag},
        "storage": {
            "type": "dynamic",
            "capacity": f"{spec.storage.home_size_gib}Gi",
            "dynamic": {"storageClass": spec.storage.class_name, "pvcNameTemplate": CLAIM_NAME_TEMPLATE},
        },
        # People's code must not reach the node's role. Written out, so that a chart with another default cannot open it.
        "cloudMetadata": {"blockWithIptables": True, "ip": CLOUD_METADATA_IP},
        "startTimeout": START_TIMEOUT_SECONDS,
        # A running server is somebody's work in memory: the autoscaler waits for the culler instead of moving it.
        "extraAnnotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"},
    }
    if len(spec.node_groups) > 1:
        singleuser["profileList"] = profile_list(spec.cluster_name, spec.node_groups)
    return singleuser


def _cull(idle_minutes: int) -> dict[str, Any]:
    if idle_minutes <= 0:
        return {"enabled": False}
    timeout_seconds = idle_minutes * 60
    # Looking less often than half the limit would stop a server up to 1.5 times as late as promised.
    return {"enabled": True, "timeout": timeout_seconds, "every": min(CULL_EVERY_SECONDS, timeout_seconds // 2)}


def _record(spec: ClusterSpec, chart: Chart) -> Mapping[str, Any]:
    """What helm does not remember: where the chart came from, so that another source of the same version is noticed.

    The digest of the whole specification is not here but in the revision's description: the chart hashes its values into the
    hub's pod template, and a new tag or access grant would restart the hub for nothing.
    """
    return {"clusterName": spec.cluster_name, "chart": chart.record}
