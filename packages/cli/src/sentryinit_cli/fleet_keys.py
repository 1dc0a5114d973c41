"""The keys of an entry in the file of a fleet, and what each may have."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from sentryinit_cli.backends import NAMES
from sentryinit_cli.guard import looks_secret
from sentryinit_cli.remote import TOKEN_VARIABLE, check_url
from sentryinit_cli.tokens import VARIABLES

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,100}")


class Key(NamedTuple):
    """A key of an entry. *is_own*: it is different for each service, so it has no default."""

    doc: str
    expected: str
    check: Callable[[Any], bool]
    is_own: bool = False


def is_text(value: Any) -> bool:
    """Return True if *value* is a text that is not empty."""
    return isinstance(value, str) and bool(value.strip())


def _is_url(value: Any) -> bool:
    return is_text(value) and not check_url(value)


def _is_variable(value: Any) -> bool:
    return isinstance(value, str) and bool(_VARIABLE.fullmatch(value)) and not looks_secret(value)


def _is_number(value: Any) -> bool:
    return type(value) is int and 0 < value < 10**18


def _is_seconds(value: Any) -> bool:
    # More seconds than a thread can wait are no time-out.
    return type(value) in {int, float} and 0 < value < threading.TIMEOUT_MAX


TEXT, URL = "a text", "an address, https://..., without user, password and token"
_NAME = "the name of an environment variable"
KEYS = {
    "name": Key("Name in the table.", TEXT, is_text, is_own=True),
    "url": Key("Address of its debug route.", URL, _is_url, is_own=True),
    "dsn": Key("Its DSN.", "a DSN, https://<key>@<host>/<project>", is_text, is_own=True),
    "dsn_variable": Key("Variable that has its DSN.", _NAME, _is_variable, is_own=True),
    "project": Key(
        "In place of a DSN: the number of its project.", "a number", _is_number, is_own=True
    ),
    "base": Key("Address of the backend; with `project`.", URL, _is_url),
    "service": Key("Expected service, if it is not the name.", TEXT, is_text, is_own=True),
    "environment": Key("Expected environment.", TEXT, is_text),
    "release": Key("Expected release.", TEXT, is_text),
    "release_variable": Key("Variable that has the expected release.", _NAME, _is_variable),
    "server_name": Key(
        "Expected name of the server, `*` for any; else the service.", TEXT, is_text
    ),
    "token_variable": Key(
        f"Variable that has the token of the API; else {' or '.join(VARIABLES)}.",
        _NAME,
        _is_variable,
    ),
    "token_file": Key("File that has the token of the API.", "the path of a file", is_text),
    "debug_token_variable": Key(
        f"Variable that has the token of the debug route; else {TOKEN_VARIABLE}.",
        _NAME,
        _is_variable,
    ),
    "backend": Key(
        "Which backend it is; else it is recognised.",
        f"one of {', '.join(NAMES)}",
        lambda value: value in NAMES,
    ),
    "api_url": Key("Address of pages and API, if not that of the DSN.", URL, _is_url),
    "org": Key("Slug of the organisation (Sentry, GlitchTip).", TEXT, is_text),
    "timeout": Key("Seconds until an event must be there.", "a number above 0", _is_seconds),
}
