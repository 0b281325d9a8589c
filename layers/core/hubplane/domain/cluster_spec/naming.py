"""The same place, called by the name that the person used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from hubplane.domain.cluster_spec.faults import Fault, Finding, Path, path_text, shown
from hubplane.domain.cluster_spec.legacy import BY_NAME, PARAMETERS, dotted
from hubplane.domain.cluster_spec.schema import properties_by_path
from hubplane.domain.cluster_spec.suggestions import nearest, same_letters

POLICY_PATH: Final[Path] = ("storage", "policy")


class Naming(Protocol):
    """How one of the two forms calls a place of the typed document, and what stood there."""

    def field(self, path: Path) -> str: ...
    def value(self, finding: Finding) -> Any: ...


class TypedNaming:
    """``node_groups[0].max_size``."""

    def field(self, path: Path) -> str:
        return path_text(path)

    def value(self, finding: Finding) -> Any:
        return finding.value


class LegacyNaming:
    """``NodeAutoScalingGroupMaxSize``, with the string that was given; of a list the item that is meant."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        self._parameters = parameters

    def field(self, path: Path) -> str:
        if path[:2] == POLICY_PATH:
            return path_text(("storage_policy", *path[2:]))
        name = self._name(path)
        return name if name is not None else path_text(path[1:] if path[:1] == ("parameters",) and len(path) > 1 else path)

    def value(self, finding: Finding) -> Any:
        name = self._name(finding.path)
        if name is None or name not in self._parameters or BY_NAME[name].path != finding.path:
            return finding.value
        given = self._parameters[name]
        # A list's duplicate is one of its items, found by the schema; the whole string would not show which.
        return finding.value if isinstance(finding.value, str) and finding.value != given else given

    @staticmethod
    def _name(path: Path) -> str | None:
        for parameter in PARAMETERS:
            if parameter.path and path[: len(parameter.path)] == parameter.path:
                return parameter.name
        return None


def fault(finding: Finding, naming: Naming) -> Fault:
    """The finding in the words of the form that was used, its value hidden where it has to be."""
    return Fault(naming.field(finding.path), shown(naming.value(finding), hide=finding.hide), finding.rule)


def _typed_names() -> dict[str, str]:
    """Every typed path, and every last name that only one path ends in, to its path."""
    paths = list(properties_by_path())
    leaves = [path.rpartition(".")[2] for path in paths]
    return {leaf: path for leaf, path in zip(leaves, paths, strict=True) if leaves.count(leaf) == 1} | {
        path: path for path in paths
    }


TYPED_NAMES: Final[Mapping[str, str]] = _typed_names()


def suggest_typed(path: Path, name: str) -> str:
    """What to say of a name that the typed form does not have at this place."""
    here = dotted(path)
    siblings = [item.rpartition(".")[2] for item in TYPED_NAMES.values() if item.rpartition(".")[0] == here]
    legacy = BY_NAME.get(name) or BY_NAME.get(same_letters(name, BY_NAME) or "")
    close = same_letters(name, siblings) or nearest(name, siblings)
    if legacy is not None and close is None:
        today = f"in the typed form it is {dotted(legacy.path)}" if legacy.path else "it is no longer used, leave it out"
        return f"is a name of the 2019 form; {today}"
    if close is not None:
        return f"is no field of {here or 'the specification'}; did you mean {close}?"
    elsewhere = TYPED_NAMES.get(name)
    if elsewhere is not None:
        return f"is no field of {here or 'the specification'}; it belongs to {elsewhere}"
    far = nearest(name, TYPED_NAMES)
    hint = f"did you mean {TYPED_NAMES[far]}?" if far else f"its fields are {', '.join(dict.fromkeys(siblings))}; take it out"
    return f"is no field of {here or 'the specification'}; {hint}"
