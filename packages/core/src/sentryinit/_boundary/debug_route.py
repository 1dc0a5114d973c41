"""The debug route: an error on demand, for whoever has the token."""

from __future__ import annotations

import hmac
from urllib.parse import parse_qsl

from sentryinit._state import STATE

PATH = "/debug/sentry-panic"
TOKEN_HEADER = "X-Sentryinit-Debug-Token"  # noqa: S105 # the name of a header
EVENT_ID_HEADER = "X-Sentry-Event-Id"


class DebugPanic(Exception):  # it is no error
    """Raised on purpose by the debug route."""

    def __init__(self) -> None:
        super().__init__("raised on purpose by the debug route of sentryinit")


def may_panic(header: str | None, query: str) -> bool:
    """Tell whether *header* (of ``X-Sentryinit-Debug-Token``) or ``?token=`` in *query* is right.

    Never, if no token is configured or reporting is off. Takes the same time for any wrong token.
    """
    expected = STATE.settings.debug_token if STATE.settings and STATE.reporter else ""
    given = header or dict(parse_qsl(query)).get("token", "")
    # A variable of undecodable bytes has surrogates in it.
    pair = (text.encode("utf-8", "surrogatepass") for text in (given, expected))
    same = hmac.compare_digest(*pair)
    return same and bool(expected)
