"""The execution's input becomes a typed specification, or every one of its faults is named at once.

Event: the input of ``build_cluster`` (``cluster_name`` and either ``parameters`` or ``spec``), and ``execution_arn``.
Result: ``cluster_name``, ``spec`` with every default filled in, ``notes``, and no ``changes``, ever. Ends with ``SpecInvalid``.
"""

from __future__ import annotations

from datetime import UTC, datetime

from hubplane.domain.cluster_spec.model import spec_to_json
from hubplane.domain.cluster_spec.validation import validate
from hubplane.entrypoint import Event, Result, task


@task
def handler(event: Event) -> Result:
    """Nothing outside is read or changed, so it can be repeated."""
    document = {name: value for name, value in event.items() if name != "execution_arn"}
    validated = validate(document, today=datetime.now(UTC).date())
    form = "the 2019 parameters" if "parameters" in event else "the typed form"
    return {
        "cluster_name": validated.spec.cluster_name,
        "spec": spec_to_json(validated.spec),
        "notes": list(validated.notes),
        "changes": [],
        "reason": f"every rule holds for {validated.spec.cluster_name}, read from {form}",
    }
