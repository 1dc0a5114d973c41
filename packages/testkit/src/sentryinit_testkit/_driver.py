"""What an author writes, a driver, and what it is given to build: a site with one behaviour."""

from __future__ import annotations

import abc
import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, BinaryIO, ClassVar

ROUTE = "/orders/{order_id}"
PATH = "/orders/17"
MOUNT = "/mounted"
SOCKET_PATH = "/ws"
DEBUG_PATH = "/debug/sentry-panic"
METHODS = ("GET", "POST")

# What the protocols themselves do not have; a driver need not claim it.
PROTOCOL_LACKS: dict[str, frozenset[str]] = {
    "wsgi": frozenset({"background", "cancellation", "disconnect", "startup", "websocket"}),
    "asgi": frozenset({"file"}),
    "http": frozenset({"file", "gateway"}),
}


class Unsupported(Exception):
    """A driver, or the protocol that it speaks, has no such thing: see :attr:`Driver.lacks`."""


@dataclass(frozen=True)
class Reply:
    """What a handler answers.

    *stream* is sent chunk by chunk in place of *body*, *file* by the server's file wrapper;
    *background* is to run after the response.
    """

    status: int = 200
    body: bytes = b"ok"
    headers: tuple[tuple[str, str], ...] = ()
    stream: Iterator[bytes] | None = None
    file: BinaryIO | None = None
    background: Callable[[], None] | None = None

    @property
    def line(self) -> str:
        """The status with its words, as WSGI wants it."""
        words = {int(status): status.phrase for status in HTTPStatus}
        return f"{self.status} {words.get(self.status, 'Unknown')}"

    async def astream(self) -> AsyncIterator[bytes]:
        """Yield the chunks of *stream* to an asynchronous framework."""
        for chunk in self.stream or ():
            yield chunk


class HandledError(Exception):
    """The error that the application has a handler for: it answers :attr:`reply`."""

    reply: Reply

    def __init__(self, status: int) -> None:
        super().__init__("out of stock")
        self.reply = Reply(status, b"sorry")


@dataclass(frozen=True)
class Request:
    """What a behaviour sees of the request: the rest of it is the framework's."""

    _read: Callable[[], Any]
    abort: Callable[[int], BaseException]

    async def read(self) -> Any:
        """Return the whole body, or a WebSocket's next message, the framework's own way."""
        data = self._read()
        return await data if inspect.isawaitable(data) else data


Behaviour = Callable[[Request], "Reply | Awaitable[Reply]"]


def needs_loop(behaviour: Behaviour) -> Behaviour:
    """Mark a coroutine function as one that waits for others: a loop is made where none runs."""
    behaviour.loop = True  # type: ignore[attr-defined] # functions take attributes
    return behaviour


def good(_request: Request) -> Reply:
    """Answer 200."""
    return Reply()


def _step(coroutine: Coroutine[Any, Any, Reply]) -> Reply:
    """Run a coroutine that never waits, without a loop, so that what it raises stays as it is."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return] # typed by the coroutine
    coroutine.close()
    raise Unsupported("a synchronous handler cannot wait")


@dataclass(frozen=True)
class Site:
    """The application to build.

    * ``/orders/{order_id}``, for :data:`METHODS`, answers with what :meth:`run` or :meth:`arun`
      returns and lets pass what they raise;
    * :class:`HandledError` has an error handler, which answers its ``reply``;
    * the adapter is installed *copies* times: 0 is the application without us, and then without
      the debug route as well;
    * an application *mounted* is under :data:`MOUNT`;
    * where the framework has them: a WebSocket at :data:`SOCKET_PATH` that accepts, and then runs
      the behaviour; :meth:`startup` at its start, or :meth:`lifespan` around it.
    """

    behaviour: Behaviour = good
    copies: int = 1
    mounted: Any = None
    on_startup: Callable[[], None] | None = None
    abort: Callable[[int], BaseException] = lambda status: Unsupported(f"abort({status})")

    def run(self, read: Callable[[], Any]) -> Reply:
        """Run the behaviour in a synchronous handler; *read* returns the body."""
        reply = self.behaviour(Request(read, self.abort))
        if not inspect.iscoroutine(reply):
            return reply  # type: ignore[return-value] # behaviours are functions or coroutines
        return asyncio.run(reply) if hasattr(self.behaviour, "loop") else _step(reply)

    async def arun(self, read: Callable[[], Any]) -> Reply:
        """Run the behaviour in an asynchronous handler; *read* may return an awaitable."""
        reply = self.behaviour(Request(read, self.abort))
        return await reply if inspect.isawaitable(reply) else reply

    def startup(self) -> None:
        """Run what the case does at start-up."""
        if self.on_startup is not None:
            self.on_startup()

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: object) -> AsyncIterator[None]:
        """Run :meth:`startup` in the form that Starlette and its kin take."""
        self.startup()
        yield


class Driver(abc.ABC):
    """How the contract talks to one adapter: it builds the application, the testkit does the rest.

    A driver with a *protocol* of its own overrides :meth:`peer` and serves by itself.
    """

    name: ClassVar[str]
    """The adapter's name: ``mechanism.type`` of its events."""
    variant: ClassVar[str] = ""
    """Which of several drivers of the adapter this is."""
    protocol: ClassVar[str] = "wsgi"
    lacks: ClassVar[frozenset[str]] = frozenset()
    """What the framework cannot offer: cases that need it are expected to fail, strictly."""
    runs_in: ClassVar[str] = ""
    """Where handlers run: ``threads`` or ``tasks``; by default as the protocol does."""
    calls: ClassVar[int] = 6
    """How many functions of the adapter and the core a good request enters at most (F1)."""
    modules: ClassVar[tuple[str, ...]] = ()
    """What an application imports to use the adapter (E5)."""
    sdk_integrations: ClassVar[tuple[str, ...]] = ()
    """The SDK's own integrations of the framework, ``module:class`` (C5)."""

    @abc.abstractmethod
    def app(self, site: Site) -> Any:
        """Return the application that *site* describes."""

    def abort(self, status: int) -> BaseException:
        """Return the framework's own HTTP exception for *status*."""
        raise Unsupported(f"{self.name} has no exception for {status}")

    def peer(self) -> Any:
        """Return the server side: see :class:`sentryinit_testkit.Peer`."""
        # The peers know Driver's data, so it cannot know them.
        from sentryinit_testkit import _asgi, _wsgi

        return {"wsgi": _wsgi.WsgiPeer, "asgi": _asgi.AsgiPeer}[self.protocol]()

    @classmethod
    def missing(cls) -> frozenset[str]:
        """Return all that the driver lacks, by itself and by its protocol."""
        lacks = cls.lacks | PROTOCOL_LACKS.get(cls.protocol, frozenset())
        return lacks if cls.sdk_integrations else lacks | {"sdk-integration"}

    @classmethod
    def threaded(cls) -> bool:
        """Tell whether handlers run in threads of their own, so that they may block."""
        return (cls.runs_in or ("threads" if cls.protocol == "wsgi" else "tasks")) == "threads"

    @property
    def label(self) -> str:
        """The driver's name in test ids and in the table."""
        return f"{self.name}-{self.variant}" if self.variant else self.name
