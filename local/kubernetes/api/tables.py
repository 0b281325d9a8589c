"""What ``kubectl get`` prints: Table answers, as the printers of Kubernetes (pkg/printers/internalversion) lay them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from local.kubernetes.api.ages import age
from local.kubernetes.api.columns import COLUMNS, Column
from local.kubernetes.api.resources import Resource

Object = Mapping[str, Any]
_DEFAULT: tuple[Column, ...] = (Column("Name", lambda found: found["metadata"]["name"]),)


def wants_table(accept: str) -> bool:
    """Whether the client asks for a Table, as kubectl get does."""
    return "as=Table" in accept


def table(resource: Resource, items: Sequence[Object], metadata: Object, include: str, *, headers: bool = True) -> dict[str, Any]:
    """The Table of some objects. ``include`` is the query's includeObject: None, Metadata (default) or Object.

    ``headers`` False leaves the column definitions out: a watch sends them with its first event only.
    """
    columns = (*COLUMNS.get(resource.qualified, _DEFAULT), *((_AGE,) if resource.qualified != "events" else ()))
    wide_last = sorted(columns, key=lambda column: column.wide)
    shown = [
        {
            "name": column.name,
            "type": column.type_,
            "format": "name" if column.name == "Name" else "",
            "description": column.name,
            "priority": int(column.wide),
        }
        for column in wide_last
    ]
    rows = [{"cells": [column.cell(item) for column in wide_last], "object": _shown(item, include)} for item in items]
    made: dict[str, Any] = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": dict(metadata)}
    return made | {"columnDefinitions": shown if headers else None, "rows": rows}


def _shown(item: Object, include: str) -> Object | None:
    if include == "Object":
        return item
    if include == "None":
        return None
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]}


_AGE = Column("Age", lambda found: age(found["metadata"].get("creationTimestamp")))
