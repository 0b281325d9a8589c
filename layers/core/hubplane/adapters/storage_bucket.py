"""The storage bucket: what the functions of a night hand on to each other, and what outlives the night. Names are its contract.

::

    <prefix>volumes-00001.jsonl.gz, snapshots-00001.jsonl.gz, cluster.json.gz      the inventory (``prefix``: the run's)
    <prefix><step>/plan.jsonl.gz                                                   one line per volume or snapshot
    <prefix><step>/warnings.jsonl.gz                                               mails that are due
    <prefix><step>/batches.json, batches/00001.jsonl.gz                            up to 200 changes each, in plan order
    <prefix><step>/stop-<hash>.json                                                what a person is asked to approve
    <prefix><step>/outcomes/<batch>.jsonl.gz                                       what became of them
    sightings/<cluster>.json.gz                                                    what the control plane saw of each volume
    reports/<cluster>/<night>.html, <night>.json, history.json                     the report (``functions/write_storage_report``)

A key that ends in ``.gz`` is packed. Reads and writes of whole objects, so all can be repeated.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from hubplane.domain.errors import ProviderError
from hubplane.domain.provider_errors import error_code, translated
from hubplane.domain.storage.documents import (
    SweptCluster,
    cluster_from_json,
    cluster_to_json,
    record_from_json,
    record_to_json,
    snapshot_from_json,
    volume_from_json,
)
from hubplane.domain.storage.jsonlines import LineWriter, read_lines
from hubplane.domain.storage.records import Inventory, Sighting, Snapshot, Volume
from hubplane.domain.storage.sharing import Sharing

ABSENT = frozenset({"NoSuchKey", "404", "NotFound"})


class StorageBucket:
    """One bucket; ``client`` is a boto3 S3 client. Errors are ``Throttled`` and ``ProviderError``.

    A role that may read absent keys needs ``s3:ListBucket``: without it S3 answers 403, not 404.
    """

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    # -- the inventory of a run -----------------------------------------------------------------------------------------------

    def put_page(self, prefix: str, kind: str, number: int, lines: LineWriter) -> None:
        """Page ``number`` (from 1) of ``kind`` (``volumes`` or ``snapshots``)."""
        self._put(_page_key(prefix, kind, number), lines.body())

    def volumes(self, prefix: str, pages: int, sharing: Sharing | None = None) -> Iterator[Volume]:
        """The volumes of the first ``pages`` pages."""
        sharing = sharing or Sharing()
        for number in range(1, pages + 1):
            for document in self.lines(_page_key(prefix, "volumes", number)):
                yield volume_from_json(document, sharing)

    def snapshots(self, prefix: str, pages: int, sharing: Sharing | None = None) -> Iterator[Snapshot]:
        """The snapshots of the first ``pages`` pages."""
        sharing = sharing or Sharing()
        for number in range(1, pages + 1):
            for document in self.lines(_page_key(prefix, "snapshots", number)):
                yield snapshot_from_json(document, sharing)

    def put_cluster(self, prefix: str, swept: SweptCluster) -> None:
        """What makes the inventory whole; written last."""
        self.put_json(f"{prefix}cluster.json.gz", cluster_to_json(swept))

    def cluster(self, prefix: str) -> SweptCluster:
        """The rest of the inventory and how many pages it has. ``ProviderError`` where no sweep of the run was whole."""
        document = self.json(f"{prefix}cluster.json.gz")
        if document is None:
            raise ProviderError(f"s3://{self._bucket}/{prefix}cluster.json.gz is missing: the sweep of this run did not end")
        return cluster_from_json(document)

    def inventory(self, prefix: str) -> Inventory:
        """All of a run's sweep. ``ProviderError`` where it was not whole."""
        swept, sharing = self.cluster(prefix), Sharing()
        return replace(
            swept.inventory,
            volumes=tuple(self.volumes(prefix, swept.volume_pages, sharing)),
            snapshots=tuple(self.snapshots(prefix, swept.snapshot_pages, sharing)),
        )

    # -- what outlives a night ------------------------------------------------------------------------------------------------

    def sightings(self, cluster_name: str) -> tuple[Sighting, ...]:
        """What was seen of the cluster's volumes up to now; none before its first night."""
        document = self.json(_sightings_key(cluster_name)) or {"sightings": []}
        return tuple(record_from_json(Sighting, item) for item in document["sightings"])

    def put_sightings(self, cluster_name: str, sightings: Iterable[Sighting]) -> None:
        """Replace them."""
        self.put_json(_sightings_key(cluster_name), {"sightings": [record_to_json(item) for item in sightings]})

    # -- any document ---------------------------------------------------------------------------------------------------------

    def put_lines(self, key: str, documents: Iterable[Mapping[str, Any]]) -> int:
        """One document a line; how many there were."""
        lines = LineWriter()
        for document in documents:
            lines.add(document)
        self._put(key, lines.body())
        return lines.count

    def lines(self, key: str) -> Iterator[dict[str, Any]]:
        """The documents of ``put_lines``. ``ProviderError`` where there is no such key."""
        body = self._get(key)
        if body is None:
            raise ProviderError(f"s3://{self._bucket}/{key} is missing; start the storage day again")
        yield from read_lines(body)

    def put_json(self, key: str, document: Any) -> None:
        """One JSON document."""
        body = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
        self._put(key, gzip.compress(body, mtime=0) if key.endswith(".gz") else body)

    def json(self, key: str) -> Any:
        """The document of ``put_json``; None where there is no such key."""
        body = self._get(key)
        if body is None:
            return None
        return json.loads(gzip.decompress(body) if key.endswith(".gz") else body)

    def text(self, key: str) -> str | None:
        """The text of ``put_text``, bytes that are no UTF-8 replaced; None where there is no such key."""
        body = self._get(key)
        return None if body is None else body.decode(errors="replace")

    def put_text(self, key: str, text: str) -> None:
        """One text as it is, such as a page."""
        self._put(key, text.encode())

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key that begins so, in order; by pages."""
        with translated(f"list s3://{self._bucket}/{prefix}"):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
                yield from (item["Key"] for item in page.get("Contents", ()))

    def _put(self, key: str, body: bytes) -> None:
        with translated(f"store s3://{self._bucket}/{key}"):
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=_content_type(key))

    def _get(self, key: str) -> bytes | None:
        with translated(f"read s3://{self._bucket}/{key}"):
            try:
                body: bytes = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            except Exception as error:
                if error_code(error) in ABSENT:
                    return None
                raise
        return body


def _page_key(prefix: str, kind: str, number: int) -> str:
    return f"{prefix}{kind}-{number:05}.jsonl.gz"


def _sightings_key(cluster_name: str) -> str:
    return f"sightings/{cluster_name}.json.gz"


def _content_type(key: str) -> str:
    # Not JSON with Content-Encoding gzip: some clients would unpack that on the way, and it is not what was stored.
    if key.endswith(".html"):
        return "text/html; charset=utf-8"
    return "application/gzip" if key.endswith(".gz") else "application/json"
