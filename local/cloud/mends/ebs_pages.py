"""DescribeVolumes and DescribeSnapshots: pages, their limits, and whose snapshots."""

from __future__ import annotations

import base64
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import ec2

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend, replace_action
from local.cloud.options import ACCOUNT_ID

LARGEST_PAGE = 1000
SMALLEST_PAGE = 5
# Those that the emulator knows; AWS has some more, which nothing here uses.
ATTACHMENT_FILTERS = frozenset(
    f"attachment.{name}" for name in ("instance-id", "device", "status", "attach-time", "delete-on-termination")
)
VOLUME_FILTERS = ATTACHMENT_FILTERS | {
    *("volume-id", "size", "status", "volume-type", "availability-zone", "snapshot-id", "create-time", "encrypted"),
    "multi-attach-enabled",
}
SNAPSHOT_FILTERS = frozenset(
    {
        *("snapshot-id", "volume-id", "volume-size", "status", "start-time", "progress", "owner-id", "description"),
        *("storage-tier", "encrypted"),
    }
)
TAG_FILTERS = frozenset({"tag-key", "tag-value"})
VALUES_PER_FILTER = 200  # EC2 User Guide, "List and filter using the CLI and API"


@dataclass(frozen=True)
class _Kind:
    """What the two operations differ in."""

    operation: str
    records: Any
    id_name: str
    set_name: str
    not_found: str
    filters: frozenset[str]
    matches: Callable[[Any, Any], bool]
    xml: Callable[[Any], str]


@mend
def ebs_pages(cloud: Cloud, gateway: Gateway) -> None:
    """DescribeVolumes and DescribeSnapshots ignore ``MaxResults`` and ``NextToken``, take any filter, and
    ``OwnerIds=["self"]`` answers everybody's snapshots.

    With this they answer pages, in the order of ids, and refuse what EC2 refuses: page sizes outside 5 to 1,000, ids and page
    size at once, a made-up token, more than 200 values, a filter that does not exist.
    """
    volumes = _Kind(
        operation="DescribeVolumes",
        records=ec2._volumes,
        id_name="VolumeId",
        set_name="volumeSet",
        not_found="InvalidVolume.NotFound",
        filters=VOLUME_FILTERS | TAG_FILTERS,
        matches=ec2._volume_matches_filters,
        xml=ec2._volume_inner_xml,
    )
    snapshots = _Kind(
        operation="DescribeSnapshots",
        records=ec2._snapshots,
        id_name="SnapshotId",
        set_name="snapshotSet",
        not_found="InvalidSnapshot.NotFound",
        filters=SNAPSHOT_FILTERS | TAG_FILTERS,
        matches=ec2._snapshot_matches_filters,
        xml=ec2._snapshot_inner_xml,
    )
    for kind, original in ((volumes, ec2._describe_volumes), (snapshots, ec2._describe_snapshots)):
        replace_action(ec2, original, lambda parameters, kind=kind: _describe(kind, parameters))


def _describe(kind: _Kind, parameters: dict[str, Any]) -> Any:
    ids, filters = ec2._parse_member_list(parameters, kind.id_name), ec2._parse_filters(parameters)
    owners = [ACCOUNT_ID if owner == "self" else owner for owner in ec2._parse_member_list(parameters, "Owner")]
    size, token = ec2._p(parameters, "MaxResults"), ec2._p(parameters, "NextToken")
    refused = _refusal(kind, ids, filters, size) or next((_gone(kind, item) for item in ids if item not in kind.records), None)
    if refused:
        return ec2._error(*refused, 400)
    ordered = sorted(set(ids) or kind.records)
    if token:
        try:
            ordered = ordered[bisect_right(ordered, _last_id(kind, token)) :]
        except ValueError:
            return ec2._error("InvalidPaginationToken", "The specified pagination token is not valid or is expired.", 400)
    most, page, more = int(size or 0) or len(ordered), [], False
    for record_id in ordered:
        record = kind.records.get(record_id)
        if record is None or not (ec2._resource_matches_tag_filters(record_id, filters) and kind.matches(record, filters)):
            continue
        if owners and record["OwnerId"] not in owners:
            continue
        if len(page) == most:
            more = True
            break
        page.append(record)
    items = "".join(f"<item>{kind.xml(record)}</item>" for record in page)
    following = f"<nextToken>{_token(kind, page[-1][kind.id_name])}</nextToken>" if more else ""
    return ec2._xml(200, f"{kind.operation}Response", f"<{kind.set_name}>{items}</{kind.set_name}>{following}")


def _refusal(kind: _Kind, ids: list[str], filters: dict[str, list[str]], size: str) -> tuple[str, str] | None:
    if size and ids:
        message = f"The parameter {kind.set_name} cannot be used with the parameter maxResults"
        return "InvalidParameterCombination", message
    if size and not (size.isdigit() and SMALLEST_PAGE <= int(size) <= LARGEST_PAGE):
        message = f"Value ( {escape(size)} ) for parameter maxResults is invalid. Expecting a value from {SMALLEST_PAGE} to "
        return "InvalidParameterValue", f"{message}{LARGEST_PAGE}."
    for name, values in filters.items():
        if len(values) > VALUES_PER_FILTER:
            message = f"The maximum number of filter values specified on a single call is {VALUES_PER_FILTER}"
            return "FilterLimitExceeded", message
        if name not in kind.filters and not name.startswith("tag:"):
            return "InvalidParameterValue", f"The filter '{escape(name)}' is invalid"
    return None


def _gone(kind: _Kind, record_id: str) -> tuple[str, str]:
    what = kind.id_name.removesuffix("Id").lower()
    return kind.not_found, f"The {what} '{escape(record_id)}' does not exist."


def _token(kind: _Kind, last_id: str) -> str:
    return base64.urlsafe_b64encode(f"{kind.operation} {last_id}".encode()).decode()


def _last_id(kind: _Kind, token: str) -> str:
    operation, _, last_id = base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode().partition(" ")
    if operation != kind.operation or not last_id:
        raise ValueError("a token of another operation")
    return last_id
