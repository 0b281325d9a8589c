"""Contexts in kubeconfig files: by kubectl's own rules, held against kubectl itself, and nothing of others is touched."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from hubplane_cli.cluster_access import principal_of
from hubplane_cli.kubeconfig import files_of
from tests.command_line.conftest import CLUSTER_ARN, Person
from tests.command_line.stub_aws import ACCOUNT, Refusal, StubAws

USER = f"opensarlab@{CLUSTER_ARN}"
KUBECTL = Path(__file__).parents[2] / ".tools/bin/kubectl"
OTHERS = """\
apiVersion: v1
kind: Config
preferences: {}
current-context: "12:30"
clusters:
- {name: minikube, cluster: {server: "https://192.168.49.2:8443", extensions: [{name: at, extension: {last-update: 2024-01-01}}]}}
contexts:
- name: 12:30
  context: {cluster: minikube, user: minikube, namespace: 007}
users:
- name: minikube
  user: {client-certificate: /home/ada/.minikube/client.crt}
"""


def kubectl(person: Person, *arguments: str, **variables: str) -> str:
    finished = subprocess.run(
        [str(KUBECTL), *arguments], env=person.environment(variables), capture_output=True, text=True, check=False, timeout=60
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def view(person: Person, **variables: str) -> dict:
    return json.loads(kubectl(person, "config", "view", "--raw", "-o", "json", **variables))


def named(document: dict, kind: str) -> dict[str, dict]:
    return {item["name"]: item for item in document.get(kind) or []}


def config_of(person: Person) -> Path:
    return person.home / ".kube/config"


def test_a_first_context_is_what_kubectl_needs(person: Person) -> None:
    finished = person.run("kubeconfig", "opensarlab")

    document = view(person)
    assert finished.code == 0
    assert document["current-context"] == "opensarlab"
    assert named(document, "contexts")["opensarlab"]["context"] == {
        "cluster": CLUSTER_ARN,
        "namespace": "jupyter",
        "user": USER,
    }
    assert named(document, "clusters")[CLUSTER_ARN]["cluster"]["certificate-authority-data"] == "Q0E="
    credential = named(document, "users")[USER]["user"]["exec"]
    assert (credential["command"], credential["args"]) == (
        "aws",
        ["--region", "us-east-1", "eks", "get-token", "--cluster-name", "opensarlab", "--output", "json"],
    )
    assert stat.S_IMODE(config_of(person).stat().st_mode) == 0o600
    assert [path.name for path in config_of(person).parent.iterdir()] == ["config"]


def test_profile_and_role_go_into_the_credential(person: Person, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[profile science]\naws_access_key_id = a\naws_secret_access_key = b\n")
    role = f"arn:aws:iam::{ACCOUNT}:role/team/hub-operators"

    finished = person.run(
        "--profile", "science", "kubeconfig", "opensarlab", "--role-arn", role, AWS_CONFIG_FILE=f"{tmp_path}/config"
    )

    credential = named(view(person), "users")[USER]["user"]["exec"]
    assert finished.code == 0, finished.err
    assert credential["env"] == [{"name": "AWS_PROFILE", "value": "science"}]
    assert credential["args"][-2:] == ["--role-arn", role]


def test_two_contexts_of_one_cluster_keep_their_own_roles(person: Person) -> None:
    roles = {level: f"arn:aws:iam::{ACCOUNT}:role/{level}" for level in ("view", "admin")}
    for level, arn in roles.items():
        person.run("kubeconfig", "opensarlab", "--context", level, "--role-arn", arn)

    document = view(person)
    users, contexts = named(document, "users"), named(document, "contexts")
    assert {level: users[contexts[level]["context"]["user"]]["user"]["exec"]["args"][-1] for level in roles} == roles
    assert len(document["clusters"]) == 1


def test_other_entries_stay_as_they_were_written(person: Person) -> None:
    config_of(person).parent.mkdir()
    config_of(person).write_text(OTHERS)
    config_of(person).chmod(0o644)

    person.run("kubeconfig", "opensarlab", "--keep-context")

    text = config_of(person).read_text()
    assert {"12:30", "opensarlab"} == set(named(json.loads(kubectl_free(text)), "contexts"))
    assert "namespace: 007" in text and "last-update: 2024-01-01" in text and 'current-context: "12:30"' in text
    assert stat.S_IMODE(config_of(person).stat().st_mode) == 0o600


def kubectl_free(text: str) -> str:
    """The file as JSON, read without kubectl, which takes no number for a name."""
    import yaml

    return json.dumps(yaml.load(text, Loader=yaml.BaseLoader))  # noqa: S506


def test_twice_changes_nothing_and_says_so(person: Person) -> None:
    person.run("kubeconfig", "opensarlab")
    before = config_of(person).stat()

    finished = person.run("kubeconfig", "opensarlab")

    assert "it was so already" in finished.out
    assert config_of(person).stat().st_mtime_ns == before.st_mtime_ns


def test_a_rebuilt_cluster_replaces_its_own_entries(person: Person, aws: StubAws) -> None:
    person.run("kubeconfig", "opensarlab")
    aws.eks["opensarlab"]["endpoint"] = "https://NEW.eks.amazonaws.com"

    person.run("kubeconfig", "opensarlab")

    assert [item["cluster"]["server"] for item in view(person)["clusters"]] == ["https://NEW.eks.amazonaws.com"]


def test_a_context_of_another_cluster_is_not_taken(person: Person) -> None:
    config_of(person).parent.mkdir()
    kubectl(person, "config", "set-context", "opensarlab", "--cluster=test-account")
    before = config_of(person).read_text()

    finished = person.run("kubeconfig", "opensarlab")

    assert finished.code == 2
    assert "--context" in finished.err
    assert config_of(person).read_text() == before
    assert person.run("kubeconfig", "opensarlab", "--context", "prod").code == 0
    assert set(named(view(person), "contexts")) == {"opensarlab", "prod"}


@pytest.mark.parametrize(
    "names",
    [("one", "two"), ("one", "missing"), ("missing", "two"), ("missing", "gone"), ("", "two"), ("one", "", "one")],
    ids="+".join,
)
def test_of_a_list_of_files_the_same_one_changes_as_by_kubectl(person: Person, tmp_path: Path, names: tuple[str, ...]) -> None:
    changed = []
    for who in ("kubectl", "hubplane"):
        folder = tmp_path / who
        folder.mkdir()
        for name in ("one", "two"):
            (folder / name).write_text(OTHERS.replace("12:30", f"context-{name}").replace("007", "x"))
        variable = os.pathsep.join(str(folder / name) if name else "" for name in names)
        before = {path.name: path.read_text() for path in folder.iterdir()}
        if who == "kubectl":
            kubectl(person, "config", "set-cluster", CLUSTER_ARN, "--server=https://x", KUBECONFIG=variable)
        else:
            person.run("kubeconfig", "opensarlab", "--keep-context", KUBECONFIG=variable)
        changed.append({path.name for path in folder.iterdir() if before.get(path.name) != path.read_text()})

    assert changed[0] == changed[1]
    assert len(changed[1]) == 1


def test_an_entry_is_changed_in_the_file_that_has_it(person: Person, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    person.run("kubeconfig", "opensarlab", KUBECONFIG=str(two))
    one.write_text(OTHERS.replace("12:30", "a").replace("007", "x"))
    before = one.read_text()
    two.write_text(two.read_text().replace("https://ABC", "https://OLD"))
    both = f"{one}{os.pathsep}{two}"

    person.run("kubeconfig", "opensarlab", "--keep-context", KUBECONFIG=both)

    assert one.read_text() == before
    assert "https://ABC" in two.read_text()


def test_the_current_context_is_the_one_that_kubectl_reads(person: Person, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for path in (one, two):
        path.write_text(OTHERS.replace("12:30", "a").replace("007", "x"))

    person.run("kubeconfig", "opensarlab", KUBECONFIG=f"{one}{os.pathsep}{two}")

    assert view(person, KUBECONFIG=f"{one}{os.pathsep}{two}")["current-context"] == "opensarlab"


def test_a_symbolic_link_stays_one(person: Person, tmp_path: Path) -> None:
    config_of(person).parent.mkdir()
    config_of(person).symlink_to(tmp_path / "dotfiles-config")

    person.run("kubeconfig", "opensarlab")

    assert config_of(person).is_symlink()
    assert "opensarlab" in (tmp_path / "dotfiles-config").read_text()


@pytest.mark.parametrize("text", ["a: [", "- a list", "plain"], ids=["broken", "list", "scalar"])
def test_what_is_no_kubeconfig_is_left_alone(person: Person, text: str) -> None:
    config_of(person).parent.mkdir()
    config_of(person).write_text(text)

    finished = person.run("kubeconfig", "opensarlab")

    assert finished.code == 2
    assert "stays as it is" in finished.err and "Traceback" not in finished.err
    assert config_of(person).read_text() == text
    assert not Path(f"{config_of(person)}.lock").exists()


def test_two_at_once_lose_nothing(person: Person, aws: StubAws) -> None:
    names = [f"lab{number}" for number in range(4)]
    for name in names:
        aws.eks[name] = {**aws.eks["opensarlab"], "arn": f"arn:aws:eks:us-east-1:{ACCOUNT}:cluster/{name}"}

    runs = [person.popen("kubeconfig", name) for name in names]
    assert [run.wait(timeout=120) for run in runs] == [0, 0, 0, 0]
    for run in runs:
        run.communicate()

    assert set(named(view(person), "contexts")) == set(names)


def test_a_lock_that_stays_is_told(person: Person) -> None:
    config_of(person).parent.mkdir()
    lock = Path(f"{config_of(person)}.lock")
    lock.touch()

    finished = person.run("kubeconfig", "opensarlab")

    assert finished.code == 2
    assert str(lock) in finished.err


def test_a_wrong_name_is_told_with_the_near_one(person: Person) -> None:
    finished = person.run("kubeconfig", "opensarlap")

    assert finished.code == 2
    assert "did you mean opensarlab?" in finished.err
    assert not config_of(person).exists()


def test_a_cluster_that_is_still_being_made_has_no_context(person: Person, aws: StubAws) -> None:
    aws.eks["opensarlab"] = {"arn": CLUSTER_ARN, "status": "CREATING"}

    finished = person.run("kubeconfig", "opensarlab")

    assert finished.code == 2
    assert "CREATING" in finished.err


def test_without_the_aws_cli_it_is_said(person: Person, tmp_path: Path) -> None:
    there = person.run("kubeconfig", "opensarlab")
    missing = person.run("kubeconfig", "opensarlab", PATH=str(tmp_path))

    assert "no program aws" not in there.err
    assert missing.code == 0
    assert "no program aws on your PATH" in missing.err and "getting-started-install" in missing.err


def test_who_has_no_access_entry_hears_what_to_put_into_the_specification(person: Person, aws: StubAws) -> None:
    listed = person.run("kubeconfig", "opensarlab")
    aws.caller = f"arn:aws:sts::{ACCOUNT}:assumed-role/guests/bob"
    unlisted = person.run("kubeconfig", "opensarlab")
    aws.refuse["ListAccessEntries"] = Refusal("AccessDeniedException", "no", 403)
    unknown = person.run("kubeconfig", "opensarlab")

    assert "access entry" not in listed.err + unknown.err
    assert f'{{"principal_arn": "arn:aws:iam::{ACCOUNT}:role/guests", "level": "view"}}' in unlisted.err


@pytest.mark.parametrize(
    ("caller", "principal"),
    [
        ("arn:aws:sts::1:assumed-role/admin/ada", "arn:aws:iam::1:role/admin"),
        ("arn:aws-cn:sts::1:assumed-role/admin/ada", "arn:aws-cn:iam::1:role/admin"),
        ("arn:aws:iam::1:user/ada", "arn:aws:iam::1:user/ada"),
    ],
)
def test_of_a_session_the_role_is_the_principal(caller: str, principal: str) -> None:
    assert principal_of(caller) == principal


def test_no_variable_means_the_file_at_home() -> None:
    assert files_of("", Path("/home/ada")) == [Path("/home/ada/.kube/config")]
