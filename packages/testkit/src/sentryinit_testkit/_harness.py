"""What one test case works with: a driver, its server, and the captured events."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import Any

import sentryinit
import sentryinit.asgi
import sentryinit.wsgi
from sentryinit import testing
from sentryinit_testkit import _events
from sentryinit_testkit._driver import (
    ROUTE,
    AppSpec,
    Behaviour,
    Driver,
    ResponseSpec,
    Unsupported,
    good,
)
from sentryinit_testkit._events import Event
from sentryinit_testkit._server import Call, Exchange
from sentryinit_testkit._watch import record_logs

SERVICE = "shop"
LOGGER = "sentryinit"


class Harness:
    """Builds applications with the driver, serves requests, and holds the captured events.

    Capturing starts with the first application that has the adapter, or by :meth:`start`.
    """

    driver: Driver
    server: Any
    expects_complaints: bool

    def __init__(self, driver: Driver, stack: contextlib.ExitStack) -> None:
        self.driver, self.server = driver, driver.server()
        self._stack = stack
        stack.callback(self.server.close)
        self._mailbox: Any = None
        self._unsupported: Unsupported | None = None
        self._records = stack.enter_context(record_logs(LOGGER))
        # In debug mode (PYTHONDEVMODE) asyncio warns of each step of 0.1 s: a breadcrumb more.
        loop_log = logging.getLogger("asyncio")
        stack.callback(loop_log.setLevel, loop_log.level)
        loop_log.setLevel(logging.ERROR)
        self.expects_complaints = False

    @property
    def route(self) -> str:
        """Return the route that events have: the template, or ``<unknown>``."""
        return _events.UNKNOWN if "route" in self.driver.all_unsupported() else ROUTE

    def start(self, **options: Any) -> None:
        """Start reporting, with *options* of ``sentryinit.init``."""
        assert self._mailbox is None, "start before the first application"
        given = {"service": SERVICE, **options}
        self._mailbox = self._stack.enter_context(testing.capture(**given))

    @property
    def mailbox(self) -> Any:
        """Return the mailbox of ``sentryinit.testing``."""
        if self._mailbox is None:
            self.start()
        return self._mailbox

    def app(self, behaviour: Behaviour = good, *, copies: int = 1, **spec: Any) -> Any:
        """Return an application with the adapter installed *copies* times."""
        if copies:
            assert self.mailbox is not None
        return self.driver.app(AppSpec(behaviour, copies, abort=self._abort, **spec))

    def _abort(self, status: int) -> BaseException:
        try:
            return self.driver.abort(status)
        except Unsupported as error:
            self._unsupported = error
            raise

    def serve(self, behaviour: Behaviour = good, call: Call | None = None, **spec: Any) -> Exchange:
        """Serve one request to an application with *behaviour*."""
        found: list[Exchange] = self.server.serve(self.app(behaviour, **spec), call or Call())
        if self._unsupported is not None:
            # It was raised in the handler, where the framework took it for a failure.
            raise self._unsupported
        return found[0]

    def compare(
        self, behaviour: Behaviour, call: Call | None = None, **spec: Any
    ) -> tuple[Exchange, Exchange]:
        """Return the exchange without the adapter, and the one with it."""
        started = self._mailbox is not None
        bare = self.serve(behaviour, call, copies=0, **spec)
        if started:
            self.mailbox.clear()
        return bare, self.serve(behaviour, call, **spec)

    @property
    def events(self) -> list[Event]:
        """Return the events so far."""
        return list(self.mailbox.events)

    @property
    def titles(self) -> list[str]:
        """Return the titles of the events, which a failed assertion shows."""
        return [_events.title(event) for event in self.events]

    def event(self) -> Event:
        """Return the first event. How many there are is checked by the cases of A and C."""
        assert self.events, "no event"
        return self.events[0]

    def one_event(self) -> Event:
        """Return the event, which must be the only one."""
        assert len(self.events) == 1, self.titles
        return self.events[0]

    def our_event(self) -> Event:
        """Return the event, which must be the only one and be the adapter's."""
        event = self.one_event()
        ours = not event.get("logger") and (
            _events.mechanism(event)[0] == self.driver.name
            if _events.exceptions(event)
            else str(_events.message(event)).startswith("HTTP ")
        )
        assert ours, (self.titles, event.get("logger"), _events.exceptions(event)[-1:])
        return event

    def no_event(self) -> None:
        """Require that there is no event."""
        assert self.titles == []

    def sent_bytes(self) -> bytes:
        """Return everything that was sent."""
        return b"\n".join(self.mailbox.envelopes)

    def flush(self) -> None:
        """Flush: this also sends the summary of suppressed failures."""
        sentryinit.init(SERVICE)()

    def generic(self, app: Any) -> Any:
        """Return *app* in the generic middleware of its protocol."""
        kinds: dict[str, Any] = {
            "wsgi": sentryinit.wsgi.SentryInitMiddleware,
            "asgi": sentryinit.asgi.SentryInitMiddleware,
        }
        assert self.mailbox is not None
        kind = kinds.get(self.driver.protocol)
        if kind is None:
            raise Unsupported(f"nothing generic goes around {self.driver.protocol}")
        return kind(app)

    def wrap(self, app: Any, before: Callable[[], ResponseSpec | None]) -> Any:
        """Return *app* in a middleware that calls *before* first."""
        return self.server.wrap(app, before)

    @property
    def complaints(self) -> list[str]:
        """Return what sentryinit logged at level WARNING or above."""
        return [each.getMessage() for each in self._records if each.levelno >= logging.WARNING]

    def expect_complaints(self, count: int = 1) -> list[str]:
        """Require that sentryinit logged *count* warnings or errors; return their texts."""
        self.expects_complaints = True
        complaints = self.complaints
        assert len(complaints) == count, complaints
        return complaints
