"""One line of set-up and one line of middleware: error reporting for a fleet of Python services.

``init`` configures ``sentry-sdk`` from arguments and the environment, or leaves it alone where
there is no DSN. The boundary of a service is the middleware of its framework: an adapter wheel such
as ``sentryinit-flask``, or :mod:`sentryinit.wsgi` and :mod:`sentryinit.asgi` for everything else.
Errors only: no tracing, no sessions, no profiles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sentryinit._init import Handle, bind, event_id, flush, init
from sentryinit._job import job
from sentryinit._status import is_on, stats, status

if TYPE_CHECKING:
    from sentryinit._config.options import Options

__all__ = [
    "Handle",
    "Options",
    "__version__",
    "bind",
    "event_id",
    "flush",
    "init",
    "is_on",
    "job",
    "stats",
    "status",
]

__version__: str


def __getattr__(name: str) -> object:
    # Both are for tools and type checkers; nobody else is to pay for them.
    if name == "Options":
        from sentryinit._config.options import Options

        return Options
    if name == "__version__":
        from importlib.metadata import version

        return version("sentryinit")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
