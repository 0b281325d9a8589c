"""The sweep reads EC2's pages as botocore would, field by field, and leaves everything else to botocore."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import botocore.parsers
import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st

from hubplane.adapters import ebs_sweep
from hubplane.domain.errors import ProviderError, Throttled
from hubplane.domain.storage.ec2_pages import PageReader
from hubplane.domain.storage.records import Snapshot, Volume
from hubplane.domain.storage.tags import is_for_planners

NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
EC2 = botocore.session.get_session().get_service_model("ec2")
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn")) | st.sampled_from("\t\n<>&\"']"), max_size=12)
TIMES = st.sampled_from(
    [
        "2026-11-25T10:00:04.123Z",
        "2026-02-28T23:59:59Z",
        "2026-11-25T10:00:04+02:00",
        "2026-11-25T10:00Z",
    ]
)
KEYS = st.sampled_from(["Name", "kubernetes.io/cluster/lab", "KubernetesCluster", "do-not-delete", "server-stop-time"]) | TEXTS
# None: the element is absent; "": it is empty.
TAG = st.fixed_dictionaries({"key": KEYS}, optional={"value": TEXTS})
TAGS = st.none() | st.lists(TAG, max_size=5)
SNAPSHOT = st.fixed_dictionaries(
    {
        "snapshotId": TEXTS,
        "volumeId": st.sampled_from(["vol-1", "vol-ffffffff"]),
        "status": st.sampled_from(["completed", "pending", "error", "recoverable"]),
        "startTime": TIMES,
        "volumeSize": st.integers(1, 65536),
        "ownerId": st.sampled_from(["111122223333", "999900001111"]),
    },
    optional={"tagSet": TAGS, "description": TEXTS, "encrypted": st.booleans(), "progress": st.just("99%")},
)
VOLUME = st.fixed_dictionaries(
    {
        "volumeId": TEXTS,
        "size": st.integers(1, 65536),
        "status": st.sampled_from(["available", "in-use", "creating", "deleting"]),
        "createTime": TIMES,
    },
    optional={
        "tagSet": TAGS,
        "attachmentSet": st.lists(
            st.fixed_dictionaries(
                {"instanceId": TEXTS}, optional={"status": st.sampled_from(["attached", "detached", "busy", ""]), "tagSet": TAGS}
            ),
            max_size=2,
        ),
        "snapshotId": st.sampled_from(["", "snap-1"]),
        "volumeType": st.sampled_from(["gp3", "io2", ""]),
        "availabilityZone": TEXTS,
        "multiAttachEnabled": st.booleans(),
    },
)


def xml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "".join(f"<{name}>{xml(item)}</{name}>" if xml(item) else f"<{name}/>" for name, item in value.items())
    if isinstance(value, list):
        return "".join(f"<item>{xml(item)}</item>" for item in value)
    return "" if value is None else escape(str(value).lower() if isinstance(value, bool) else str(value))


def body(operation: str, items: list[Any], token: str | None = None) -> bytes:
    result, tag = f"{operation}Response", {"DescribeSnapshots": "snapshotSet", "DescribeVolumes": "volumeSet"}[operation]
    answer = {"requestId": "req-1", tag: items, **({} if token is None else {"nextToken": token})}
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{result} xmlns="{NAMESPACE}">{xml(answer)}</{result}>'.encode()


def by_botocore(operation: str, answer: bytes) -> dict[str, Any]:
    shape = EC2.operation_model(operation).output_shape
    found: dict[str, Any] = botocore.parsers.create_parser("ec2").parse(
        {"body": answer, "headers": {}, "status_code": 200}, shape
    )
    return found


def tags_of(item: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in item.get("Tags", ())}


@given(st.lists(SNAPSHOT, max_size=4), st.none() | TEXTS)
def test_snapshots_are_read_as_botocore_reads_them(items: list[Any], token: str | None) -> None:
    answer = body("DescribeSnapshots", items, token)
    expected = by_botocore("DescribeSnapshots", answer)
    page = PageReader().snapshots(answer)
    assert list(page.records) == [
        Snapshot(
            item["SnapshotId"],
            item["VolumeId"],
            item["State"],
            item["StartTime"],
            item["VolumeSize"],
            item["OwnerId"],
            tags_of(item),
        )
        for item in expected["Snapshots"]
    ]
    assert all(record.started_at.tzinfo is UTC for record in page.records)
    assert page.next_token == (expected.get("NextToken") or None)
    assert page.request_id == expected["ResponseMetadata"]["RequestId"]


@given(st.lists(VOLUME, max_size=4))
def test_volumes_are_read_as_botocore_reads_them(items: list[Any]) -> None:
    answer = body("DescribeVolumes", items)
    assert list(PageReader().volumes(answer).records) == [
        Volume(
            volume_id=item["VolumeId"],
            size_gib=item["Size"],
            state=item["State"],
            created_at=item["CreateTime"],
            tags=tags_of(item),
            attached=any(attachment.get("State") != "detached" for attachment in item.get("Attachments", ())),
            source_snapshot_id=item.get("SnapshotId") or None,
            volume_type=item.get("VolumeType", ""),
            zone=item.get("AvailabilityZone", ""),
        )
        for item in by_botocore("DescribeVolumes", answer)["Volumes"]
    ]


GOOD = {"snapshotId": "snap-1", "volumeId": "vol-1", "status": "completed", "startTime": "2026-11-25T10:00:04.123Z"}
GOOD = {**GOOD, "volumeSize": "500", "ownerId": "111122223333"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"startTime": None}, "snapshot snap-1 without startTime", id="no time"),
        pytest.param({"startTime": "yesterday"}, "snapshot snap-1 with Invalid isoformat string: 'yesterday'", id="no moment"),
        pytest.param({"startTime": "2026-11-25T10:00:04"}, "snapshot snap-1 with a time without a zone", id="no zone"),
        pytest.param({"volumeSize": "much"}, "snapshot snap-1 with invalid literal", id="no size"),
        pytest.param({"snapshotId": None}, "snapshot (no id) without snapshotId", id="no id"),
    ],
)
def test_an_item_that_cannot_be_read_ends_the_sweep(change: dict[str, str | None], said: str) -> None:
    item = {name: value for name, value in {**GOOD, **change}.items() if value is not None}
    with pytest.raises(ProviderError, match="nothing is decided on such an answer") as refused:
        PageReader().snapshots(body("DescribeSnapshots", [item]))
    assert said in str(refused.value)


def test_a_sweep_keeps_of_a_snapshots_tags_what_planners_read_and_all_of_a_volumes() -> None:
    reader = PageReader(lambda key: is_for_planners(key, "do-not-delete"))
    tags = [{"key": key, "value": "x"} for key in ("Name", "Do-Not-Delete", "kubernetes.io/cluster/lab", "hubplane:ancestry")]
    snapshots = [{**GOOD, "snapshotId": name, "tagSet": tags} for name in ("snap-1", "snap-2")]
    volumes = [{"volumeId": "vol-1", "size": 1, "status": "available", "createTime": GOOD["startTime"], "tagSet": tags}]
    first, second = reader.snapshots(body("DescribeSnapshots", snapshots)).records
    assert list(first.tags) == ["Do-Not-Delete", "kubernetes.io/cluster/lab", "hubplane:ancestry"]
    assert first.tags is second.tags, "equal sets of tags are kept once"
    assert len(reader.volumes(body("DescribeVolumes", volumes)).records[0].tags) == 4


class Raw:
    """A body as urllib3 gives it."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def stream(self, **_: Any) -> Any:
        yield self.content


class Api:
    """EC2 over HTTP, up to the socket: hands out ``answers`` in turn and keeps what was asked."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        self.answers, self.asked = list(answers), []
        self.client = ebs_sweep.sweep_client(
            lambda _key: True,
            region_name="us-east-1",
            aws_access_key_id="x",
            aws_secret_access_key="y",
            config=Config(retries={"mode": "standard", "total_max_attempts": 2}),
        )
        self.client.meta.events.register("before-send.ec2.*", self.answer)

    def answer(self, request: Any, **_: Any) -> AWSResponse:
        self.asked.append({name: values[0] for name, values in parse_qs(request.body).items()})
        assert "AWS4-HMAC-SHA256" in str(request.headers["Authorization"])
        status, content = self.answers.pop(0)
        return AWSResponse(request.url, status, {"Content-Type": "text/xml"}, Raw(content))


def error(code: str) -> bytes:
    said = f"<Errors><Error><Code>{code}</Code><Message>no</Message></Error></Errors><RequestID>r</RequestID>"
    return f"<Response>{said}</Response>".encode()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)


def test_pages_follow_the_token_and_resume_at_one() -> None:
    first, second = ([{**GOOD, "snapshotId": name}] for name in ("snap-1", "snap-2"))
    api = Api((200, body("DescribeSnapshots", first, "page-2")), (200, body("DescribeSnapshots", second)))
    pages = list(ebs_sweep.snapshot_pages(api.client))
    assert [(page.records[0].snapshot_id, page.next_token) for page in pages] == [("snap-1", "page-2"), ("snap-2", None)]
    assert [(asked.get("NextToken"), asked["MaxResults"], asked["Owner.1"]) for asked in api.asked] == [
        (None, "1000", "self"),
        ("page-2", "1000", "self"),
    ]
    api = Api((200, body("DescribeSnapshots", second)))
    assert [page.records[0].snapshot_id for page in ebs_sweep.snapshot_pages(api.client, "page-2")] == ["snap-2"]
    assert api.asked[0]["NextToken"] == "page-2"


def test_volumes_are_asked_for_by_either_tag_in_one_filter() -> None:
    api = Api((200, body("DescribeVolumes", [])))
    assert [page.records for page in ebs_sweep.volume_pages(api.client, "lab")] == [()]
    asked = api.asked[0]
    assert (asked["Filter.1.Name"], asked["Filter.1.Value.1"], asked["Filter.1.Value.2"]) == (
        "tag-key",
        "kubernetes.io/cluster/lab",
        "KubernetesCluster",
    )
    assert "Filter.2.Name" not in asked
    assert asked["MaxResults"] == "500"


def test_volumes_by_id_are_200_a_call() -> None:
    api = Api((200, body("DescribeVolumes", [])), (200, body("DescribeVolumes", [])))
    assert ebs_sweep.volumes_by_id(api.client, {f"vol-{number}" for number in range(201)}) == ()
    assert [sum(1 for name in asked if name.startswith("Filter.1.Value")) for asked in api.asked] == [200, 1]
    assert ebs_sweep.volumes_by_id(api.client, ()) == ()


def test_a_throttle_error_is_tried_again_and_ends_as_throttled() -> None:
    api = Api((503, error("RequestLimitExceeded")), (200, body("DescribeSnapshots", [GOOD])))
    assert [len(page.records) for page in ebs_sweep.snapshot_pages(api.client)] == [1]
    api = Api(*[(503, error("RequestLimitExceeded"))] * 2)
    with pytest.raises(Throttled, match=r"describe snapshots: .*reached max retries"):
        list(ebs_sweep.snapshot_pages(api.client))


def test_a_refusal_keeps_its_words() -> None:
    api = Api((403, error("UnauthorizedOperation")))
    with pytest.raises(ProviderError, match=r"describe volumes: .*UnauthorizedOperation.*: no"):
        list(ebs_sweep.volume_pages(api.client, "lab"))


def test_an_answer_that_was_cut_off_is_botocores_to_complain_of() -> None:
    api = Api((200, body("DescribeSnapshots", [GOOD])[:-40]))
    with pytest.raises(botocore.parsers.ResponseParserError, match="Unable to parse response"):
        list(ebs_sweep.snapshot_pages(api.client))


def test_other_operations_are_parsed_by_botocore() -> None:
    answer = f'<DescribeRegionsResponse xmlns="{NAMESPACE}"><regionInfo><item><regionName>r</regionName></item></regionInfo>'
    api = Api((200, f"{answer}</DescribeRegionsResponse>".encode()))
    assert api.client.describe_regions()["Regions"] == [{"RegionName": "r"}]


def test_the_metadata_are_those_of_botocore() -> None:
    api = Api((200, body("DescribeSnapshots", [])))
    metadata = api.client.describe_snapshots(OwnerIds=["self"])["ResponseMetadata"]
    assert metadata == {
        "RequestId": "req-1",
        "HTTPStatusCode": 200,
        "HTTPHeaders": {"content-type": "text/xml"},
        "RetryAttempts": 0,
    }
