"""One sweep of pages over a Region's volumes and snapshots; never a call per volume or per person. Reads only, resumable.

*Volumes* are asked for by either of the cluster's tag names in one filter (EC2 joins the values of a filter with OR and its
filters with AND, so two filters would ask for volumes with both) and looked at again here, because of the values.

*Snapshots* are all of the account, sieved here. A filter by tag would miss the snapshots of a home's volume that a person or
another tool made without tags, and those decide what is a last copy; a filter by volume costs a call per 200 volumes and misses
the volumes that are gone. The same pages tell how many snapshots are pending in the whole account. The price is the pages of
other snapshots in the account, 1,000 a page.

The client is botocore's, with its signing, retries and errors; only what it parses these two answers with is ``ec2_pages``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any
from xml.etree import ElementTree

import botocore.session
from botocore.config import Config
from botocore.parsers import ResponseParserFactory

from hubplane.domain.provider_errors import translated
from hubplane.domain.storage.ec2_pages import Page, PageReader
from hubplane.domain.storage.records import Snapshot, Volume
from hubplane.domain.storage.tags import CLUSTER_TAG_PREFIX, CSI_CLUSTER_TAG

# EC2 API Reference, "Pagination": 5 to 1,000 items. DescribeVolumes documented 500 as its largest page for years.
SNAPSHOTS_PER_PAGE = 1000
VOLUMES_PER_PAGE = 500
VALUES_PER_FILTER = 200
RETRIES = Config(retries={"mode": "standard", "total_max_attempts": 8})
"""Standard mode waits up to 20 s and knows RequestLimitExceeded; 8 attempts ride out a drained Describe bucket (20 per s)."""


def sweep_client(keep_tag: Callable[[str], bool], **options: Any) -> Any:
    """An EC2 client for the functions below. ``keep_tag``: which tags of a snapshot are kept; ``options``: ``create_client``'s.

    It shares equal texts among all it reads: make one per sweep.
    """
    session = botocore.session.get_session()
    session.register_component("response_parser_factory", _PageParserFactory(PageReader(keep_tag)))
    return session.create_client("ec2", **{"config": RETRIES, **options})


def volume_pages(client: Any, cluster_name: str, token: str | None = None) -> Iterator[Page[Volume]]:
    """Pages of the volumes that carry either of the cluster's tag names, from ``token`` on. A page's token resumes after it."""
    names = [CLUSTER_TAG_PREFIX + cluster_name, CSI_CLUSTER_TAG]
    asked = {"MaxResults": VOLUMES_PER_PAGE, "Filters": [{"Name": "tag-key", "Values": names}]}
    return _pages("describe volumes", client.describe_volumes, "Volumes", asked, token)


def snapshot_pages(client: Any, token: str | None = None) -> Iterator[Page[Snapshot]]:
    """Pages of all snapshots of this account, from ``token`` on."""
    asked = {"MaxResults": SNAPSHOTS_PER_PAGE, "OwnerIds": ["self"]}
    return _pages("describe snapshots", client.describe_snapshots, "Snapshots", asked, token)


def tagged_snapshot_pages(client: Any, cluster_name: str) -> Iterator[Page[Snapshot]]:
    """Pages of the snapshots with either of the cluster's tag names.

    For whoever asks only whether there are fresh copies; it misses what somebody made without tags, so nothing may be deleted
    by it. EC2 has a filter by start time, but documents no wildcard for it.
    """
    filters = [{"Name": "tag-key", "Values": [CLUSTER_TAG_PREFIX + cluster_name, CSI_CLUSTER_TAG]}]
    asked = {"MaxResults": SNAPSHOTS_PER_PAGE, "OwnerIds": ["self"], "Filters": filters}
    return _pages("describe the cluster's snapshots", client.describe_snapshots, "Snapshots", asked, None)


def volumes_by_id(client: Any, volume_ids: Collection[str]) -> tuple[Volume, ...]:
    """Those of these volumes that exist, whatever their tags; 200 a call."""
    ids = sorted(volume_ids)
    found: list[Volume] = []
    for start in range(0, len(ids), VALUES_PER_FILTER):
        # A filter leaves absent ids out, where VolumeIds would refuse the call.
        asked = {
            "MaxResults": VOLUMES_PER_PAGE,
            "Filters": [{"Name": "volume-id", "Values": ids[start : start + VALUES_PER_FILTER]}],
        }
        for page in _pages("describe volumes by id", client.describe_volumes, "Volumes", asked, None):
            found.extend(page.records)
    return tuple(found)


def _pages(doing: str, call: Callable[..., Any], key: str, asked: dict[str, Any], token: str | None) -> Iterator[Page[Any]]:
    while True:
        with translated(doing):
            answer = call(**asked, **({"NextToken": token} if token else {}))
        token = answer.get("NextToken")
        yield Page(answer[key], token)
        if token is None:
            return


class _PageParserFactory(ResponseParserFactory):  # type: ignore[misc]
    """botocore's parsers, with the two answers of a sweep read by a ``PageReader``."""

    def __init__(self, reader: PageReader) -> None:
        super().__init__()
        self._reader = reader

    def create_parser(self, protocol_name: str) -> _PageParser:
        return _PageParser(super().create_parser(protocol_name), self._reader)


class _PageParser:
    """Takes the good answers of the two operations; errors, broken bodies and all else go to botocore's own parser."""

    def __init__(self, parser: Any, reader: PageReader) -> None:
        self._parser = parser
        self._read: dict[str, tuple[str, Callable[[bytes], Page[Any]] | None]] = {
            "DescribeSnapshotsResult": ("Snapshots", reader.snapshots),
            "DescribeVolumesResult": ("Volumes", reader.volumes),
        }

    def parse(self, response: dict[str, Any], shape: Any) -> Any:
        key, read = self._read.get(getattr(shape, "name", ""), ("", None))
        if read is None or response["status_code"] >= 300:
            return self._parser.parse(response, shape)
        try:
            page = read(response["body"])
        except ElementTree.ParseError:
            return self._parser.parse(response, shape)
        metadata = {
            "RequestId": page.request_id,
            "HTTPStatusCode": response["status_code"],
            "HTTPHeaders": {name.lower(): value for name, value in response["headers"].items()},
        }
        token = {"NextToken": page.next_token} if page.next_token else {}
        return {key: page.records, **token, "ResponseMetadata": metadata}
