"""The middleware: first in ``MIDDLEWARE``."""

from __future__ import annotations

import sys
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django import http
from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed, RequestAborted
from django.core.handlers.wsgi import LimitedStream
from django.core.signals import got_request_exception

from sentryinit import adapters, asgi, wsgi
from sentryinit_django._route import route_of


def configure() -> bool:
    """Run ``init`` with ``settings.SENTRYINIT`` if nobody has; tell whether reporting is on."""
    config = {name.lower(): value for name, value in getattr(settings, "SENTRYINIT", {}).items()}
    service = str(getattr(settings, "ROOT_URLCONF", "")).partition(".")[0]
    return adapters.ensure("django", service, config)


def _describe(request: Any) -> adapters.RequestInfo:
    route, scope = route_of(request), getattr(request, "scope", None)
    if scope is None:
        return wsgi.describe(request.META, route)
    # Django's own test client has a text there, and no bytes.
    scope = {**scope, "query_string": request.META["QUERY_STRING"].encode()}
    return asgi.describe(asgi.Exchange(scope, None, None), route)  # type: ignore[arg-type] # Django keeps them


def _status_of(exc: BaseException) -> int | None:
    # Not imported: whoever raises one has done so.
    kind = getattr(sys.modules.get("rest_framework.exceptions"), "APIException", ())
    return exc.status_code if isinstance(exc, kind) else None


def _server(request: http.HttpRequest) -> tuple[object, ...]:
    # A server's stream may be written in C, and leave no frame: Django reads it by these.
    return (*wsgi.server(request.META), LimitedStream.read, LimitedStream.readline)


def _endpoint(request: http.HttpRequest) -> object:
    return request.method, request.resolver_match and request.resolver_match.route


ADAPTER: adapters.Adapter[Any] = adapters.Adapter(
    "django", _describe, _status_of, (RequestAborted,), _server, endpoint=_endpoint
)


def note(exc: BaseException | None, *, handled: bool = True) -> None:
    """Note *exc*, which was seen in the request that this code runs for, if it runs for one."""
    capture = adapters.current()
    if capture is not None and exc is not None:
        capture.note(exc, handled=handled)


def _unhandled(**_signal: object) -> None:
    """Note what nobody handled: sent before Django logs it, and before its answer is made."""
    note(sys.exc_info()[1], handled=False)


class SentryInitMiddleware:
    """Reports what the application fails with; changes nothing of what it answers.

    Belongs first in ``MIDDLEWARE``. A second entry, last, sees the exceptions that another
    middleware's ``process_exception`` answers. Without a DSN it takes itself out.
    """

    sync_capable = async_capable = True
    get_response: Any

    def __init__(self, get_response: Any) -> None:
        if not configure():
            raise MiddlewareNotUsed("sentryinit is off")
        self.get_response, self._is_async = get_response, iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)
        got_request_exception.connect(_unhandled, dispatch_uid=__name__)

    def __call__(self, request: http.HttpRequest) -> Any:
        """Serve one request with what is further in; in async mode, return a coroutine for it."""
        if self._is_async:
            return self.__acall__(request)
        capture = ADAPTER.open(request, getattr(request, "scope", request.META))
        try:
            response = self.get_response(request)
        except BaseException as exc:  # noqa: BLE001 # _raised() lets it go on
            response = _raised(capture, exc)
        return response if capture is None else _answered(capture, request, response)

    async def __acall__(self, request: http.HttpRequest) -> Any:
        capture = ADAPTER.open(request, getattr(request, "scope", request.META))
        try:
            response = await self.get_response(request)
        except BaseException as exc:  # noqa: BLE001 # _raised() lets it go on
            response = _raised(capture, exc)
        return response if capture is None else _answered(capture, request, response)

    def process_exception(self, request: http.HttpRequest, exception: Exception) -> None:  # noqa: ARG002 # Django's
        """Note what a view raised; another middleware may be about to answer it."""
        note(exception)


def _raised(capture: adapters.Capture[Any] | None, exc: BaseException) -> Any:
    """Report what Django lets through: no ``Exception``, unless it is told to propagate these."""
    if capture is not None:
        capture.raised(exc)
        if isinstance(exc, adapters.DebugPanic):
            # A server's own 500 has no place for the event id.
            return http.HttpResponseServerError()
        capture.close()
    raise exc


def _answered(capture: adapters.Capture[Any], request: Any, response: Any) -> Any:
    """Tell *capture* of the status that goes out; return the response to send."""
    if not (capture.busy or getattr(response, "streaming", True) or response.status_code >= 500):
        capture.request = adapters.OVER  # what close() does, without a call
        return response
    # What else a middleware may return, by mistake, is for Django to complain of.
    if isinstance(response, http.response.HttpResponseBase):
        capture.answer(response.status_code)
        if response.status_code >= 500 and capture.event_id and capture.panicked:
            response[adapters.EVENT_ID_HEADER] = capture.event_id
        if response.streaming and not _is_servers(request, response):
            # Under WSGI, a server can answer with its own 500 until the first bytes.
            unsent = None if hasattr(request, "scope") else 500
            content = adapters.watched(response.streaming_content, capture, unsent)  # type: ignore[attr-defined] # it streams
            response.streaming_content = content  # type: ignore[attr-defined] # likewise
            return response
    capture.close()
    return response


def _is_servers(request: http.HttpRequest, response: Any) -> bool:
    """Tell whether the server sends a file by itself."""
    return bool(request.META.get("wsgi.file_wrapper") and getattr(response, "file_to_stream", None))
