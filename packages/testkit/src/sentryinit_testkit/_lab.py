"""The bench on which one case runs: one driver, one capture, and what came of it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import Any

import sentryinit
from sentryinit import testing
from sentryinit_testkit import _events
from sentryinit_testkit._driver import Behaviour, Driver, Reply, Site, Unsupported, good
from sentryinit_testkit._events import Event
from sentryinit_testkit._peer import Call, Exchange
from sentryinit_testkit._watch import recorded

SERVICE = "shop"
LOGGER = "sentryinit"


class Lab:
    """Builds applications with the driver, serves them, and holds the events.

    Starts capturing with the first application that has the adapter, or by :meth:`start`.
    """

    driver: Driver
    peer: Any
    complaints: list[logging.LogRecord]
    expects_complaints: bool

    def __init__(self, driver: Driver, stack: contextlib.ExitStack) -> None:
        self.driver, self.peer = driver, driver.peer()
        self._stack = stack
        stack.callback(self.peer.close)
        self._mailbox: Any = None
        self._lacking: Unsupported | None = None
        self.complaints = stack.enter_context(recorded(LOGGER))
        self.expects_complaints = False

    def start(self, **options: Any) -> None:
        """Start reporting, with *options* of ``sentryinit.init``."""
        assert self._mailbox is None, "start before the first application"
        given = {"service": SERVICE, **options}
        self._mailbox = self._stack.enter_context(testing.capture(**given))
        # The line that says how reporting was set up is no complaint.
        self.complaints[:] = [r for r in self.complaints if r.levelno > logging.INFO]

    @property
    def mailbox(self) -> Any:
        """Return what ``sentryinit.testing`` captured."""
        if self._mailbox is None:
            self.start()
        return self._mailbox

    def app(self, behaviour: Behaviour = good, *, copies: int = 1, **site: Any) -> Any:
        """Build an application with the adapter *copies* times in it."""
        if copies:
            assert self.mailbox is not None
        return self.driver.app(Site(behaviour, copies, abort=self._abort, **site))

    def _abort(self, status: int) -> BaseException:
        try:
            return self.driver.abort(status)
        except Unsupported as lacking:
            self._lacking = lacking
            raise

    def serve(self, behaviour: Behaviour = good, call: Call | None = None, **site: Any) -> Exchange:
        """Serve one request to an application with *behaviour*."""
        found: list[Exchange] = self.peer.serve(self.app(behaviour, **site), call or Call())
        if self._lacking is not None:
            # Raised in a handler it looks like any failure there.
            raise self._lacking
        return found[0]

    def compare(
        self, behaviour: Behaviour, call: Call | None = None, **site: Any
    ) -> tuple[Exchange, Exchange]:
        """Return what *behaviour* gives without the adapter, and with it."""
        started = self._mailbox is not None
        bare = self.serve(behaviour, call, copies=0, **site)
        if started:
            self.mailbox.clear()
        return bare, self.serve(behaviour, call, **site)

    @property
    def events(self) -> list[Event]:
        """Return the events so far."""
        return list(self.mailbox.events)

    @property
    def titles(self) -> list[str]:
        """Return their names: what a failed count shows."""
        return [_events.title(event) for event in self.events]

    def event(self) -> Event:
        """Return the event of the case, whatever else there is: counting is clause A and C."""
        assert self.events, "no event"
        return self.events[0]

    def one_event(self) -> Event:
        """Return the event, which must be the only one."""
        assert len(self.events) == 1, self.titles
        return self.events[0]

    def our_event(self) -> Event:
        """Return the event, which must be the only one and come from the adapter."""
        event = self.one_event()
        ours = not event.get("logger") and (
            _events.mechanism(event)[0] == self.driver.name
            if _events.exceptions(event)
            else str(_events.message(event)).startswith("HTTP ")
        )
        assert ours, (self.titles, event.get("logger"), _events.exceptions(event)[-1:])
        return event

    def no_event(self) -> None:
        """Require that nothing was reported."""
        assert self.titles == []

    def sent(self) -> bytes:
        """Return all that left the process."""
        return b"\n".join(self.mailbox.envelopes)

    def flush(self) -> None:
        """Have what was held back sent."""
        sentryinit.init(SERVICE)()

    def behind(self, app: Any, meet: Callable[[], Reply | None]) -> Any:
        """Return *app* behind a component that runs *meet* first."""
        return self.peer.outside(app, meet)

    def complained(self, times: int = 1) -> list[str]:
        """Require that sentryinit logged *times* times; return what it said."""
        self.expects_complaints = True
        said = [record.getMessage() for record in self.complaints]
        assert len(said) == times, said
        return said
