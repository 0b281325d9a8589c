"""Secrets come as ARNs only; a plain one is refused with the command that stores it, and never shown or passed on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hubplane.domain.cluster_spec.faults import shown
from hubplane.domain.cluster_spec.model import spec_to_json
from hubplane.domain.cluster_spec.secrecy import is_credential, may_be_secret
from tests.unit.cluster_spec.examples import accepted, broken, legacy_input, only_fault, refusal, secret_arn, typed_input

ACCESS_KEY_ID = "AKIA" + "IOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY"
LEGACY_SECRETS = {
    "OAuthClientId": "oauth-client-id",
    "OAuthClientSecret": "oauth-client-secret",
    "HubAWSId": "hub-aws-id",
    "HubAWSSecret": "hub-aws-secret",
    "NodeAccessKeyId": "node-access-key-id",
    "NodeSecretKey": "node-secret-key",
}
PLAIN = ["hunter2hunter2", ACCESS_KEY_ID, SECRET_KEY, "1example23456789abcdefghij", " ", "arn:hunter2hunter2", "**hunter2**"]


@pytest.mark.parametrize("value", PLAIN)
@pytest.mark.parametrize("name", LEGACY_SECRETS)
def test_a_plain_secret_is_refused_with_the_command_that_stores_it(name: str, value: str) -> None:
    line = only_fault(broken(legacy_input(), {name: value}))
    assert line.startswith(f"{name} = (hidden): ")
    secret = LEGACY_SECRETS[name]
    assert f"`aws secretsmanager create-secret --name hubplane/opensarlab/{secret} --secret-string file://{secret}.txt`" in line
    assert value.strip() == "" or value not in line


@pytest.mark.parametrize(
    ("field", "secret"), [("client_id_secret_arn", "oauth-client-id"), ("client_secret_secret_arn", "oauth-client-secret")]
)
def test_a_plain_secret_in_the_typed_form_too(field: str, secret: str) -> None:
    line = only_fault(broken(typed_input(), {f"oauth.{field}": "hunter2hunter2"}))
    assert line.startswith(f"oauth.{field} = (hidden): is a plain value")
    assert f"--name hubplane/opensarlab/{secret} " in line
    assert "hunter2" not in line


@pytest.mark.parametrize("stars", ["*", "****", "********"])
@pytest.mark.parametrize("name", LEGACY_SECRETS)
def test_the_published_files_placeholder_is_called_one(name: str, stars: str) -> None:
    line = only_fault(broken(legacy_input(), {name: stars}))
    assert line.startswith(f'{name} = "{stars}": ')
    assert "is the placeholder of the published file" in line


@pytest.mark.parametrize("name", ["OAuthClientId", "OAuthClientSecret"])
def test_an_empty_oauth_secret_is_missing(name: str) -> None:
    assert only_fault(broken(legacy_input(), {name: ""})).startswith(f'{name} = "": is required: store it')


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:secretsmanager:us-east-1:553778890976:secret:oauth",
        "arn:aws:secretsmanager:us-east-1:5537:secret:oauth-AbCdEf",
        "arn:aws:ssm:us-east-1:553778890976:parameter/oauth",
        "arn:aws:secretsmanager:us-east-1:553778890976:secret:oauth-AbCdEf\n",
    ],
)
def test_another_or_half_an_arn_is_shown_because_it_is_no_secret(arn: str) -> None:
    line = only_fault(broken(legacy_input(), {"OAuthClientId": arn}))
    assert line.startswith(f"OAuthClientId = {json.dumps(arn)}: is not the whole ARN")


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_arns_of_every_partition_are_accepted(partition: str) -> None:
    arn = secret_arn("x").replace("arn:aws:", f"arn:{partition}:")
    assert accepted(broken(typed_input(), {"oauth.client_id_secret_arn": arn})).spec.oauth.client_id_secret_arn == arn


def test_a_secret_that_is_no_string_is_hidden_too() -> None:
    for value in (123456789, ["hunter2"], {"hunter2": 1}, True):
        line = only_fault(broken(legacy_input(), {"OAuthClientSecret": value}))
        assert "hunter2" not in line
        assert "123456789" not in line


def test_the_command_names_no_cluster_while_the_cluster_has_no_sound_name() -> None:
    lines = str(refusal(broken(legacy_input(), {"cluster_name": "x; rm -rf ~", "OAuthClientId": "plain"})))
    assert "--name hubplane/<cluster>/oauth-client-id " in lines


@pytest.mark.parametrize(
    "credential", [ACCESS_KEY_ID, SECRET_KEY, "ghp_" + "a1B2" * 9, "x " + ACCESS_KEY_ID, "-----BEGIN RSA PRIVATE KEY-----"]
)
@pytest.mark.parametrize(
    "place",
    [
        "notebook_image.tag",
        "tags.owner",
        "hub.admin_users.0",
        "oauth.username_claim",
        "storage.class_name",
        "NodeSecret",
        "hub.foo",
        "network.vpc_id",
    ],
)
def test_a_credential_in_any_other_field_is_refused_and_hidden(place: str, credential: str) -> None:
    message = str(refusal(broken(typed_input(), {place: credential})))
    assert credential not in message
    assert "(hidden)" in message


def test_a_credential_that_would_be_a_sound_value_is_refused_all_the_same() -> None:
    line = only_fault(broken(typed_input(), {"notebook_image.tag": ACCESS_KEY_ID}))
    assert line.startswith("notebook_image.tag = (hidden): looks like an access key or token")
    assert "take it out, rotate it" in line
    assert only_fault(broken(legacy_input(), {"ImageTag": ACCESS_KEY_ID})).startswith("ImageTag = (hidden): looks like")


def test_a_credential_as_a_name_is_hidden() -> None:
    for document in (broken(typed_input(), {f"tags.{ACCESS_KEY_ID}": "x"}), broken(legacy_input(), {ACCESS_KEY_ID: "x"})):
        assert ACCESS_KEY_ID not in str(refusal(document))
    assert ACCESS_KEY_ID not in str(refusal({**legacy_input(), ACCESS_KEY_ID: 1}))


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (typed_input(), "oauth.client_secret"),
        (typed_input(), "password"),
        (typed_input(), "tags.DbPassword"),
        (legacy_input(), "OAuthClientSecrets"),
        (legacy_input(), "ApiToken"),
        (legacy_input(), "oauthclientid"),
    ],
)
def test_what_stands_under_a_telling_name_is_hidden_however_short(document: dict[str, Any], place: str) -> None:
    value = "<short>"  # no tag value either
    assert value not in str(refusal(broken(document, {place: value})))


def test_nothing_that_was_only_an_unused_key_is_passed_on() -> None:
    document = json.dumps(spec_to_json(accepted(legacy_input()).spec))
    for name in ("hub-aws-id", "hub-aws-secret", "node-access-key-id", "node-secret-key"):
        assert name not in document


@pytest.mark.parametrize(
    ("text", "refused", "hidden"),
    [
        ("da39a3ee5e6b4b0d3255bfef95601890afd80709", False, True),
        ("https://github.com/asfadmin/asf-jupyter-hub", False, False),
        ("https://git.example/ASFHyP3a/OpenSARLab9/imagesX", False, True),
        ("2019-08-10-00-15-33", False, False),
        ("arn:aws:iam::553778890976:role/hub-operators", False, False),
        ("a" * 60, False, False),
        ("subnet-0123456789abcdef0", False, False),
        ("NodeAutoScalingGroupDesiredCapacity", False, False),
        (ACCESS_KEY_ID, True, True),
        (SECRET_KEY, True, True),
        ("https://bob:pw@x.org", False, True),
    ],
)
def test_what_counts_as_a_secret(text: str, refused: bool, hidden: bool) -> None:
    assert is_credential(text) is refused
    assert may_be_secret(text) is hidden


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\nb\t\u2028\u202e", '"a\\nb\\t\\u2028\\u202e"'),
        ('say "hi" \\', '"say \\"hi\\" \\\\"'),
        ("é \ud800", '"é \\ud800"'),
        ("a b " * 100, '"' + ("a b " * 100)[:76] + "…"),
        (10**5000, "(a number of more than 90 digits)"),
        (1.5, "1.5"),
        ({"a": 1}, "(an object of 1)"),
    ],
    ids=["control characters", "quotes", "lone surrogate", "long", "huge number", "float", "object"],
)
def test_a_value_is_shown_on_one_line_of_some_80_characters(value: Any, text: str) -> None:
    assert shown(value) == text
    assert len(shown(value)) <= 82
