"""The Flask extension: the facts of Flask, its moments, and the debug route."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NoReturn

from flask import Flask, abort, got_request_exception, request
from werkzeug.exceptions import ClientDisconnected, HTTPException

from sentryinit import adapters, wsgi

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from typing_extensions import Unpack

    from sentryinit import Options

_CONFIG = "SENTRYINIT_"


def _route(app: Flask, environ: WSGIEnvironment) -> str | None:
    live = environ.get("werkzeug.request")
    if live is not None:
        return live.url_rule.rule if live.url_rule else None
    # Flask has popped the request context by now: a body is streamed, or an exception escaped.
    urls = app.create_url_adapter(app.request_class(environ, populate_request=False))
    try:
        return urls.match(return_rule=True)[0].rule if urls else None
    except Exception:  # noqa: BLE001 # no route, or a converter of the application's that fails now
        return None


def _describe(app: Flask, environ: WSGIEnvironment) -> adapters.RequestInfo:
    return wsgi.describe(environ, adapters.route_template(_route(app, environ)))


def _status_of(exc: BaseException) -> int | None:
    if not isinstance(exc, HTTPException):
        return None
    # abort() takes a whole response as well, and then the exception has no code.
    return exc.code or getattr(exc.response, "status_code", None) or 500


def _endpoint(environ: WSGIEnvironment) -> object:
    live = environ.get("werkzeug.request")
    return environ["REQUEST_METHOD"], live.url_rule.rule if live and live.url_rule else None


def _adapter(app: Flask) -> adapters.Adapter[WSGIEnvironment]:
    return adapters.Adapter(
        name="flask",
        describe=functools.partial(_describe, app),
        status_of=_status_of,
        aborts=(ClientDisconnected,),
        server=wsgi.server,
        endpoint=_endpoint,
    )


def _config(app: Flask) -> dict[str, Any]:
    return {
        key.removeprefix(_CONFIG).lower(): value
        for key, value in app.config.items()
        if key.startswith(_CONFIG)
    }


def _note_unhandled(sender: Flask, exception: BaseException, **extra: Any) -> None:  # noqa: ARG001 # a signal's
    """Note an exception that nobody handled; sent before Flask logs it and before it answers."""
    adapters.note_exception(exception, handled=False)


def _note_handled(app: Flask) -> None:
    """Note the exceptions that error handlers of the application get.

    Flask has no signal for it; ``handle_user_exception`` is documented to be overridden.
    """
    handle = app.handle_user_exception

    @functools.wraps(handle)
    def handle_user_exception(*args: Any) -> Any:
        adapters.note_exception(args[-1])
        return handle(*args)

    app.handle_user_exception = handle_user_exception  # type: ignore[method-assign,assignment] # one app's, whatever its arguments


def _ignore_its_log_line(app: Flask) -> None:
    """Keep Flask's own log line about an unhandled exception from being an event (C2).

    It is logged all the same; ``log_exception`` is documented to be overridden.
    """
    log_exception = app.log_exception

    @functools.wraps(log_exception)
    def log_and_ignore(*args: Any) -> None:
        capture = adapters.current_capture()
        if capture is None:
            log_exception(*args)
            return
        with capture.ignore_log_records():
            log_exception(*args)

    app.log_exception = log_and_ignore  # type: ignore[method-assign,assignment] # as above


class SentryInit:
    """The extension: ``SentryInit(app)``, or ``init_app(app)`` in an application factory.

    Options are those of :func:`sentryinit.init`; ``SENTRYINIT_*`` in ``app.config`` comes after
    them and before the environment. They count if nobody has called ``init`` yet. The service is
    ``app.name`` if none is configured. Without a DSN the application is left as it is.
    """

    def __init__(self, app: Flask | None = None, **options: Unpack[Options]) -> None:
        self._options = options
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask, **options: Unpack[Options]) -> None:
        """Report what fails in *app*, once.

        Raises ``TypeError`` or ``ValueError`` for a wrong option.
        """
        if "sentryinit" in app.extensions:
            return
        app.extensions["sentryinit"] = self
        config = {**_config(app), **self._options, **options}
        if not adapters.ensure_initialized("flask", app.name, config):
            return
        app.wsgi_app = wsgi.SentryInitMiddleware(app.wsgi_app, adapter=_adapter(app))  # type: ignore[method-assign] # Flask's documented way
        got_request_exception.connect(_note_unhandled, app)
        _note_handled(app)
        _ignore_its_log_line(app)


def debug_panic() -> NoReturn:
    """The debug route: ``app.add_url_rule("/debug/sentry-panic", view_func=debug_panic)``.

    With the right token it raises; otherwise it is a 404, like any path that does not exist.
    """
    if not adapters.check_debug_token(request.headers, request.query_string.decode("latin-1")):
        abort(404)
    raise adapters.DebugPanic


# A 405, or an answer to OPTIONS, would tell the route from a path that does not exist.
debug_panic.methods = "GET HEAD POST PUT PATCH DELETE OPTIONS TRACE".split()  # type: ignore[attr-defined] # read by add_url_rule
debug_panic.provide_automatic_options = False  # type: ignore[attr-defined] # likewise
