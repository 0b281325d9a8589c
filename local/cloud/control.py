"""The calls that no AWS has: what tests and ``make bench`` ask of the embedded cloud under ``/_hubplane/``.

| call | does |
|---|---|
| ``GET calls`` | counts of AWS calls, in all and by caller |
| ``POST calls/reset`` | counts anew |
| ``POST faults`` ``{"resource_type", "stack_name", "reason"}`` | the next stack resource of that type fails, once |
| ``DELETE faults`` | forgets faults that have not happened |
| ``POST front/hosts`` ``{host: load balancer name}`` | the front takes requests for the host to that load balancer |
| ``GET ebs`` | all volumes and snapshots in the words of ``ebs/seed``, for before and after (``ebs_dump.dump``) |
| ``POST ebs/seed`` ``{"volumes": [...], "snapshots": [...]}`` | plants volumes and snapshots with a past (``ebs_seed.plant``) |
| ``POST ebs/age`` ``{"volume_id", "seconds"}`` | the volume was made so long before it was: what time does, without waiting |
| ``POST ebs/write`` ``{"volume_id", "content"}`` | writes a text into a volume, which its snapshots and their volumes carry on |
| ``POST ebs/pace`` ``{"snapshot_seconds", "spacing_seconds", "volume_seconds", …}`` | from now on: figures of ``ebs.EbsPace`` |
| ``POST ebs/faults`` ``{"volume_id"}`` | the next snapshot of the volume ends as ``error`` |
| ``POST ebs/finish`` | completes what is pending |
| ``POST ec2/shortage`` ``{"instance_type", "short": true or false}`` | EC2 has no more instances of the type, or has them again |
| ``POST eks/insights`` ``{"cluster", "insights": [...]}`` | the cluster's upgrade insights beside those that pass |
| ``POST schedules/run`` ``{"at": ISO time}`` | fires the schedules that would be due at that time, now |
| ``GET cognito/codes`` | the codes that Cognito sent and nobody has used (with the mend ``codes_are_secret``) |
| ``POST ses/outage`` ``{"seconds", "code"}`` | SES refuses every mail for that long (with the mend ``ses_can_be_away``) |
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from local.cloud.cloud import Cloud
from local.cloud.faults import Fault

Response = tuple[int, dict[str, str], bytes]


class ControlRefused(Exception):
    """The call is malformed; the message says which field and why."""


def answer_control(cloud: Cloud, method: str, path: str, body: bytes) -> Response:
    """Carry out one control call; malformed ones are answered with 400, unknown ones with 404."""
    action = ACTIONS.get((method, path.strip("/")))
    if action is None:
        return json_response(404, {"message": f"no control call {method} {path}"})
    try:
        return json_response(200, action(cloud, json.loads(body) if body else {}))
    except (ValueError, ControlRefused) as error:
        return json_response(400, {"message": str(error)})


def json_response(status: int, content: Any) -> Response:
    """A JSON answer."""
    return status, {"Content-Type": "application/json"}, json.dumps(content).encode()


def _read_calls(cloud: Cloud, given: Any) -> Any:
    return cloud.calls.as_dict()


def _reset_calls(cloud: Cloud, given: Any) -> Any:
    cloud.calls.reset()
    return {}


def _add_fault(cloud: Cloud, given: Any) -> Any:
    if not isinstance(given, dict) or not given.get("resource_type"):
        raise ControlRefused("resource_type: missing; give a CloudFormation type such as AWS::EKS::Cluster")
    reason = given.get("reason") or "Resource handler returned message: asked for by a test"
    cloud.faults.add(Fault(given["resource_type"], given.get("stack_name", ""), reason))
    return {}


def _clear_faults(cloud: Cloud, given: Any) -> Any:
    cloud.faults.clear()
    return {}


def _add_hosts(cloud: Cloud, given: Any) -> Any:
    if not isinstance(given, dict) or not all(isinstance(target, str) for target in given.values()):
        raise ControlRefused('the body must be {"host": "load balancer name"}')
    cloud.front_hosts.update({host.lower(): target for host, target in given.items()})
    return {"hosts": cloud.front_hosts}


def _seed_ebs(cloud: Cloud, given: Any) -> Any:
    from local.cloud.ebs_seed import plant  # noqa: PLC0415  the emulator is imported with it

    return plant(given)


def _dump_ebs(cloud: Cloud, given: Any) -> Any:
    from local.cloud.ebs_dump import dump  # noqa: PLC0415  the emulator is imported with it

    return dump()


def _age_ebs(cloud: Cloud, given: Any) -> Any:
    from local.cloud.ebs_seed import age  # noqa: PLC0415  the emulator is imported with it

    if not isinstance(given, dict) or not isinstance(given.get("volume_id"), str) or type(given.get("seconds")) is not int:
        raise ControlRefused("the body must hold volume_id, a text, and seconds, a whole number")
    return {"created_at": age(given["volume_id"], given["seconds"])}


def _write_ebs(cloud: Cloud, given: Any) -> Any:
    from local.cloud.mends.ebs_contents import write  # noqa: PLC0415  the emulator is imported with it

    if not isinstance(given, dict) or not all(isinstance(given.get(name), str) for name in ("volume_id", "content")):
        raise ControlRefused("the body must hold volume_id and content, both texts")
    write(given["volume_id"], given["content"])
    return {}


def _pace_ebs(cloud: Cloud, given: Any) -> Any:
    names = ("snapshot_seconds", "spacing_seconds", "volume_seconds", "modification_seconds", "cool_down_seconds")
    if not isinstance(given, dict) or not given or set(given) - set(names):
        raise ControlRefused(f"the body must hold {' or '.join(names)}")
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise ControlRefused(f"{name}: {value!r} is not a number of seconds from 0 on")
        setattr(cloud.ebs, name, float(value))
    return {name: getattr(cloud.ebs, name) for name in names}


def _fail_snapshot(cloud: Cloud, given: Any) -> Any:
    if not isinstance(given, dict) or not isinstance(given.get("volume_id"), str):
        raise ControlRefused("volume_id: missing; the next snapshot of that volume fails")
    cloud.ebs.fail_next(given["volume_id"])
    return {}


def _finish_snapshots(cloud: Cloud, given: Any) -> Any:
    from local.cloud.mends.ebs_snapshots import finish_pending  # noqa: PLC0415  the emulator is imported with it

    return {"completed": finish_pending()}


def _plant_insights(cloud: Cloud, given: Any) -> Any:
    from local.cloud.mends.eks_insights import plant  # noqa: PLC0415  the emulator is imported with it

    if not isinstance(given, dict) or not isinstance(given.get("cluster"), str) or not isinstance(given.get("insights"), list):
        raise ControlRefused("the body must hold cluster, a text, and insights, a list")
    plant(given["cluster"], given["insights"])
    return {}


def _set_shortage(cloud: Cloud, given: Any) -> Any:
    from local.cloud.mends.scaling_activities import set_shortage  # noqa: PLC0415  the emulator is imported with it

    if not isinstance(given, dict) or not isinstance(given.get("instance_type"), str) or type(given.get("short")) is not bool:
        raise ControlRefused("the body must hold instance_type, a text, and short, true or false")
    return {"short": set_shortage(given["instance_type"], given["short"])}


def _run_schedules(cloud: Cloud, given: Any) -> Any:
    from local.cloud.mends.schedules import run_due  # noqa: PLC0415  the emulator is imported with it

    try:
        at = datetime.fromisoformat(given["at"])
    except (KeyError, TypeError, ValueError):
        at = None
    if at is None or at.tzinfo is None:
        raise ControlRefused("at: give an ISO time with a zone, such as 2026-11-01T10:00:00+00:00")
    return {"fired": run_due(at.astimezone(UTC))}


ACTIONS: dict[tuple[str, str], Callable[[Cloud, Any], Any]] = {
    ("GET", "calls"): _read_calls,
    ("POST", "calls/reset"): _reset_calls,
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _clear_faults,
    ("POST", "front/hosts"): _add_hosts,
    ("GET", "ebs"): _dump_ebs,
    ("POST", "ebs/seed"): _seed_ebs,
    ("POST", "ebs/age"): _age_ebs,
    ("POST", "ebs/write"): _write_ebs,
    ("POST", "ebs/pace"): _pace_ebs,
    ("POST", "ebs/faults"): _fail_snapshot,
    ("POST", "ebs/finish"): _finish_snapshots,
    ("POST", "ec2/shortage"): _set_shortage,
    ("POST", "eks/insights"): _plant_insights,
    ("POST", "schedules/run"): _run_schedules,
}
