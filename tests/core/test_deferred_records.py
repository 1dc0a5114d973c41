"""Log records that wait for the decision on their request: who sends them, when, and how often."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import logging
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.integrations.logging import EventHandler

import sentryinit
from sentryinit import adapters, testing
from sentryinit._boundary.deadlines import Deadlines, take

Begin = Callable[..., adapters.Capture[Any]]
Titles = Callable[[testing.Mailbox], list[str]]

log = logging.getLogger("shop")
NAME = "sentryinit-records"


def until(condition: Callable[[], Any]) -> bool:
    """Wait until *condition* holds, for at most ten seconds."""
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return bool(condition())


def test_good_request_starts_no_thread(child: Callable[..., Any]) -> None:
    """The thread starts with the first deferred record, and there is one."""
    done = child(
        "import threading\n"
        "from sentryinit.adapters import Adapter, RequestInfo\n"
        "sentryinit.init('shop', dsn=DSN, transport=Pipe())\n"
        "adapter = Adapter('test', lambda request: RequestInfo('GET', 'http', 'h', '/'))\n"
        "def count():\n"
        f"    return sum(t.name == {NAME!r} for t in threading.enumerate())\n"
        "for texts in [], ['a'], ['b', 'c']:\n"
        "    capture = adapter.open('request')\n"
        "    logging.getLogger('shop').info('fine')\n"
        "    for text in texts:\n"
        "        logging.getLogger('shop').error(text)\n"
        "    print(count())\n"
        "    capture.response_started(200)\n"
        "    capture.close()\n"
    )

    assert (done.code, done.lines, done.titles) == (0, ["0", "1", "1"], ["a", "b", "c"])


def test_what_waits_is_sent_at_exit(child: Callable[..., Any]) -> None:
    """A process that ends in the middle of a request sends what waits."""
    done = child(
        "from sentryinit.adapters import Adapter, RequestInfo\n"
        "sentryinit.init('shop', dsn=DSN, transport=Pipe(), log_record_timeout=60)\n"
        "adapter = Adapter('test', lambda request: RequestInfo('GET', 'http', 'h', '/'))\n"
        "capture = adapter.open('request')\n"
        "logging.getLogger('shop').error('broken')\n"
    )

    assert (done.code, done.titles) == (0, ["broken"])


@pytest.mark.parametrize(
    ("status", "titles"), [("", ["broken"]), ("capture.response_started(200)\n", [])]
)
@pytest.mark.parametrize(
    ("end", "code"), [("", 0), ("os._exit(3)", 3), ("os.kill(os.getpid(), signal.SIGTERM)", -15)]
)
def test_what_waits_without_a_limit_is_sent_at_exit(
    child: Callable[..., Any], status: str, titles: list[str], end: str, code: int
) -> None:
    """A request in which the process ends has failed, unless it was answered."""
    done = child(
        "import os, signal\n"
        "from sentryinit.adapters import Adapter, RequestInfo\n"
        "sentryinit.init('shop', dsn=DSN, transport=Pipe(), log_events='failed')\n"
        "adapter = Adapter('test', lambda request: RequestInfo('GET', 'http', 'h', '/'))\n"
        "capture = adapter.open('request')\n"
        "logging.getLogger('shop').error('broken')\n" + status + end
    )

    assert (done.code, done.titles) == (code, titles)


@pytest.mark.parametrize(("log_events", "expected"), [("failed", ["broken"]), ("none", [])])
def test_job_is_no_request(titles: Titles, log_events: str, expected: list[str]) -> None:
    """Nobody gets an answer from a job: what it logs is an event, unless none is wanted."""
    with testing.capture(log_events=log_events) as mailbox:
        with sentryinit.job("bill"):
            log.error("broken")
        assert titles(mailbox) == expected


def test_failed_job_has_the_text_of_its_records() -> None:
    """With ``none``, what a job has logged before it fails is a breadcrumb."""
    with testing.capture(log_events="none") as mailbox:

        @sentryinit.job("bill")
        def bill() -> None:
            log.error("broken")
            raise ValueError("no price")

        with pytest.raises(ValueError, match="no price"):
            bill()
        (event,) = mailbox.events
    assert [each["message"] for each in event["breadcrumbs"]["values"]] == ["broken"]


def test_event_loop_belongs_to_no_request_with_none(begin: Begin) -> None:
    """With ``none``, what the event loop logs is no breadcrumb of the request in whose midst."""
    with testing.capture(log_events="none") as mailbox:
        capture = begin()
        logging.getLogger("asyncio").error("Task exception was never retrieved")
        capture.response_started(503)
        capture.close()
        (event,) = mailbox.events
        assert event["breadcrumbs"]["values"] == []


@pytest.mark.parametrize("log_events", ["failed", "none"])
def test_reason_is_logged(begin: Begin, caplog: pytest.LogCaptureFixture, log_events: str) -> None:
    """A record that is no event by the setting has a line that says so."""
    caplog.set_level(logging.DEBUG, "sentryinit")
    with testing.capture(log_events=log_events):
        capture = begin()
        log.error("broken")
        capture.response_started(200)
        capture.close()
    assert [line for line in caplog.messages if line.endswith("): log_events")]


def test_wrong_log_events_names_what_is_expected() -> None:
    """A wrong value in code is an error at once."""
    with (
        pytest.raises(ValueError, match=r"log_events.*all, failed or none"),
        testing.capture(log_events="errors"),
    ):
        pass


def test_child_process_has_a_thread_of_its_own(child: Callable[..., Any]) -> None:
    """After a fork a record of the child is sent alone as well."""
    done = child(
        "import os, time\n"
        "from sentryinit.adapters import Adapter, RequestInfo\n"
        "sent, pipe = [], Pipe()\n"
        "put = pipe.capture_envelope\n"
        "pipe.capture_envelope = lambda envelope: sent.append(put(envelope))\n"
        "sentryinit.init('shop', dsn=DSN, transport=pipe, log_record_timeout=0.01)\n"
        "adapter = Adapter('test', lambda request: RequestInfo('GET', 'http', 'h', '/'))\n"
        "def log_and_wait(text):\n"
        "    adapter.open('request')\n"
        "    sent.clear()\n"
        "    logging.getLogger('shop').error(text)\n"
        "    while not sent:\n"
        "        time.sleep(0.01)\n"
        "log_and_wait('of the parent')\n"
        "pid = os.fork()\n"
        "if not pid:\n"
        "    log_and_wait('of the child')\n"
        "    os._exit(0)\n"
        "os.waitpid(pid, 0)\n"
    )

    assert (done.code, done.titles) == (0, ["of the parent", "of the child"]), done


def test_child_process_does_not_end_the_requests_of_its_parent(child: Callable[..., Any]) -> None:
    """A child that ends sends no record that waits in the parent without a limit (H2)."""
    done = child(
        "import os, sys\n"
        "from sentryinit.adapters import Adapter, RequestInfo\n"
        "sentryinit.init('shop', dsn=DSN, transport=Pipe(), log_events='failed')\n"
        "adapter = Adapter('test', lambda request: RequestInfo('GET', 'http', 'h', '/'))\n"
        "capture = adapter.open('request')\n"
        "logging.getLogger('shop').error('broken')\n"
        "pid = os.fork()\n"
        "if not pid:\n"
        "    sys.exit(0)\n"
        "os.waitpid(pid, 0)\n"
        "capture.response_started(200)\n"
        "capture.close()\n"
    )

    assert (done.code, done.titles) == (0, []), done


def test_child_process_does_not_call_what_waits_in_its_parent() -> None:
    """A fork sends nothing twice (H2)."""
    deadlines, called = Deadlines(), threading.Event()
    deadlines.add(60, called.set)
    deadlines.after_fork()
    deadlines.call_all()

    assert not called.is_set()


def test_record_goes_out_alone_while_the_loop_is_blocked(begin: Begin, titles: Titles) -> None:
    """A coroutine that blocks the loop does not keep its records back."""
    with testing.capture("shop", log_record_timeout=0.02) as box:

        async def handler() -> bool:
            begin()
            log.error("broken")
            return until(lambda: box.events)

        assert asyncio.run(handler())
    assert titles(box) == ["broken"]
    assert box.events[0]["transaction"] == "/orders/{order_id}"


def test_shorter_time_does_not_wait_for_a_longer_one() -> None:
    """The thread wakes up for what is due first."""
    deadlines, called = Deadlines(), threading.Event()
    deadlines.add(60, lambda: None)
    deadlines.add(0.01, called.set)

    assert called.wait(10)


def test_function_that_raises_does_not_end_the_thread(said: Any) -> None:
    """One line is logged, and the next function is called."""
    deadlines, called = Deadlines(), threading.Event()
    deadlines.add(0, lambda: 1 / 0)
    deadlines.add(0.01, called.set)

    assert called.wait(10)
    assert said() == ["sending a log record failed: ZeroDivisionError"]


def _race(count: int) -> tuple[int, int]:
    """Return how many of *count* turns were taken, and how many were called."""
    deadlines, called = Deadlines(), []
    turns = [deadlines.add(0.0005 * number, lambda: called.append(1)) for number in range(count)]
    taken = sum(map(bool, map(take, turns)))
    assert until(lambda: len(called) + taken >= count)
    assert not any(map(take, turns))
    return taken, len(called)


def test_request_and_deadline_race_for_each_record() -> None:
    """Of a record's two senders exactly one has it, whoever is first."""
    for _ in range(20):
        assert sum(_race(10)) == 10


class Basket:
    """An object of the application."""


def test_claimed_record_is_not_kept() -> None:
    """What the request has sent is not kept until its time is over."""
    assert take(Deadlines().add(60, functools.partial(repr, Basket())))
    gc.collect()

    assert not [each for each in gc.get_objects() if type(each) is Basket]


def test_without_threads_what_waits_is_called_by_a_flush(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where no thread can start, nothing is lost, and nothing raises."""

    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    deadlines, called = Deadlines(), threading.Event()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        deadlines.add(0, called.set)
    deadlines.call_all()
    assert called.is_set()

    called.clear()
    deadlines.add(0, called.set)
    assert called.wait(10)


def test_traceback_that_is_logged_later_is_of_the_failure(begin: Begin, titles: Titles) -> None:
    """A text with the traceback is about the failure, also outside of the except block."""
    with testing.capture("shop") as box:
        capture = begin()
        try:
            raise ValueError
        except ValueError as error:
            text, failure = traceback.format_exc(), error
        log.error(text)
        capture.exception_escaped(failure)
        capture.close()

    assert titles(box) == ["ValueError"]


def test_oldest_of_too_many_was_sent_alone(begin: Begin, titles: Titles) -> None:
    """A record that was sent alone is not sent again when the eleventh comes, nor at the end."""
    with testing.capture("shop", log_record_timeout=0.01) as box:
        capture = begin()
        log.error("broken 0")
        assert until(lambda: box.events)
        for number in range(1, 12):
            log.error("broken %d", number)
        capture.response_started(200)
        capture.close()
        assert until(lambda: len(box.events) == 12)

    assert sorted(titles(box)) == sorted(f"broken {number}" for number in range(12))


def test_status_after_an_exception_that_was_sent_alone_is_no_event(
    begin: Begin, titles: Titles
) -> None:
    """The exception says more than the status: as if the application had captured it."""
    with testing.capture("shop", log_record_timeout=0.01) as box:
        capture = begin()
        log.error("broken", exc_info=ValueError("x"))
        assert until(lambda: box.events)
        capture.response_started(500)
        capture.close()

    assert titles(box) == ["ValueError"]


def test_record_before_an_exit_is_sent_with_it(begin: Begin, titles: Titles) -> None:
    """The records are sent before the flush that ``SystemExit`` causes (A11)."""
    with testing.capture("shop", log_record_timeout=60) as box:
        capture = begin()
        log.error("the cache is cold")
        capture.exception_escaped(SystemExit(1))

        assert titles(box) == ["SystemExit", "the cache is cold"]


def test_record_that_the_hook_drops_is_counted_as_dropped(begin: Begin) -> None:
    """``failures`` is the sum of the others, whatever happens to a record."""
    options: list[dict[str, Any]] = [
        {"before_send": lambda _event, _hint: None},
        {"sample_rate": 0.0},
    ]
    for option in options:
        with testing.capture("shop", **option):
            capture = begin()
            log.error("broken")
            sentry_sdk.capture_message("by hand")
            capture.response_started(200)
            capture.close()
            stats = sentryinit.stats()

        assert stats["failures"] == 2
        assert stats["delivered"] + stats["suppressed"] + stats["dropped"] == 2
        assert stats["dropped"] >= 1


def test_ignored_and_known_records_are_no_failures(begin: Begin) -> None:
    """They are counted apart."""
    error = ValueError("x")
    with testing.capture("shop", ignore_messages=["never mind"]):
        capture = begin()
        log.error("never mind")
        log.error("broken", exc_info=error)
        log.error("broken again", exc_info=error)
        capture.response_started(200)
        capture.close()
        stats = sentryinit.stats()

    assert (stats["failures"], stats["delivered"], stats["ignored"]) == (1, 1, 1)


def test_record_beyond_the_limit_builds_nothing(titles: Titles) -> None:
    """It is suppressed before the SDK makes an event of it; the next event has the count."""
    with testing.capture("shop", storm_guard=True, storm_burst=1, storm_per_minute=0) as box:
        for number in range(5):
            with testing.count_work() as work:
                log.error(f"broken {number}")  # noqa: G004 # many applications do this
            assert work.events_built == (number == 0)
        log.error("another kind")
        sentryinit.init("shop")()

    assert titles(box)[:2] == ["broken 0", "another kind"]
    assert box.events[-1]["contexts"]["sentryinit"]["suppressed"] == 4
    (label,) = box.events[-1]["contexts"]["sentryinit"]["kinds"]
    assert label.startswith("shop (test_deferred_records.py:")


def test_suppressed_record_and_its_failure_are_counted_once(begin: Begin) -> None:
    """The exception of a record that was suppressed alone is not counted again."""
    with testing.capture(
        "shop", storm_guard=True, storm_burst=1, storm_per_minute=0, log_record_timeout=0
    ):
        for _ in range(2):
            capture, error = begin(), ValueError("x")
            log.error("broken", exc_info=error)
            capture.exception_escaped(error)
            capture.close()
        stats = sentryinit.stats()

    assert (stats["failures"], stats["delivered"], stats["suppressed"]) == (2, 1, 1)


def test_what_the_application_captures_is_limited(titles: Titles) -> None:
    """Messages and exceptions that the application captures pass the rate limit."""
    with testing.capture("shop", storm_guard=True, storm_burst=2, storm_per_minute=0) as box:
        for number in range(5):
            sentry_sdk.capture_message(f"order {number} is late")
        for _ in range(5):
            sentry_sdk.capture_exception(ValueError("x"))
        stats = sentryinit.stats()

    assert titles(box) == ["order 0 is late", "order 1 is late", "ValueError", "ValueError"]
    assert (stats["failures"], stats["delivered"], stats["suppressed"]) == (10, 4, 6)


def test_exception_handler_of_the_application_belongs_to_no_request(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """An application's own handler of the loop logs for no request either."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(
        lambda _loop, context: log.error("lost", exc_info=context["exception"])
    )

    async def fail() -> None:
        raise ValueError("in the background")

    async def start() -> None:
        # In a context without a request: this one's is that of another request by then.
        task = contextvars.Context().run(loop.create_task, fail())
        await asyncio.wait([task])

    loop.run_until_complete(start())
    capture = begin()
    sentry_sdk.set_tag("order", "17")
    gc.collect()
    loop.close()
    capture.close()

    (event,) = mailbox.events
    assert ("request" in event, event["tags"]) == (False, {"service": "shop"})


def test_handler_of_the_application_defers(begin: Begin, titles: Titles) -> None:
    """A handler of the SDK's class that the application adds itself defers as well."""
    own = logging.getLogger("shop.own")
    handler = EventHandler(level=logging.WARNING)
    own.addHandler(handler)
    error = ValueError("no stock left")
    with testing.capture("shop") as box:
        capture = begin()
        own.warning("cannot order: %s", error)
        capture.exception_escaped(error)
        capture.close()
    own.removeHandler(handler)

    assert titles(box) == ["ValueError"]


def test_argument_that_never_has_a_text(
    begin: Begin, mailbox: testing.Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record whose argument cannot be formatted is an event with the template."""

    class Lazy:
        def __str__(self) -> str:
            raise RuntimeError("not in an event loop")

        __repr__ = __str__

    # pytest's own handlers raise.
    monkeypatch.setattr(log, "propagate", False)
    monkeypatch.setattr(logging, "raiseExceptions", False)
    capture = begin()
    log.error("cannot pack %s", Lazy())
    log.error(Lazy())
    capture.response_started(200)
    capture.close()

    found = [event["logentry"] for event in mailbox.events]
    assert [entry["message"] for entry in found] == ["cannot pack %s", "<Lazy>"]


@pytest.mark.parametrize("info", [(1, 2, 3), (1, 2), (ValueError, "text", None)])
def test_record_with_another_exc_info_is_an_event(
    mailbox: testing.Mailbox, monkeypatch: pytest.MonkeyPatch, info: Any
) -> None:
    """G3: logging takes anything for exc_info. The text of the record is sent."""
    monkeypatch.setattr(log, "propagate", False)
    log.error("cannot pack", exc_info=info)

    assert [event["logentry"]["message"] for event in mailbox.events] == ["cannot pack"]


def test_later_tags_are_not_on_a_record_whose_scope_was_unused(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """What is set after it was logged is not on it, though nothing was set before."""
    capture = begin()
    log.error("broken")
    sentry_sdk.set_tag("order", "17")
    sentry_sdk.add_breadcrumb(message="later")
    capture.response_started(200)
    capture.close()

    (event,) = mailbox.events
    assert "order" not in event["tags"]
    assert not event["breadcrumbs"]["values"]


class NotFound(Exception):
    """A framework's exception."""


def status_of(exc: BaseException) -> int | None:
    return 404 if isinstance(exc, NotFound) else None


def test_own_answer_below_500_is_no_event(begin: Begin, titles: Titles) -> None:
    """The exception that a hook showed last is the answer, also if it has another status."""
    for status, wanted, expected in [
        (404, False, []),
        (404, True, ["NotFound"]),
        (400, False, ["NotFound"]),
    ]:
        with testing.capture("shop", report_logged_4xx=wanted) as box:
            capture = begin(status_of=status_of)
            log.error("refused", exc_info=NotFound())
            capture.response_started(status)
            capture.close()
        assert titles(box) == expected

    with testing.capture("shop") as box:
        capture, error = begin(status_of=status_of), NotFound()
        capture.exception_seen(error)
        log.error("refused", exc_info=error)
        capture.response_started(400)
        capture.close()
    assert titles(box) == []


@pytest.mark.parametrize("log_events", ["all", "failed"])
def test_text_in_the_handling_of_a_failure_that_was_told(
    begin: Begin, titles: Titles, log_events: str
) -> None:
    """It is about that failure, whatever it says: the page may be made outside of the boundary."""
    with testing.capture(log_events=log_events) as mailbox:
        capture = begin()
        try:
            raise LookupError("no price")
        except LookupError as exc:
            capture.response_started(200)
            capture.exception_escaped(exc)
            capture.close()
            log.error("Error with id Tx51IiiL")  # noqa: TRY400 # without the exception
        log.error("out of disk")
        assert titles(mailbox) == ["LookupError", "out of disk"]


def test_text_in_the_handling_of_what_was_captured_elsewhere(titles: Titles) -> None:
    """Outside of requests nothing has failed that the application handles: both are events."""
    with testing.capture() as mailbox:
        try:
            raise LookupError("no price")
        except LookupError:
            sentry_sdk.capture_exception()
            log.error("cannot order")  # noqa: TRY400 # likewise
        assert titles(mailbox) == ["LookupError", "cannot order"]
