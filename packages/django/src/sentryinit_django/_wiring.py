"""The set-up of handlers whose settings do not name us, and what ``sentryinit`` asks about them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import convert_exception_to_response

from sentryinit import adapters
from sentryinit_django.checks import MIDDLEWARE, middleware_problems
from sentryinit_django.middleware import OPTIONS, SentryInitMiddleware

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from sentryinit import Options


def is_app(app: object) -> bool:
    """Return True if *app* is an application of this framework."""
    return isinstance(app, BaseHandler)


def wrap(app: Any) -> object:
    """Report the failures of *app*; return what to serve.

    Its middlewares exist by now, and may count on being made once: ours goes around them.
    """
    if MIDDLEWARE in settings.MIDDLEWARE or hasattr(app, "_sentryinit"):
        return app
    app._sentryinit = True  # noqa: SLF001 # ours
    try:
        boundary = SentryInitMiddleware(app._middleware_chain)  # noqa: SLF001 # Django's, since 1.10
    except MiddlewareNotUsed:
        return app
    app._middleware_chain = convert_exception_to_response(boundary)  # noqa: SLF001 # likewise
    # The first one is asked first, and one that answers is the last.
    app._exception_middleware.insert(0, app.adapt_method_mode(False, boundary.process_exception))  # noqa: SLF001 # likewise
    return app


def install(**options: Unpack[Options]) -> None:
    """Report the failures of the handlers that are made from now on.

    Call it before ``get_wsgi_application()`` or ``get_asgi_application()``. It does what the
    middleware in ``MIDDLEWARE`` does, outside of all others, and reads no settings: a handler does,
    when it loads its middlewares. *options* are those of :func:`sentryinit.init`. They precede
    ``settings.SENTRYINIT``, which precedes the environment. A second call only adds options.

    Raises ``TypeError`` or ``ValueError`` for a wrong option.
    """
    OPTIONS.update(adapters.check_options(options, "install()"))
    load = BaseHandler.load_middleware
    if load.__module__ == __name__:
        return

    def load_and_wrap(self: Any, *args: Any, **kwargs: Any) -> None:
        load(self, *args, **kwargs)
        wrap(self)

    BaseHandler.load_middleware = load_and_wrap  # type: ignore[method-assign] # there is no hook


def problems(app: object) -> Iterator[adapters.Problem]:
    """Yield what is wrong with the set-up: what the system checks show."""
    return iter(()) if hasattr(app, "_sentryinit") else middleware_problems()
