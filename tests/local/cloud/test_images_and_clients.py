"""CodeBuild ends in images that ECR has; app clients change as on AWS."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.cloud.running import ACCOUNT_ID, RunningCloud, running_cloud
from tests.local.cloud.test_states import run, sdk

ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/builds"
REGISTRY = f"{ACCOUNT_ID}.dkr.ecr.us-east-1.amazonaws.com"
OAUTH = {
    "CallbackURLs": ["https://opensarlab.asf.alaska.edu/hub/oauth_callback"],
    "AllowedOAuthFlows": ["code"],
    "AllowedOAuthScopes": ["openid"],
    "AllowedOAuthFlowsUserPoolClient": True,
    "SupportedIdentityProviders": ["COGNITO"],
}


def make_project(cloud: RunningCloud) -> None:
    """The project that builds images, and a repository."""
    builds = cloud.client("codebuild")
    if "images" not in builds.list_projects()["projects"]:
        environment = {"type": "LINUX_CONTAINER", "computeType": "BUILD_GENERAL1_SMALL", "image": "aws/codebuild/standard:7.0"}
        none = {"type": "NO_SOURCE", "buildspec": "version: 0.2"}
        builds.create_project(
            name="images", serviceRole=ROLE, source=none, artifacts={"type": "NO_ARTIFACTS"}, environment=environment
        )
        cloud.client("ecr").create_repository(repositoryName="hubplane/opensarlab/hub", imageTagMutability="IMMUTABLE")


def build_of(tag: str, repository: str = f"{REGISTRY}/hubplane/opensarlab/hub", **more: Any) -> dict[str, Any]:
    """A machine that builds one image and waits for it."""
    named = {"IMAGE_REPOSITORY": repository, "IMAGE_TAG": tag, "JUPYTERHUB_VERSION": "5.4.2"}
    variables = [{"Name": key, "Value": value, "Type": "PLAINTEXT"} for key, value in named.items()]
    arguments = {"ProjectName": "images", "EnvironmentVariablesOverride": variables, **more}
    return {"States": {"Build": sdk("codebuild:startBuild.sync", arguments)}}


def test_a_build_ends_in_an_image_with_its_labels(cloud: RunningCloud) -> None:
    make_project(cloud)
    build = run(cloud, build_of("4.3.3-abc"))["Build"]
    assert (build["BuildStatus"], build["CurrentPhase"]) == ("SUCCEEDED", "COMPLETED")
    registry = cloud.client("ecr")
    wanted = [{"imageTag": "4.3.3-abc"}]
    assert registry.describe_images(repositoryName="hubplane/opensarlab/hub", imageIds=wanted)["imageDetails"]
    image = registry.batch_get_image(repositoryName="hubplane/opensarlab/hub", imageIds=wanted)["images"][0]
    digest = json.loads(image["imageManifest"])["config"]["digest"]
    url = registry.get_download_url_for_layer(repositoryName="hubplane/opensarlab/hub", layerDigest=digest)["downloadUrl"]
    with urllib.request.urlopen(url) as response:
        labels = json.load(response)["config"]["Labels"]
    assert labels == {"org.opencontainers.image.version": "4.3.3-abc", "hubplane.jupyterhub-version": "5.4.2"}
    assert run(cloud, build_of("4.3.3-abc"))["Build"]["BuildStatus"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("definition", "phase", "words"),
    [
        pytest.param(build_of("broken-1"), "BUILD", "docker build", id="build"),
        pytest.param(build_of("1", repository="nowhere"), "BUILD", "RepositoryNotFoundException", id="push"),
        pytest.param(
            build_of("2", SourceTypeOverride="S3", SourceLocationOverride="no-bucket/key.zip"),
            "DOWNLOAD_SOURCE",
            "NoSuchKey",
            id="source",
        ),
    ],
)
def test_a_failed_build_fails_its_task_and_says_which_phase(cloud: RunningCloud, definition: Any, phase: str, words: str) -> None:
    make_project(cloud)
    error, cause = run(cloud, definition)
    assert error == "States.TaskFailed"
    build = json.loads(cause)["Build"]
    failed = [item for item in build["Phases"] if item.get("PhaseStatus") == "FAILED"]
    assert build["BuildStatus"] == "FAILED"
    assert [item["PhaseType"] for item in failed] == [phase]
    assert words in failed[0]["Contexts"][0]["Message"]


def make_pool(cloud: RunningCloud) -> str:
    """A user pool with a domain; answers its id."""
    cognito = cloud.client("cognito-idp")
    pool: str = cognito.create_user_pool(PoolName="hub")["UserPool"]["Id"]
    cognito.create_user_pool_domain(Domain=f"d-{pool.split('_')[1].lower()}", UserPoolId=pool)
    return pool


def test_an_update_replaces_the_whole_client(cloud: RunningCloud) -> None:
    cognito, pool = cloud.client("cognito-idp"), make_pool(cloud)
    made = cognito.create_user_pool_client(UserPoolId=pool, ClientName="opensarlab", GenerateSecret=True, **OAUTH)[
        "UserPoolClient"
    ]
    assert made["ClientSecret"].isalnum()
    assert made["AllowedOAuthScopes"] == ["openid"]
    which = {"UserPoolId": pool, "ClientId": made["ClientId"]}
    cognito.update_user_pool_client(**which, ClientName="opensarlab", ExplicitAuthFlows=["ALLOW_REFRESH_TOKEN_AUTH"])
    found = cognito.describe_user_pool_client(**which)["UserPoolClient"]
    assert (found["ClientSecret"], found["ClientName"]) == (made["ClientSecret"], "opensarlab")
    assert found["ExplicitAuthFlows"] == ["ALLOW_REFRESH_TOKEN_AUTH"]
    assert (found["CallbackURLs"], found["AllowedOAuthFlowsUserPoolClient"]) == ([], False)


def let_in(cloud: RunningCloud, client_id: str, secret: str) -> bool:
    """Whether the token endpoint takes the client's secret, which it looks at before the scopes."""
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret, "scope": "nobody/has"}
    request = urllib.request.Request(f"{cloud.endpoint_url}/oauth2/token", urllib.parse.urlencode(form).encode())
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    error: str = json.load(refused.value)["error"]
    return error != "invalid_client"


def test_a_client_has_two_secrets_at_most_and_one_at_least(cloud: RunningCloud) -> None:
    cognito, pool = cloud.client("cognito-idp"), make_pool(cloud)
    made = cognito.create_user_pool_client(UserPoolId=pool, ClientName="two", GenerateSecret=True, **OAUTH)["UserPoolClient"]
    which = {"UserPoolId": pool, "ClientId": made["ClientId"]}
    added = cognito.add_user_pool_client_secret(**which)["ClientSecretDescriptor"]
    listed = cognito.list_user_pool_client_secrets(**which)["ClientSecrets"]
    assert [item["ClientSecretId"] for item in listed][1:] == [added["ClientSecretId"]]
    assert all("ClientSecretValue" not in item for item in listed)
    with pytest.raises(ClientError) as caught:
        cognito.add_user_pool_client_secret(**which)
    assert caught.value.response["Error"]["Code"] == "LimitExceededException"
    old, new = made["ClientSecret"], added["ClientSecretValue"]
    assert [let_in(cloud, made["ClientId"], secret) for secret in (old, new, "x" * 51)] == [True, True, False]
    cognito.delete_user_pool_client_secret(**which, ClientSecretId=listed[0]["ClientSecretId"])
    assert [let_in(cloud, made["ClientId"], secret) for secret in (old, new)] == [False, True]
    with pytest.raises(ClientError) as caught:
        cognito.delete_user_pool_client_secret(**which, ClientSecretId=added["ClientSecretId"])
    assert caught.value.response["Error"]["Code"] == "InvalidParameterException"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param({"CallbackURLs": ["http://opensarlab.asf.alaska.edu/x"]}, "InvalidParameterException", id="http"),
        pytest.param({"CallbackURLs": []}, "InvalidOAuthFlowException", id="no-callback"),
        pytest.param({"AllowedOAuthFlows": []}, "InvalidOAuthFlowException", id="no-flow"),
        pytest.param({"AllowedOAuthScopes": ["everything"]}, "ScopeDoesNotExistException", id="scope"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(cloud: RunningCloud, change: Any, code: str) -> None:
    with pytest.raises(ClientError) as caught:
        cloud.client("cognito-idp").create_user_pool_client(UserPoolId=make_pool(cloud), ClientName="bad", **(OAUTH | change))
    assert caught.value.response["Error"]["Code"] == code


def test_a_domain_is_found_and_an_unknown_one_is_empty(cloud: RunningCloud) -> None:
    cognito, pool = cloud.client("cognito-idp"), make_pool(cloud)
    domain = f"d-{pool.split('_')[1].lower()}"
    found = cognito.describe_user_pool_domain(Domain=domain)["DomainDescription"]
    assert (found["UserPoolId"], found["Status"]) == (pool, "ACTIVE")
    assert cognito.describe_user_pool_domain(Domain="nobody-has-this")["DomainDescription"] == {}


def test_without_the_mends_the_faults_are_there(tmp_path: Any) -> None:
    skipped = "builds_end_in_images,image_configurations_can_be_read,updates_replace_app_clients"
    with running_cloud(tmp_path, skip_mends=skipped) as unmended:
        make_project(unmended)
        assert run(unmended, build_of("broken-1"))["Build"]["BuildStatus"] == "SUCCEEDED"
        cognito, pool = unmended.client("cognito-idp"), make_pool(unmended)
        made = cognito.create_user_pool_client(UserPoolId=pool, ClientName="x", **OAUTH)["UserPoolClient"]
        cognito.update_user_pool_client(UserPoolId=pool, ClientId=made["ClientId"])
        found = cognito.describe_user_pool_client(UserPoolId=pool, ClientId=made["ClientId"])["UserPoolClient"]
        assert found["CallbackURLs"] == OAUTH["CallbackURLs"]
        url = unmended.client("ecr").get_download_url_for_layer(repositoryName="asf-franz-labs", layerDigest="sha256:" + "0" * 64)
        assert "amazonaws.com" in url["downloadUrl"]
