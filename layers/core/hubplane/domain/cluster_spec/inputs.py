"""The input's two forms, read into one typed document.

Exactly one of ``parameters`` (the 2019 names, all strings) and ``spec`` (the typed form, as an object or as YAML or JSON
text) is given beside ``cluster_name``. The 2019 system kept its storage policy in code, so ``storage_policy`` may stand beside
``parameters``; the typed form has it as ``storage.policy``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hubplane.domain.cluster_spec import documents, legacy
from hubplane.domain.cluster_spec.faults import ABSENT, Finding
from hubplane.domain.cluster_spec.naming import POLICY_PATH, TYPED_NAMES, LegacyNaming, Naming, TypedNaming
from hubplane.domain.cluster_spec.secrecy import names_a_secret
from hubplane.domain.cluster_spec.secret_values import leaked_credentials
from hubplane.domain.cluster_spec.suggestions import nearest

INPUT_NAMES: Final = ("cluster_name", "parameters", "spec", "storage_policy")
_EITHER: Final = "give either parameters (the 2019 names) or spec (the typed form)"


@dataclass(frozen=True, slots=True)
class TypedInput:
    """One typed document, how its places are called, and what was found on the way to it.

    ``found`` are slips of form, ``leaked`` credentials in plain sight. ``complete`` is False where there is nothing but a
    cluster name to judge.
    """

    document: dict[str, Any]
    naming: Naming
    found: tuple[Finding, ...]
    leaked: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    complete: bool = True


def read_input(document: Mapping[Any, Any]) -> TypedInput:
    """The typed document of an execution's input, whatever is wrong with it. Never raises."""
    found = [_unknown(name, value) for name, value in document.items() if name not in INPUT_NAMES]
    name, name_found = (
        documents.plain(document.get("cluster_name", ABSENT), ("cluster_name",)) if "cluster_name" in document else (ABSENT, [])
    )
    found += name_found
    given = [form for form in ("parameters", "spec") if form in document]
    if len(given) == 1 and given[0] == "parameters":
        typed = _from_parameters(name, document["parameters"], document.get("storage_policy", ABSENT))
    elif len(given) == 1:
        typed = _from_spec(name, document["spec"])
        if "storage_policy" in document:
            rule = "belongs to the 2019 form only: write it into spec, as storage.policy"
            found.append(Finding(("storage_policy",), document["storage_policy"], rule))
    else:
        rule = f"must not stand beside parameters: {_EITHER}" if given else f"is missing, and so is parameters: {_EITHER}"
        typed = _nothing(name, Finding(("spec",), document.get("spec", ABSENT), rule, hide=True))
    leaked = (*leaked_credentials(name, ("cluster_name",)), *typed.leaked)
    return TypedInput(typed.document, typed.naming, (*found, *typed.found), leaked, typed.notes, typed.complete)


def _from_parameters(name: Any, parameters: Any, policy: Any) -> TypedInput:
    if not isinstance(parameters, dict):
        return _nothing(
            name, Finding(("parameters",), parameters, "must be an object of 2019 parameter names and strings", hide=True)
        )
    cleaned, found = documents.plain(parameters, ("parameters",))
    translated = legacy.translate(name, cleaned, TYPED_NAMES)
    if policy is not ABSENT:
        plain_policy, policy_found = documents.plain(policy, POLICY_PATH)
        translated.document["storage"] = {"policy": plain_policy}
        found += policy_found
    leaked = leaked_credentials(cleaned, ("parameters",))
    return TypedInput(
        translated.document,
        LegacyNaming(cleaned),
        (*map(_at_home, found), *translated.findings),
        tuple(map(_at_home, leaked)),
        translated.notes,
    )


def _at_home(finding: Finding) -> Finding:
    """What is wrong with a 2019 parameter is kept where its typed field lies, so that nothing is said of it twice."""
    parameter = legacy.BY_NAME.get(str(finding.path[1])) if len(finding.path) > 1 else None
    return Finding(parameter.place, finding.value, finding.rule, hide=finding.hide) if parameter else finding


def _from_spec(name: Any, spec: Any) -> TypedInput:
    if isinstance(spec, str):
        try:
            spec = documents.parse(spec)
        except documents.TextRefused as refusal:
            return _nothing(name, Finding(("spec",), "", f"is no YAML or JSON document: {refusal}", hide=True))
    if not isinstance(spec, dict):
        rule = "must be an object, or one as YAML or JSON text: see docs/cluster-spec.md for its fields"
        return _nothing(name, Finding(("spec",), spec, rule, hide=True))
    cleaned, found = documents.plain(spec)
    inner = cleaned.pop("cluster_name", name)
    if inner != name and name is not ABSENT:
        found.append(
            Finding(("cluster_name",), name, "differs from spec's own cluster_name: make both the same, or leave that one out")
        )
    if name is not ABSENT:
        cleaned = {"cluster_name": name, **cleaned}
    return TypedInput(cleaned, TypedNaming(), tuple(found), tuple(leaked_credentials(cleaned, ())))


def _nothing(name: Any, finding: Finding) -> TypedInput:
    document = {} if name is ABSENT else {"cluster_name": name}
    return TypedInput(document, TypedNaming(), (finding,), complete=False)


def _unknown(name: Any, value: Any) -> Finding:
    if not isinstance(name, str):
        return Finding(("input",), value, "has a name that is no text; put names in quotes", hide=True)
    meant = nearest(name, INPUT_NAMES)
    if name in legacy.BY_NAME:
        hint = f'it belongs into parameters: {{"parameters": {{"{name}": …}}}}'
    elif name in TYPED_NAMES:
        hint = f"it belongs into spec, as {TYPED_NAMES[name]}"
    else:
        hint = f"did you mean {meant}?" if meant else f"those are {', '.join(INPUT_NAMES)}; take it out"
    return Finding((name,), value, f"is no part of the input; {hint}", hide=names_a_secret(name))
