"""Bringing about the client that signs people in to a hub, and the secret that the hub reads it from.

``oauth_client`` decides; here it is looked up, made or mended, and stored, each only where it is not so already. A build that was
killed between making a client and storing it finds the client by its name again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from hubplane.domain.cluster_spec.model import ClusterSpec
from hubplane.domain.errors import OAuthClientUnusable
from hubplane.domain.oauth_client import (
    AppClient,
    Create,
    Keep,
    WantedClient,
    callback_url,
    choose_owned,
    decide_client,
    rotated_secret,
    same_domain,
    secret_name,
    secret_text,
    stored_client_id,
)


class Pool(Protocol):
    """The app clients of one user pool; ``adapters.cognito.UserPool`` is the real one."""

    def find(self, client_id: str) -> AppClient | None:
        """The client of this id; None where there is none."""

    def named(self, name: str) -> list[AppClient]:
        """All clients of this name."""

    def create(self, settings: Mapping[str, Any]) -> AppClient:
        """A new client. Not repeatable."""

    def update(self, client_id: str, settings: Mapping[str, Any]) -> None:
        """Make ``settings`` the client's own."""

    def secret_ids(self, client_id: str) -> list[str]:
        """The ids of the client's secrets."""


class Secrets(Protocol):
    """Texts that are secret; ``adapters.secretsmanager.SecretsManager`` is the real one."""

    def read(self, arn_or_name: str) -> str | None:
        """The text; None where there is none."""

    def create_once(self, name: str, make: Callable[[], str], tags: Mapping[str, str]) -> tuple[str, bool]:
        """(ARN, whether it was made now)."""

    def put(self, name_or_arn: str, value: str) -> None:
        """A new text in place of the old one."""


@dataclass(frozen=True, slots=True)
class OwnPool:
    """The control plane's own user pool. ``open`` is called where it is looked at: clients of other providers need none of it."""

    user_pool_id: str
    domain_url: str
    open: Callable[[], Pool]


@dataclass(frozen=True, slots=True)
class EnsuredClient:
    """What the hub signs people in with. ``is_managed``: Hubplane made the client and keeps it."""

    secret_arn: str
    is_managed: bool
    changes: list[str]
    notes: list[str]
    reason: str


def ensure_client(spec: ClusterSpec, hub_url: str | None, own_pool: OwnPool, secrets: Secrets) -> EnsuredClient:
    """The client as the hub needs it, its id and secret stored. ``hub_url`` None: not known yet. Repeatable.

    Raises ``OAuthClientUnusable`` where the specification's client cannot be used, with what to do, and what the ports raise.
    """
    return _Ensuring(spec, hub_url, own_pool, secrets).run()


@dataclass
class _Ensuring:
    spec: ClusterSpec
    hub_url: str | None
    own_pool: OwnPool
    secrets: Secrets
    changes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def run(self) -> EnsuredClient:
        domain_url, is_managed, rotated_id = self.spec.oauth.domain_url, False, None
        client_id, client_secret = given_id, given_secret = self._given()
        is_own_pool = same_domain(domain_url, self.own_pool.domain_url)
        if is_own_pool:
            app_client, is_managed = self._app_client(given_id)
            client_id, client_secret = app_client.client_id, app_client.secret
            if not is_managed and given_secret != client_secret:
                self.notes.append("the given client secret is not the one of its app client; the app client's own is used")
            client_secret, rotated_id = self._rotated(client_id) or (client_secret, None)
        else:
            target = callback_url(self.hub_url) if self.hub_url else "<the hub's URL>/hub/oauth_callback"
            self.notes.append(f"people sign in at {domain_url}: its client must allow the callback {target}")
        if not client_id or not client_secret:
            raise OAuthClientUnusable(_why_unusable(self.spec, self.own_pool.domain_url, client_id, client_secret))
        arn = self._store(secret_text(client_id, client_secret, rotated_id))
        through = "an app client that Hubplane keeps" if is_managed else "the given app client"
        return EnsuredClient(arn, is_managed, self.changes, self.notes, f"people sign in at {domain_url} through {through}")

    def _given(self) -> tuple[str | None, str | None]:
        """Client id and secret behind the specification's ARNs; None for what is not given, absent or empty."""
        arns = (self.spec.oauth.client_id_secret_arn, self.spec.oauth.client_secret_secret_arn)
        values = [(self.secrets.read(arn) or "").strip() if arn else "" for arn in arns]
        return values[0] or None, values[1] or None

    def _app_client(self, given_id: str | None) -> tuple[AppClient, bool]:
        """The app client as the hub needs it, and whether it is Hubplane's own."""
        spec, pool = self.spec, self.own_pool.open()
        found = pool.find(given_id) if given_id else None
        is_managed = found is None
        if found is None:
            found = self._owned(pool)
            self.notes.extend(_why_own(spec, self.own_pool.user_pool_id, given_id))
        wanted = WantedClient(spec.cluster_name, self.hub_url, spec.oauth.scopes, is_managed)
        decision = decide_client(wanted, found.settings if found else None)
        if isinstance(decision, Create):
            found = pool.create(decision.settings)
            self.changes.append(f"made the app client {spec.cluster_name} in user pool {self.own_pool.user_pool_id}")
        elif found is not None and not isinstance(decision, Keep):
            pool.update(found.client_id, decision.settings)
            self.changes.append(f"set {', '.join(decision.differences)} of app client {found.name}")
        assert found is not None  # noqa: S101 - Create is decided exactly where none was found
        return found, is_managed

    def _owned(self, pool: Pool) -> AppClient | None:
        """Hubplane's own app client of this cluster from an earlier build; None where there is none."""
        name = self.spec.cluster_name
        candidates = {item.client_id: item for item in pool.named(name)}
        stored = stored_client_id(self.secrets.read(secret_name(name)))
        chosen, others = choose_owned([(key, item.created_at) for key, item in candidates.items()], stored)
        if others:
            self.notes.append(
                f"user pool {self.own_pool.user_pool_id} has {len(others)} more app client(s) of the name {name}, left by "
                f"interrupted builds: delete {', '.join(others)} when nothing uses them"
            )
        return candidates[chosen] if chosen else None

    def _rotated(self, client_id: str) -> tuple[str, str] | None:
        """What a rotation stored, which goes on: a client has up to two secrets, and Describe tells one of them."""
        rotated = rotated_secret(self.secrets.read(secret_name(self.spec.cluster_name)), client_id)
        return rotated if rotated and rotated[1] in self.own_pool.open().secret_ids(client_id) else None

    def _store(self, text: str) -> str:
        """The ARN of the secret that the hub reads, holding ``text``."""
        cluster_name = self.spec.cluster_name
        name = secret_name(cluster_name)
        tags = {**self.spec.tags, "hubplane:cluster": cluster_name, f"kubernetes.io/cluster/{cluster_name}": "owned"}
        arn, is_new = self.secrets.create_once(name, lambda: text, tags)
        if is_new:
            self.changes.append(f"stored the OAuth client in secret {name}")
        elif self.secrets.read(arn) != text:
            self.secrets.put(arn, text)
            self.changes.append(f"renewed the OAuth client in secret {name}")
        return arn


def _why_own(spec: ClusterSpec, user_pool_id: str, given_id: str | None) -> list[str]:
    """Why a client of Hubplane's own is used though the specification names one; nothing where it names none."""
    instead = f"Hubplane uses an app client {spec.cluster_name} of its own instead"
    if given_id:
        # A domain prefix is unique in a Region: whoever had the client under this domain has it no more.
        return [
            f"the given client id is not a client of user pool {user_pool_id}, which now has the domain "
            f"{spec.oauth.domain_url}; {instead}"
        ]
    arn = spec.oauth.client_id_secret_arn
    return [f"secret {arn} (oauth.client_id_secret_arn) does not exist or is empty; {instead}"] if arn else []


def _why_unusable(spec: ClusterSpec, own_domain_url: str, client_id: str | None, client_secret: str | None) -> str:
    """Why there is no usable client, and what to do about it."""
    if same_domain(spec.oauth.domain_url, own_domain_url):
        return (
            f"the app client that {spec.oauth.client_id_secret_arn or spec.cluster_name} names has no secret: the hub needs a "
            "confidential client, so make one with a secret, or leave the client out and Hubplane makes it"
        )
    missing = [
        f"{field_name} ({arn}) does not exist, is empty or waits for its deletion" if arn else f"{field_name} is not given"
        for field_name, arn, value in (
            ("oauth.client_id_secret_arn", spec.oauth.client_id_secret_arn, client_id),
            ("oauth.client_secret_secret_arn", spec.oauth.client_secret_secret_arn, client_secret),
        )
        if not value
    ]
    return (
        f"{'; '.join(missing)}: {spec.oauth.domain_url} is not the sign-in domain of this control plane "
        f"({own_domain_url}), so store the id and the secret of a client there in Secrets Manager"
    )
