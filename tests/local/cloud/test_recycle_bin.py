"""The Recycle Bin's rules exist, alone and in stacks, and are read as CheckRecycleBin reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from hubplane.adapters.recycle_bin import read_rules
from hubplane.domain.storage.recycle_bin import missing_net
from tests.local.cloud.running import ACCOUNT_ID, REGION, RunningCloud, running_cloud
from tests.local.cloud.test_stacks import carried_out, events

SEVEN_DAYS = {"RetentionPeriodValue": 7, "RetentionPeriodUnit": "DAYS"}
OWNED = [{"ResourceTagKey": "kubernetes.io/cluster/hub", "ResourceTagValue": "owned"}]


def rules_template(**days: int) -> dict[str, Any]:
    """A stack of Region-level rules, one per resource type, that keep for so many days."""
    return {
        "Parameters": {f"{kind.replace('_', '')}Days": {"Type": "Number", "Default": value} for kind, value in days.items()},
        "Resources": {
            kind.replace("_", ""): {
                "Type": "AWS::Rbin::Rule",
                "Properties": {
                    "Description": "kept",
                    "ResourceType": kind,
                    "RetentionPeriod": {
                        "RetentionPeriodValue": {"Ref": f"{kind.replace('_', '')}Days"},
                        "RetentionPeriodUnit": "DAYS",
                    },
                },
            }
            for kind in days
        },
        "Outputs": {"Rule": {"Value": {"Fn::GetAtt": ["EBSSNAPSHOT", "Identifier"]}}} if "EBS_SNAPSHOT" in days else {},
    }


def test_a_stack_brings_the_net_that_the_check_asks_for(cloud: RunningCloud) -> None:
    client = cloud.client("rbin")
    assert len(missing_net(read_rules(client), "hub")) == 2

    made = carried_out(cloud, "net", rules_template(EBS_SNAPSHOT=7, EBS_VOLUME=7), "CREATE")
    assert made["StackStatus"] == "CREATE_COMPLETE", events(cloud, "net")
    first = {rule.resource_type: rule for rule in read_rules(client)}
    assert {kind: (rule.retention_days, rule.status) for kind, rule in first.items()} == {
        "EBS_SNAPSHOT": (7, "available"),
        "EBS_VOLUME": (7, "available"),
    }
    assert missing_net(first.values(), "hub") == ()
    assert made["Outputs"][0]["OutputValue"] == first["EBS_SNAPSHOT"].rule_id

    assert carried_out(cloud, "net", rules_template(EBS_SNAPSHOT=14, EBS_VOLUME=7))["StackStatus"] == "UPDATE_COMPLETE"
    changed = {rule.resource_type: rule for rule in read_rules(client)}
    assert changed["EBS_SNAPSHOT"].retention_days == 14
    assert changed["EBS_SNAPSHOT"].rule_id == first["EBS_SNAPSHOT"].rule_id

    assert carried_out(cloud, "net", rules_template(EBS_SNAPSHOT=14))["StackStatus"] == "UPDATE_COMPLETE"
    assert {rule.resource_type for rule in read_rules(client)} == {"EBS_SNAPSHOT"}
    cloud.client("cloudformation").delete_stack(StackName="net")
    cloud.wait("the rules' end", lambda: not read_rules(client))


def test_a_stack_with_an_impossible_rule_rolls_back_in_the_words_of_the_recycle_bin(cloud: RunningCloud) -> None:
    stack = carried_out(cloud, "impossible", rules_template(EC2_IMAGE=4000), "CREATE")
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    (reason,) = [reason for _, status, reason in events(cloud, "impossible") if status == "CREATE_FAILED"]
    assert "1 to 3650 DAYS" in reason
    assert "HandlerErrorCode: InvalidRequest" in reason


def test_a_rule_from_first_to_last(cloud: RunningCloud) -> None:
    client = cloud.client("rbin")
    made = client.create_rule(
        ResourceType="EC2_IMAGE",
        RetentionPeriod=SEVEN_DAYS,
        ResourceTags=OWNED,
        Description="of one cluster",
        Tags=[{"Key": "a", "Value": "b"}],
    )
    identifier, arn = made["Identifier"], made["RuleArn"]
    assert arn == f"arn:aws:rbin:{REGION}:{ACCOUNT_ID}:rule/{identifier}"
    found = client.get_rule(Identifier=identifier)
    assert (found["Status"], found["ResourceTags"], found["Description"]) == ("available", OWNED, "of one cluster")
    assert client.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "c", "Value": "d"}])
    client.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert client.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "c", "Value": "d"}]

    days = {"RetentionPeriodValue": 9, "RetentionPeriodUnit": "DAYS"}
    client.update_rule(Identifier=identifier, ResourceTags=[], ExcludeResourceTags=OWNED, RetentionPeriod=days)
    found = client.get_rule(Identifier=identifier)
    assert (found["ResourceTags"], found["ExcludeResourceTags"], found["RetentionPeriod"]) == ([], OWNED, days)
    assert found["Description"] == "of one cluster"

    client.delete_rule(Identifier=identifier)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_rule(Identifier=identifier)


def test_rules_come_in_pages(cloud: RunningCloud) -> None:
    client = cloud.client("rbin")
    made = {client.create_rule(ResourceType="EC2_IMAGE", RetentionPeriod=SEVEN_DAYS)["Identifier"] for _ in range(5)}
    pages = list(client.get_paginator("list_rules").paginate(ResourceType="EC2_IMAGE", PaginationConfig={"PageSize": 2}))
    assert [len(page["Rules"]) for page in pages] == [2, 2, 1]
    assert {rule["Identifier"] for page in pages for rule in page["Rules"]} == made
    assert client.list_rules(ResourceType="EC2_IMAGE", ResourceTags=OWNED)["Rules"] == []
    for identifier in made:
        client.delete_rule(Identifier=identifier)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"ResourceType": "EBS_DISK"}, "ResourceType", id="type"),
        pytest.param({"RetentionPeriod": {**SEVEN_DAYS, "RetentionPeriodUnit": "WEEKS"}}, "DAYS", id="unit"),
        pytest.param({"RetentionPeriod": {**SEVEN_DAYS, "RetentionPeriodValue": 3651}}, "3650", id="too-long"),
        pytest.param({"ResourceTags": OWNED, "ExcludeResourceTags": OWNED}, "can't both", id="tags-and-exclusions"),
        pytest.param({"ExcludeResourceTags": OWNED * 6}, "more than 5", id="too-many-exclusions"),
    ],
)
def test_impossible_rules_are_refused(cloud: RunningCloud, changes: dict[str, Any], words: str) -> None:
    client = cloud.client("rbin")
    with pytest.raises(client.exceptions.ValidationException, match=words):
        client.create_rule(**{"ResourceType": "EC2_IMAGE", "RetentionPeriod": SEVEN_DAYS, **changes})


def test_without_the_mends_there_is_no_recycle_bin(tmp_path: Path) -> None:
    with running_cloud(tmp_path, skip_mends="recycle_bin,stacks_have_recycle_bin_rules") as unmended:
        with pytest.raises(ClientError):
            unmended.client("rbin").list_rules(ResourceType="EBS_SNAPSHOT")
        with pytest.raises(ClientError, match=r"Unrecognized resource types: \[AWS::Rbin::Rule\]"):
            carried_out(unmended, "net", rules_template(EBS_SNAPSHOT=7), "CREATE")
