"""The control plane's own Recycle Bin rules, deployed, are the net that CheckRecycleBin asks for."""

from __future__ import annotations

import json
from typing import Any

from cfnlint.decode import decode

from hubplane.adapters.recycle_bin import read_rules
from hubplane.domain.storage.recycle_bin import missing_net
from tests.local.cloud.running import ROOT, RunningCloud
from tests.local.cloud.test_stacks import events, settled

OF_THE_NET = ("RecycleBinWaived", "RecycleBinSnapshotDays", "RecycleBinVolumeDays")


def net() -> str:
    """The rules of template.yaml with their parameters and their condition, as a template of their own."""
    document, matches = decode(str(ROOT / "template.yaml"))
    assert document is not None, matches
    part: dict[str, Any] = {
        "Parameters": {name: document["Parameters"][name] for name in OF_THE_NET},
        "Conditions": {"HasRecycleBin": document["Conditions"]["HasRecycleBin"]},
        "Resources": {
            **{name: value for name, value in document["Resources"].items() if value["Type"] == "AWS::Rbin::Rule"},
            "Topic": {"Type": "AWS::SNS::Topic"},  # a stack needs a resource also where the net is waived
        },
    }
    return json.dumps(part)


def changed(cloud: RunningCloud, operation: str, **parameters: str) -> None:
    given = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
    formation = cloud.client("cloudformation")
    getattr(formation, operation)(StackName="control", TemplateBody=net(), Parameters=given)
    status = settled(cloud, "control")["StackStatus"]
    assert status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), events(cloud, "control")


def test_the_deployed_rules_are_the_net_and_waiving_takes_it_away(cloud: RunningCloud) -> None:
    client = cloud.client("rbin")
    assert len(missing_net(read_rules(client), "hub")) == 2

    changed(cloud, "create_stack", RecycleBinWaived="false")
    assert missing_net(read_rules(client), "hub") == ()
    assert {rule.resource_type: rule.retention_days for rule in read_rules(client)} == {"EBS_SNAPSHOT": 7, "EBS_VOLUME": 7}

    changed(cloud, "update_stack", RecycleBinWaived="false", RecycleBinSnapshotDays="30", RecycleBinVolumeDays="5")
    assert {rule.resource_type: rule.retention_days for rule in read_rules(client)} == {"EBS_SNAPSHOT": 30, "EBS_VOLUME": 5}
    assert missing_net(read_rules(client), "hub") == ()

    changed(cloud, "update_stack", RecycleBinWaived="true")
    assert len(missing_net(read_rules(client), "hub")) == 2
