"""Which exceptions are on an event already, outside of requests too, and what a mark changes."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import logging
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NoReturn
from unittest.mock import Mock

import pytest
import sentry_sdk

import sentryinit
from sentryinit import adapters, testing

if sys.version_info < (3, 11):
    from exceptiongroup import ExceptionGroup
else:
    from builtins import ExceptionGroup

log = logging.getLogger("shop")
Begin = Callable[..., adapters.Capture[Any]]
Titles = Callable[[testing.Mailbox], list[str]]


class Sold(Exception):
    """An exception of the application."""


def attempt(exc: BaseException) -> NoReturn:
    raise exc


def attempt_anew(exc: BaseException) -> NoReturn:
    raise exc.with_traceback(None)


def log_it(exc: BaseException) -> None:
    log.error("it failed", exc_info=exc)


# -- raised again ----------------------------------------------------------------------------------


@pytest.mark.parametrize("capture", [sentry_sdk.capture_exception, log_it])
@pytest.mark.parametrize("again", [attempt, attempt_anew, lambda exc: Mock(side_effect=exc)()])
def test_instance_that_is_raised_three_times_is_three_events(
    mailbox: testing.Mailbox, capture: Callable[[BaseException], object], again: Any
) -> None:
    """One exception object that is raised and captured three times gives three events (C4)."""
    error = Sold()
    for _ in range(3):
        try:
            again(error)
        except Sold as caught:  # noqa: PERF203 # each raise is handled
            capture(caught)

    assert len(mailbox.events) == 3


def test_instance_that_one_statement_raises_three_times_is_three_events(
    mailbox: testing.Mailbox,
) -> None:
    """A loop that raises an exception object in its own frame gives an event each time."""
    error = Sold()
    for _ in range(3):
        try:
            raise error
        except Sold:  # noqa: PERF203 # each raise is handled
            sentry_sdk.capture_exception()

    assert len(mailbox.events) == 3


def test_instance_that_escapes_three_blocks_is_three_events(mailbox: testing.Mailbox) -> None:
    """Each ``with init()`` block reports the exception object that leaves it."""
    error = Sold()
    for _ in range(3):
        with contextlib.suppress(Sold), sentryinit.init():
            attempt(error)

    assert len(mailbox.events) == 3


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_instance_that_ends_three_threads_is_three_events(mailbox: testing.Mailbox) -> None:
    """Each thread reports the exception object that ends it."""
    error = Sold()
    for _ in range(3):
        thread = threading.Thread(target=attempt, args=(error,))
        thread.start()
        thread.join()

    assert len(mailbox.events) == 3


def test_instance_that_three_coroutines_raise_is_three_events(mailbox: testing.Mailbox) -> None:
    """A coroutine that raises an exception object again gives an event each time."""
    error = Sold()

    async def job() -> NoReturn:
        await asyncio.sleep(0)
        raise error

    async def main() -> None:
        for _ in range(3):
            try:
                await job()
            except Sold:  # noqa: PERF203 # each raise is handled
                sentry_sdk.capture_exception()

    asyncio.run(main())
    assert len(mailbox.events) == 3


def test_error_from_an_instance_that_is_raised_again_is_an_event(mailbox: testing.Mailbox) -> None:
    """An exception that is raised from one that was raised again since its event is news."""
    error = Sold()
    for _ in range(2):
        try:
            try:
                attempt(error)
            except Sold as caught:
                raise RuntimeError from caught
        except RuntimeError:  # noqa: PERF203 # each raise is handled
            sentry_sdk.capture_exception()

    assert len(mailbox.events) == 2


def test_instance_that_a_job_captured_is_an_event_of_a_request(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """A request that raises an exception object, which a job had captured, is a failure."""
    error = Sold()
    for capture in (sentry_sdk.capture_exception, lambda exc: begin().exception_escaped(exc)):
        try:
            attempt(error)
        except Sold as caught:  # noqa: PERF203 # each raise is handled
            capture(caught)

    assert [event["tags"].get("status_code") for event in mailbox.events] == [None, "500"]


def test_instance_of_one_request_that_another_captures_is_an_event(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """An exception object that two requests raise and capture gives two events."""
    error = Sold()
    for _ in range(2):
        capture = begin()
        try:
            attempt(error)
        except Sold:
            sentry_sdk.capture_exception()
        capture.close()

    assert len(mailbox.events) == 2


# -- the same raise --------------------------------------------------------------------------------


def captured(exc: BaseException) -> NoReturn:
    try:
        raise exc
    except Sold:
        sentry_sdk.capture_exception()
        raise


def captured_and_raised_by_name(exc: BaseException) -> NoReturn:
    try:
        attempt(exc)
    except Sold as error:
        sentry_sdk.capture_exception(error)
        raise error  # noqa: TRY201 # the case: it adds an entry to the traceback


def captured_twice(exc: BaseException) -> NoReturn:
    try:
        captured(exc)
    except Sold:
        log.exception("it failed")
        raise


def captured_and_raised_after_a_loop(exc: BaseException) -> NoReturn:
    last: BaseException | None = None
    for _ in range(1):
        try:
            attempt(exc)
        except Sold as error:  # noqa: PERF203 # each raise is handled
            log.exception("once more")
            last = error
    assert last is not None
    raise last


def captured_in_a_context_manager(exc: BaseException) -> None:
    @contextlib.contextmanager
    def watched() -> Iterator[None]:
        try:
            yield
        except Sold:
            sentry_sdk.capture_exception()
            raise

    with watched():
        attempt(exc)


def captured_in_a_pool(exc: BaseException) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(captured, exc).result()


def captured_by_a_callback(exc: BaseException) -> None:
    def tell(future: Future[None]) -> None:
        sentry_sdk.capture_exception(future.exception())

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(attempt, exc)
        future.add_done_callback(tell)
    future.result()


def captured_in_a_task(exc: BaseException) -> None:
    async def main() -> None:
        async def job() -> None:
            captured(exc)

        await asyncio.create_task(job())

    asyncio.run(main())


def captured_and_raised_from(exc: BaseException) -> NoReturn:
    try:
        captured(exc)
    except Sold as error:
        raise Sold from error


def captured_and_raised_in_a_group(exc: BaseException) -> NoReturn:
    try:
        captured(exc)
    except Sold as error:
        raise ExceptionGroup("failed", [error, KeyError()]) from None


def captured_before_it_is_raised(exc: BaseException) -> NoReturn:
    sentry_sdk.capture_exception(exc)
    raise exc


def captured_in_a_group(exc: BaseException) -> NoReturn:
    try:
        raise exc
    except Sold as error:
        sentry_sdk.capture_exception(ExceptionGroup("failed", [KeyError(), error]))
        raise


@pytest.mark.parametrize(
    "work",
    [
        captured,
        captured_and_raised_by_name,
        captured_twice,
        captured_and_raised_after_a_loop,
        captured_in_a_context_manager,
        captured_in_a_pool,
        captured_by_a_callback,
        captured_in_a_task,
        captured_and_raised_from,
        captured_and_raised_in_a_group,
        captured_before_it_is_raised,
        captured_in_a_group,
    ],
)
def test_captured_exception_that_goes_on_is_one_event(
    mailbox: testing.Mailbox, work: Callable[[BaseException], None]
) -> None:
    """An exception that is captured in a job, and then leaves the block, is one event."""
    with contextlib.suppress(Sold, ExceptionGroup), sentryinit.init():
        work(Sold())

    assert len(mailbox.events) == 1


def test_captured_exception_that_ends_the_program_is_one_event(child: Any) -> None:
    """An exception that is captured, and then ends the main program, is one event."""
    result = child(
        "sentryinit.init('shop', dsn=DSN, transport=Pipe())\n"
        "import sentry_sdk\n"
        "def work():\n"
        "    try:\n"
        "        1 / 0\n"
        "    except ZeroDivisionError as error:\n"
        "        sentry_sdk.capture_exception(error)\n"
        "        raise\n"
        "work()\n"
    )

    assert (result.code, result.titles) == (1, ["ZeroDivisionError"])


def test_exception_of_a_thread_that_a_request_raises_again_is_one_event(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """A request may raise again what a thread had captured and left (C6)."""
    left: list[BaseException] = []

    def work() -> None:
        try:
            captured(Sold())
        except Sold as error:
            left.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    try:
        raise left[0]
    except Sold as error:
        begin().exception_escaped(error)

    assert len(mailbox.events) == 1


# -- a bug in the handling of an exception ---------------------------------------------------------


def bug(exc: BaseException) -> NoReturn:
    try:
        raise exc
    except Sold as error:
        sentry_sdk.capture_exception(error)
        error.refund()  # type: ignore[attr-defined] # the bug


def test_bug_in_an_except_block_is_an_event(mailbox: testing.Mailbox, titles: Titles) -> None:
    """An exception that is raised in the handling of a captured one is news (C1)."""
    with contextlib.suppress(AttributeError), sentryinit.init():
        bug(Sold())

    assert titles(mailbox) == ["Sold", "AttributeError"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_bug_in_an_except_block_of_a_thread_is_an_event(
    mailbox: testing.Mailbox, titles: Titles
) -> None:
    """Likewise if it ends a thread."""
    thread = threading.Thread(target=bug, args=(Sold(),))
    thread.start()
    thread.join()

    assert titles(mailbox) == ["Sold", "AttributeError"]


def test_bug_that_is_raised_again_from_its_context_is_an_event(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """Starlette's BaseHTTPMiddleware makes a cause of the context: not the application's."""
    capture = begin()
    try:
        try:
            bug(Sold())
        except AttributeError as error:
            raise error from error.__context__
    except AttributeError as error:
        capture.exception_escaped(error)

    assert titles(mailbox) == ["Sold", "AttributeError"]


# -- an event that does not leave ------------------------------------------------------------------


def test_event_that_sampling_drops_was_decided_on(mailbox: testing.Mailbox) -> None:
    """An event that sampling drops stands for its exception: no second one takes its place."""
    mailbox.clear()
    asked = []

    def sampler(event: Any, hint: Any) -> float:
        asked.append(event)
        return 0.0

    options = sentry_sdk.get_client().options
    options["error_sampler"] = sampler
    try:
        with contextlib.suppress(Sold), sentryinit.init():
            captured(Sold())
    finally:
        options["error_sampler"] = None

    assert (len(asked), mailbox.events) == (1, [])


def test_event_that_cannot_be_masked_is_the_only_one(mailbox: testing.Mailbox, said: Any) -> None:
    """A fallback event has left as well."""
    with testing.failing_redaction(), contextlib.suppress(Sold), sentryinit.init():
        captured(Sold())

    assert [event["tags"]["redaction_error"] for event in mailbox.events] == ["true"]
    said()


def test_event_that_cannot_be_built_is_the_only_one(
    mailbox: testing.Mailbox, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fallback event of ours has left as well."""
    monkeypatch.setattr("sentryinit._reporter.exception_event", lambda *_: 1 / 0)
    with contextlib.suppress(Sold), sentryinit.init(), sentryinit.init():
        attempt(Sold())

    assert [event["tags"]["report_error"] for event in mailbox.events] == ["true"]
    said()


def test_exception_of_a_dropped_record_is_reported(begin: Begin, titles: Titles) -> None:
    """A log record that before_send drops does not take the failure of a request with it."""
    with testing.capture("shop", before_send=lambda e, _: None if e.get("logger") else e) as box:
        try:
            attempt(Sold())
        except Sold as error:
            log.exception("a library's own line")
            begin().exception_escaped(error)

    assert titles(box) == ["Sold"]


# -- what a mark changes ---------------------------------------------------------------------------


def marked(exc: BaseException) -> Any:
    with testing.capture("shop"):
        sentry_sdk.capture_exception(exc)
    return exc


def test_marked_attributes_are_those_of_before() -> None:
    """A mark shows in no attribute, and in no form of all of them."""
    error = Sold("no stock")
    error.sku = 17  # type: ignore[attr-defined] # the application's own
    marked(error)

    assert vars(error) == {"sku": 17}
    assert (repr(vars(error)), json.dumps(vars(error))) == ("{'sku': 17}", '{"sku": 17}')
    assert [name for name in dir(error) if "sentryinit" in name] == []


def test_marked_exception_takes_attributes() -> None:
    """Attributes of a marked exception can be set and deleted."""
    error = marked(Sold())
    error.sku, error.shop = 17, 3
    del error.sku

    assert vars(error) == {"shop": 3}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_mark_is_not_pickled(protocol: int) -> None:
    """Another process can read the pickled exception without sentryinit."""
    error = marked(Sold("no stock"))
    error.sku = 17
    pickled = pickle.dumps(error, protocol)

    assert b"sentryinit" not in pickled
    assert type(vars(pickle.loads(pickled))) is dict  # noqa: S301 # of this test


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_mark_is_not_copied(duplicate: Callable[[Any], Any]) -> None:
    """A copy of a marked exception, or of its attributes, is without the mark."""
    error = marked(Sold("no stock"))
    error.itself, error.attributes = error, vars(error)
    other = duplicate(error)

    assert (type(vars(other)), type(duplicate(vars(error)))) == (dict, dict)
    assert (other.itself is other) == (duplicate is copy.deepcopy)


# -- exceptions on which nothing can be set --------------------------------------------------------


class Strict(Sold):
    """Takes no attributes."""

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise ValueError(name)


class Slotted(Sold):
    """Has a slot."""

    __slots__ = ("sku",)


class Hidden(Sold):
    """Does not show its attributes."""

    @property
    def __dict__(self) -> NoReturn:  # type: ignore[override] # it is the case
        raise ValueError


class Silent(Sold):
    """Has no attribute."""

    def __getattribute__(self, name: str) -> NoReturn:
        raise AttributeError(name)


class Lost(Sold, ConnectionError):
    """Has no attribute, and may be the client's."""

    def __getattribute__(self, name: str) -> NoReturn:
        raise AttributeError(name)


class Loud(Sold):
    """Raises if it is asked for an attribute."""

    def __getattribute__(self, name: str) -> Any:
        if name != "__class__":
            raise ValueError(name)
        return super().__getattribute__(name)


class Anything(Sold):
    """Has every attribute."""

    def __getattribute__(self, name: str) -> Any:
        return Mock()


class Untrue(Sold):
    """Has neither truth value nor length."""

    def __bool__(self) -> NoReturn:
        raise ValueError

    __len__: Any = __bool__


class Incomparable(Sold):
    """Cannot be compared, and has no hash."""

    def __eq__(self, other: object) -> NoReturn:
        raise ValueError

    __hash__: Any = __eq__


HOSTILE = [Strict, Slotted, Hidden, Silent, Lost, Loud, Anything, Untrue, Incomparable]


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("seen", [False, True], ids=["escaped", "seen"])
@pytest.mark.parametrize("capture_first", [False, True], ids=["raised", "captured"])
def test_hostile_exception_is_one_complete_event(
    begin: Begin, mailbox: testing.Mailbox, kind: type[Sold], seen: bool, capture_first: bool
) -> None:
    """Whatever an exception does with attributes, its event is complete, and the only one (E2)."""
    capture = begin()
    try:
        raise kind("no stock")
    except Sold as error:
        if capture_first:
            sentry_sdk.capture_exception()  # with an argument, sentry-sdk reads its traceback
        if seen:
            capture.exception_seen(error)
            capture.response_started(500)
        else:
            capture.exception_escaped(error)
    capture.close()

    (event,) = mailbox.events
    value = event["exception"]["values"][-1]
    assert value["type"] == kind.__name__
    assert value["value"] == "no stock" or kind is Anything
    assert value["stacktrace"]["frames"]
    tags = {"service": "shop", "route": "/orders/{order_id}"}
    assert event["tags"] == {**tags, **({} if capture_first else {"status_code": "500"})}
    assert (event["transaction"], event["request"]["method"]) == ("/orders/{order_id}", "GET")


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_exception_outside_of_requests_is_one_event(
    mailbox: testing.Mailbox, kind: type[Sold], titles: Titles
) -> None:
    """Likewise outside of requests."""
    try:
        with sentryinit.init():
            captured(kind("no stock"))
    except Sold as error:
        left = type(error)

    assert (left, titles(mailbox)) == (kind, [kind.__name__])
