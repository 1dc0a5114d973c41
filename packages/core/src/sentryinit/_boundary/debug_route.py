"""The debug route: its token check, and the exception that it raises."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from urllib.parse import parse_qsl

from sentryinit._state import STATE

PATH = "/debug/sentry-panic"
TOKEN_HEADER = "x-sentryinit-debug-token"  # noqa: S105 # the name of a header
NONCE_HEADER = "x-sentryinit-nonce"
EVENT_ID_HEADER = "X-Sentry-Event-Id"

_NONCE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
# That of the last check that found the right token, until the exception is made.
_CHECKED: ContextVar[str] = ContextVar("sentryinit_nonce", default="")


class DebugPanic(Exception):  # it is no error
    """Raised on purpose by the debug route.

    *nonce*: what the caller has sent with the right token, to be a tag of the event (I4).
    """

    def __init__(self) -> None:
        super().__init__("raised on purpose by the debug route of sentryinit")
        self.nonce = _CHECKED.get()
        _CHECKED.set("")


def check_debug_token(headers: Mapping[str, str] | Iterable[tuple[str, str]], query: str) -> bool:
    """Return True if ``X-Sentryinit-Debug-Token`` in *headers*, or ``token=`` in *query*, is right.

    Never without a configured token, or if reporting is off. *headers*: names in any case. Takes
    the same time for any wrong token. Keeps a nonce, in ``X-Sentryinit-Nonce`` or ``nonce=``.
    """
    expected = STATE.settings.debug_token if STATE.settings and STATE.reporter else ""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    # The first of each name.
    by_name = {name.lower(): value for name, value in reversed([*pairs])}
    in_query = dict(parse_qsl(query))
    sent = by_name.get(TOKEN_HEADER) or in_query.get("token", "")
    # A variable of undecodable bytes has surrogates in it.
    pair = (text.encode("utf-8", "surrogatepass") for text in (sent, expected))
    is_right = hmac.compare_digest(*pair) and bool(expected)
    nonce = by_name.get(NONCE_HEADER) or in_query.get("nonce", "")
    _CHECKED.set(nonce if is_right and _NONCE.fullmatch(nonce) else "")
    return is_right
