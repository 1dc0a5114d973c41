"""What can come out of a verification, and the exit code of each."""

from __future__ import annotations

import enum

# The exit code of a fleet is the number of services that are not in order, at most this one.
MOST_DARK = 50


class Verdict(enum.Enum):
    """What came out, with the exit code of the command and what a table says."""

    FOUND = 0, "found", "The event is stored, and it is what was sent."
    USAGE = 64, "usage", "An option, or the file of a fleet, is wrong. Nothing was sent."
    CONFIGURATION = 65, "configuration", "There is no usable DSN, or no token. Nothing was sent."
    NOT_WIRED = 70, "not wired", "The service made no event."
    REFUSED = 71, "refused", "The backend refused the event: key, quota, or size."
    NOT_STORED = 72, "not stored", "The event was sent, and is not there after the timeout."
    ALTERED = 73, "altered", "The event is stored, and it is not what was sent."
    TOKEN = 74, "token", "The backend does not know the token."
    SCOPE = 75, "scope", "The token may not do what is needed."
    PROJECT = 76, "project", "The backend does not show the project. Nothing was sent."
    BACKEND = 77, "backend", "The backend does not answer, or is none that is known."
    CRASH = 99, "internal error", "The command has a bug."

    def __init__(self, exit_code: int, word: str, meaning: str) -> None:
        self.exit_code: int = exit_code
        self.word: str = word
        self.meaning: str = meaning


class Failure(Exception):
    """A verification that ended: *text* says what was seen, *remedy* what to do. No secret."""

    def __init__(self, verdict: Verdict, text: str, remedy: str = "") -> None:
        super().__init__(text)
        self.verdict: Verdict = verdict
        self.text: str = text
        self.remedy: str = remedy
