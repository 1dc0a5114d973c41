"""The set-up of handlers whose settings do not name us, and what ``sentryinit`` asks about them."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.apps import apps
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

log = logging.getLogger("sentryinit")


def is_app(app: object) -> bool:
    """Return True if *app* is an application of this framework."""
    return isinstance(app, BaseHandler)


def wrap(app: Any) -> object:
    """Report the failures of *app*; return what to serve.

    Its middlewares exist by now, and may count on being made once: ours goes around them.
    """
    if MIDDLEWARE in settings.MIDDLEWARE or hasattr(app, "_sentryinit"):
        return app
    if app._middleware_chain is None:  # noqa: SLF001 # Django's, since 1.10
        # The one for static files: what it does not serve goes to the handler inside of it.
        return app
    app._sentryinit = True  # noqa: SLF001 # ours
    try:
        boundary = SentryInitMiddleware(app._middleware_chain)  # noqa: SLF001 # likewise
    except MiddlewareNotUsed:
        return app
    app._middleware_chain = convert_exception_to_response(boundary)  # noqa: SLF001 # likewise
    # The first one is asked first, and one that answers is the last.
    app._exception_middleware.insert(0, app.adapt_method_mode(False, boundary.process_exception))  # noqa: SLF001 # likewise
    return app


def _is_served(each: object) -> bool:
    """Return True if *each* is a handler that was made without us."""
    # Not isinstance(): it evaluates lazy objects.
    if not issubclass(type(each), BaseHandler) or hasattr(each, "_sentryinit"):
        return False
    made: Any = each
    return made._middleware_chain is not None and MIDDLEWARE not in settings.MIDDLEWARE  # noqa: SLF001 # Django's


def install(**options: Unpack[Options]) -> None:
    """Report the failures of the handlers that are made from now on.

    Call it before ``get_wsgi_application()`` or ``get_asgi_application()``. It does what the
    middleware in ``MIDDLEWARE`` does, outside of all others, and reads no settings: a handler does,
    when it loads its middlewares. *options* are those of :func:`sentryinit.init`. They precede
    ``settings.SENTRYINIT``, which precedes the environment. A second call only adds options.
    A handler that was made before reports nothing, and a warning says so.

    Raises ``TypeError`` or ``ValueError`` for a wrong option.
    """
    OPTIONS.update(adapters.check_options(options, "install()"))
    load = BaseHandler.load_middleware
    if load.__module__ == __name__:
        return
    if apps.ready and any(map(_is_served, gc.get_objects())):
        log.warning(
            "install() came after get_wsgi_application() or get_asgi_application(): that handler "
            "reports nothing; call install() before it"
        )

    def load_and_wrap(self: Any, *args: Any, **kwargs: Any) -> None:
        load(self, *args, **kwargs)
        wrap(self)

    BaseHandler.load_middleware = load_and_wrap  # type: ignore[method-assign] # there is no hook


def problems(app: object) -> Iterator[adapters.Problem]:
    """Yield what is wrong with the set-up: what the system checks show."""
    return iter(()) if hasattr(app, "_sentryinit") else middleware_problems()
