"""Who gets in and what they may do: tokens as EKS reads them, access entries, RBAC."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from local.kubernetes.access.authorization import Question, allowed
from local.kubernetes.access.identity import AccessEntry, Identity, canonical_arn
from local.kubernetes.access.tokens import TokenRefused, read_token
from local.kubernetes.api.resources import BY_NAME
from local.kubernetes.store import Store
from tests.local.kubernetes.aws import ACCOUNT, Sts, as_token
from tests.local.kubernetes.running import Cluster

ENDPOINT = "http://127.0.0.1:4566"
NOW = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
GOOD = {
    "Action": "GetCallerIdentity",
    "Version": "2011-06-15",
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": "AKIA/20261123/us-east-1/sts/aws4_request",
    "X-Amz-Date": "20261123T155930Z",
    "X-Amz-Expires": "60",
    "X-Amz-SignedHeaders": "host;x-k8s-aws-id",
    "X-Amz-Signature": "0" * 64,
}


def url(base: str = "https://sts.us-east-1.amazonaws.com", path: str = "/", **changed: str | None) -> str:
    """A signed URL with some parameters changed or (None) left out."""
    query = {**GOOD, **{name.replace("_", "-"): value for name, value in changed.items()}}
    return f"{base}{path}?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items() if value is not None)


@pytest.mark.parametrize(
    "good",
    [
        url(),
        url("https://sts.amazonaws.com"),
        url(ENDPOINT),
        url("http://localhost:4566"),
        url(X_Amz_Expires="900"),
        url(X_Amz_Date="20261123T154501Z"),
    ],
    ids=["regional", "global", "emulator", "emulator by name", "15 minutes", "nearly too old"],
)
def test_a_token_as_eks_makes_it_is_read(good: str) -> None:
    assert read_token(as_token(good), ENDPOINT, NOW).path_and_query == "/?" + good.partition("?")[2]


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("k8s-aws-v2." + as_token(url())[11:], "missing expected 'k8s-aws-v1.' prefix"),
        ("k8s-aws-v1.%%%", "not base64url"),
        ("k8s-aws-v1." + base64.urlsafe_b64encode(url().encode() + b" ").decode(), "without padding"),
        (as_token(url("https://sts.example.com")), "unexpected hostname 'sts.example.com'"),
        (as_token(url("https://sts.us-east-1.amazonaws.com.evil.com")), "unexpected hostname"),
        (as_token(url("http://sts.us-east-1.amazonaws.com")), "unexpected hostname"),
        (as_token(url("http://127.0.0.1:4567")), "unexpected hostname '127.0.0.1:4567'"),
        (as_token(url(path="/x")), "unexpected path '/x'"),
        (as_token(url(Action="GetSessionToken")), "unexpected action 'GetSessionToken'"),
        (as_token(url(X_Amz_SignedHeaders="host")), "did not sign the x-k8s-aws-id header"),
        (as_token(url(X_Amz_Expires="901")), "invalid X-Amz-Expires '901'"),
        (as_token(url(X_Amz_Expires=None)), "invalid X-Amz-Expires ''"),
        (as_token(url(X_Amz_Date="20261123T154459Z")), "is expired"),
        (as_token(url(X_Amz_Date="20261123T160600Z")), "is in the future"),
        (as_token(url(X_Amz_Date=None)), "must be present"),
        (as_token(url(RoleArn="arn:aws:iam::1:role/x")), "non-whitelisted query parameter 'RoleArn'"),
        (as_token(url() + "&Action=GetCallerIdentity"), "multiple values"),
        ("k8s-aws-v1." + "A" * 20000, "too large"),
    ],
    ids=lambda value: value if " " in value else "",
)
def test_any_other_token_is_refused(token: str, reason: str) -> None:
    with pytest.raises(TokenRefused) as refused:
        read_token(token, ENDPOINT, NOW)
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    ("arn", "canonical"),
    [
        ("arn:aws:sts::123456789012:assumed-role/builder/session", "arn:aws:iam::123456789012:role/builder"),
        ("arn:aws:iam::123456789012:role/teams/one/builder", "arn:aws:iam::123456789012:role/builder"),
        ("arn:aws-us-gov:sts::123456789012:assumed-role/b/s", "arn:aws-us-gov:iam::123456789012:role/b"),
        ("arn:aws:iam::123456789012:user/path/jo", "arn:aws:iam::123456789012:user/path/jo"),
        ("arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:root"),
    ],
)
def test_a_session_is_known_by_its_role(arn: str, canonical: str) -> None:
    assert canonical_arn(arn) == canonical


VIEW, EDIT, ADMIN, CLUSTER_ADMIN, ADMIN_VIEW = (
    f"AmazonEKS{name}Policy" for name in ("View", "Edit", "Admin", "ClusterAdmin", "AdminView")
)
RIGHTS = [
    # verb, resource, who may
    ("list", "pods", {VIEW, EDIT, ADMIN, CLUSTER_ADMIN, ADMIN_VIEW}),
    ("get", "namespaces", {VIEW, EDIT, ADMIN, CLUSTER_ADMIN, ADMIN_VIEW}),
    ("get", "secrets", {EDIT, ADMIN, CLUSTER_ADMIN, ADMIN_VIEW}),
    ("patch", "deployments.apps", {EDIT, ADMIN, CLUSTER_ADMIN}),
    ("create", "secrets", {EDIT, ADMIN, CLUSTER_ADMIN}),
    ("create", "rolebindings.rbac.authorization.k8s.io", {ADMIN, CLUSTER_ADMIN}),
    ("get", "nodes", {CLUSTER_ADMIN, ADMIN_VIEW}),
    ("create", "namespaces", {CLUSTER_ADMIN}),
    ("create", "storageclasses.storage.k8s.io", {CLUSTER_ADMIN}),
]


@pytest.mark.parametrize(("verb", "plural", "holders"), RIGHTS, ids=[f"{verb} {plural}" for verb, plural, _ in RIGHTS])
@pytest.mark.parametrize("policy", [VIEW, EDIT, ADMIN, CLUSTER_ADMIN, ADMIN_VIEW])
def test_access_policies_grant_what_eks_says(verb: str, plural: str, holders: set[str], policy: str) -> None:
    who = Identity("arn", ("system:authenticated",), AccessEntry("arn", (policy,)))
    resource = BY_NAME[plural]
    question = Question(verb, resource, "jupyter" if resource.namespaced else "")
    assert allowed(Store(), who, question) == (policy in holders)


@pytest.mark.parametrize(("namespace", "may"), [("jupyter", True), ("kube-system", False), ("", False)])
def test_an_entry_of_some_namespaces_ends_there(namespace: str, may: bool) -> None:
    who = Identity("arn", (), AccessEntry("arn", (EDIT,), namespaces=("jupyter",)))
    assert allowed(Store(), who, Question("list", BY_NAME["pods"], namespace)) == may


@pytest.fixture(scope="module")
def people(cluster: Cluster, sts: Sts) -> Cluster:
    """The cluster with a viewer, a grouped user and a stranger."""
    cluster.namespace("home")
    for key, role in (("VIEWKEY", "viewer"), ("GROUPKEY", "grouped"), ("STRANGER", "stranger")):
        sts.add(key, f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/s")
    cluster.let_in(f"arn:aws:iam::{ACCOUNT}:role/viewer", [VIEW])
    cluster.let_in(f"arn:aws:iam::{ACCOUNT}:role/path/grouped", [], groups=["readers"])
    return cluster


def _other_cluster(sts: Sts, cluster: Cluster) -> str:
    return sts.token("ADMINKEY", "another-cluster")


def _wrong_secret(sts: Sts, cluster: Cluster) -> str:
    return as_token(sts.signed_url("ADMINKEY", cluster.name, secret="guessed"))


def _changed(sts: Sts, cluster: Cluster) -> str:
    return as_token(sts.signed_url("ADMINKEY", cluster.name).replace("X-Amz-Expires=60", "X-Amz-Expires=800"))


@pytest.mark.parametrize(
    "make",
    [
        lambda sts, cluster: sts.token("STRANGER", cluster.name),
        _other_cluster,
        _wrong_secret,
        _changed,
        lambda sts, cluster: "nonsense",
        lambda sts, cluster: "",
    ],
    ids=["no access entry", "token of another cluster", "wrong secret", "changed after signing", "no token", "empty"],
)
def test_who_cannot_prove_who_they_are_gets_401(people: Cluster, sts: Sts, make: Callable[[Sts, Cluster], str]) -> None:
    answer = people.ask("GET", "/api/v1/namespaces", token=make(sts, people))
    assert (answer.status, answer.body["message"], answer.body["reason"]) == (401, "Unauthorized", "Unauthorized")


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        (
            "GET",
            "/api/v1/namespaces/home/secrets",
            None,
            'secrets is forbidden: User "{user}" cannot list resource "secrets" in API group "" in the namespace "home"',
        ),
        (
            "DELETE",
            "/api/v1/namespaces/home/configmaps/c0",
            None,
            'configmaps "c0" is forbidden: User "{user}" cannot delete resource "configmaps" in API group "" '
            'in the namespace "home"',
        ),
        (
            "POST",
            "/apis/storage.k8s.io/v1/storageclasses",
            {"metadata": {"name": "x"}},
            'storageclasses.storage.k8s.io is forbidden: User "{user}" cannot create resource "storageclasses" in API group '
            '"storage.k8s.io" at the cluster scope',
        ),
    ],
    ids=["list secrets", "delete", "cluster scope"],
)
def test_a_viewer_is_refused_in_the_api_servers_words(people: Cluster, method: str, path: str, body: Any, message: str) -> None:
    answer = people.ask(method, path, body, token=people.token("VIEWKEY"))
    assert (answer.status, answer.body["reason"]) == (403, "Forbidden")
    assert answer.body["message"] == message.format(user=f"arn:aws:sts::{ACCOUNT}:assumed-role/viewer/s")
    assert people.ask("GET", "/api/v1/namespaces/home/configmaps", token=people.token("VIEWKEY")).status == 200


def test_groups_of_an_entry_get_rights_from_role_bindings(people: Cluster) -> None:
    path, token = "/api/v1/namespaces/home/configmaps", people.token("GROUPKEY")
    assert people.ask("GET", path, token=token).status == 403
    roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/home"
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]
    people.create(f"{roles}/roles", {"metadata": {"name": "reader"}, "rules": rules})
    subjects = [{"kind": "Group", "name": "readers"}]
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
    people.create(f"{roles}/rolebindings", {"metadata": {"name": "readers"}, "roleRef": reference, "subjects": subjects})
    assert people.ask("GET", path, token=token).status == 200
    assert people.ask("GET", "/api/v1/namespaces/default/configmaps", token=token).status == 403


def test_a_policy_over_a_namespace_stays_there_beside_one_over_the_cluster(people: Cluster, sts: Sts) -> None:
    sts.add("MIXEDKEY", f"arn:aws:sts::{ACCOUNT}:assumed-role/mixed/s")
    scoped = [{"policy": ADMIN, "namespaces": ["home"]}]
    entry = {"principal_arn": f"arn:aws:iam::{ACCOUNT}:role/mixed", "policies": [VIEW], "namespaces": None, "scoped": scoped}
    assert people.stand_in.ask("PUT", f"{people.path}/access", entry).status == 200
    token, body = people.token("MIXEDKEY"), {"metadata": {"name": "mixed"}}
    assert people.ask("GET", "/api/v1/namespaces/default/pods", token=token).status == 200
    assert people.ask("POST", "/api/v1/namespaces/default/configmaps", body, token=token).status == 403
    assert people.ask("POST", "/api/v1/namespaces/home/configmaps", body, token=token).status == 201


def test_a_service_accounts_token_works_within_its_roles(people: Cluster) -> None:
    people.create("/api/v1/namespaces/home/serviceaccounts", {"metadata": {"name": "hub"}})
    made = people.create("/api/v1/namespaces/home/serviceaccounts/hub/token", {"spec": {"expirationSeconds": 600}})
    token = made["status"]["token"]
    answer = people.ask("GET", "/api/v1/namespaces/home/pods", token=token)
    assert 'User "system:serviceaccount:home:hub" cannot list resource "pods"' in answer.body["message"]
    reference = {"kind": "ClusterRole", "name": "view", "apiGroup": "rbac.authorization.k8s.io"}
    subjects = [{"kind": "ServiceAccount", "name": "hub", "namespace": "home"}]
    binding = {"metadata": {"name": "hub"}, "roleRef": reference, "subjects": subjects}
    people.create("/apis/rbac.authorization.k8s.io/v1/namespaces/home/rolebindings", binding)
    assert people.ask("GET", "/api/v1/namespaces/home/pods", token=token).status == 200
    assert people.ask("GET", "/api/v1/namespaces/home/secrets", token=token).status == 403


def test_a_removed_entry_shuts_out_at_once(people: Cluster, sts: Sts) -> None:
    sts.add("GONEKEY", f"arn:aws:sts::{ACCOUNT}:assumed-role/gone/s")
    arn = f"arn:aws:iam::{ACCOUNT}:role/gone"
    people.let_in(arn, [VIEW])
    token = people.token("GONEKEY")
    assert people.ask("GET", "/api/v1/namespaces", token=token).status == 200
    path = f"{people.path}/access?principal_arn={quote(arn, safe='')}"
    assert people.stand_in.ask("DELETE", path).status == 200
    assert people.ask("GET", "/api/v1/namespaces", token=token).status == 401
    assert people.stand_in.ask("DELETE", path).status == 404


def test_sts_is_asked_once_for_a_token_used_often(people: Cluster, sts: Sts) -> None:
    token = people.token("VIEWKEY")
    people.ask("GET", "/api/v1/namespaces", token=token)
    before = sts.calls
    for _ in range(5):
        people.ask("GET", "/api/v1/namespaces", token=token)
    assert sts.calls == before


def test_the_moment_of_signing_is_what_counts() -> None:
    signed = as_token(url(X_Amz_Expires="60"))
    assert read_token(signed, ENDPOINT, NOW + timedelta(minutes=14)).signed_at == datetime(2026, 11, 23, 15, 59, 30, tzinfo=UTC)
