"""What a mail and a record tell of what stays: of many snapshots the sum, of other things each."""

from __future__ import annotations

from hubplane.domain.deletion.listing import lines_of, summary_of
from hubplane.domain.deletion.things import Kind, Verdict, verdict_to_json


def listing(*verdicts: Verdict) -> dict[str, object]:
    usd = sum(item.usd_per_month for item in verdicts)
    return {"things": [verdict_to_json(item) for item in verdicts], "usd_per_month": usd}


def test_many_of_one_reason_are_one_line_with_their_sum() -> None:
    many = [Verdict(Kind.SNAPSHOT, f"snap-{number}", False, "Kept: homes = keep-snapshots.", 25.0) for number in range(300)]
    waits = Verdict(Kind.SECURITY_GROUP, "sg-1", True, "Not gone yet: it is worn.")
    whole = listing(*many, waits)
    assert lines_of(whole) == [
        "300 snapshots, at most 7500.00 USD a month: Kept",
        "security group sg-1, free of charge: Not gone yet: it is worn.",
    ]
    assert summary_of(whole, "key") == {
        "kept": {"security group": 1, "snapshot": 300},
        "unfinished": 1,
        "usd_per_month": 7500.0,
        "listing_key": "key",
    }


def test_a_long_list_of_things_ends_with_a_number() -> None:
    many = [Verdict(Kind.SECRET, f"s{number}", False, "Kept: x.", 0.4) for number in range(25)]
    assert lines_of(listing(*many))[-1] == "and 5 more, see the listing"
