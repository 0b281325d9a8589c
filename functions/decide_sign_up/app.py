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
from hubplane.adapters.function_url import Request, RequestRefused, answer, read_request
from hubplane.adapters.reviews import Reviews
from hubplane.adapters.secretsmanager import SecretsManager
from hubplane.adapters.stepfunctions import answer_task
from hubplane.domain.errors import HubplaneError, ProviderError
from hubplane.domain.registration import decision_page
from hubplane.domain.registration.decision_page import Page
from hubplane.domain.registration.links import USED, Link, verify_link_token
from hubplane.domain.registration.review import Review, ruling_to_json, why_link_is_no_use
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
        page = respond(read_request(event), style_nonce)
    except RequestRefused as refused:
        page = decision_page.refused_request(refused.status, str(refused), style_nonce=style_nonce)
    except HubplaneError as error:
        logger.warning("not decided", extra={"error_class": type(error).__name__, "cause": str(error)})
        sentence = "Something is slow at the moment. Please go back and press the button again in a minute"
        page = decision_page.refused_request(503, sentence, style_nonce=style_nonce)
    return answer(page.status, page.headers, page.html)


def respond(request: Request, style_nonce: str) -> Page:
    if request.method not in ("GET", "HEAD", "POST"):
        sentence = "This page is only looked at, or answered by its own form"
        return decision_page.refused_request(405, sentence, style_nonce=style_nonce, allow="GET, HEAD, POST")
    fields = request.form if request.method == "POST" else request.query
    token = next(iter(fields.get("token", ())), "")
    verdict = verify_link_token(key(), token, now=datetime.now(UTC))
    if verdict.link is None:
        logger.info("no use", extra={"cause": verdict.decision.reason})
        return decision_page.no_use(verdict.decision.sentence, style_nonce=style_nonce)
    reviews = Reviews(client("dynamodb"), SETTINGS.ledger_table_name)
    review = reviews.read(verdict.link.user_sub)
    useless = why_link_is_no_use(verdict.link, review)
    if useless or review is None:
        if request.method == "POST" and useless == USED:
            wake(reviews, verdict.link)
        return decision_page.no_use(str(useless), style_nonce=style_nonce)
    clusters = [cluster.cluster_name for cluster in ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).built()]
    if request.method != "POST":
        return decision_page.question(verdict.link, review, token, clusters, style_nonce=style_nonce)
    return decide(request, verdict.link, review, token, clusters, reviews, style_nonce)


def decide(
    request: Request, link: Link, review: Review, token: str, clusters: list[str], reviews: Reviews, style_nonce: str
) -> Page:
    """Store what the form says, and hand it to the waiting execution."""
    form = decision_page.read_form(request.form)
    ruling = decision_page.ruling_of(link, form, clusters)
    if isinstance(ruling, str):
        return decision_page.question(link, review, token, clusters, style_nonce=style_nonce, form=form, fault=ruling)
    if not reviews.rule(review, ruling, datetime.now(UTC)):
        return decision_page.no_use(USED, style_nonce=style_nonce)
    logger.info("decided", extra={"username": review.username, "outcome": str(ruling.outcome), "by": ruling.by})
    wake(reviews, link)
    return decision_page.decided(ruling, review.username, style_nonce=style_nonce)


def wake(reviews: Reviews, link: Link) -> None:
    """Hand the stored ruling to the execution that waits now; the one that waited when the page was shown may be another."""
    review = reviews.read(link.user_sub)
    if review is not None and review.ruling is not None and review.task_token is not None:
        answer_task(client("stepfunctions"), review.task_token, ruling_to_json(review.ruling))


@cache
def key() -> bytes:
    """The key of decision links. It stays in this process: no log, event or environment has it."""
    text = SecretsManager(client("secretsmanager")).read(SETTINGS.link_key_secret_arn)
    if text is None:
        raise ProviderError(f"secret {SETTINGS.link_key_secret_arn} has no value: put 64 random characters into it")
    return text.encode()
