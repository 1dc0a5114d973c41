from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, NoReturn

from flask import Flask, abort, got_request_exception, request
from werkzeug.exceptions import ClientDisconnected, HTTPException

from sentryinit import wsgi
from sentryinit.adapters import (
    TOKEN_HEADER,
    Adapter,
    DebugPanic,
    RequestInfo,
    current,
    ensure,
    may_panic,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from typing_extensions import Unpack

    from sentryinit import Options

_CONFIG = "SENTRYINIT_"
# <name>, <converter:name> and <converter(arguments):name>
_PARAMETER = re.compile(r"<(?:[^<>]*:)?([^<>:]+)>")


def _status_of(exc: BaseException) -> int | None:
    if not isinstance(exc, HTTPException):
        return None
    # abort() takes a whole response as well, and then the exception has no code.
    return exc.code or getattr(exc.response, "status_code", None) or 500


def _rule(app: Flask, environ: WSGIEnvironment) -> str | None:
    live = environ.get("werkzeug.request")
    if live is not None:
        return live.url_rule.rule if live.url_rule else None
    # Flask takes its request away before a body is streamed, and when an exception leaves.
    adapter = app.create_url_adapter(app.request_class(environ, populate_request=False))
    try:
        return adapter.match(return_rule=True)[0].rule if adapter else None
    except Exception:  # noqa: BLE001 # no route, or a converter of the application's that fails now
        return None


def _describe(app: Flask, environ: WSGIEnvironment) -> RequestInfo:
    rule = _rule(app, environ)
    return wsgi.describe(environ, rule and _PARAMETER.sub(r"{\1}", rule))


def _config(app: Flask) -> dict[str, Any]:
    return {
        key.removeprefix(_CONFIG).lower(): value
        for key, value in app.config.items()
        if key.startswith(_CONFIG)
    }


def _endpoint(environ: WSGIEnvironment) -> object:
    live = environ.get("werkzeug.request")
    return environ["REQUEST_METHOD"], live.url_rule.rule if live and live.url_rule else None


def _unhandled(sender: Flask, exception: BaseException, **extra: Any) -> None:  # noqa: ARG001 # a signal's
    """Note what nobody handled: sent before Flask logs it, and before its answer goes out."""
    capture = current()
    if capture is not None:
        capture.note(exception, handled=False)


def _note_handled(app: Flask) -> None:
    """Note what the application's error handlers are about to handle.

    Flask has no signal for it; ``handle_user_exception`` is its documented place to override.
    """
    handle = app.handle_user_exception

    @functools.wraps(handle)
    def handle_user_exception(*args: Any) -> Any:
        capture = current()
        if capture is not None:
            capture.note(args[-1])
        return handle(*args)

    app.handle_user_exception = handle_user_exception  # type: ignore[method-assign,assignment] # one app's, whatever its arguments


def _forget_its_log_line(app: Flask) -> None:
    """Keep Flask's own log line of an unhandled exception from being an event, whatever it answers.

    On 5xx ours tells of it, and below there is nothing to tell. The line is logged all the same.
    """
    log_exception = app.log_exception

    @functools.wraps(log_exception)
    def log_and_forget(*args: Any) -> None:
        capture = current()
        before = capture.held if capture is not None else ()
        log_exception(*args)
        if capture is not None:
            capture.held = tuple(record for record in capture.held if record in before)

    app.log_exception = log_and_forget  # type: ignore[method-assign,assignment] # as above: documented to be overridden


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
        """Watch *app*, once. Raises ``TypeError`` or ``ValueError`` for a wrong option."""
        if "sentryinit" in app.extensions:
            return
        app.extensions["sentryinit"] = self
        if not ensure("flask", app.name, {**_config(app), **self._options, **options}):
            return
        adapter = Adapter(
            "flask",
            functools.partial(_describe, app),
            status_of=_status_of,
            aborts=(ClientDisconnected,),
            server=wsgi.server,
            endpoint=_endpoint,
        )
        app.wsgi_app = wsgi.SentryInitMiddleware(app.wsgi_app, adapter=adapter)  # type: ignore[method-assign] # Flask's documented way
        got_request_exception.connect(_unhandled, app)
        _note_handled(app)
        _forget_its_log_line(app)


def debug_panic() -> NoReturn:
    """The debug route: ``app.add_url_rule("/debug/sentry-panic", view_func=debug_panic)``.

    With the right token it raises; otherwise it is a 404, like any path that does not exist.
    """
    if not may_panic(request.headers.get(TOKEN_HEADER), request.query_string.decode("latin-1")):
        abort(404)
    raise DebugPanic


# A 405, or an answer to OPTIONS, would tell the route from a path that does not exist.
debug_panic.methods = "GET HEAD POST PUT PATCH DELETE OPTIONS TRACE".split()  # type: ignore[attr-defined] # read by add_url_rule
debug_panic.provide_automatic_options = False  # type: ignore[attr-defined] # likewise
