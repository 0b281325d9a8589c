"""Function URLs that a browser on this machine reaches."""

from __future__ import annotations

import json
from typing import Any

from ministack.services import lambda_svc

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend, replace_action

PREFIX = "/_aws/lambda-url/"


@mend
def function_urls_are_reachable(cloud: Cloud, gateway: Gateway) -> None:
    """A function URL is ``https://<id>.lambda-url.<region>.on.aws/``, which no name server of this machine knows.

    With this it is the address at which the emulator answers for it, as the output of a stack as well.
    """
    create, id_of = lambda_svc._create_function_url_config, lambda_svc._function_url_id

    def create_reachable(name: str, data: dict[str, Any], qualifier: str | None) -> Any:
        status, headers, content = create(name, data, qualifier)
        if status != 201:
            return status, headers, content
        stored = lambda_svc._function_urls[lambda_svc._url_config_key(name, qualifier)]
        stored["FunctionUrl"] = f"{cloud.endpoint_url}{PREFIX}{id_of(stored['FunctionUrl'])}/"
        answer = {**json.loads(content), "FunctionUrl": stored["FunctionUrl"]}
        return status, headers, json.dumps(answer).encode()

    replace_action(lambda_svc, create, create_reachable)
    lambda_svc._function_url_id = lambda url: url.partition(PREFIX)[2].rstrip("/") or id_of(url)
