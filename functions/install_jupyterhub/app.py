"""InstallJupyterHub: the Zero-to-JupyterHub release, rendered from the specification. Does not wait until it is ready.

Event: ``spec``, ``hub_url``, ``oauth_secret_arn``; where given: ``hub_image`` (name:tag), ``hub_chart`` (source and version, as
CheckAccount checked them), ``domain_url``, ``secret_stage`` (values under that stage go before the current ones). Result:
``release``, ``namespace``, ``revision``, ``previous_revision`` (what RollBackRelease needs), ``chart_version``. Calls
eks:DescribeCluster on the cluster, and secretsmanager:GetSecretValue, DescribeSecret, CreateSecret, TagResource and
RestoreSecret on ``hubplane/*``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3

from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.helm import Helm, find_helm
from hubplane.adapters.secretsmanager import SecretsManager
from hubplane.domain.cluster_spec.model import ChartReference, spec_from_json
from hubplane.domain.releases.charts import JUPYTERHUB
from hubplane.domain.releases.decision import WantedRelease
from hubplane.domain.releases.execution import bring_about, release_result, revision_description
from hubplane.domain.releases.hub_secrets import (
    checked_proxy_token,
    checked_service_token,
    new_proxy_token,
    new_service_token,
    oauth_client_from_secret,
    proxy_token_secret_name,
    service_token_secret_name,
)
from hubplane.domain.releases.jupyterhub_values import SpawnFunctions, render_jupyterhub_values
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    ensure_home_function_arn: str
    record_server_stop_function_arn: str
    helm_path: str = ""


SETTINGS = read_settings(Settings)
SESSION = boto3.Session()
EKS = boto3.client("eks")
SECRETS = SecretsManager(boto3.client("secretsmanager"))


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    spec = spec_from_json(event["spec"])
    stage = event.get("secret_stage") or ""
    oauth = oauth_client_from_secret(SECRETS.read_newest(event["oauth_secret_arn"], stage), event["oauth_secret_arn"])
    token_name = proxy_token_secret_name(spec.cluster_name)
    tags = {**spec.tags, "hubplane:cluster": spec.cluster_name, f"kubernetes.io/cluster/{spec.cluster_name}": "owned"}
    token_arn, is_new_token = SECRETS.create_once(token_name, new_proxy_token, tags)
    proxy_token = checked_proxy_token(SECRETS.read_newest(token_arn, stage), token_name)
    service_name = service_token_secret_name(spec.cluster_name)
    service_arn, is_new_service_token = SECRETS.create_once(service_name, new_service_token, tags)
    service_token = checked_service_token(SECRETS.read_newest(service_arn, stage), service_name)

    connection = cluster_connection(EKS, SESSION, spec.cluster_name)
    helm = Helm(find_helm(SETTINGS.helm_path), connection, secrets=(oauth.client_secret, proxy_token, service_token))
    reference = ChartReference(event["hub_chart"]["source"], event["hub_chart"]["version"])
    chart = helm.resolve(JUPYTERHUB.chart_name, reference)
    values = render_jupyterhub_values(
        spec,
        chart=chart,
        oauth=oauth,
        proxy_token=proxy_token,
        service_token=service_token,
        hub_url=event["hub_url"],
        spawn_functions=SpawnFunctions(SETTINGS.ensure_home_function_arn, SETTINGS.record_server_stop_function_arn),
        hub_image=event.get("hub_image"),
        domain_url=event.get("domain_url"),
    )
    wanted = WantedRelease(JUPYTERHUB.release, JUPYTERHUB.namespace, chart, values)
    outcome = bring_about(helm, wanted, revision_description(event["spec"], event["execution_arn"]))
    result = release_result(wanted, outcome)
    made = [name for name, is_new in ((token_name, is_new_token), (service_name, is_new_service_token)) if is_new]
    result["changes"] = [*(f"created secret {name}" for name in made), *result["changes"]]
    return result
