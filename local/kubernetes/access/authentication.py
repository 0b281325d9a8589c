"""From a bearer token to an identity, by asking the emulator's STS."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import aiohttp
from yarl import URL

from local.kubernetes.access.identity import AccessEntry, Identity, canonical_arn
from local.kubernetes.access.service_accounts import PREFIX as SERVICE_ACCOUNT_PREFIX
from local.kubernetes.access.service_accounts import ServiceAccountTokens
from local.kubernetes.access.tokens import CLUSTER_HEADER, TokenRefused, read_token

log = logging.getLogger(__name__)
REMEMBERED = timedelta(seconds=30)
STS_TIMEOUT_SECONDS = 10
_ARN = re.compile(r'<Arn>([^<]+)</Arn>|"Arn"\s*:\s*"([^"]+)"')


@dataclass
class Authenticator:
    """Who may come in to one cluster. ``entries`` are keyed by canonical ARN."""

    cluster_name: str
    aws_endpoint: str
    session: aiohttp.ClientSession
    entries: dict[str, AccessEntry] = field(default_factory=dict)
    service_accounts: ServiceAccountTokens = field(default_factory=ServiceAccountTokens)
    _remembered: dict[str, tuple[str, datetime]] = field(default_factory=dict)

    def let_in(self, entry: AccessEntry) -> None:
        """Create or replace the access entry of a principal."""
        self.entries[canonical_arn(entry.principal_arn)] = entry

    def shut_out(self, principal_arn: str) -> bool:
        """Remove the access entry of a principal; whether there was one."""
        return self.entries.pop(canonical_arn(principal_arn), None) is not None

    async def identify(self, authorization: str) -> Identity | None:
        """The identity behind an Authorization header, or None: the answer is then 401."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            return None
        if token.startswith(SERVICE_ACCOUNT_PREFIX):
            return self.service_accounts.identity(token)
        try:
            arn = await self._caller(token.strip())
        except TokenRefused as refusal:
            log.info("cluster %s refuses a token: %s", self.cluster_name, refusal)
            return None
        entry = self.entries.get(canonical_arn(arn))
        if entry is None:
            log.info("cluster %s has no access entry for %s", self.cluster_name, canonical_arn(arn))
            return None
        return Identity(arn, (*entry.groups, "system:authenticated"), entry)

    async def _caller(self, token: str) -> str:
        now = datetime.now(UTC)
        arn, until = self._remembered.get(token, ("", now))
        if until > now:
            return arn
        request = read_token(token, self.aws_endpoint, now)
        # The query must reach STS byte for byte as it was signed, and with the host that was signed
        url = URL(self.aws_endpoint.rstrip("/") + request.path_and_query, encoded=True)
        headers = {"Host": request.host, CLUSTER_HEADER: self.cluster_name}
        try:
            timeout = aiohttp.ClientTimeout(total=STS_TIMEOUT_SECONDS)
            async with self.session.get(url, headers=headers, timeout=timeout) as response:
                text = await response.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TokenRefused(f"STS at {self.aws_endpoint} did not answer: {error}") from error
        match = _ARN.search(text)
        if response.status != 200 or match is None:
            raise TokenRefused(f"error from AWS (expected 200, got {response.status}): {text[:300]}")
        arn = match[1] or match[2]
        self._remembered = {known: found for known, found in self._remembered.items() if found[1] > now}
        self._remembered[token] = (arn, now + REMEMBERED)
        return arn
