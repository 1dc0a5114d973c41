"""A ``sentry_sdk.init()`` of somebody else, after ours: our client stays, and masks."""

from __future__ import annotations

import logging
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
import sentry_sdk
from sentry_sdk import scope
from sentry_sdk.consts import DEFAULT_OPTIONS
from sentry_sdk.integrations.argv import ArgvIntegration
from sentry_sdk.profiler import continuous_profiler, start_profiler, stop_profiler
from sentry_sdk.transport import HttpTransport, Transport

import sentryinit
from sentryinit import adapters, testing, wsgi
from sentryinit._sdk.testing import disconnect
from sentryinit._state import STATE

OTHER = "https://5e9b0ac1f4de47d08c63b2a7915fd30f@other.invalid/2"
# Source lines of this file are on its events: the value is in this line only.
PLANTED = "hunter2-planted"
SECRET = f"password={PLANTED}"
IGNORED = (
    "sentry_sdk.init() was called after sentryinit.init(), in {}, line {}: it is ignored. Remove "
    "that call; give its options to sentryinit.init()."
)


class Box(Transport):
    """A transport of a test: it keeps the envelopes as bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []

    def capture_envelope(self, envelope: Any) -> None:
        self.sent.append(envelope.serialize())


def foreign(**options: Any) -> None:
    """Call ``sentry_sdk.init`` as a library does; without integrations, which stay installed."""
    sentry_sdk.init(default_integrations=False, auto_enabling_integrations=False, **options)


@pytest.mark.parametrize(
    "options", [{}, {"dsn": ""}, {"dsn": OTHER}, {"dsn": OTHER, "debug": True}]
)
def test_our_client_stays(mailbox: testing.Mailbox, said: Any, options: dict[str, Any]) -> None:
    """G2: Failures, log records and what the application captures are sent by us, and masked."""
    foreign(**options)
    with pytest.raises(ValueError, match="password"), sentryinit.init("shop"):
        raise ValueError(SECRET)
    logging.getLogger("shop").error("logged %s", SECRET)
    sentry_sdk.capture_message(f"said {SECRET}")

    sent = b"".join(mailbox.envelopes)
    assert (len(mailbox.events), PLANTED.encode() in sent, b"[secret]" in sent) == (3, False, True)
    assert sentryinit.stats()["delivered"] == 3
    assert len(said()) == 1


def test_a_profiler_does_not_send(
    mailbox: testing.Mailbox, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G2: The profiler of the client that is refused sends by that client itself."""
    sent: list[Any] = []
    made: list[Any] = []
    monkeypatch.setattr(
        HttpTransport, "capture_envelope", lambda _, envelope: sent.append(envelope)
    )
    monkeypatch.setattr(sentry_sdk.Client, "__init__", keep(sentry_sdk.Client.__init__, made))
    options = {"profile_session_sample_rate": 1.0}
    if not options.keys() <= DEFAULT_OPTIONS.keys():
        options = {}  # of an older release
    foreign(dsn=OTHER, _experiments={"continuous_profiling_auto_start": True}, **options)
    start_profiler()
    sum(range(1_000_000))
    stop_profiler()

    assert sent == []
    assert [client.transport for client in made] == [None]
    assert continuous_profiler.get_profiler_id() is None
    assert (mailbox.envelopes, len(said())) == ([], 1)


def keep(create: Any, made: list[Any]) -> Any:
    """Return ``__init__`` that keeps each object in *made*."""

    def init(self: Any, *args: Any, **options: Any) -> None:
        create(self, *args, **options)
        made.append(self)

    return init


def test_warning_names_the_place_once(mailbox: testing.Mailbox, said: Any) -> None:
    """One warning for each place, also if it is called again and again; checks show it."""
    line = foreign.__code__.co_firstlineno + 2
    foreign()
    foreign(dsn=OTHER)

    assert said() == [IGNORED.format(__name__, line)]
    assert [each.number for each in adapters.problems() if each.number > 5] == [6]


def drop_what_has_no_exception(event: Any, hint: Any) -> Any:
    """Drop, as an application of others does, what is no exception."""
    return event if "exception" in event else None


class Processor:
    """A processor that is an object."""

    __call__ = staticmethod(drop_what_has_no_exception)


@pytest.mark.parametrize("processor", [drop_what_has_no_exception, Processor()])
def test_global_event_processor_is_named(said: Any, processor: Any) -> None:
    """F3: A warning at init and the checks name it; what it drops is counted."""
    name = f"{__name__}.{getattr(processor, '__name__', 'Processor')}"
    scope.add_global_event_processor(processor)
    try:
        with testing.capture("shop") as box:
            (text,) = said()
            assert [each.number for each in adapters.problems() if each.number > 5] == [16]
            for status in 200, 503:
                wsgi_answers(status)
            assert (len(box.events), sentryinit.stats()["dropped"]) == (0, 1)
    finally:
        scope.global_event_processors.remove(processor)
    assert text.startswith(f"The application's global event processor {name} sees each event")


def test_processors_of_the_sdk_are_not_named(said: Any) -> None:
    """Those that integrations of sentry-sdk add are no news."""
    ArgvIntegration.setup_once()
    try:
        with testing.capture("shop"):
            assert [each.number for each in adapters.problems() if each.number > 5] == []
            assert said() == []
    finally:
        scope.global_event_processors.pop()


def wsgi_answers(status: int) -> None:
    """Serve a request that is answered with *status*."""

    def app(_environ: Any, start_response: Any) -> list[bytes]:
        start_response(f"{status} X", [])
        return []

    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    wsgi.SentryInitMiddleware(app)(environ, lambda *_: lambda _: None)


def test_environment_gives_its_dsn(
    mailbox: testing.Mailbox, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G2: sentry_sdk.init() without arguments takes SENTRY_DSN: then nothing would be masked."""
    monkeypatch.setenv("SENTRY_DSN", OTHER)
    foreign()
    sentry_sdk.capture_message(SECRET)

    assert [event["logentry"]["message"] for event in mailbox.events] == ["password=[secret]"]
    said()


def test_client_that_is_closed_by_its_library_is_not_ours(
    mailbox: testing.Mailbox, said: Any
) -> None:
    """A library may use the result as a context manager, which closes its client."""
    with (
        pytest.warns(DeprecationWarning, match="context manager"),
        sentry_sdk.init(dsn=OTHER, default_integrations=False),
    ):
        sentry_sdk.capture_message("inside")
    sentry_sdk.capture_message("after")

    assert len(mailbox.events) == 2
    said()


def test_transport_of_a_test_gets_the_events(said: Any) -> None:
    """A transport is given on purpose, as in tests: it gets the events, masked."""
    other = Box()
    with testing.capture("shop") as box:
        foreign(dsn=OTHER, transport=other)
        sentry_sdk.capture_message(SECRET)

    assert (len(other.sent), box.events) == (1, [])
    assert PLANTED.encode() not in other.sent[0]
    assert [text.rpartition(": ")[2] for text in said()] == [
        "its transport gets the events, masked. Remove that call; give its options to "
        "sentryinit.init()."
    ]


def test_after_a_test_sentry_sdk_can_be_set_up(said: Any) -> None:
    """At the end of capture() the SDK is free: another test may use it alone, as it is."""
    other = Box()
    with testing.capture("shop"):
        pass
    foreign(dsn=OTHER, transport=other)
    sentry_sdk.capture_message(SECRET)
    assert (STATE.reporter, PLANTED.encode() in other.sent[0]) == (None, True)
    assert said() == []
    with testing.capture("shop") as box:
        sentry_sdk.capture_message("one")
    sentry_sdk.capture_message("two")
    assert (len(box.events), len(other.sent)) == (1, 2)
    assert len(said()) == 1  # it was called before
    disconnect()


@pytest.mark.parametrize("call", ["sentry_sdk.init()", "sentry_sdk.init(DSN)", "init()"])
def test_defaults_of_a_foreign_init_change_nothing(child: Any, call: str) -> None:
    """With all its default integrations: one event for each failure, and in the exit hook."""
    done = child(f"""
import threading
PLANTED = {PLANTED!r}
from sentry_sdk import init
import sentry_sdk
sentryinit.init("shop", dsn=DSN, transport=Pipe)
{call}
def fail():
    raise KeyError("password=" + PLANTED)
thread = threading.Thread(target=fail)
thread.start()
thread.join()
try:
    fail()
except KeyError:
    logging.getLogger("shop").exception("logged")
raise ValueError("password=" + PLANTED)
""")

    assert done.titles == ["KeyError", "KeyError", "ValueError"]
    assert PLANTED not in done.out
    assert done.err.count("it is ignored") == 1
