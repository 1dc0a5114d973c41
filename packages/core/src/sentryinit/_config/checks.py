"""Problems of a set-up, for the checks of frameworks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sentryinit._config.settings import Settings, backend_host

_DSN = "https://<key>@<host>/<project number>"


class Problem(NamedTuple):
    """What is wrong, and what to do. *number* is stable. *deployed*: for deployed services only."""

    number: int
    text: str
    hint: str
    deployed: bool = False


def problems(
    settings: Settings | None, *, is_on: bool, conflicting: Sequence[str]
) -> Iterator[Problem]:
    """Yield the problems of *settings*; *conflicting*: class names of sentry-sdk's integrations."""
    if settings is None:
        return
    if not settings.enabled:
        text = f"Reporting is off: enabled=false (from {settings.sources['enabled']})."
        yield Problem(1, text, "Set SENTRYINIT_ENABLED, or the option enabled.", deployed=True)
    elif not settings.dsn:
        yield Problem(1, "There is no DSN: reporting is off.", "Set SENTRY_DSN.", deployed=True)
    elif not is_on:
        text = f"The DSN (from {settings.sources['dsn']}) cannot be used: reporting is off."
        yield Problem(2, text, "It is malformed, or a warning at the start says what is wrong.")
    for name in conflicting:
        text = f"sentry_sdk's own {name} is active beside sentryinit."
        yield Problem(3, text, "Remove it from integrations, and sentry_sdk.init() if you call it.")
    if settings.sources["service"] in {"default", "application"}:
        text = f"The service has no configured name: its events say {settings.service}."
        yield Problem(4, text, "Set SENTRYINIT_SERVICE, or the option service.", deployed=True)
    if not settings.release:
        hint = "Set SENTRY_RELEASE, or the option release."
        yield Problem(5, "The release of the service is not known.", hint, deployed=True)


def why_off(settings: Settings) -> str:
    """Return why *settings* switch reporting off, with what is expected; nothing: no text."""
    source = settings.sources["dsn"]
    if not settings.enabled:
        return f"enabled=false (from {settings.sources['enabled']}); expected true, the default"
    if not settings.dsn:
        empty = "there is no DSN" if source == "default" else f"the DSN (from {source}) is empty"
        return f"{empty}; expected {_DSN} in SENTRY_DSN, or in the option dsn"
    if backend_host(settings.dsn) is None:
        return f"the DSN (from {source}) is malformed; expected {_DSN}"
    return ""


# The numbers from 6 on are noticed when they happen.


def foreign_init(place: str, *, is_ignored: bool) -> Problem:
    """Return the problem of a ``sentry_sdk.init()`` in *place*, after ours."""
    what = "it is ignored" if is_ignored else "its transport gets the events, masked"
    text = f"sentry_sdk.init() was called after sentryinit.init(), in {place}: {what}."
    return Problem(6, text, "Remove that call; give its options to sentryinit.init().")


def late_dsn(first: Settings, boundary: str) -> Problem:
    """Return the problem of a DSN that comes after *boundary* has removed itself."""
    found = f"a malformed DSN ({first.sources['dsn']})" if first.dsn else "no DSN"
    text = f"Reporting is off: the first set-up (by {boundary}) found {found}."
    hint = "There is a DSN now: set it, or call sentryinit.init(), before the application is built."
    return Problem(7, text, hint)


def ignored_options(names: Sequence[str], where: str) -> Problem:
    """Return the problem of a later set-up with other values than the first."""
    values = ", ".join(names)
    text = f"A later set-up ({where}) has other values of {values}: they are ignored."
    return Problem(8, text, "The first set-up of a process counts: give them to that one.")


def wrong_order(outside: Sequence[str], hint: str) -> Problem:
    """Return the problem of middlewares *outside* of the boundary."""
    text = (
        f"Outside of sentryinit's middleware: {', '.join(outside)}; errors there are reported "
        "without their requests."
    )
    return Problem(9, text, hint)
