"""What can come out of a verification, and the exit code of each."""

from __future__ import annotations

import enum

# The exit code of a fleet is the number of services that are not in order, at most this one.
MOST_DARK = 50


class Verdict(enum.Enum):
    """What came out, with the exit code of the command and what a table says."""

    FOUND = 0, "found"
    USAGE = 64, "usage"
    CONFIGURATION = 65, "configuration"
    NOT_WIRED = 70, "not wired"
    REFUSED = 71, "refused"
    NOT_STORED = 72, "not stored"
    ALTERED = 73, "altered"
    TOKEN = 74, "token"
    SCOPE = 75, "scope"
    PROJECT = 76, "project"
    BACKEND = 77, "backend"
    CRASH = 99, "internal error"

    def __init__(self, exit_code: int, word: str) -> None:
        self.exit_code, self.word = exit_code, word


class Failure(Exception):
    """A verification that ended: *text* says what was seen, *remedy* what to do. No secret."""

    def __init__(self, verdict: Verdict, text: str, remedy: str = "") -> None:
        super().__init__(text)
        self.verdict, self.text, self.remedy = verdict, text, remedy
