"""Which text may be a username: rules on the text alone, so the sentences may be exact.

The rules keep a name equal to itself everywhere it goes: Cognito (1 to 128 characters of any letter, mark, symbol, number or
punctuation), JupyterHub (lower case), claims, pods and labels in Kubernetes (a DNS label), a cost tag, a mail. Plain ASCII
leaves no room for look-alikes from other alphabets, for letters whose lower case is ASCII (the Kelvin sign gives ``k``), for
combining marks or for invisible characters. The escape scheme writes three characters for one outside ``[a-z0-9]``, hence the
second length.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from typing import Final

from hubplane.domain.names import DNS_LABEL_LENGTH, escape_slug, username_key
from hubplane.domain.registration.decision import Decision, accept, refuse

MIN_LENGTH: Final = 3
MAX_LENGTH: Final = 32
"""POSIX's ``LOGIN_NAME_MAX`` leaves 31 or 32 on most systems; a home folder or a cost tag may carry the name."""

MAX_ESCAPED_LENGTH: Final = DNS_LABEL_LENGTH - len("jupyter-")
"""KubeSpawner < 7 names a pod ``jupyter-<escaped>``, and a pod's name becomes its host name, a DNS label."""

_SHAPE: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[._-][A-Za-z0-9]+)*")

RULE: Final = (
    f"A user name has {MIN_LENGTH} to {MAX_LENGTH} characters: it starts with a letter, goes on with letters (a to z) and "
    "digits, and may have single dots, hyphens or underscores between them"
)

# What nobody should be able to appear as, and what other parts of the house are called: JupyterHub's own pages and roles, the
# mailboxes of RFC 2142, words that scripts read as "no value".
_RESERVED_WORDS: Final = (
    "abuse admin administrator administrators admins anonymous api aws billing claim cluster cognito default everyone ftp "
    "guest help helpdesk home hostmaster hub hubplane hubdb info install jovyan jupyter jupyterhub jupyterlab kubernetes "
    "login logout mail mailerdaemon me nobody none noreply notebook null oauth oauthcallback official operator operators "
    "owner postmaster proxy public register root sales security self server service services shared signin signup spawn "
    "staff static sudo superuser support system test token undefined user users webmaster www "
)
RESERVED: Final = frozenset(_RESERVED_WORDS.split())

_SEPARATORS: Final = str.maketrans("", "", "._-")
_DIGITS_READ_AS_LETTERS: Final = str.maketrans("013457", "oleast")


def check_username(username: str) -> Decision:
    """Whether ``username`` may be a username at all. Refusals quote nothing: the text may be meant to mislead."""
    if not _printable_ascii(username):
        return refuse(
            "A user name can only have the letters a to z, digits, and single dots, hyphens or underscores, and no blanks",
            f"characters outside printable ASCII in {username[:MAX_LENGTH]!a}",
        )
    if not MIN_LENGTH <= len(username) <= MAX_LENGTH or not _SHAPE.fullmatch(username):
        return refuse(RULE, f"shape or length ({len(username)}) of {username[:MAX_LENGTH]!r}")
    escaped_length = len(escape_slug(username_key(username)))
    if escaped_length > MAX_ESCAPED_LENGTH:
        return refuse(
            "This user name has too many dots, hyphens and underscores. Please choose one with fewer",
            f"{escaped_length} characters when escaped, {MAX_ESCAPED_LENGTH} are left in a pod's name: {username!r}",
        )
    return accept("the name fits every scheme")


def is_reserved(username: str, also: Collection[str] = ()) -> bool:
    """Whether ``username`` reads as a reserved word: without separators, and with digits that stand for letters read as those.

    ``also`` are words of the installation's policy, compared the same way.
    """
    words = RESERVED | {_plain(word) for word in also}
    plain = _plain(username)
    return plain in words or plain.translate(_DIGITS_READ_AS_LETTERS) in words or _with_i(plain) in words


def _plain(text: str) -> str:
    return username_key(text).translate(_SEPARATORS)


def _with_i(plain: str) -> str:
    """The other reading of ``1``: ``adm1n`` has no l."""
    return plain.replace("1", "i").translate(_DIGITS_READ_AS_LETTERS)


def _printable_ascii(text: str) -> bool:
    return text.isascii() and not any(unicodedata.category(character) == "Cc" or character == " " for character in text)
