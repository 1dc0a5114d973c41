"""The transport over HTTP: what was queued is sent once, by the process that queued it."""

from __future__ import annotations

import contextlib
import functools
import os
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import sentry_sdk
import urllib3
from sentry_sdk._queue import EmptyError
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import BaseHttpTransport, HttpTransport
from sentry_sdk.transport import Transport as BaseTransport
from sentry_sdk.utils import capture_internal_exception
from sentry_sdk.worker import BackgroundWorker
from urllib3.exceptions import HTTPError, MaxRetryError, ProtocolError, SSLError
from urllib3.util.ssl_ import create_urllib3_context

from sentryinit._sdk.losses import Losses, Waiting

# urllib3's own repeats have no pause, and a log line each. A backend may redirect to https.
_RETRIES = urllib3.Retry(total=None, connect=0, read=0, redirect=3, status=0, other=0)
# Seconds of silence after a 429 that names none: the first, and the longest.
SILENCE = 5, 60


class Worker(BackgroundWorker):
    """The thread that sends; the thread that flushes sends where no other can start any more.

    *until*: when the latter has to end, by ``time.monotonic``.
    """

    until: float | None = None
    _greenlet: Any = None

    def flush(self, timeout: float, callback: Any = None) -> None:  # noqa: ARG002 # as the base
        """Wait until all is sent, for at most *timeout* seconds."""
        self._ensure_thread()
        # Without the lock of the base: of two threads that flush, each has its own time.
        if self.is_alive:
            self._timed_queue_join(timeout)
            return
        self.until = time.monotonic() + timeout
        try:
            while time.monotonic() < self.until:
                self._call(self._queue.get_nowait())  # type: ignore[no-untyped-call] # the SDK's
        except EmptyError:
            pass  # all is sent
        finally:
            self.until = None

    def _call(self, callback: Any) -> None:
        try:
            if callable(callback):  # else it ends the thread
                callback()
        finally:
            self._queue.task_done()  # type: ignore[no-untyped-call] # the SDK's

    def _target(self) -> None:
        gevent, pid = sys.modules.get("gevent"), os.getpid()
        self._greenlet = gevent and gevent.getcurrent()
        try:
            super()._target()
        except BaseException as error:
            if pid != os.getpid():
                # The fork has removed the entry of this thread, which its end removes: a new one.
                threading.current_thread()
            elif self._pass_on(error):
                self._target()
            else:
                raise

    def _pass_on(self, error: BaseException) -> bool:
        """Raise what a signal handler has raised in the main greenlet; return True if it was that.

        Threading prints ``KeyboardInterrupt`` and goes on: Ctrl-C would do nothing.
        """
        is_interrupt = isinstance(error, KeyboardInterrupt | SystemExit)
        if not is_interrupt or not hasattr(self._greenlet, "kill"):
            return False
        sys.modules["gevent"].get_hub().handle_system_error(type(error), error)
        return True

    def end_greenlet(self) -> None:
        """End the greenlet that sends: unlike a thread it survives a fork, in the child too."""
        greenlet = self._greenlet
        if hasattr(greenlet, "kill") and not greenlet.dead:
            # At once: at its next turn it would send, or take the answer from the parent process.
            # It returns to its parent greenlet, which would be the event loop.
            gevent = sys.modules["gevent"]
            greenlet.parent = gevent.getcurrent()
            greenlet.throw(gevent.GreenletExit)


class Transport(HttpTransport):
    """sentry-sdk's transport, with exact counts, one repeat, and one context of TLS."""

    # What the backend may ask for at most, in seconds.
    max_wait = 300.0

    def __init__(self, options: dict[str, Any]) -> None:
        self.losses = Losses()
        super().__init__(options)
        self.renew()

    def renew(self) -> None:
        """Start with an empty queue; the thread, locks and connections are new as well."""
        self._worker = Worker(self.options["transport_queue_size"])
        self._silence, self._reason = SILENCE[0], ""

    def _make_pool(self, *args: Any, **options: Any) -> Any:
        """Make the pool; send the user and password of a proxy's URL, which urllib3 ignores."""
        pool: Any = super()._make_pool(*args, **options)
        auth = pool.proxy and pool.proxy.auth
        given = dict(pool.proxy_headers or {}) if auth else {}
        if auth and "proxy-authorization" not in map(str.lower, given):
            headers = {**given, **urllib3.make_headers(proxy_basic_auth=unquote(auth))}
            pool.proxy_headers = pool.connection_pool_kw["_proxy_headers"] = headers
        return pool

    def capture_envelope(self, envelope: Envelope) -> None:
        """Queue *envelope*."""
        payload = envelope.items[0].payload.json if envelope.items else None
        self._submit(envelope, self.losses.add(getattr(payload, "carried", None)))

    def _submit(self, envelope: Envelope, waiting: Waiting) -> None:
        send = functools.partial(self._send_once, envelope, waiting, os.getpid())
        if not self._worker.submit(send):
            for item in envelope.items:
                self.record_lost_event("queue_overflow", item=item)
            self.losses.settle(waiting, "full_queue")

    def _send_once(self, envelope: Envelope, waiting: Waiting, pid: int) -> None:
        """Send *envelope*, unless another process than *pid* has inherited it."""
        if pid != os.getpid():
            return
        self._reason, reason = "", None
        try:
            self._send_envelope(envelope)
        except Exception:  # noqa: BLE001 # of the network, or the application's certificates
            reason = "network"
            capture_internal_exception(sys.exc_info())
        except BaseException:
            # A signal handler raises in whatever runs; a greenlet can be ended.
            if pid == os.getpid():
                self._submit(envelope, waiting)
            raise
        # Unless it is a greenlet in a forked process.
        if pid == os.getpid():
            self.losses.settle(waiting, self._reason or reason)
        self._flush_client_reports()

    def on_dropped_event(self, reason: str) -> None:
        """Note why the event that is being sent is lost."""
        self._reason = reason

    def _request(self, method: str, endpoint_type: Any, body: Any, headers: Any) -> Any:
        """Send a request, once more if the connection ended without an answer.

        The backend may close a kept connection just then. It drops an id that it has.
        """
        pid, options = os.getpid(), {"body": body, "headers": headers, "retries": _RETRIES}
        options["preload_content"] = False
        if self._worker.until is not None:
            left = max(0.01, self._worker.until - time.monotonic())
            options["timeout"] = urllib3.Timeout(total=left)
        self._prepare_tls()
        send = functools.partial(self._pool.request, method, self._auth.get_api_url(endpoint_type))
        try:
            response = send(**options)
        except Exception as error:
            if not _ended_without_answer(error) or pid != os.getpid():
                raise
            response = send(**options)
        # The status counts, also if the text after it breaks off.
        with contextlib.suppress(HTTPError, OSError):
            response.read(cache_content=True)
        followed = response.retries.history if response.retries is not None else ()
        if any(each.status == 303 for each in followed):
            # It was followed by GET, without the event.
            response.status = 303
        return response

    def _prepare_tls(self) -> None:
        """Load the certificates once, here: not at the start, nor for each connection."""
        pool, options = self._pool, self._pool.connection_pool_kw
        is_https = self.parsed_dsn is not None and self.parsed_dsn.scheme == "https"
        # To a proxy by TLS urllib3 makes a context of its own, of the same options.
        over_tls = pool.proxy is not None and pool.proxy.scheme == "https"
        if is_https and not over_tls and "ssl_context" not in options:
            context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
            context.load_verify_locations(Path(options["ca_certs"]).expanduser())
            options["ssl_context"] = context
            # Else it loads them once more, into this context.
            options["ca_certs"] = None

    def _update_rate_limits(self, response: Any) -> None:
        """Note for how long the backend wants nothing, by a header or by 429."""
        limits = dict(_limits(response.headers.get("x-sentry-rate-limits") or ""))
        if response.status == 429 and not limits:
            seconds = self._retry_after(response.headers.get("Retry-After"))
            if seconds <= 0:
                seconds, self._silence = self._silence, min(2 * self._silence, SILENCE[1])
            limits = {None: seconds}
        elif 200 <= response.status < 300:
            self._silence = SILENCE[0]
        for category, seconds in limits.items():
            wait = timedelta(seconds=min(seconds, self.max_wait))
            self._disabled_until[category] = datetime.now(timezone.utc) + wait  # type: ignore[index] # any text is a category

    def _retry_after(self, value: str | None) -> float:
        """Return the seconds of *value*, a number or a date; 0 if it is none."""
        try:
            return self._retry.parse_retry_after(value) if value else 0
        except Exception:  # noqa: BLE001 # it is text of the backend
            return 0


def _limits(header: str) -> Iterator[tuple[str | None, float]]:
    """Yield categories and seconds of an ``X-Sentry-Rate-Limits``; None is all categories."""
    for limit in header.split(","):
        seconds, _, rest = limit.strip().partition(":")
        if seconds.isdecimal():
            for category in rest.split(":")[0].split(";"):
                yield category or None, float(seconds)


def _ended_without_answer(error: BaseException) -> bool:
    """Return True if the connection ended before anything of the answer came."""
    cause = error.reason if isinstance(error, MaxRetryError) else error
    inner = cause.args[-1] if cause is not None and cause.args else None
    if isinstance(cause, ProtocolError):
        # Not a timeout while the request was sent, nor an answer that breaks off.
        return cause.args[0] == "Connection aborted." and isinstance(inner, ConnectionError)
    is_end = isinstance(inner, ssl.SSLEOFError | ssl.SSLZeroReturnError)
    return isinstance(cause, SSLError) and is_end


def reset_transport() -> None:
    """Give the transport a new queue, a thread, locks and connections (H2).

    In a forked process, where the parent sends what is queued: a lock may have been copied while
    another thread held it, and a connection must not have two writers.
    """
    transport = sentry_sdk.get_client().transport
    if not isinstance(transport, BaseHttpTransport):
        return
    before = transport._worker  # noqa: SLF001 # each of them has one
    # In place: our filter and counter are on the object. The base class: a class of the
    # application may take other arguments.
    BaseHttpTransport.__init__(transport, transport.options)
    if isinstance(transport, Transport):
        transport.renew()
    if isinstance(before, Worker):
        before.end_greenlet()


def waiting(transport: Any) -> int:
    """Return how many envelopes of *transport* are queued or being sent; 1 if it cannot tell."""
    queue = getattr(getattr(transport, "_worker", None), "_queue", None)
    if queue is None:
        # One of the application that cannot flush has nothing that waits.
        return int(getattr(type(transport), "flush", None) not in {None, BaseTransport.flush})
    return getattr(queue, "unfinished_tasks", 1)


def close(timeout: float) -> None:
    """Send what is queued, for at most *timeout* seconds, and take the client away."""
    sentry_sdk.get_client().close(timeout=timeout)
    sentry_sdk.get_global_scope().set_client(None)
