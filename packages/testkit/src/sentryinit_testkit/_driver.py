"""The driver, which an author of an adapter writes, and the types that it works with."""

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

# What a protocol itself does not have: drivers need not declare it.
UNSUPPORTED_BY_PROTOCOL: dict[str, frozenset[str]] = {
    "wsgi": frozenset({"background", "cancellation", "disconnect", "startup", "websocket"}),
    "asgi": frozenset({"file"}),
    "http": frozenset({"file", "gateway", "inside"}),
}


class Unsupported(Exception):
    """The framework or its protocol has no such feature: see :attr:`Driver.unsupported`."""


@dataclass(frozen=True)
class ResponseSpec:
    """The response that a handler is to return.

    *stream* is sent chunk by chunk in place of *body*, *file* by the server's file wrapper.
    *background* must run after the response.
    """

    status: int = 200
    body: bytes = b"ok"
    headers: tuple[tuple[str, str], ...] = ()
    stream: Iterator[bytes] | None = None
    file: BinaryIO | None = None
    background: Callable[[], None] | None = None

    @property
    def status_line(self) -> str:
        """Return the status with its reason phrase, as WSGI requires it."""
        phrases = {int(status): status.phrase for status in HTTPStatus}
        return f"{self.status} {phrases.get(self.status, 'Unknown')}"

    def astream(self) -> Any:
        """Return *stream* for an asynchronous framework: itself, if it is iterable both ways."""
        return self.stream if hasattr(self.stream, "__aiter__") else self._astream()

    async def _astream(self) -> AsyncIterator[bytes]:
        for chunk in self.stream or ():
            yield chunk


class HandledError(Exception):
    """The exception that the application has an error handler for: it returns :attr:`response`."""

    response: ResponseSpec

    def __init__(self, status: int) -> None:
        super().__init__("out of stock")
        self.response = ResponseSpec(status, b"sorry")


@dataclass(frozen=True)
class Request:
    """What a behaviour can use of the request."""

    _read: Callable[[], Any]
    abort: Callable[[int], BaseException]

    async def read(self) -> Any:
        """Return the whole body, or the next message of a WebSocket, read by the framework."""
        data = self._read()
        return await data if inspect.isawaitable(data) else data


Behaviour = Callable[[Request], "ResponseSpec | Awaitable[ResponseSpec]"]


def needs_loop(behaviour: Behaviour) -> Behaviour:
    """Mark a coroutine function that needs a running event loop: one is started if none runs."""
    behaviour.loop = True  # type: ignore[attr-defined] # functions take attributes
    return behaviour


def good(_request: Request) -> ResponseSpec:
    """Answer 200."""
    return ResponseSpec()


def _step(coroutine: Coroutine[Any, Any, ResponseSpec]) -> ResponseSpec:
    """Run a coroutine that never waits. An event loop would change some of its exceptions."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return] # typed by the coroutine
    coroutine.close()
    raise Unsupported("a synchronous handler cannot wait")


@dataclass(frozen=True)
class AppSpec:
    """The application to build.

    * ``/orders/{order_id}``, for :data:`METHODS`, returns what :meth:`run` or :meth:`arun` return,
      and does not catch what they raise;
    * :class:`HandledError` has an error handler, which returns its ``response``;
    * the adapter is installed *copies* times; with 0 copies there is no debug route either;
    * the application *mounted*, if there is one, is mounted at :data:`MOUNT`;
    * :meth:`wrap` puts a WSGI or ASGI middleware between the adapter and the application;
    * if the framework has them: a WebSocket at :data:`SOCKET_PATH` that accepts and then runs the
      behaviour; :meth:`startup` runs at start-up, or :meth:`lifespan` around the application.
    """

    behaviour: Behaviour = good
    copies: int = 1
    mounted: Any = None
    on_startup: Callable[[], None] | None = None
    inside: Callable[[Any], Any] | None = None
    abort: Callable[[int], BaseException] = lambda status: Unsupported(f"abort({status})")

    def run(self, read: Callable[[], Any]) -> ResponseSpec:
        """Run the behaviour in a synchronous handler; *read* returns the body."""
        response = self.behaviour(Request(read, self.abort))
        if not inspect.iscoroutine(response):
            return response  # type: ignore[return-value] # behaviours are functions or coroutines
        return asyncio.run(response) if hasattr(self.behaviour, "loop") else _step(response)

    async def arun(self, read: Callable[[], Any]) -> ResponseSpec:
        """Run the behaviour in an asynchronous handler; *read* may return an awaitable."""
        response = self.behaviour(Request(read, self.abort))
        return await response if inspect.isawaitable(response) else response

    def wrap(self, app: Any) -> Any:
        """Return *app* in the middleware that the case puts inside of the adapter."""
        return app if self.inside is None else self.inside(app)

    def startup(self) -> None:
        """Run the case's start-up function."""
        if self.on_startup is not None:
            self.on_startup()

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: object) -> AsyncIterator[None]:
        """Run :meth:`startup` as a lifespan context manager, as Starlette and FastAPI take it."""
        self.startup()
        yield


class Driver(abc.ABC):
    """Builds the application of one framework; the testkit does the rest.

    A driver whose *protocol* is neither ``wsgi`` nor ``asgi`` overrides :meth:`server`.
    """

    name: ClassVar[str]
    """The adapter's name: the ``mechanism.type`` of its events."""
    variant: ClassVar[str] = ""
    """Distinguishes several drivers of one adapter."""
    protocol: ClassVar[str] = "wsgi"
    unsupported: ClassVar[frozenset[str]] = frozenset()
    """What the framework does not support: cases that require it are expected to fail (strict)."""
    runs_in: ClassVar[str] = ""
    """Where handlers run, ``threads`` or ``tasks``, if not as usual for the protocol."""
    calls: ClassVar[int] = 6
    """The most functions of the adapter and the core that a good request may call (F1)."""
    modules: ClassVar[tuple[str, ...]] = ()
    """The modules that an application imports to use the adapter (E5)."""
    sdk_integrations: ClassVar[tuple[str, ...]] = ()
    """The integrations of the framework in sentry-sdk, as ``module:class`` (C5)."""

    @abc.abstractmethod
    def app(self, spec: AppSpec) -> Any:
        """Return the application that *spec* describes."""

    def abort(self, status: int) -> BaseException:
        """Return the framework's own HTTP exception for *status*."""
        raise Unsupported(f"{self.name} has no exception for {status}")

    def server(self) -> Any:
        """Return the server and its client: see :class:`sentryinit_testkit.Server`."""
        # Both modules import this one.
        from sentryinit_testkit import _asgi, _wsgi

        return {"wsgi": _wsgi.WsgiServer, "asgi": _asgi.AsgiServer}[self.protocol]()

    @classmethod
    def all_unsupported(cls) -> frozenset[str]:
        """Return what the framework or its protocol does not support."""
        names = cls.unsupported | UNSUPPORTED_BY_PROTOCOL.get(cls.protocol, frozenset())
        return names if cls.sdk_integrations else names | {"sdk-integration"}

    @classmethod
    def threaded(cls) -> bool:
        """Return True if handlers run in threads of their own, and so may block."""
        return (cls.runs_in or ("threads" if cls.protocol == "wsgi" else "tasks")) == "threads"

    @property
    def label(self) -> str:
        """Return the driver's name in test ids and in the table."""
        return f"{self.name}-{self.variant}" if self.variant else self.name
