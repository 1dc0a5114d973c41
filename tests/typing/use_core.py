"""What type checkers tell users of ``sentryinit``. Checked, never run."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from typing_extensions import assert_type

import sentryinit
import sentryinit.asgi
import sentryinit.wsgi
from sentryinit.testing import DSN, Mailbox, capture

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def drop(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any] | None:
    """A hook of the application."""
    return None if hint else event


handle = sentryinit.init(
    "api-core",
    dsn=DSN,
    ignore_errors=[KeyError, "asyncio.TimeoutError"],
    ignore_statuses=[503, "520-529", range(540, 550)],
    ignore_paths=("/healthz",),
    ignore_messages=["^Gone", re.compile("gone", re.IGNORECASE)],
    flush_timeout=1.5,
    before_send=drop,
    error_sampler=lambda event, hint: 0.5,
    spotlight="http://localhost:8969/stream",
)
assert_type(handle, sentryinit.Handle)
assert_type(handle(), None)
assert_type(sentryinit.__version__, str)
assert_type(sentryinit.event_id(), str | None)
assert_type(sentryinit.flush(), None)
assert_type(sentryinit.is_on(), bool)
assert_type(sentryinit.status()["on"], bool)
assert_type(sentryinit.status()["reason"], str)
assert_type(sentryinit.status()["counts"], dict[str, int])
sentryinit.init("api-core", required=True)
sentryinit.init("api-core", required="yes")  # type: ignore[arg-type] # true or false is expected


def total(order_id: int, *, discount: float = 0) -> float:
    """A job of the application."""
    return order_id - discount


assert_type(sentryinit.bind(total)(17, discount=0.5), float)
sentryinit.bind(total)("17")  # type: ignore[arg-type] # as of the function itself
sentryinit.bind(17)  # type: ignore[arg-type] # a function is expected


async def deliver(order_id: int) -> str:
    """Another one."""
    return str(order_id)


assert_type(sentryinit.job("total")(total)(17, discount=0.5), float)


async def main() -> None:
    """It awaits one."""
    assert_type(await sentryinit.job("deliver")(deliver)(17), str)


sentryinit.job("total")(total)("17")  # type: ignore[arg-type] # as of the function itself
sentryinit.job(total)  # type: ignore[arg-type] # a name is expected
with sentryinit.job("total") as nothing:
    assert_type(nothing, None)
with sentryinit.init() as block:
    assert_type(block, sentryinit.Handle)

options: sentryinit.Options = {"storm_guard": False, "collect": ["query"]}
sentryinit.init("api-core", **options)

sentryinit.init(flush_timeout="2")  # type: ignore[arg-type] # a number is expected
sentryinit.init(error_sampler=drop)  # type: ignore[arg-type] # it returns a number
sentryinit.init(traces_sample_rate=1.0)  # type: ignore[call-arg] # a refused option
sentryinit.init(ignore_path=["/"])  # type: ignore[call-arg] # a misspelt option
options["storm_gard"] = True  # type: ignore[typeddict-unknown-key] # a misspelt option

with capture("test-service", ignore_paths=["/healthz"]) as mailbox:
    assert_type(mailbox, Mailbox)
    assert_type(mailbox.events, list[dict[str, Any]])
    assert_type(mailbox.envelopes, list[bytes])
    assert_type(mailbox.clear(), None)


def wsgi(app: WSGIApplication) -> WSGIApplication:
    """Wrap an application, both ways; what comes out is one again."""
    wrapped: WSGIApplication = sentryinit.wsgi.SentryInitMiddleware(app)
    panicking: WSGIApplication = sentryinit.wsgi.debug_panic(wrapped, path="/debug/panic")
    return panicking


def asgi(app: sentryinit.asgi.Application) -> sentryinit.asgi.Application:
    """Likewise for ASGI."""
    wrapped: sentryinit.asgi.Application = sentryinit.asgi.SentryInitMiddleware(app)
    panicking: sentryinit.asgi.Application = sentryinit.asgi.debug_panic(wrapped)
    return panicking


async def plain(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """An ASGI application without a framework."""


sentryinit.asgi.SentryInitMiddleware(plain)
sentryinit.asgi.SentryInitMiddleware("app")  # type: ignore[arg-type] # an application
sentryinit.wsgi.SentryInitMiddleware("app")  # type: ignore[arg-type] # likewise
sentryinit.wsgi.SentryInitMiddleware(plain)  # type: ignore[arg-type] # of the other protocol
number: int = sentryinit.asgi.SentryInitMiddleware(plain)  # type: ignore[assignment] # no number


def test_something(sentryinit_mailbox: Mailbox, act: Callable[[], None]) -> None:
    """Stand for a test of an application, which asks for the fixture."""
    act()
    assert_type(sentryinit_mailbox.events[0], dict[str, Any])
