"""The script that CodeBuild runs, with docker, aws and git standing in and writing down how they were called."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

SPEC = yaml.safe_load(Path("hub/buildspec.yml").read_text())
HUB = {
    "IMAGE_REPOSITORY": "111122223333.dkr.ecr.us-east-1.amazonaws.com/hubplane/lab/hub",
    "IMAGE_TAG": "4.4.0-abc",
    "BASE_IMAGE": "quay.io/jupyterhub/k8s-hub:4.4.0",
    "JUPYTERHUB_VERSION": "5.5.0",
}
NOTEBOOK = {
    "IMAGE_REPOSITORY": "111122223333.dkr.ecr.us-east-1.amazonaws.com/hubplane/lab/notebook",
    "IMAGE_TAG": "v 1",
    "BASE_IMAGE": "",
    "GIT_REPOSITORY_URL": "https://git.example/labs",
    "GIT_REF": "v1",
    "SOURCE_DIRECTORY": "images/my lab",
}
AWS = """case "$*" in
  *batch-get-image*) echo "${FOUND:-0}" ;;
  *get-login-password*) echo planted-password ;;
esac"""
DOCKER = """case "$1" in login) cat >/dev/null ;; build) exit "${BUILD_FAILS:-0}" ;; esac"""
GIT = """case "$*" in
  *rev-parse*origin/*) [ "${IS_BRANCH:-}" ] && echo branch-commit ;;
  *rev-parse*) echo tag-commit ;;
esac"""


def run(tmp_path: Path, **variables: str) -> tuple[int, list[list[str]]]:
    """(exit code, the calls as argument lists without those to aws)."""
    for name, body in {"aws": AWS, "docker": DOCKER, "git": GIT}.items():
        program = tmp_path / name
        program.write_text(f'#!/bin/bash\nprintf "%s\\0" {name} "$@" >>"{tmp_path}/calls"; echo >>"{tmp_path}/calls"\n{body}\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    script = "\n".join(SPEC["phases"]["build"]["commands"])
    environment = {**variables, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], check=False, env=environment, cwd=tmp_path, capture_output=True, text=True)
    lines = (tmp_path / "calls").read_text().splitlines()
    calls = [line.rstrip("\0").split("\0") for line in lines]
    assert "planted-password" not in done.stdout + done.stderr + "".join(lines)
    return done.returncode, [call for call in calls if call[0] != "aws"]


def test_the_hub_is_built_from_the_unpacked_source_and_pushed(tmp_path: Path) -> None:
    image = f"{HUB['IMAGE_REPOSITORY']}:4.4.0-abc"
    code, calls = run(tmp_path, **HUB)
    assert code == 0
    assert [call[:2] for call in calls] == [["docker", "login"], ["docker", "build"], ["docker", "push"]]
    assert calls[0][-1] == "111122223333.dkr.ecr.us-east-1.amazonaws.com"
    assert calls[1][-1] == "."
    for pair in (
        ["--tag", image],
        ["--build-arg", f"BASE_IMAGE={HUB['BASE_IMAGE']}"],
        ["--label", "hubplane.jupyterhub-version=5.5.0"],
    ):
        assert any(calls[1][at : at + 2] == pair for at in range(len(calls[1]))), pair
    assert calls[2] == ["docker", "push", image]


def test_a_tag_that_is_there_already_is_not_built(tmp_path: Path) -> None:
    assert run(tmp_path, **HUB, FOUND="1") == (0, [])


def test_a_failed_build_is_not_pushed_and_fails_the_run(tmp_path: Path) -> None:
    code, calls = run(tmp_path, **HUB, BUILD_FAILS="7")
    assert (code, calls[-1][1]) == (7, "build")


@pytest.mark.parametrize(
    ("is_branch", "commit"),
    [pytest.param("yes", "branch-commit", id="branch"), pytest.param("", "tag-commit", id="tag-or-commit")],
)
def test_a_notebook_image_is_built_from_its_git_source(tmp_path: Path, is_branch: str, commit: str) -> None:
    code, calls = run(tmp_path, **NOTEBOOK, IS_BRANCH=is_branch)
    assert code == 0
    assert ["git", "clone", "--quiet", "--filter=blob:none", "--", "https://git.example/labs", "source"] in calls
    assert ["git", "-C", "source", "checkout", "--quiet", "--detach", commit] in calls
    build = next(call for call in calls if call[:2] == ["docker", "build"])
    assert build[-1] == "source/images/my lab"
    assert f"org.opencontainers.image.revision={commit}" in build
    assert not [item for item in build if item.startswith("BASE_IMAGE")]


def test_the_dockerfile_ends_as_the_hubs_user_and_pins_what_it_adds() -> None:
    lines = Path("hub/Dockerfile").read_text().splitlines()
    assert not [line for line in lines if line.startswith("USER")]
    requirements = [line for line in Path("hub/requirements.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert [line for line in requirements if "==" not in line] == []
    assert any(line.startswith("boto3==") for line in requirements)
