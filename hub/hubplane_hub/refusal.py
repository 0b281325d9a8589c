"""A spawn that is stopped, as JupyterHub shows it: the sentence in the API's answer, on the spawn page and in the progress.

JupyterHub 5 reads ``jupyterhub_message`` (plain, it escapes it) and ``jupyterhub_html_message`` (put into pages as it is) of the
exception that ends a spawn (jupyterhub/utils.py, ``format_exception``); its API takes ``log_message % args`` of an HTTPError.
"""

from __future__ import annotations

import html

from tornado.web import HTTPError


class HomeRefused(HTTPError):
    """The server must not start. ``sentence`` is for the person."""

    def __init__(self, sentence: str, status: int = 403) -> None:
        super().__init__(status, "%s", sentence)
        self.sentence = sentence
        self.jupyterhub_message = sentence
        self.jupyterhub_html_message = html.escape(sentence)


def unanswered(why: str) -> HomeRefused:
    """Nobody said what may be mounted. 503: it is no decision about the person."""
    return HomeRefused(
        f"Your server was not started, so that your home stays as it is: {why}. Try again in a few minutes; if it stays so, "
        "tell an operator.",
        status=503,
    )
