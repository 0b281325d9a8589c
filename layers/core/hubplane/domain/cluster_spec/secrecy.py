"""What looks like a secret, so that it is refused where it was typed and never repeated in a message.

Two questions with two answers. ``is_credential`` is strict, because it refuses the specification: the shapes of AWS'
own keys and other tokens that cannot be anything else. ``may_be_secret`` is generous, because it only hides a value
from a message.

Shapes of AWS keys: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
(AKIA, ASIA and 16 more) and https://docs.aws.amazon.com/IAM/latest/UserGuide/security-creds-programmatic-access.html
(secret access keys of 40 characters).
"""

from __future__ import annotations

import re

_ACCESS_KEY_ID = re.compile(r"(?:AKIA|ASIA)[A-Z0-9]{12,}")
_KNOWN_TOKENS = re.compile(r"-----BEGIN|\bgh[pousr]_[A-Za-z0-9]{20}|\bgithub_pat_|\bglpat-|\bxox[bap]-|\beyJ[A-Za-z0-9_-]{10}")
_RUN_OF_40 = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+=]{40}(?![A-Za-z0-9/+=])")
_LONG_RUN = re.compile(r"[A-Za-z0-9/+=_]{20,}")
_USER_IN_URL = re.compile(r"://[^/]*@")
_SECRET_ARN = re.compile(r"arn:aws(-cn|-us-gov)?:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+")
_TELLING_NAME = re.compile(
    r"secret|passw|token|credential|private|api[_-]?key|access[_-]?key|client[_-]?id|awsid|pwd", re.IGNORECASE
)


def is_credential(text: str) -> bool:
    """Whether the text holds an AWS key or a well-known token. Git's 40 hexadecimal digits and parts of URLs are none."""
    if _ACCESS_KEY_ID.search(text) or _KNOWN_TOKENS.search(text):
        return True
    # In a URL the slashes divide names, but before an @ they may belong to a password; elsewhere keys hold slashes.
    scheme, is_url, rest = text.partition("://")
    searched = f"{scheme} {rest if '@' in rest else rest.replace('/', ' ')}" if is_url else text
    return any(_mixes_all(run) for run in _RUN_OF_40.findall(searched))


def may_be_secret(text: str) -> bool:
    """Whether a message must not repeat the text: a credential, a user in a URL, or a long run of mixed characters."""
    if is_credential(text) or _USER_IN_URL.search(text):
        return True
    if _SECRET_ARN.fullmatch(text):
        return False
    return any(_mixes_some(run) for run in _LONG_RUN.findall(text))


def names_a_secret(name: str) -> bool:
    """Whether a field of this name is there to hold a secret, whatever its value looks like."""
    return _TELLING_NAME.search(name) is not None


def _mixes_all(run: str) -> bool:
    return any(c.islower() for c in run) and any(c.isupper() for c in run) and any(c.isdigit() for c in run)


def _mixes_some(run: str) -> bool:
    """Letters and digits together, or a long run of both cases: names that people choose rarely are."""
    letters_and_digits = any(c.isalpha() for c in run) and any(c.isdigit() for c in run)
    return letters_and_digits or (len(run) >= 40 and run != run.lower() and run != run.upper())
