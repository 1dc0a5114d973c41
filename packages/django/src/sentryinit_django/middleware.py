"""The Django middleware: facts, hooks and set-up."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django import http
from django.conf import settings
from django.core import exceptions
from django.core.handlers.wsgi import LimitedStream
from django.core.signals import got_request_exception
from django.http.multipartparser import MultiPartParserError
from django.utils.functional import empty

from sentryinit import adapters, asgi, wsgi
from sentryinit_django._route import route_of


def _origin(request: http.HttpRequest) -> tuple[str, str]:
    """Return scheme and host by Django's settings for proxies; what Django refuses is empty."""
    scheme = host = ""
    with contextlib.suppress(exceptions.ImproperlyConfigured, exceptions.DisallowedHost):
        scheme = request.scheme or ""
        host = request.get_host()
    return scheme, host


def _describe(request: Any) -> adapters.RequestInfo:
    cookies = settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME
    facts = route_of(request), cookies, _origin(request)
    if not hasattr(request, "scope"):
        return wsgi.describe(request.META, *facts)
    # Django's test client has a str here instead of bytes.
    scope = {**request.scope, "query_string": request.META["QUERY_STRING"].encode()}
    return asgi.describe(asgi.Connection(scope, None, None), *facts)  # type: ignore[arg-type] # Django handles receive and send


# What Django answers below 500, also in a view of the REST framework.
_BAD_REQUESTS = exceptions.BadRequest, exceptions.SuspiciousOperation, MultiPartParserError
_STATUSES = ((http.Http404, 404), (exceptions.PermissionDenied, 403), (_BAD_REQUESTS, 400))


def _status_of(exc: BaseException) -> int | None:
    # No import: code that raises one has imported the module.
    cls = getattr(sys.modules.get("rest_framework.exceptions"), "APIException", ())
    known = next((status for kinds, status in _STATUSES if isinstance(exc, kinds)), None)
    # Django takes a text as well.
    return int(exc.status_code) if isinstance(exc, cls) else known


def _user(request: Any) -> dict[str, str]:
    # To evaluate request.user, or to await request.auser(), may query the database.
    user = vars(request).get("user")
    user = getattr(user, "__dict__", {}).get("_wrapped", user)
    if user is empty:
        user = vars(request).get("_acached_user")
    return adapters.describe_user(user, ("pk", "id"), [getattr(user, "USERNAME_FIELD", "username")])


ADAPTER: adapters.Adapter[Any] = adapters.Adapter(
    name="django",
    describe=_describe,
    status_of=_status_of,
    # A stream written in C has no frame in the traceback; Django reads it by these functions.
    server=lambda req: (*wsgi.server(req.META), LimitedStream.read, LimitedStream.readline),
    client_gone=lambda req: wsgi.client_gone(req.META),
    endpoint=lambda req: (req.method, req.resolver_match and req.resolver_match.route),
    user=_user,
)


def _note_unhandled(**_signal: object) -> None:
    """Note an unhandled exception; Django sends the signal before it logs and answers."""
    adapters.note_exception(sys.exc_info()[1], handled=False)


def _note_escaped(capture: adapters.Capture[Any] | None, exc: BaseException) -> Any:
    """Report an exception that Django does not answer; return a response, or None to raise it.

    It is no ``Exception``, unless DEBUG_PROPAGATE_EXCEPTIONS is set.
    """
    if capture is not None:
        capture.exception_escaped(exc)
        if isinstance(exc, adapters.DebugPanic):
            # The server's own 500 cannot have the event id.
            return http.HttpResponseServerError()
        capture.close()
    return None


def _note_response(capture: adapters.Capture[Any], request: Any, response: Any) -> Any:
    """Note the status of *response*; return the response to send."""
    # Django raises for anything else that a middleware returns by mistake.
    if isinstance(response, http.response.HttpResponseBase):
        capture.response_started(response.status_code)
        if response.status_code >= 500 and capture.event_id and capture.is_debug_panic:
            response[adapters.EVENT_ID_HEADER] = capture.event_id
        if response.streaming and not _is_servers_file(request, response):
            # Under WSGI, the server answers 500 if the body fails before its first bytes.
            body, unsent = response.streaming_content, None if hasattr(request, "scope") else 500  # type: ignore[attr-defined] # it streams
            body = adapters.watch_body(body, capture, unsent, is_async=response.is_async)  # type: ignore[attr-defined] # likewise
            response.streaming_content = body  # type: ignore[attr-defined] # likewise
            return response
    capture.close()
    return response


def _is_servers_file(request: Any, response: Any) -> bool:
    """Return True if the server itself sends a file."""
    return bool(request.META.get("wsgi.file_wrapper") and getattr(response, "file_to_stream", None))


# Those of install(), which precede the settings.
OPTIONS: dict[str, Any] = {}


def configure(command: str = "") -> bool:
    """Call ``init`` with ``settings.SENTRYINIT`` if needed; return True if reporting is on."""
    config = getattr(settings, "SENTRYINIT", None)
    adapters.check_kind("settings.SENTRYINIT", config, (dict, type(None)), "a dict of options")
    service = str(getattr(settings, "ROOT_URLCONF", "")).partition(".")[0]
    return adapters.ensure_initialized("django", service, (config or {}) | OPTIONS, command=command)


class SentryInitMiddleware:
    """The middleware, the first entry of ``MIDDLEWARE``.

    A second entry, the last one, sees the exceptions that the ``process_exception`` of another
    middleware answers. Without a DSN the middleware removes itself.
    """

    sync_capable = async_capable = True
    get_response: Any

    def __init__(self, get_response: Any) -> None:
        if not configure():
            raise exceptions.MiddlewareNotUsed("sentryinit is off")
        self.get_response, self._is_async = get_response, iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)
        got_request_exception.connect(_note_unhandled, dispatch_uid=__name__)

    def __call__(self, request: http.HttpRequest) -> Any:
        """Serve one request; in async mode, return a coroutine that does."""
        if self._is_async:
            return self.__acall__(request)
        capture = ADAPTER.open(request, getattr(request, "scope", request.META))
        try:
            response = self.get_response(request)
        except BaseException as exc:
            response = _note_escaped(capture, exc)
            if response is None:
                raise
        return response if capture is None else _note_response(capture, request, response)

    async def __acall__(self, request: http.HttpRequest) -> Any:
        capture = ADAPTER.open(request, getattr(request, "scope", request.META))
        try:
            response = await self.get_response(request)
        except BaseException as exc:
            response = _note_escaped(capture, exc)
            if response is None:
                raise
        return response if capture is None else _note_response(capture, request, response)

    def process_exception(self, request: http.HttpRequest, exception: Exception) -> None:  # noqa: ARG002 # Django's
        """Note the exception of a view, which another middleware may answer."""
        adapters.note_exception(exception)
