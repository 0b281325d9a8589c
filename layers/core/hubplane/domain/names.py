"""From a username to the names of its persistent volume claims, always forward.

A claim's name is what ties a home to a person inside a cluster, so two usernames that give one claim are one home. KubeSpawner
has made claims in two ways, and a cluster may hold both:

- *escape* (KubeSpawner < 7, and Hubplane's own clusters): every byte outside ``[a-z0-9]`` as ``-xx``. ``escapism.escape`` with
  ``escape_char="-"``, then ``lower()``; kubespawner 6.2.0 ``spawner.py`` ``_expand_user_properties``, 7.1.0 ``slugs.py``
  ``escape_slug``. The byte is written as ``%X``, without a leading zero.
- *safe* (KubeSpawner >= 7, default): a name that is a DNS label stays as it is, any other gets a hash, and one that leaves no
  room for ``--`` within 48 characters is hashed as if it had a server name. 7.1.0 ``slugs.py`` ``safe_slug``,
  ``strip_and_hash``, ``multi_slug`` and ``spawner.py`` ``_expand_user_properties``.

Both were compared with kubespawner 7.1.0 on 60,000 random names; ``tests/unit/registration/kubespawner_claims.json`` is a part.

Neither can be turned back (a hash never, and ``lstrip("claim-")`` strips characters, not a prefix), so nothing here tries to.
The hub knows everybody in lower case (JupyterHub ``auth.py`` ``Authenticator.normalize_username``), so claims are those of the
lower-case name. Claims of named servers (``claim-<name>--<server>``) and of hubs with a claim template of their own are not
computed here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

CLAIM_PREFIX: Final = "claim-"
"""Of ``claim-{username}`` and ``claim-{user_server}``, KubeSpawner's default ``pvc_name_template`` up to 6 and since 7."""

SLUG_LENGTH: Final = 48
"""``_slug_max_length`` in KubeSpawner 7's ``_expand_user_properties``."""

HASH_LENGTH: Final = 8
"""``_hash_length`` in KubeSpawner 7's ``slugs.py``."""

DNS_LABEL_LENGTH: Final = 63
"""RFC 1123; the longest name of a pod's host and of a label's value in Kubernetes."""

_UNESCAPED: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789")
_DNS_LABEL: Final = re.compile(r"[a-z](?:[a-z0-9-]*[a-z0-9])?")
_OUTSIDE_SLUG: Final = re.compile(r"[^a-z0-9]+")


EXTERNAL_PREFIX: Final = "external#"
"""Of the key of somebody whom another provider signs in: ``external#<provider>#<name>`` (``registration.external``)."""


@dataclass(frozen=True, slots=True)
class Claims:
    """The claim of one person under each scheme; both may be the same name."""

    escaped: str
    safe: str

    @property
    def all(self) -> frozenset[str]:
        """Every claim that may hold this person's home."""
        return frozenset((self.escaped, self.safe))


def username_key(username: str) -> str:
    """How a person is known to the hub and in the Users table: the username in lower case."""
    return username.lower()


def hub_name(key: str) -> str:
    """What the hub calls the person of a record's key: the key itself, or the name in that of another provider's person."""
    return key.split("#", 2)[-1] if key.startswith(EXTERNAL_PREFIX) else key


def claims_of(username: str) -> Claims:
    """The claims of ``username`` under both schemes. Any text has them, also text that no rule would accept as a username."""
    key = username_key(username)
    return Claims(escaped=_claim(escape_slug(key)), safe=_claim(_safe_user_slug(key)))


def escape_slug(name: str) -> str:
    """``name`` as KubeSpawner < 7 wrote it: ``a-b`` is ``a-2db``, and a capital ``B`` is ``-42``."""
    return "".join(
        character if character.isascii() and ord(character) in _UNESCAPED else "".join(f"-{byte:x}" for byte in _bytes(character))
        for character in name
    )


def safe_slug(name: str, max_length: int = SLUG_LENGTH) -> str:
    """``name`` as KubeSpawner >= 7 writes it: itself where it is a DNS label of ``max_length`` without ``--``, else hashed."""
    if "--" not in name and len(name) <= max_length and _DNS_LABEL.fullmatch(name):
        return name
    return f"{_readable(name, max_length - HASH_LENGTH - 3)}---{_hash(name)}"


def collisions(usernames: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """Each claim that more than one username leads to, with those usernames as they were given, sorted.

    Usernames that differ in case only share all their claims. A claim may collide across schemes: ``a-2db`` has under *safe*
    what ``a-b`` has under *escape*. An exact repetition is one username.
    """
    owners: dict[str, set[str]] = {}
    for username in usernames:
        for claim in claims_of(username).all:
            owners.setdefault(claim, set()).add(username)
    return {claim: tuple(sorted(found)) for claim, found in sorted(owners.items()) if len(found) > 1}


def _safe_user_slug(name: str) -> str:
    slug = safe_slug(name)
    # KubeSpawner joins user and (here empty) server with "--" and measures before it looks whether there is a server.
    return slug if len(slug) + len("--") <= SLUG_LENGTH else _slug_with_empty_server(name)


def _slug_with_empty_server(name: str) -> str:
    """``multi_slug([name, ""])``: room is shared between both, an empty part is written ``x``, hashed apart by byte 0xFF."""
    room = (SLUG_LENGTH - (HASH_LENGTH + 1)) // 2 - len("--")
    digest = hashlib.sha256(_bytes(name) + b"\xff").hexdigest()[:HASH_LENGTH]
    return f"{_readable(name, room)}--{_readable('', room)}---{digest}"


def _readable(name: str, max_length: int) -> str:
    text = _OUTSIDE_SLUG.sub("-", name.lower()).lstrip("-")[:max_length].rstrip("-")
    if text and not text[0].isalpha():
        text = "x-" + text[: max_length - 2]
    return text or "x"


def _hash(name: str) -> str:
    return hashlib.sha256(_bytes(name)).hexdigest()[:HASH_LENGTH]


def _claim(slug: str) -> str:
    # KubeSpawner strips hyphens that its template leaves behind an empty part.
    return (CLAIM_PREFIX + slug).rstrip("-")


def _bytes(text: str) -> bytes:
    # A lone surrogate is valid in JSON and not in UTF-8; it must be answered, not crashed upon.
    return text.encode("utf-8", "surrogatepass")
