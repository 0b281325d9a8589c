"""The plan says in sentences what becomes of the homes, and of a stack that is gone already."""

from __future__ import annotations

import pytest

from hubplane.domain.deletion.inputs import Deletion, Homes
from hubplane.domain.deletion.plan import plan_in_sentences
from tests.unit.storage.builders import snapshot, volume


@pytest.mark.parametrize(
    ("homes", "told"),
    [
        (Homes.KEEP_SNAPSHOTS, "delete 1 volume (500 GiB), each on the proof of its snapshot; keep every snapshot"),
        (Homes.KEEP_VOLUMES, "keep 1 volume (500 GiB) and every snapshot"),
        (Homes.DELETE_AFTER_PROOF, "never a last copy"),
    ],
)
def test_each_policy_is_told(homes: Homes, told: str) -> None:
    plan = plan_in_sentences(Deletion("sar", homes), "CREATE_COMPLETE", [volume()], [snapshot()])
    assert told in plan[4]
    assert plan[3] == "delete the stack, which is CREATE_COMPLETE"


def test_a_stack_that_is_gone_is_told() -> None:
    assert plan_in_sentences(Deletion("sar"), None, [], [])[3] == "there is no stack any more"
