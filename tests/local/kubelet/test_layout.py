"""Container paths lead into the pod's folder, and nothing else is touched."""

from pathlib import Path

import pytest

from local.kubelet.layout import lay_out, map_paths

CONFIG = "/usr/local/etc/jupyterhub/jupyterhub_config.py"
VALUES = "/usr/local/etc/jupyterhub/secret/values.yaml"
POD = {
    "spec": {
        "volumes": [{"name": "pvc", "persistentVolumeClaim": {"claimName": "hub-db-dir"}}, {"name": "config", "configMap": {}}]
    }
}
CONTAINER = {"volumeMounts": [{"name": "pvc", "mountPath": "/srv/jupyterhub"}, {"name": "config", "mountPath": CONFIG}]}


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        pytest.param(f"--config={CONFIG}", "--config=/pods/hub" + CONFIG, id="a mounted file in a flag"),
        pytest.param(
            "/usr/local/etc/jupyterhub/other", "/pods/hub/usr/local/etc/jupyterhub/other", id="a neighbour of a mounted file"
        ),
        pytest.param(
            "sqlite:////srv/jupyterhub/x.sqlite", "sqlite:////volumes/hub-db-dir/x.sqlite", id="the claim in a database URL"
        ),
        pytest.param('f"/usr/local/etc/jupyterhub/{x}"', 'f"/pods/hub/usr/local/etc/jupyterhub/{x}"', id="a format string"),
        pytest.param(
            "/srv/jupyterhub-old /srv/jupyterhub2", "/srv/jupyterhub-old /srv/jupyterhub2", id="a longer name is another path"
        ),
        pytest.param("/home/srv/jupyterhub", "/home/srv/jupyterhub", id="the tail of another path"),
        pytest.param("/etc/passwd", "/etc/passwd", id="the folder of a file right below a top folder is not taken over"),
        pytest.param("/etc/one.conf", "/pods/hub/etc/one.conf", id="that file itself is"),
    ],
)
def test_paths_of_the_pod_are_rewritten_and_no_others(text: str, rewritten: str) -> None:
    files = {CONFIG: b"", VALUES: b"", "/etc/one.conf": b""}
    paths = map_paths(POD, CONTAINER, files, Path("/pods/hub"), Path("/volumes"))
    assert paths.rewrite(text) == rewritten


def test_a_pod_without_a_claim_keeps_its_data_in_its_own_folder() -> None:
    paths = map_paths({"spec": {}}, {}, {}, Path("/pods/hub"), Path("/volumes"))
    assert paths.locate("/srv/jupyterhub/x") == Path("/pods/hub/srv/jupyterhub/x")


def test_mounted_files_are_private_and_name_each_other_by_their_local_paths(tmp_path: Path) -> None:
    files = {
        CONFIG: f"read({VALUES!r})".encode(),
        VALUES: b"secret",
        "/usr/local/etc/jupyterhub/logo": b"\xff\xfe/srv/jupyterhub",
    }
    paths = map_paths(POD, CONTAINER, files, tmp_path / "root", tmp_path / "volumes")
    lay_out(files, paths)
    values = tmp_path / "root" / VALUES.lstrip("/")
    assert (tmp_path / "root" / CONFIG.lstrip("/")).read_text() == f"read('{values}')"
    assert values.read_text() == "secret"
    assert values.stat().st_mode & 0o077 == 0
    assert (tmp_path / "root/usr/local/etc/jupyterhub/logo").read_bytes() == b"\xff\xfe/srv/jupyterhub"


@pytest.mark.parametrize("path", ["relative/file", "/usr/local/etc/../../../outside/file"])
def test_a_file_that_would_leave_the_folder_is_refused(tmp_path: Path, path: str) -> None:
    paths = map_paths(POD, CONTAINER, {path: b""}, tmp_path / "root", tmp_path / "volumes")
    with pytest.raises(ValueError, match="mounted file"):
        lay_out({path: b""}, paths)
