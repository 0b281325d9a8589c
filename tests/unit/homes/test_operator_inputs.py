"""Inputs of the machines an operator starts about homes: what is taken, and every fault at once."""

from __future__ import annotations

from typing import Any

import pytest

from hubplane.domain.errors import HomeInputInvalid
from hubplane.domain.homes.operator_inputs import (
    AdoptInput,
    ExpandInput,
    StopInput,
    read_adoption,
    read_expansion,
    read_listing,
    read_stop,
)
from hubplane.domain.machine_inputs import CONSOLE_FIELD

ADA = {"cluster_name": "sar", "username": "ada"}


def test_what_is_left_out_means_the_safe_thing() -> None:
    assert read_stop({**ADA, CONSOLE_FIELD: "arn"}) == StopInput("sar", "ada", None)
    assert read_stop({**ADA, "server_name": ""}) == StopInput("sar", "ada", "")
    assert read_listing({"cluster_name": "sar"}) == "sar"
    assert read_expansion({**ADA, "size_gib": 200}) == ExpandInput("sar", "ada", 200, None, "plan")
    assert read_adoption({"cluster_name": "sar"}) == AdoptInput("sar", "plan")
    approved = {"cluster_name": "sar", "mode": "enforce", "plan_id": "0123456789abcdef", "by": "Grace"}
    assert read_adoption(approved) == AdoptInput("sar", "enforce", "0123456789abcdef", "Grace")


@pytest.mark.parametrize(
    ("read", "document", "faults"),
    [
        (read_stop, [], ["the input is list"]),
        (
            read_stop,
            {"cluster_name": "SAR", "username": " ", "server_name": 1, "x": 1},
            ["SAR", "username", "server_name", '"x"'],
        ),
        (read_listing, {}, ["cluster_name = (absent)"]),
        (read_expansion, ADA, ["size_gib = (absent)"]),
        (read_expansion, {**ADA, "size_gib": "200"}, ['size_gib = "200"']),
        (read_expansion, {**ADA, "size_gib": True}, ["size_gib = True"]),
        (read_expansion, {**ADA, "size_gib": 65537}, ["64 TiB"]),
        (read_expansion, {**ADA, "size_gib": 1, "claim_name": "Claim", "mode": "yes"}, ["claim_name", "mode"]),
        (read_adoption, {"cluster_name": "sar", "mode": "enforce"}, ["plan_id = (absent)", "by = (absent)"]),
        (read_adoption, {"cluster_name": "sar", "plan_id": "x", "by": ""}, ["16 hexadecimal", "by ="]),
    ],
)
def test_every_fault_is_told_at_once(read: Any, document: Any, faults: list[str]) -> None:
    with pytest.raises(HomeInputInvalid) as raised:
        read(document)
    for fault in faults:
        assert fault in str(raised.value)
