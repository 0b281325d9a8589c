"""Tokens of service accounts: made for pods and by TokenRequest, known to this process only."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

from local.kubernetes.access.identity import Identity

PREFIX = "standin-sa."


class ServiceAccountTokens:
    """Issued tokens of one cluster."""

    def __init__(self) -> None:
        self._issued: dict[str, tuple[str, str, datetime]] = {}

    def issue(self, namespace: str, name: str, lifetime: timedelta = timedelta(days=365)) -> tuple[str, datetime]:
        """A fresh token and when it ends."""
        token = PREFIX + secrets.token_urlsafe(32)
        until = datetime.now(UTC) + lifetime
        self._issued[token] = (namespace, name, until)
        return token, until

    def identity(self, token: str) -> Identity | None:
        """Whose token it is; None when unknown or expired."""
        namespace, name, until = self._issued.get(token, ("", "", datetime.min.replace(tzinfo=UTC)))
        if datetime.now(UTC) > until:
            return None
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        return Identity(f"system:serviceaccount:{namespace}:{name}", groups)
