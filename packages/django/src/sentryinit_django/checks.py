"""The system checks; only warnings, because errors would stop ``migrate`` and other commands."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning  # noqa: A004 # Django's name

from sentryinit import adapters

MIDDLEWARE = "sentryinit_django.middleware.SentryInitMiddleware"


def _warning(number: int, text: str, hint: str) -> CheckMessage:
    return Warning(text, hint=hint, id=f"sentryinit_django.W{number:03}")


def _problems(*, deployed: bool) -> list[CheckMessage]:
    return [
        _warning(10 + p.number, p.text, p.hint)
        for p in adapters.problems()
        if p.deployed is deployed
    ]


def check(**_options: Any) -> list[CheckMessage]:
    """Return the problems of every set-up."""
    found = _problems(deployed=False)
    if MIDDLEWARE not in settings.MIDDLEWARE:
        text = f"{MIDDLEWARE} is not in MIDDLEWARE."
        found.append(_warning(1, text, "Add it, first: failed requests are not reported."))
    elif settings.MIDDLEWARE[0] != MIDDLEWARE:
        text = f"{MIDDLEWARE} is not first in MIDDLEWARE."
        found.append(_warning(2, text, "Move it up: it does not see what fails before it."))
    return found


def check_deployed(**_options: Any) -> list[CheckMessage]:
    """Return the problems of a deployment."""
    return _problems(deployed=True)
