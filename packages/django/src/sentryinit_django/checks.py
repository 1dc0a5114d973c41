"""The system checks; only warnings, because errors would stop ``migrate`` and other commands."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning  # noqa: A004 # Django's name

from sentryinit import adapters

MIDDLEWARE = "sentryinit_django.middleware.SentryInitMiddleware"
# The numbers of the core's problems, and those of ours: below 10.
_NUMBERS = {14: 1, 9: 2}


def _warning(number: int, text: str, hint: str) -> CheckMessage:
    return Warning(text, hint=hint, id=f"sentryinit_django.W{number:03}")


def _problems(*, deployed: bool) -> list[CheckMessage]:
    return [
        _warning(10 + p.number, p.text, p.hint)
        for p in adapters.problems()
        if p.deployed is deployed
    ]


def middleware_problems() -> Iterator[adapters.Problem]:
    """Yield what is wrong with ``MIDDLEWARE``."""
    before = [*itertools.takewhile(lambda each: each != MIDDLEWARE, settings.MIDDLEWARE)]
    if len(before) == len(settings.MIDDLEWARE):
        yield adapters.no_boundary(f"Add {MIDDLEWARE} to MIDDLEWARE, first.")
    elif before:
        hint = f"Move {MIDDLEWARE} up in MIDDLEWARE, to the first place."
        yield from adapters.order_problems(before, hint)


def check(**_options: Any) -> list[CheckMessage]:
    """Return the problems of every set-up."""
    wiring = [_warning(_NUMBERS[p.number], p.text, p.hint) for p in middleware_problems()]
    return _problems(deployed=False) + wiring


def check_deployed(**_options: Any) -> list[CheckMessage]:
    """Return the problems of a deployment."""
    return _problems(deployed=True)
