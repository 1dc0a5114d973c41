"""Problems of a set-up, for the checks of frameworks."""

from __future__ import annotations

import fnmatch
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
    yield from _suspicious_values(settings)


def _suspicious_values(settings: Settings) -> Iterator[Problem]:
    for warning in settings.warnings:
        yield Problem(10, f"{warning}.", "Correct it, or remove it.")
    yield from _token_problems(settings.debug_token)
    if settings.sample_rate == 0:
        text = f"sample_rate is 0 (from {settings.sources['sample_rate']}): no event is sent."
        yield Problem(12, text, "Remove it, or set a fraction above 0.")
    for name in _ignoring_all(settings):
        text = f"{name} (from {settings.sources[name]}) matches every failure: none is reported."
        yield Problem(13, text, "Name only what is to be ignored.")


# As many characters as 64 random bits have in Base64 or hexadecimal digits.
_TOKEN_LENGTH, _TOKEN_LETTERS = 16, 6


def _token_problems(token: str) -> Iterator[Problem]:
    hint = "Set 32 random characters: python -c 'import secrets; print(secrets.token_urlsafe(24))'"
    if 0 < len(token) < _TOKEN_LENGTH:
        text = f"The debug token has {len(token)} characters: it can be guessed."
        yield Problem(11, text, hint, deployed=True)
    elif token and len(set(token)) < _TOKEN_LETTERS:
        text = (
            f"The debug token has only {len(set(token))} different characters: it can be guessed."
        )
        yield Problem(11, text, hint, deployed=True)


_NAMES = "Exception BaseException builtins.Exception builtins.BaseException".split()
_ALL_ERRORS = frozenset([Exception, BaseException, *_NAMES])


def _ignoring_all(settings: Settings) -> Iterator[str]:
    """Yield the settings each of which ignores whatever happens."""
    statuses = {status for each in settings.ignore_statuses for status in each}
    ignores = {
        "ignore_errors": not _ALL_ERRORS.isdisjoint(settings.ignore_errors),
        "ignore_messages": any(each.search("") for each in settings.ignore_messages),
        "ignore_paths": any(fnmatch.fnmatchcase("/a/b.c", each) for each in settings.ignore_paths),
        "ignore_statuses": statuses.issuperset(range(500, 600)),
        "storm_per_minute": settings.storm_guard
        and not (settings.storm_burst or settings.storm_per_minute),
    }
    yield from (name for name, is_so in ignores.items() if is_so)


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


def event_processors(names: Sequence[str]) -> Iterator[Problem]:
    """Yield the problem of the global event processors *names*, if there are some."""
    if names:
        text = f"The application's global event processor {', '.join(names)} sees each event first."
        hint = "Let it return events without an exception, too: those that it drops are not sent."
        yield Problem(16, text, hint)


# The others are noticed when they happen, or by looking at the application.


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


def no_boundary(hint: str) -> Problem:
    """Return the problem of an application without the boundary; *hint*: how to add it."""
    text = "sentryinit's middleware is not in the application: failed requests are not reported."
    return Problem(14, text, hint)


def two_boundaries(hint: str) -> Problem:
    """Return the problem of an application that has the same boundary twice."""
    text = "sentryinit's middleware is in the application twice: the inner one does nothing."
    return Problem(15, text, hint)
