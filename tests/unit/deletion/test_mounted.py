"""A cluster is not taken apart while it mounts a volume that does not say that it is its."""

from __future__ import annotations

import pytest

from hubplane.domain.deletion.mounted import refuse_strangers
from hubplane.domain.errors import HomeNotProved


def test_a_mounted_volume_without_the_cluster_s_tags_is_named_with_what_to_do() -> None:
    with pytest.raises(HomeNotProved, match=r"vol-2 \(persistent volume pv-2\), without its tags.*Key=kubernetes.io/cluster/sar"):
        refuse_strangers({"vol-1": "pv-1", "vol-2": "pv-2"}, {"vol-2"}, "sar")


def test_what_ec2_does_not_have_any_more_is_no_home() -> None:
    refuse_strangers({"vol-1": "pv-1"}, set(), "sar")
