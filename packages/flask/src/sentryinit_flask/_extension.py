"""The Flask extension: facts, hooks, set-up and the debug route."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any, NoReturn

from flask import Flask, abort, g, got_request_exception, has_app_context, request, request_started
from werkzeug.exceptions import ClientDisconnected, HTTPException

from sentryinit import adapters, wsgi

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from typing_extensions import Unpack

    from sentryinit import Options


def _route(app: Flask, environ: WSGIEnvironment) -> str | None:
    live = environ.get("werkzeug.request")
    if live is not None:
        return live.url_rule.rule if live.url_rule else None
    # Flask has popped the request context by now: a body is streamed, or an exception escaped.
    urls = app.create_url_adapter(app.request_class(environ, populate_request=False))
    try:
        return urls.match(return_rule=True)[0].rule if urls else None
    except Exception:  # noqa: BLE001 # no route, or a converter of the application raises
        return None


def _describe(app: Flask, environ: WSGIEnvironment) -> adapters.RequestInfo:
    # The session, and what extensions name: REMEMBER_COOKIE_NAME, JWT_ACCESS_COOKIE_NAME.
    cookies = [app.config[key] for key in app.config if str(key).endswith("COOKIE_NAME")]
    return wsgi.describe(environ, adapters.route_template(_route(app, environ)), cookies)


def _status_of(exc: BaseException) -> int | None:
    if not isinstance(exc, HTTPException):
        return None
    # The exception of abort(response) has no code.
    return exc.code or getattr(exc.response, "status_code", None) or 500


def _endpoint(environ: WSGIEnvironment) -> object:
    live = environ.get("werkzeug.request")
    return environ["REQUEST_METHOD"], live.url_rule.rule if live and live.url_rule else None


def _user(_environ: WSGIEnvironment) -> dict[str, str]:
    # Of Flask-Login, once the application has asked for it; g.user is that of Flask's tutorial.
    user = g.get("_login_user", g.get("user")) if has_app_context() else None
    return adapters.describe_user(user)


def _make_adapter(app: Flask) -> adapters.Adapter[WSGIEnvironment]:
    return adapters.Adapter(
        name="flask",
        describe=functools.partial(_describe, app),
        status_of=_status_of,
        aborts=(ClientDisconnected,),
        server=wsgi.server,
        client_gone=wsgi.client_gone,
        endpoint=_endpoint,
        user=_user,
    )


def _note_unhandled(sender: Flask, exception: BaseException, **extra: Any) -> None:  # noqa: ARG001 # a signal's
    """Note an unhandled exception; Flask sends the signal before it logs and answers."""
    capture = adapters.current_capture()
    is_response = isinstance(exception, HTTPException)
    # flask-restx and flask-restful send the signal, too, for what they answer with (A5).
    if not (is_response and capture and capture.seen_exception is exception):
        adapters.note_exception(exception, handled=False)
        if capture is not None:
            # If the exception escapes, Flask has popped the context by then.
            capture.note_user()


# The key of the receiver of an application that has had no request yet.
_FIRST_REQUEST = "sentryinit.first_request"
# An object may have every attribute, such as a mock.
_MOST_LAYERS = 20
ORDER_HINT = "Call SentryInit(app) after app.wsgi_app is wrapped."


def _wrap_methods(app: Flask, **_signal: Any) -> None:
    """Wrap methods of *app*, which Flask documents for overriding, at its first request.

    An extension that is set up after this one may have replaced them: flask-restx does.
    """
    receiver = app.extensions.pop(_FIRST_REQUEST, None)
    if receiver is not None:
        request_started.disconnect(receiver)
        with contextlib.suppress(Exception):  # other middlewares may refuse attributes
            adapters.check_order(find_outside(app.wsgi_app), ORDER_HINT)
        _note_handled(app)
        _ignore_log_exception(app)


def find_outside(layer: Any) -> list[object]:
    """Return the WSGI middlewares around the boundary.

    Not those of Werkzeug, such as ``ProxyFix``, which have to be outside and do not fail.
    """
    found = []
    for _ in range(_MOST_LAYERS):
        if layer is None or isinstance(layer, wsgi.SentryInitMiddleware):
            break
        if not type(layer).__module__.startswith("werkzeug."):
            found.append(layer)
        layer = getattr(layer, "app", None)
    return found


def _note_handled(app: Flask) -> None:
    """Wrap ``app.handle_user_exception`` to note the exceptions that error handlers get.

    Flask has no signal for them.
    """
    handle = app.handle_user_exception

    @functools.wraps(handle)
    def handle_user_exception(*args: Any) -> Any:
        adapters.note_exception(args[-1])
        try:
            return handle(*args)
        except HTTPException as exc:
            # Flask answers 500, whatever the status of the exception.
            adapters.note_exception(exc, handled=False)
            raise

    app.handle_user_exception = handle_user_exception  # type: ignore[method-assign,assignment] # of this app only, with any arguments


def _ignore_log_exception(app: Flask) -> None:
    """Wrap ``app.log_exception`` so that Flask's own log record is no event (C2); it still logs."""
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


_CONFIG_PREFIX = "SENTRYINIT_"


def _config(app: Flask) -> dict[str, Any]:
    return {
        key.removeprefix(_CONFIG_PREFIX).lower(): value
        for key, value in app.config.items()
        if isinstance(key, str) and key.startswith(_CONFIG_PREFIX)
    }


class SentryInit:
    """The extension: ``SentryInit(app)``, or ``init_app(app)`` in an application factory.

    *options* are those of :func:`sentryinit.init`. They precede ``SENTRYINIT_*`` in ``app.config``,
    which precedes the environment. If ``init`` was called before, only masks are added. The default
    service is ``app.name``. Without a DSN the application is unchanged.
    """

    def __init__(self, app: Flask | None = None, **options: Unpack[Options]) -> None:
        self._options = options
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask, **options: Unpack[Options]) -> None:
        """Report the failures of *app*; a second call only adds masks.

        Raises ``TypeError`` or ``ValueError`` for a wrong option.
        """
        adapters.check_kind("SentryInit(app): app", app, Flask, "a Flask application")
        config = {**_config(app), **self._options, **options}
        is_on = adapters.ensure_initialized("flask", app.name, config)
        if app.extensions.setdefault("sentryinit", self) is not self or not is_on:
            return
        app.wsgi_app = wsgi.SentryInitMiddleware(app.wsgi_app, adapter=_make_adapter(app))  # type: ignore[method-assign] # documented by Flask
        got_request_exception.connect(_note_unhandled, app)
        # The signal has a weak reference: what keeps the receiver is the application.
        app.extensions[_FIRST_REQUEST] = receiver = functools.partial(_wrap_methods)
        request_started.connect(receiver, app)


def debug_panic() -> NoReturn:
    """The debug route: ``app.add_url_rule("/debug/sentry-panic", view_func=debug_panic)``.

    Raises ``DebugPanic`` for the right token; otherwise it is a 404, like any unknown path.
    """
    if not adapters.check_debug_token(request.headers, request.query_string.decode("latin-1")):
        abort(404)
    raise adapters.DebugPanic


# A 405, or a response to OPTIONS, would show that the route exists.
debug_panic.methods = "GET HEAD POST PUT PATCH DELETE OPTIONS TRACE".split()  # type: ignore[attr-defined] # read by add_url_rule
debug_panic.provide_automatic_options = False  # type: ignore[attr-defined] # likewise
