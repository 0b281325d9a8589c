"""Writes the tables of docs/cluster-spec.md from schema.json, the 2019 parameters and the dated list of EKS versions.

``python docs/cluster_spec_tables.py`` rewrites what stands between ``<!-- name -->`` and ``<!-- end of name -->``; a test
fails while the page is out of step.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hubplane.domain.cluster_spec.eks_versions import CHECKED_ON, EKS_VERSIONS
from hubplane.domain.cluster_spec.legacy import PARAMETERS, dotted
from hubplane.domain.cluster_spec.name_limits import CLUSTER_NAME_LIMITS, GROUP_NAME_LIMITS, NameLimit
from hubplane.domain.cluster_spec.schema import SCHEMA, properties_by_path

PAGE = Path(__file__).with_name("cluster-spec.md")


def fields() -> str:
    """Every field of the typed form: what it is, its default, and the rule that is said when it is broken."""
    rows = [
        (f"`{path}`", child["description"], _default(path, child), f"{child['x-rule']}.")
        for path, child in properties_by_path().items()
    ]
    for path in ("node_groups[].labels", "tags"):
        child = properties_by_path()[path]
        rows.append((f"names in `{path}`", "Name of one entry.", "", f"{child['propertyNames']['x-rule']}."))
        rows.append((f"values in `{path}`", "Value of one entry.", "", f"{child['additionalProperties']['x-rule']}."))
    for path, child in properties_by_path().items():
        if child.get("items", {}).get("type") == "string":
            rows.append((f"items of `{path}`", child["items"]["description"], "", f"{child['items']['x-rule']}."))
    return _table(("field", "what it is", "default", "rule"), rows)


def migration() -> str:
    """Every parameter of 2019, where it went, and what changed."""
    rows = [
        (f"`{item.name}`", f"`{dotted(item.path)}`" if item.path else "none", _legacy_default(item.default), item.note)
        for item in PARAMETERS
    ]
    return _table(("2019 parameter", "typed field", "default", "note"), rows)


def versions() -> str:
    """The Kubernetes versions that are accepted."""
    rows = [(f"`{name}`", str(item.standard_until), str(item.extended_until)) for name, item in EKS_VERSIONS.items()]
    return f"As of {CHECKED_ON}:\n\n" + _table(("version", "standard support until", "extended support until"), rows)


def names() -> str:
    """How long names may be, and why."""
    rows = [(item.resource, f"`{_angled(item.pattern)}`", str(item.longest), _room(item)) for item in CLUSTER_NAME_LIMITS]
    rows += [(item.resource, f"`{_angled(item.pattern)}`", str(item.longest), "depends on both") for item in GROUP_NAME_LIMITS]
    return _table(("resource", "name", "ends at", "longest cluster name"), rows)


def _room(limit: NameLimit) -> str:
    return str(limit.room_for("cluster", port="30052"))


def _angled(pattern: str) -> str:
    return pattern.replace("{", "<").replace("}", ">")


def _default(path: str, child: Mapping[str, Any]) -> str:
    if "default" in child:
        return f"`{json.dumps(child['default'])}`"
    parent: Any = SCHEMA
    for part in path.split(".")[:-1]:
        parent = parent["properties"][part.removesuffix("[]")]
        parent = parent.get("items", parent) if part.endswith("[]") else parent
    return "required" if path.rpartition(".")[2] in parent.get("required", []) else ""


def _legacy_default(default: str | None) -> str:
    return "required" if default is None else f'`"{default}"`'


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


TABLES = {"fields": fields, "migration": migration, "versions": versions, "names": names}


def with_tables(page: str) -> str:
    """The page with every table written anew. Raises ``KeyError`` for a marker that names no table."""
    return re.sub(
        r"<!-- (\w+) -->\n.*?<!-- end of \1 -->",
        lambda match: f"<!-- {match[1]} -->\n{TABLES[match[1]]()}\n<!-- end of {match[1]} -->",
        page,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
