"""C2 with the real structlog and loguru: what is logged and raised is one event of ours."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Iterator
from typing import Any

import loguru
import pytest
import structlog
from sentry_sdk.integrations.loguru import LoguruEventHandler

from sentryinit import adapters, testing

Begin = Callable[..., adapters.Capture[Any]]
Titles = Callable[[testing.Mailbox], list[str]]


class ShopError(Exception):
    """An exception that may have no text."""


def _with(*processors: Any) -> Callable[[], Any]:
    def configure() -> Any:
        structlog.configure(
            processors=[
                structlog.stdlib.add_log_level,
                structlog.processors.TimeStamper(),
                *processors,
            ],
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.stdlib.BoundLogger,
        )
        return structlog.stdlib.get_logger("shop")

    return configure


RENDERERS = {
    "ProcessorFormatter": _with(structlog.stdlib.ProcessorFormatter.wrap_for_formatter),
    "render_to_log_kwargs": _with(structlog.stdlib.render_to_log_kwargs),
    "JSONRenderer": _with(
        structlog.processors.format_exc_info, structlog.processors.JSONRenderer()
    ),
    "dict_tracebacks": _with(
        structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()
    ),
    "KeyValueRenderer": _with(
        structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()
    ),
    "ConsoleRenderer": _with(structlog.dev.ConsoleRenderer()),
}


@pytest.fixture(params=[*RENDERERS, "loguru"])
def log(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A logger of structlog for each renderer, and that of loguru."""
    if request.param == "loguru":
        yield loguru.logger
        return
    # pytest's handlers format the dictionary of structlog.
    monkeypatch.setattr(logging.getLogger("shop"), "propagate", False)
    yield RENDERERS[request.param]()
    structlog.reset_defaults()


@pytest.fixture
def box(log: Any) -> Iterator[testing.Mailbox]:
    """Report, with the handler that sentry-sdk's integration adds to loguru once in a process."""
    loguru.logger.remove()
    loguru.logger.add(LoguruEventHandler(level="ERROR"), level="ERROR")
    with testing.capture("shop") as mailbox:
        yield mailbox
    loguru.logger.remove()


def _fail(text: str) -> None:
    error = ShopError(text) if text else ShopError()
    raise error


@pytest.mark.parametrize("text", ["", "1", "no stock", 'no "tea" in Köln'])
def test_logged_and_raised_is_one_event(
    begin: Begin, box: testing.Mailbox, log: Any, text: str
) -> None:
    """The event is the exception, not handled, with its status."""
    capture = begin()
    try:
        _fail(text)
    except ShopError as error:
        log.exception("cannot order")
        capture.exception_escaped(error)
    capture.close()

    (event,) = box.events
    (value,) = event["exception"]["values"]
    assert (value["type"], value["mechanism"]["type"]) == ("ShopError", "test")
    assert (value["mechanism"]["handled"], event["tags"]["status_code"]) == (False, "500")


@pytest.mark.parametrize("kind", [ShopError, KeyError])
def test_logged_and_answered_500_is_one_event(
    begin: Begin, box: testing.Mailbox, log: Any, kind: type[Exception]
) -> None:
    """The logged exception explains the response; JSON escapes the line break before its name."""
    capture, error = begin(), kind("tea")
    try:
        raise error
    except kind:
        log.exception("cannot order")
    capture.response_started(500)
    capture.close()

    (event,) = box.events
    assert event["exception"]["values"][-1]["type"] == kind.__name__
    assert event["tags"]["status_code"] == "500"


def test_logged_text_and_503_is_one_event(begin: Begin, box: testing.Mailbox, log: Any) -> None:
    """A text that is logged before a 503 is its breadcrumb."""
    capture = begin()
    log.error("no database")
    capture.response_started(503)
    capture.close()

    (event,) = box.events
    assert event["logentry"]["formatted"] == "HTTP 503 GET /orders/{order_id}"
    assert any("no database" in crumb["message"] for crumb in event["breadcrumbs"]["values"])


def test_logged_and_answered_200_is_the_exception(
    begin: Begin, box: testing.Mailbox, log: Any
) -> None:
    """In a good request the record is an event of its own, with the exception."""
    capture = begin()
    try:
        _fail("no stock")
    except ShopError:
        log.exception("cannot order")
    capture.response_started(200)
    capture.close()

    (event,) = box.events
    assert event["exception"]["values"][-1]["type"] == "ShopError"
    assert "cannot order" in event["logentry"]["formatted"]


# -- bridges ---------------------------------------------------------------------------------------


class ToLoguru(logging.Handler):
    """Pass records on to loguru: ``InterceptHandler`` of its manual."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log *record* as its caller does."""
        frame, depth = inspect.currentframe(), 0
        while frame and (depth == 0 or frame.f_code.co_filename == logging.__file__):
            frame, depth = frame.f_back, depth + 1
        loguru.logger.opt(depth=depth, exception=record.exc_info).log(
            record.levelname, record.getMessage()
        )


class ToLogging(logging.Handler):
    """Pass records of loguru on to the standard library."""

    def emit(self, record: logging.LogRecord) -> None:
        """Handle *record* by the logger of its name."""
        logging.getLogger(record.name).handle(record)


def handed_over(integration: bool, sink: Any) -> Iterator[tuple[testing.Mailbox, list[str]]]:
    """Report, with *sink* between the libraries, and sentry-sdk's handler of loguru or not."""
    callers: list[str] = []
    loguru.logger.remove()
    loguru.logger.add(lambda m: callers.append(m.record["function"]), level="ERROR")
    with testing.capture("shop") as box:
        if integration:
            loguru.logger.add(
                LoguruEventHandler(level="ERROR"), level="ERROR", format="at {message}"
            )
        sink()
        yield box, callers
    loguru.logger.remove()


@pytest.fixture(params=[False, True], ids=["alone", "with the integration"])
def intercepted(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[testing.Mailbox, list[str]]]:
    """The standard library's records go on to loguru."""

    def sink() -> None:
        monkeypatch.setattr(logging.getLogger("shop"), "handlers", [ToLoguru()])
        monkeypatch.setattr(logging.getLogger("shop"), "propagate", False)

    yield from handed_over(request.param, sink)


@pytest.fixture(params=[False, True], ids=["alone", "with the integration"])
def passed_on(request: pytest.FixtureRequest) -> Iterator[tuple[testing.Mailbox, list[str]]]:
    """The records of loguru go on to the standard library."""
    yield from handed_over(
        request.param, lambda: loguru.logger.add(ToLogging(), format="{message}")
    )


def test_text_that_goes_to_loguru_is_one_event(
    intercepted: tuple[testing.Mailbox, list[str]],
) -> None:
    """Each time that it is logged; loguru finds the function that has logged it."""
    box, callers = intercepted
    for _ in range(2):
        logging.getLogger("shop").error("no stock")

    assert len(box.events) == 2
    assert callers == ["test_text_that_goes_to_loguru_is_one_event"] * 2


def test_text_that_goes_to_logging_is_one_event(
    passed_on: tuple[testing.Mailbox, list[str]],
) -> None:
    """Each time that it is logged."""
    box, _callers = passed_on
    for _ in range(2):
        loguru.logger.error("no stock")

    assert len(box.events) == 2


@pytest.mark.parametrize("name", ["opt", "catch", "exception"])
def test_failure_that_goes_to_logging_is_one_event(
    begin: Begin, passed_on: tuple[testing.Mailbox, list[str]], name: str
) -> None:
    """With its class, in whatever way loguru was given the exception."""
    box, _callers = passed_on
    capture = begin()
    try:
        if name == "catch":
            loguru.logger.catch(reraise=True)(_fail)("no stock")
        _fail("no stock")
    except ShopError as error:
        if name == "opt":
            loguru.logger.opt(exception=error).error("cannot order")
        elif name == "exception":
            loguru.logger.exception("cannot order")
        capture.exception_escaped(error)
    capture.close()

    (event,) = box.events
    assert event["exception"]["values"][-1]["type"] == "ShopError"
    assert event["tags"]["status_code"] == "500"


@pytest.mark.parametrize("renderer", [*RENDERERS, "bare JSON"])
def test_exception_that_structlog_was_given_after_its_handling(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, renderer: str
) -> None:
    """It is the evidence, although the record has a text, or nothing, of it."""
    monkeypatch.setattr(logging.getLogger("shop"), "propagate", False)
    bare = _with(structlog.processors.JSONRenderer())
    with testing.capture("shop") as box:
        log = RENDERERS.get(renderer, bare)()
        capture = begin()
        try:
            _fail("no stock")
        except ShopError as error:
            failure = error
        log.error("cannot order", exc_info=failure)
        capture.response_started(503)
        capture.close()
    structlog.reset_defaults()

    (event,) = box.events
    assert event["exception"]["values"][-1]["type"] == "ShopError"


def test_exception_of_an_asynchronous_logger(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    """``aexception`` logs in another thread, where nothing is being handled."""
    monkeypatch.setattr(logging.getLogger("shop"), "propagate", False)

    async def handler() -> None:
        log = RENDERERS["JSONRenderer"]()
        try:
            _fail("no stock")
        except ShopError:
            await log.aexception("cannot order")

    with testing.capture("shop") as box:
        capture = begin()
        asyncio.run(handler())
        capture.response_started(503)
        capture.close()
    structlog.reset_defaults()

    (event,) = box.events
    assert event["exception"]["values"][-1]["type"] == "ShopError"
