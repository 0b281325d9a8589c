"""How the program ends when it does not end well: one class per exit code, the message says what to do next."""

from __future__ import annotations

FAILED = 1
USAGE = 2
NO_ACCESS = 3
NO_ANSWER = 4
TROUBLE = 5
"""The execution did what it is for, and its result says that something is wrong."""
INTERRUPTED = 130
"""128 + SIGINT, as shells count it."""


class Problem(Exception):
    """Parent of the others; its message goes to standard error as it is."""

    exit_code = FAILED


class WrongUse(Problem):
    """Something that was given cannot be: a name, a file, a stack that is not there."""

    exit_code = USAGE


class NoAccess(Problem):
    """No credentials, expired ones, or ones that may not do this."""

    exit_code = NO_ACCESS


class NoAnswer(Problem):
    """AWS cannot be reached, or refuses for a reason of its own."""

    exit_code = NO_ANSWER
