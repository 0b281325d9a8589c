"""Service Quotas: a service that the emulator does not have."""

from __future__ import annotations

import json
from typing import Any

from local.cloud.cloud import Cloud
from local.cloud.control import json_response
from local.cloud.gateway import Gateway, Request, Response
from local.cloud.mends import mend
from local.cloud.seed import seed


@mend
def service_quotas(cloud: Cloud, gateway: Gateway) -> None:
    """There is no Service Quotas. With this quotas of the seed can be read, and others do not exist."""

    async def answer(request: Request) -> Response | None:
        if request.service != "servicequotas":
            return None
        operation = request.headers.get("x-amz-target", "").rsplit(".", 1)[-1]
        given = json.loads(request.body or b"{}")
        if operation in ("GetServiceQuota", "GetAWSDefaultServiceQuota"):
            return _get(given)
        if operation == "ListServiceQuotas":
            found = [_shape(quota) for quota in seed()["quotas"] if quota["service"] == given.get("ServiceCode")]
            return json_response(200, {"Quotas": found})
        return json_response(400, {"__type": "UnknownOperationException", "message": operation})

    gateway.intercept(answer)


def _get(given: dict[str, Any]) -> Response:
    for quota in seed()["quotas"]:
        if (quota["service"], quota["code"]) == (given.get("ServiceCode"), given.get("QuotaCode")):
            return json_response(200, {"Quota": _shape(quota)})
    message = "The request failed because the specified service quota does not exist."
    return json_response(400, {"__type": "NoSuchResourceException", "message": message})


def _shape(quota: dict[str, Any]) -> dict[str, Any]:
    return {
        "ServiceCode": quota["service"],
        "QuotaCode": quota["code"],
        "QuotaName": quota["name"],
        "Value": float(quota["value"]),
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }
