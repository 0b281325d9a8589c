"""CloudTrail's word on volumes that are attached and detached."""

from __future__ import annotations

import json
import re
from typing import Any

from ministack.services import ec2

from local.cloud import trail
from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend, replace_action

_FIELD = {"__type": re.compile(r"<Code>(.*?)</Code>"), "message": re.compile(r"<Message>(.*?)</Message>", re.DOTALL)}


@mend
def attachments_are_on_the_trail(cloud: Cloud, gateway: Gateway) -> None:
    """EventBridge hears nothing of AttachVolume and DetachVolume. With this CloudTrail's event is on the default bus."""
    trail.watch_callers(gateway)

    def told(action: str, handler: Any) -> Any:
        def handle(parameters: dict[str, Any]) -> Any:
            answer = handler(parameters)
            names = ("VolumeId", "InstanceId", "Device")
            given = {f"{name[0].lower()}{name[1:]}": ec2._p(parameters, name) for name in names if name in parameters}
            trail.record("ec2", action, given, _as_json(answer))
            return answer

        return handle

    for action in ("AttachVolume", "DetachVolume"):
        handler = ec2._ACTION_MAP[action]
        replace_action(ec2, handler, told(action, handler))


def _as_json(answer: tuple[int, dict[str, str], bytes]) -> tuple[int, dict[str, str], bytes]:
    """A refusal as the services with JSON have it; in records EC2's codes begin with ``Client.``."""
    status, headers, content = answer
    if status < 400:
        return answer
    text = content.decode()
    said = {name: found[1] if (found := pattern.search(text)) else "" for name, pattern in _FIELD.items()}
    return status, headers, json.dumps({**said, "__type": f"Client.{said['__type']}"}).encode()
