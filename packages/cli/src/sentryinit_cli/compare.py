"""Compare the stored event with the one that was sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from sentryinit_cli.backends import Stored
from sentryinit_cli.canaries import Canary, leaked

ANY = "*"
UNKNOWN_ROUTE = "<unknown>"
_LONGEST = 80
_PARAMETER = re.compile(r"\{[^}]*\}|<[^>]*>")


@dataclass(frozen=True)
class Expected:
    """What the stored event has to say; an empty text is not compared."""

    service: str = ""
    environment: str = ""
    release: str = ""
    server_name: str = ""
    status_code: str = ""
    level: str = ""
    title: str = ""
    route: str = ""
    nonce: str = ""


def _tag(name: str) -> Callable[[Stored], str | None]:
    return lambda stored: stored.tags.get(name, "")


# How each field is read from a stored event; None: the backend does not tell.
_READ: dict[str, Callable[[Stored], str | None]] = {
    "service": _tag("service"),
    "environment": lambda stored: stored.environment,
    "release": lambda stored: stored.release,
    "server_name": lambda stored: stored.server_name,
    "status_code": _tag("status_code"),
    "level": lambda stored: stored.level,
    "title": lambda stored: stored.title,
    "route": _tag("route"),
    "nonce": _tag("nonce"),
}
_REMEDIES = {
    "service": "set SENTRYINIT_SERVICE, or the name that init() gets; or correct --service",
    "environment": "set SENTRY_ENVIRONMENT where the service runs; or correct --environment",
    "release": "set SENTRY_RELEASE where the service runs: is the new version deployed?",
    "server_name": "if the service has a server_name of its own, name it with --server-name; else "
    "look for code that sets it (a hook, an event processor)",
    "status_code": "look for a proxy or a middleware outside that changes the status",
    "level": "look for code that sets the level (a scope, a hook)",
    "title": "look for code that changes the exception (a hook, an event processor)",
    "route": "look for code that sets the tag route (a scope, a hook)",
    "nonce": "the answer was not made for this request: a cache answers, or the service has an "
    "older version of sentryinit",
    "secret": "look for a hook or an event processor that adds data after the masking, and add "
    "the name with SENTRYINIT_MASK_KEYS",
}


@dataclass(frozen=True)
class Difference:
    """What differs, and how; *field* is a name of :class:`Expected`, or ``secret``."""

    field: str
    text: str

    @property
    def remedy(self) -> str:
        """What to do."""
        return _REMEDIES[self.field]


def differences(
    stored: Stored, expected: Expected, canaries: tuple[Canary, ...]
) -> list[Difference]:
    """Return what was stored otherwise than it was sent; no text has a canary."""
    return [*_fields(stored, expected, canaries), *_leaks(stored, canaries)]


def _fields(
    stored: Stored, expected: Expected, canaries: tuple[Canary, ...]
) -> Iterator[Difference]:
    for name, wanted in asdict(expected).items():
        found = _READ[name](stored)
        if wanted and found is not None and not _equal(name, wanted, found):
            shown = _shown(found, canaries)
            yield Difference(name, f"{name}: expected {_shown(wanted, canaries)}, found {shown}")


def _leaks(stored: Stored, canaries: tuple[Canary, ...]) -> Iterator[Difference]:
    for carrier in leaked(canaries, stored.whole):
        yield Difference("secret", f"secret: the one planted in the {carrier} was stored unmasked")


def _equal(name: str, wanted: str, found: str) -> bool:
    if name == "server_name" and wanted == ANY:
        return bool(found)
    if name == "route":
        return is_route_of(found, wanted)
    # Backends cut titles.
    cut = found.rstrip("\u2026.")
    return found == wanted or (name == "title" and len(cut) > 60 and wanted.startswith(cut))


def is_route_of(route: str, path: str) -> bool:
    """Return True if *route* may be the template of *path*, or of its end below a mount.

    A generic boundary does not know routes: any path may be of its route.
    """
    if route in {UNKNOWN_ROUTE, path}:
        return True
    literal = map(re.escape, _PARAMETER.split(route.rstrip("/")))
    return bool(route) and bool(re.search(f"{'[^/]+'.join(literal)}$", path.rstrip("/")))


def _shown(value: str, canaries: tuple[Canary, ...]) -> str:
    if not value:
        return "nothing"
    if leaked(canaries, value):
        return "a text with a planted secret (not shown)"
    return repr(value if len(value) <= _LONGEST else f"{value[: _LONGEST - 3]}...")
