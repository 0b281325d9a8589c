"""Kubernetes quantities: "10Gi", "500m", "1e3"."""

from __future__ import annotations

import re
from decimal import Decimal

_FACTORS = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10) ** 3,
    "M": Decimal(10) ** 6,
    "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12,
    "P": Decimal(10) ** 15,
    "Ki": Decimal(2) ** 10,
    "Mi": Decimal(2) ** 20,
    "Gi": Decimal(2) ** 30,
    "Ti": Decimal(2) ** 40,
    "Pi": Decimal(2) ** 50,
}
_FORM = re.compile(r"^([+-]?[0-9.]+)(?:[eE]([+-]?[0-9]+)|([numkMGTP]|[KMGTP]i)?)$")
GIB = Decimal(2) ** 30


def amount(text: str | int | float) -> Decimal:
    """The number a quantity stands for. Raises ``ValueError`` for anything else."""
    match = _FORM.match(str(text))
    if not match:
        raise ValueError(f"quantity {text!r}: not a number with a unit such as Gi or m")
    digits, exponent, unit = match.groups()
    return Decimal(digits) * (Decimal(10) ** int(exponent) if exponent else _FACTORS[unit or ""])


def size_gib(text: str | int) -> int:
    """Whole GiB, rounded up: what EBS can make for a request of this size."""
    return int(-(-amount(text) // GIB))
