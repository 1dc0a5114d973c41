"""Make events of all kinds in all frameworks, with all that settings and applications add."""

from __future__ import annotations

import contextlib
import importlib
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import event_kinds
import sentry_sdk
from event_kinds import Event

from sentryinit import testing
from sentryinit_testkit import _events, behaviours
from sentryinit_testkit._driver import DEBUG_PATH, Behaviour, Unsupported
from sentryinit_testkit._harness import Harness
from sentryinit_testkit._server import Call

TESTS = Path(__file__).resolve().parents[1]
log = logging.getLogger("shop")

EVERYTHING: dict[str, Any] = {
    "collect": ["query", "cookies", "client_address", "host_name", "locals", "argv", "user"],
    "collect_headers": ["x-region"],
    "tags": {"region": "eu"},
    "release": "1.4.2",
    "dist": "7",
    "attach_stacktrace": True,
}
HEADERS = (
    ("User-Agent", "curl/8.14.1"),
    ("Accept", "*/*"),
    ("Content-Type", "text/plain"),
    ("X-Request-Id", "r-17"),
    ("X-Correlation-Id", "c-17"),
    ("X-Region", "eu"),
    ("Cookie", "theme=dark"),
    ("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
)


def logs(_request: object) -> Any:
    """Log an error, also with an exception and with data, and return 200."""
    log.error("no mail for order %s", 17, extra={"basket": 3})
    log.error("no mail for order %(order)s", {"order": 17})
    try:
        behaviours.fails()
    except behaviours.ShopError:
        log.exception("cannot order")
    return behaviours.good(None)  # type: ignore[arg-type] # it does not use its request


def enriches(_request: object) -> Any:
    """Set all that an application can set, and fail."""
    scope = sentry_sdk.get_isolation_scope()
    scope.set_user(
        {"id": "7", "username": "ada", "email": "ada@example.com", "ip_address": "127.0.0.1"}
    )
    scope.set_tag("customer", "7")
    scope.set_extra("basket", {"items": 3})
    scope.set_context("basket", {"items": 3})
    sentry_sdk.add_breadcrumb(type="query", category="db", message="SELECT 1", data={"items": 3})
    log.warning("low stock")
    behaviours.fails()


def captures(_request: object) -> Any:
    """Capture a message, and return 200."""
    sentry_sdk.capture_message("low stock")
    return behaviours.good(None)  # type: ignore[arg-type] # likewise


def _fails_by_chain(_request: object) -> Any:
    behaviours.fails_with_causes(300)


def _fails_in_the_system(_request: object) -> Any:
    raise FileNotFoundError(2, "no stock")


def _fails_with_data(_request: object) -> Any:
    sentry_sdk.get_isolation_scope().set_extra("basket", dict.fromkeys(map(str, range(20)), 3))
    behaviours.fails()


def _fails_with_text(_request: object) -> Any:
    raise behaviours.ShopError("no stock " * 2000)


PLAIN: tuple[Behaviour, ...] = (
    behaviours.fails_in_chain,
    behaviours.fails_in_group,
    behaviours.answers(503),
    behaviours.aborts(503),
    behaviours.handled(500),
    behaviours.streams_and_fails(2),
    behaviours.fails_in_background,
    behaviours.exits(1),
    _fails_in_the_system,
    logs,
    captures,
)
# The core alone decides what these say.
SIZES: tuple[Behaviour, ...] = (_fails_by_chain, _fails_with_text, _fails_with_data)
RICH: tuple[Behaviour, ...] = (behaviours.fails_in_chain, enriches, logs, captures)


def drivers() -> list[Any]:
    """Return a driver for each framework and protocol."""
    folder = TESTS / "conformance"
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    names = sorted(path.stem for path in folder.glob("drivers/[!_]*.py"))
    modules = [importlib.import_module(f"drivers.{n}") for n in names if "variants" not in n]
    return [driver for module in modules for driver in getattr(module, "DRIVERS", ())[:1]]


def _of(driver: Any, play: Callable[[Harness], object], **options: Any) -> list[Event]:
    """Return the events of what *play* does with a harness for *driver*."""
    with contextlib.ExitStack() as stack:
        harness = Harness(driver, stack)
        harness.start(**options)
        with contextlib.suppress(Unsupported):
            play(harness)
        return harness.events


def _serve(*given: Behaviour, call: Call | None = None) -> Callable[[Harness], None]:
    def play(harness: Harness) -> None:
        for behaviour in given:
            with contextlib.suppress(Unsupported):
                harness.serve(behaviour, call)

    return play


def _outside(harness: Harness) -> None:
    """Fail at the start, and in a WebSocket."""
    unsupported = harness.driver.all_unsupported()
    if "startup" not in unsupported:
        harness.server.run_lifespan(harness.app(on_startup=behaviours.fails))
    if "websocket" not in unsupported:
        harness.server.websocket(harness.app(behaviours.fails), "hello")


def _broken(harness: Harness) -> None:
    with testing.failing_redaction():
        harness.serve(behaviours.fails)


def _hook(_event: object, _hint: object) -> Any:
    raise ValueError


def of_requests(driver: Any) -> list[Event]:
    """Return the events of all kinds of failures in an application of *driver*."""
    call = Call("POST", body=b"two", query="page=2", headers=HEADERS)
    token = ("X-Sentryinit-Debug-Token", event_kinds.TOKEN)
    debug = Call(path=DEBUG_PATH, headers=(token, ("X-Sentryinit-Nonce", "run-4711")))
    with mock.patch.object(sys, "argv", ["orders.py", "--dry-run"]):
        rich = _of(driver, _serve(*RICH, call=call), **EVERYTHING)
    return [
        *rich,
        *_of(driver, _serve(*PLAIN)),
        *_of(driver, _outside),
        *_of(driver, _serve(behaviours.good, call=debug), debug_token=event_kinds.TOKEN),
    ]


def of_the_core(driver: Any) -> list[Event]:
    """Return the events of what is the same for all adapters."""
    return [
        *_of(driver, _serve(*SIZES)),
        *_of(driver, _serve(behaviours.fails), grouping="backend"),
        *_of(driver, _broken),
        *_of(driver, _serve(behaviours.fails), before_send=_hook),
    ]


def everything() -> Iterator[tuple[str, Event]]:
    """Yield all events, each with where it is from."""
    for kind in event_kinds.received():
        yield kind, event_kinds.event_of(kind)
    for driver in drivers():
        for number, event in enumerate(of_requests(driver)):
            yield f"{driver.label} {number} {_events.title(event)[:60]}", event
        if driver.label == "wsgi":
            yield from ((f"wsgi, core {number}", e) for number, e in enumerate(of_the_core(driver)))
