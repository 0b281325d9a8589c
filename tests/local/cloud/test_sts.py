"""A presigned GetCallerIdentity URL proves who signed it, for which cluster, and when."""

from __future__ import annotations

import datetime as dt
import urllib.error
import urllib.request
from typing import Any
from unittest import mock

import boto3
import pytest
from botocore.signers import RequestSigner

from tests.local.cloud.running import ACCOUNT_ID, REGION, RunningCloud, running_cloud


def presigned(cloud: RunningCloud, session: boto3.Session, cluster: str = "opensarlab", seconds: int = 60) -> str:
    """The URL inside an EKS token: signed with the cluster's name as a header."""
    client = session.client("sts", region_name=REGION, endpoint_url=cloud.endpoint_url)
    signer = RequestSigner(client.meta.service_model.service_id, REGION, "sts", "v4", session.get_credentials(), session.events)
    request = {
        "method": "GET",
        "url": f"{cloud.endpoint_url}/?Action=GetCallerIdentity&Version=2011-06-15",
        "body": {},
        "headers": {"x-k8s-aws-id": cluster},
        "context": {},
    }
    url: str = signer.generate_presigned_url(request, region_name=REGION, expires_in=seconds, operation_name="")
    return url


def asked(url: str, cluster: str | None = "opensarlab") -> tuple[int, str]:
    """Status and body, sending the cluster's name as the stand-in does."""
    request = urllib.request.Request(url, headers={"x-k8s-aws-id": cluster} if cluster else {})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture(scope="module")
def sessions(cloud: RunningCloud) -> dict[str, boto3.Session]:
    """Root, an IAM user and an assumed role."""
    iam = cloud.client("iam")
    iam.create_user(UserName="operator")
    key = iam.create_access_key(UserName="operator")["AccessKey"]
    policy = '{"Version": "2012-10-17", "Statement": []}'
    role = iam.create_role(RoleName="builder", AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    assumed = cloud.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return {
        "root": boto3.Session(ACCOUNT_ID, "test", region_name=REGION),
        "user": boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION),
        "role": boto3.Session(assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"], region_name=REGION),
        "forged": boto3.Session(ACCOUNT_ID, "guessed", region_name=REGION),
        "unknown": boto3.Session("AKIA0000000000000000", "guessed", region_name=REGION),
    }


@pytest.mark.parametrize(
    ("who", "arn"),
    [
        ("root", f"arn:aws:iam::{ACCOUNT_ID}:root"),
        ("user", f"arn:aws:iam::{ACCOUNT_ID}:user/operator"),
        ("role", f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/builder/test"),
    ],
)
def test_a_good_url_answers_who_signed(cloud: RunningCloud, sessions: Any, who: str, arn: str) -> None:
    status, body = asked(presigned(cloud, sessions[who]))
    assert status == 200, body
    assert f"<Arn>{arn}</Arn>" in body


@pytest.mark.parametrize("who", ["forged", "unknown"])
def test_a_forged_signature_is_refused(cloud: RunningCloud, sessions: Any, who: str) -> None:
    assert asked(presigned(cloud, sessions[who]))[0] == 403


@pytest.mark.parametrize("cluster", ["another", None])
def test_a_token_for_one_cluster_is_refused_for_another(cloud: RunningCloud, sessions: Any, cluster: str | None) -> None:
    status, body = asked(presigned(cloud, sessions["role"]), cluster)
    assert (status, "SignatureDoesNotMatch" in body) == (403, True)


@pytest.mark.parametrize(("minutes", "expected"), [(14, (200, False)), (16, (403, True))])
def test_a_url_is_good_for_15_minutes_whatever_it_says_of_itself(
    cloud: RunningCloud, sessions: Any, minutes: int, expected: tuple[int, bool]
) -> None:
    earlier = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=minutes)
    with mock.patch("botocore.auth.get_current_datetime", return_value=earlier.replace(tzinfo=None)):
        url = presigned(cloud, sessions["root"])
    status, body = asked(url)
    assert (status, "expired" in body) == expected


def test_a_changed_parameter_is_refused(cloud: RunningCloud, sessions: Any) -> None:
    url = presigned(cloud, sessions["root"])
    assert asked(url.replace("X-Amz-Expires=60", "X-Amz-Expires=6000"))[0] == 403


def test_without_the_mend_any_url_is_taken(tmp_path: Any) -> None:
    with running_cloud(tmp_path, skip_mends="presigned_identity") as unmended:
        forged = boto3.Session(ACCOUNT_ID, "guessed", region_name=REGION)
        assert asked(presigned(unmended, forged), "another")[0] == 200
