"""The debug route: its token check, and the exception that it raises."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl

from sentryinit._state import STATE

PATH = "/debug/sentry-panic"
TOKEN_HEADER = "x-sentryinit-debug-token"  # noqa: S105 # the name of a header
NONCE_HEADER = "x-sentryinit-nonce"
EVENT_ID_HEADER = "X-Sentry-Event-Id"

_NONCE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_Headers = Mapping[str, str] | Iterable[tuple[str, str]]


class DebugPanic(Exception):  # it is no error
    """Raised on purpose by the debug route."""

    def __init__(self) -> None:
        super().__init__("raised on purpose by the debug route of sentryinit")


def check_debug_token(headers: _Headers, query: str) -> bool:
    """Return True if ``X-Sentryinit-Debug-Token`` in *headers*, or ``token=`` in *query*, is right.

    Never without a configured token, or if reporting is off. *headers*: names in any case. Takes
    the same time for any wrong token.
    """
    expected = STATE.settings.debug_token if STATE.settings and STATE.reporter else ""
    sent = _sent(headers, query, TOKEN_HEADER, "token")
    # A variable of undecodable bytes has surrogates in it.
    pair = (text.encode("utf-8", "surrogatepass") for text in (sent, expected))
    return hmac.compare_digest(*pair) and bool(expected)


def nonce_of(headers: _Headers, query: str) -> str:
    """Return ``X-Sentryinit-Nonce`` of *headers*, or ``nonce=`` of *query*, if it is valid (I4).

    An empty text without the right token: it is not masked.
    """
    nonce = _sent(headers, query, NONCE_HEADER, "nonce")
    return nonce if _NONCE.fullmatch(nonce) and check_debug_token(headers, query) else ""


def _sent(headers: _Headers, query: str, header: str, parameter: str) -> str:
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    sent = next((value for name, value in pairs if name.lower() == header), "")
    return sent or dict(parse_qsl(query)).get(parameter, "")
