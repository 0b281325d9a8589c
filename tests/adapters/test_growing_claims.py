"""Quantities of Kubernetes in whole GiB."""

from __future__ import annotations

import pytest

from hubplane.adapters.growing_claims import gib_of


@pytest.mark.parametrize(
    ("quantity", "up", "down"),
    [
        ("500Gi", 500, 500),
        ("1Ti", 1024, 1024),
        ("1.5Gi", 2, 1),
        ("10G", 10, 9),
        ("10737418240", 10, 10),
        ("10737418241", 11, 10),
        ("1024Mi", 1, 1),
        ("1e9", 1, 0),
    ],
)
def test_quantities(quantity: str, up: int, down: int) -> None:
    assert (gib_of(quantity), gib_of(quantity, up=False)) == (up, down)


@pytest.mark.parametrize("quantity", ["", "Gi", "ten", "10Xi"])
def test_what_is_no_quantity_is_refused(quantity: str) -> None:
    with pytest.raises(ValueError, match="is no quantity"):
        gib_of(quantity)
