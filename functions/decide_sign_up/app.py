"""DecideSignUp: the page behind the links of the admins' mail, over a function URL that anybody may call.

GET shows what would be decided and changes nothing; POST decides, once. Only a signature of this control plane gets as far as the
tables, and only a link that may still decide shows a person. What was decided is stored first and handed to the waiting execution
after; pressing the button again, or the machine's daily look, hands on what was left.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.function_url import RequestRefused, answer, read_request
from hubplane.adapters.reviews import Reviews
from hubplane.adapters.secretsmanager import SecretsManager
from hubplane.adapters.stepfunctions import answer_task
from hubplane.domain.errors import HubplaneError
from hubplane.domain.registration.answering import Asked, Hands, respond
from hubplane.domain.registration.decision_page import refused_request
from hubplane.domain.registration.review import ruling_to_json
from hubplane.entrypoint import logger, task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    ledger_table_name: str
    clusters_table_name: str
    link_key_secret_arn: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    style_nonce = secrets.token_urlsafe(16)
    try:
        request = read_request(event)
        fields = request.form if request.method == "POST" else request.query
        page = respond(Asked(request.method, fields, style_nonce, datetime.now(UTC)), hands())
    except RequestRefused as refused:
        page = refused_request(refused.status, str(refused), style_nonce=style_nonce)
    except HubplaneError as error:
        logger.warning("not decided", extra={"error_class": type(error).__name__, "cause": str(error)})
        sentence = "Something is slow at the moment. Please go back and press the button again in a minute"
        page = refused_request(503, sentence, style_nonce=style_nonce)
    return answer(page.status, page.headers, page.html)


def hands() -> Hands:
    reviews = Reviews(client("dynamodb"), SETTINGS.ledger_table_name)
    return Hands(
        key=key,
        review=reviews.read,
        rule=lambda review, ruling: reviews.rule(review, ruling, datetime.now(UTC)),
        clusters=lambda: [*ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).hub_urls()],
        wake=lambda token, ruling: answer_task(client("stepfunctions"), token, ruling_to_json(ruling)),
        tell=lambda said, fields: logger.info(said, extra=fields),
    )


@cache
def key() -> bytes:
    """The key of decision links. It stays in this process: no log, event or environment has it."""
    return SecretsManager(client("secretsmanager")).read_key(SETTINGS.link_key_secret_arn)
