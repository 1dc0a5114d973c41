"""C2 with the real structlog and loguru: what is logged and raised is one event of ours."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import loguru
import pytest
import structlog
from sentry_sdk.integrations.loguru import LoguruIntegration

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
    """Report, with the integration of loguru."""
    # sentry-sdk adds its handlers to loguru once in a process.
    with testing.capture("shop", integrations=[LoguruIntegration()]) as mailbox:
        yield mailbox


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
