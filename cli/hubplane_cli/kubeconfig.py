"""Writes one cluster, user and context into kubeconfig files by kubectl's own rules, and leaves all else as it was written.

The rules are those of client-go (tools/clientcmd/config.go, ``ModifyConfig``, and loader.go): of a list of files the first one
that has an entry wins, so it is changed there; a new entry goes into the first file that exists, else into the last of the list;
a lock file next to a file keeps kubectl away meanwhile. Files are changed as YAML nodes, so that nothing of others is
reinterpreted: a name such as ``12:30`` stays what it is. Comments are lost, as they are by kubectl.
"""

from __future__ import annotations

import io
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hubplane_cli.errors import WrongUse

_KINDS = {"clusters": "cluster", "users": "user", "contexts": "context"}
_LOCK_SECONDS = 5.0
"""kubectl gives up at once; a person who runs two commands is better served by a moment's patience."""


@dataclass(frozen=True)
class Access:
    """What goes into the files: names, and the body of each entry."""

    context: str
    cluster: str
    user: str
    cluster_body: Mapping[str, Any]
    user_body: Mapping[str, Any]
    namespace: str

    def entries(self) -> tuple[tuple[str, str, Mapping[str, Any]], ...]:
        """(list, name, body) of each entry."""
        context = {"cluster": self.cluster, "user": self.user, "namespace": self.namespace}
        return (
            ("clusters", self.cluster, self.cluster_body),
            ("users", self.user, self.user_body),
            ("contexts", self.context, context),
        )


def files_of(variable: str | None, home: Path) -> list[Path]:
    """The files that KUBECONFIG names, or ``~/.kube/config``; empty parts count for nothing."""
    named = [Path(part) for part in (variable or "").split(os.pathsep) if part]
    return list(dict.fromkeys(named)) or [home / ".kube" / "config"]


def write(files: Sequence[Path], access: Access, make_current: bool) -> list[Path]:
    """Put ``access`` into ``files``; those that changed. Each is written at once or not at all, with mode 0600. Repeatable.

    Raises ``WrongUse`` where a file is no kubeconfig, is being written by somebody else, or has another cluster's context of
    that name.
    """
    with _locked(files):
        documents = {file: _read(file) for file in files}
        _refuse_anothers_context(documents, access)
        default = next((file for file in files if documents[file] is not None), files[-1])
        for kind, name, body in access.entries():
            place = next((file for file in files if _find(documents[file], kind, name) is not None), default)
            documents[place] = _with_entry(documents[place], kind, name, body)
        if make_current:
            place = next((file for file in files if _scalar(documents[file], "current-context")), default)
            documents[place] = _with_scalar(documents[place], "current-context", access.context)
        changed = []
        for file, document in documents.items():
            if document is not None and (text := _text(document)) != (_text(before) if (before := _read(file)) else ""):
                _replace(file, text)
                changed.append(file)
        for file in files:
            if documents[file] is not None:
                file.chmod(0o600)
    return changed


def _read(file: Path) -> yaml.MappingNode | None:
    """The file's document; None where there is no such file."""
    try:
        node = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise WrongUse(f"{file} cannot be read as a kubeconfig, and stays as it is: {error}") from error
    if node is None:
        return _empty()
    if not isinstance(node, yaml.MappingNode):
        raise WrongUse(f"{file} is no kubeconfig, and stays as it is")
    return node


def _empty() -> yaml.MappingNode:
    start = {"apiVersion": "v1", "kind": "Config", "clusters": [], "contexts": [], "users": []}
    node = _node(start)
    assert isinstance(node, yaml.MappingNode)  # noqa: S101 (a mapping is a mapping)
    return node


def _refuse_anothers_context(documents: Mapping[Path, yaml.MappingNode | None], access: Access) -> None:
    for file, document in documents.items():
        found = _find(document, "contexts", access.context)
        if found is None:
            continue
        body = yaml.SafeLoader("")
        cluster = (body.construct_document(found) or {}).get("context", {}).get("cluster")
        if cluster != access.cluster:
            raise WrongUse(
                f"{file} has a context {access.context} already, of another cluster ({cluster}): "
                "give a name of its own with --context"
            )
        return


def _value(document: yaml.MappingNode | None, key: str) -> yaml.Node | None:
    pairs = document.value if document is not None else []
    return next((value for name, value in pairs if name.value == key), None)


def _scalar(document: yaml.MappingNode | None, key: str) -> str:
    node = _value(document, key)
    return str(node.value) if isinstance(node, yaml.ScalarNode) and node.tag != "tag:yaml.org,2002:null" else ""


def _find(document: yaml.MappingNode | None, kind: str, name: str) -> yaml.MappingNode | None:
    entries = _value(document, kind)
    for entry in entries.value if isinstance(entries, yaml.SequenceNode) else []:
        if isinstance(entry, yaml.MappingNode) and _scalar(entry, "name") == name:
            return entry
    return None


def _with_entry(document: yaml.MappingNode | None, kind: str, name: str, body: Mapping[str, Any]) -> yaml.MappingNode:
    document = document or _empty()
    entry = _node({"name": name, _KINDS[kind]: dict(body)})
    entries = _value(document, kind)
    if not isinstance(entries, yaml.SequenceNode):
        document.value = [pair for pair in document.value if pair[0].value != kind]
        entries = yaml.SequenceNode("tag:yaml.org,2002:seq", [], flow_style=False)
        document.value.append((_node(kind), entries))
    found = _find(document, kind, name)
    if found is None:
        entries.value.append(entry)
        entries.flow_style = False
    else:
        entries.value[entries.value.index(found)] = entry
    return document


def _with_scalar(document: yaml.MappingNode | None, key: str, value: str) -> yaml.MappingNode:
    document = document or _empty()
    document.value = [*(pair for pair in document.value if pair[0].value != key), (_node(key), _node(value))]
    return document


def _node(value: Any) -> yaml.Node:
    return yaml.SafeDumper(io.StringIO(), default_flow_style=False, sort_keys=False).represent_data(value)


def _text(document: yaml.Node) -> str:
    text: str = yaml.serialize(document, Dumper=yaml.SafeDumper, allow_unicode=True, width=4096)
    return text


def _replace(file: Path, text: str) -> None:
    """Write ``text`` beside the file and move it there; a symbolic link stays a link."""
    target = Path(os.path.realpath(file))
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as beside:  # mkstemp makes it 0600
            beside.write(text)
            beside.flush()
            os.fsync(beside.fileno())
        Path(name).replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise


@contextmanager
def _locked(files: Sequence[Path]) -> Iterator[None]:
    """Hold kubectl's lock (``<file>.lock``) on each file, in one order for everybody."""
    held: list[Path] = []
    try:
        for file in sorted(files):
            lock = Path(f"{file}.lock")
            lock.parent.mkdir(parents=True, exist_ok=True)
            _take(lock)
            held.append(lock)
        yield
    finally:
        for lock in held:
            lock.unlink(missing_ok=True)


def _take(lock: Path) -> None:
    give_up_at = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL, 0o600))
            return
        except FileExistsError:
            if time.monotonic() > give_up_at:
                raise WrongUse(
                    f"another program writes this kubeconfig; if none does, delete {lock} and repeat the command"
                ) from None
            time.sleep(0.05)
        except OSError as error:
            raise WrongUse(f"cannot write beside {lock}: {error}") from error
