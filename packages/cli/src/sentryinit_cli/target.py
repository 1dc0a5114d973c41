"""One service to verify: what is known of it, and the way from there to an outcome."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from sentryinit_cli.backends import Backend, Place, connect
from sentryinit_cli.compare import Expected
from sentryinit_cli.dsn import Dsn
from sentryinit_cli.http import Answer, Http
from sentryinit_cli.remote import send_by_url
from sentryinit_cli.verdicts import Failure, Verdict
from sentryinit_cli.verify import Outcome, Sent, verify

# Seconds between two requests to one API. Sentry limits each token (docs.sentry.io/api/ratelimits);
# the others have no limit, and are small machines.
PACE, SENTRY_PACE = 0.02, 1.0


@dataclass(frozen=True)
class Target:
    """A service, and where its events can be read. *url*: that of its debug route."""

    name: str
    dsn: Dsn
    token: str = field(repr=False)
    url: str = ""
    debug_token: str = field(default="", repr=False)
    expected: Expected = field(default_factory=Expected)
    backend: str | None = None
    api: str = ""
    organization: str = ""
    project: str = ""
    timeout: float | None = None

    @property
    def api_base(self) -> str:
        """The address of the API that is asked."""
        return self.api or self.dsn.base


class Backends(Protocol):
    """Connects services with their backends."""

    def connect(self, target: Target) -> Backend:
        """Return the backend of *target*; raise ``Failure``."""


class OneBackend:
    """Connects one service."""

    def __init__(self, http: Http) -> None:
        self.http = http

    def connect(self, target: Target) -> Backend:
        """Return the backend of *target*; raise ``Failure``."""
        return connect(place_of(target, self.http), target.backend)


class SharedBackends:
    """Connects many services: recognises each backend once, and asks each API at a pace."""

    def __init__(self, http: Http) -> None:
        self._http, self._lock = http, threading.Lock()
        self._apis: dict[tuple[str, str], _Api] = {}

    def connect(self, target: Target) -> Backend:
        """Return the backend of *target*; raise ``Failure``, also one that another service had."""
        # A token that is refused says nothing about another one.
        key = target.api_base, target.backend or ""
        with self._lock:
            api = self._apis.setdefault(key, _Api(self._http, target.backend))
        return api.connect(target)


class _Api:
    """One API: the name of its backend once it is known, and the pace of all requests to it."""

    def __init__(self, http: Http, name: str | None) -> None:
        self._http, self._lock = _PacedHttp(http), threading.Lock()
        self._failure: Failure | None = None
        self._use(name)

    def _use(self, name: str | None) -> None:
        self._name: str | None = name
        self._http.pace = SENTRY_PACE if name == "sentry" else PACE

    def connect(self, target: Target) -> Backend:
        place = place_of(target, self._http)
        with self._lock:
            if self._failure is not None:
                raise self._failure
            try:
                backend = connect(place, self._name)
            except Failure as failure:
                self._failure = failure if failure.verdict is Verdict.BACKEND else None
                raise
            if self._name is None:
                self._use(backend.name)
        return backend


class _PacedHttp(Http):
    """A client that waits before each request, until *pace* seconds after the one before it."""

    pace: float = PACE

    def __init__(self, http: Http) -> None:
        # Not that of the base class: all requests go through *http*, with its connections.
        self._inner, self._turn, self._next = http, threading.Lock(), 0.0

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Return the answer to a GET; raise ``Unreachable``."""
        self._wait()
        return self._inner.get(url, headers)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Return the answer to a POST; raise ``Unreachable``."""
        self._wait()
        return self._inner.post(url, body, headers)

    def _wait(self) -> None:
        with self._turn:
            now = time.monotonic()
            mine = max(now, self._next)
            self._next = mine + self.pace
        time.sleep(mine - now)


def place_of(target: Target, http: Http) -> Place:
    """Return where to look for the events of *target*."""
    return Place(target.dsn, target.token, http, target.api, target.organization, target.project)


def check(
    target: Target,
    backends: Backends,
    send: Callable[[Backend], Sent],
    progress: Callable[[str], object] = lambda _step: None,
) -> Outcome:
    """Return what came out for *target*; never raises ``Failure``."""
    try:
        progress("recognising the backend")
        backend = backends.connect(target)
    except Failure as failure:
        return Outcome(target.name, failure.verdict, failure.text, failure.remedy)
    return verify(
        target.name, backend, lambda: send(backend), timeout=target.timeout, progress=progress
    )


def by_url(target: Target, http: Http) -> Callable[[Backend], Sent]:
    """Return what makes the service of *target* send an event."""
    return lambda _backend: send_by_url(target.url, http, target.debug_token, target.expected)


def host_of(url: str) -> str:
    """Return the host of *url*, as the name of a service that has no other."""
    return urlsplit(url).hostname or "service"
