"""Reading an event back by its id: which backend it is, and how each one answers."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from sentryinit_cli.backends.base import Backend, Place, Stored
from sentryinit_cli.backends.bugsink import Bugsink
from sentryinit_cli.backends.detect import recognise
from sentryinit_cli.backends.glitchtip import GlitchTip
from sentryinit_cli.backends.sentry import Sentry, saas_base
from sentryinit_cli.verdicts import Failure, Verdict

__all__ = ["NAMES", "Backend", "Place", "Stored", "connect"]

_MAKERS: dict[str, Callable[[Place, str], Backend]] = {
    "glitchtip": GlitchTip,
    "bugsink": Bugsink,
    "sentry": Sentry,
}
NAMES = "glitchtip", "bugsink", "sentry"


def connect(place: Place, name: str | None = None) -> Backend:
    """Return the backend of *place*: *name*, or the one that its answers show.

    Raises ``Failure`` (BACKEND) if no backend is recognised, or nothing answers.
    """
    saas = saas_base(place.dsn.host)
    base = _base(place.api) or saas or place.dsn.base
    if name is None:
        name = "sentry" if saas else recognise(place.http, base)
    if name not in _MAKERS:
        text = f"no backend of this name; expected one of {', '.join(NAMES)}"
        raise Failure(Verdict.USAGE, text, "leave --backend out: it is recognised by its answers")
    return _MAKERS[name](place, base)


def _base(text: str) -> str:
    """Return the address that was given, without a path of the API and a slash at the end."""
    plain = text.strip()
    if not plain:
        return ""
    try:
        parts = urlsplit(plain)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, is_address = urlsplit(""), False
    if not is_address:
        remedy = "expected http:// or https://, a host, and a sub-path if there is one"
        raise Failure(Verdict.USAGE, "the address of the API (--api-url) is malformed", remedy)
    path = parts.path.rstrip("/")
    path = path.removesuffix("/api/canonical/0").removesuffix("/api/0")
    return f"{parts.scheme}://{parts.netloc}{path}"
