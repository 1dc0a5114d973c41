"""The situations: what client, server and test do in one request, in order.

Each is a function from a ``Scene`` to the resulting events. None of them waits for a fixed time:
the handler reports where it is, and the test releases it, over the gate.
"""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from harness.bounds import DEADLINE, poll
from harness.chat import Chat
from harness.service import Bench, Service, new_id
from harness.sink import Event
from harness.table import WAITED_FOR, Cell
from harness.wire import Wire, request

PIECE = b"a piece of an export\n"
BODY = bytes(50_000)
PROMISED = 4 * len(BODY)
# Seconds for a server to check its sockets if it is not expected to notify the handler.
A_MOMENT = 0.2
# The grace period of a server at shutdown, and gunicorn's timeout of a worker, in seconds.
GRACE, TIMEOUT = 1, 2
# The flush timeout, and how much longer an exit may take on a busy machine.
FLUSH_TIMEOUT = 2.0
MARGIN = 8.0


class Scene:
    """One request with the id *id* to *service*; *cell* is the expected outcome."""

    def __init__(self, bench: Bench, service: Service, situation: str, cell: Cell) -> None:
        self.bench, self.service, self.gate, self.cell = bench, service, bench.gate, cell
        self.id = new_id(situation)
        self._wires: list[Wire] = []

    def __enter__(self) -> Scene:
        return self

    def __exit__(self, *raised: object) -> None:
        for wire in self._wires:
            wire.leave()

    def asks(self, method: str, path: str, body: bytes = b"", length: int | None = None) -> Wire:
        """Send the request; return the connection, which the scene closes at its end."""
        wire = self.service.wire()
        self._wires.append(wire)
        wire.send(request(method, path, self.id, body=body, length=length))
        return wire

    def chats(self) -> Chat:
        """Return an open WebSocket that has echoed a message."""
        chat = Chat(self.service.wire(), "/orders/17/chat", self.id)
        self._wires.append(chat.wire)
        chat.says("hello")
        assert chat.hears() == "hello"
        return chat

    def reaches(self, point: str) -> str:
        """Return the detail that the handler reports at *point*, when it gets there."""
        return self.gate.wait_for(self.id, point)

    def release(self) -> None:
        """Let the handler continue, until something stops it if that is expected."""
        self.gate.release(self.id, DEADLINE if self.cell.sees else A_MOMENT)

    def over(self) -> list[Event]:
        """Return all events, after the request has left the application."""
        self.reaches("over")
        return self.service.settle()

    def gets(self, path: str, status: int, body: bytes | None = None) -> list[Event]:
        """Send a whole request, and return all events."""
        answer = self.service.call(path, self.id)
        assert answer.status == status
        assert body is None or answer.body == body
        assert answer.complete is not False
        return self.over()

    def fails(self, path: str) -> list[Event]:
        """Send a request whose handler raises, and return all events.

        Without a framework there may be no 500: gunicorn takes any reset for its client's, and
        uWSGI closes the connection.
        """
        wire = self.asks("GET", path)
        assert wire.ends() or wire.head() == 500
        return self.over()


Leave = Callable[[Wire], None]
Run = Callable[[Scene], list[Event]]
SITUATIONS: dict[str, Situation] = {}


@dataclass(frozen=True)
class Situation:
    """*fresh*: the settings of its own server; None if it uses the shared one.

    *ready*: if its own server is expected to start.
    """

    run: Run
    fresh: dict[str, str] | None = None
    ready: bool = True

    def service(self, bench: Bench, framework: str, server: str) -> AbstractContextManager[Service]:
        """Return the server for this situation."""
        if self.fresh is None:
            return nullcontext(bench.service(framework, server))
        return bench.fresh(framework, server, ready=self.ready, **self.fresh)


def situation(
    name: str, fresh: dict[str, str] | None = None, *, ready: bool = True
) -> Callable[[Run], None]:
    """Register a situation; its docstring, if any, says what is special about it."""

    def register(run: Run) -> None:
        SITUATIONS[name] = Situation(run, fresh, ready)

    return register


def both(name: str) -> Callable[[Callable[[Scene, Leave], list[Event]]], None]:
    """Register a situation twice: the client closes by RST, and by FIN."""

    def register(run: Callable[[Scene, Leave], list[Event]]) -> None:
        SITUATIONS[f"{name}_rst"] = Situation(lambda scene: run(scene, Wire.reset))
        SITUATIONS[f"{name}_fin"] = Situation(lambda scene: run(scene, Wire.leave))

    return register


# -- failures of the application -------------------------------------------------------------------


@situation("healthy")
def _(scene: Scene) -> list[Event]:
    return scene.gets("/orders/17", 200)


@situation("returned")
def _(scene: Scene) -> list[Event]:
    return scene.gets("/orders/17/unavailable", 503, b"try later")


@situation("raised")
def _(scene: Scene) -> list[Event]:
    return scene.fails("/orders/17/price")


@situation("swallowed")
def _(scene: Scene) -> list[Event]:
    return scene.gets("/orders/17/reserve", 500, b"order 17")


@situation("upstream_reset")
def _(scene: Scene) -> list[Event]:
    return scene.fails("/orders/17/stock")


@situation("stream_raised")
def _(scene: Scene) -> list[Event]:
    """The client gets the status and a part of the body, which is then truncated."""
    wire = scene.asks("GET", "/orders/17/receipt")
    assert wire.head() == 200
    assert wire.piece(len(PIECE)) == PIECE
    if scene.service.server.breaks_off:
        assert not wire.rest().complete
    return scene.over()


# -- the client disconnects ------------------------------------------------------------------------


@both("gone_while_working")
def _(scene: Scene, leave: Leave) -> list[Event]:
    wire = scene.asks("GET", "/orders/17/invoice")
    scene.reaches("working")
    leave(wire)
    scene.release()
    return scene.over()


def _upload(scene: Scene, path: str, leave: Leave) -> list[Event]:
    wire = scene.asks("POST", path, BODY, PROMISED)
    if not scene.cell.called:
        leave(wire)
        events = scene.service.settle()
        assert not scene.gate.reported(scene.id, "reading")
        return events
    scene.reaches("reading")
    leave(wire)
    return scene.over()


@both("gone_mid_upload")
def _(scene: Scene, leave: Leave) -> list[Event]:
    return _upload(scene, "/orders/17/photo", leave)


@situation("gone_mid_upload_wrapped")
def _(scene: Scene) -> list[Event]:
    return _upload(scene, "/orders/17/scan", Wire.reset)


@both("gone_mid_upload_swallowed")
def _(scene: Scene, leave: Leave) -> list[Event]:
    """The handler answers 500 after its ``except`` block, and logs nothing."""
    return _upload(scene, "/orders/17/attachment", leave)


@both("gone_mid_stream")
def _(scene: Scene, leave: Leave) -> list[Event]:
    wire = scene.asks("GET", "/orders/17/export")
    assert wire.head() == 200
    # Read all of it: close() with unread data would send RST in any case.
    assert wire.piece(len(PIECE)) == PIECE
    scene.reaches("streaming")
    leave(wire)
    scene.release()
    return scene.over()


# -- WebSocket -------------------------------------------------------------------------------------


@situation("websocket_raised")
def _(scene: Scene) -> list[Event]:
    chat = scene.chats()
    chat.says("price")
    chat.ends()
    return scene.over()


@situation("websocket_closed")
def _(scene: Scene) -> list[Event]:
    chat = scene.chats()
    chat.closes()
    chat.ends()
    return scene.over()


@both("websocket_gone")
def _(scene: Scene, leave: Leave) -> list[Event]:
    """The connection ends without a closing frame."""
    leave(scene.chats().wire)
    return scene.over()


# -- the server shuts down -------------------------------------------------------------------------


# The line of a process that cannot send its last event (H3).
GIVEN_UP = "the last flush is over; 1 failures are lost since the start"


def _terminate(scene: Scene, *, given_up: int = 0) -> None:
    """Send SIGTERM, and check the exit status, the duration and the output.

    *given_up*: how many lines say that the last event is lost.
    """
    service = scene.service
    before = len(service.output)
    start = time.monotonic()
    service.popen.terminate()
    assert service.wait() == service.server.exit
    assert time.monotonic() - start < FLUSH_TIMEOUT + MARGIN
    added = service.output[before:].splitlines()
    assert sum(GIVEN_UP in line for line in added) == given_up
    added = [line for line in added if GIVEN_UP not in line]
    foreign = [line for line in added if line and not service.server.lines.match(line)]
    assert not foreign, f"not the server's own lines: {foreign}"


def _outlasts(scene: Scene, wire: Wire, seconds: float) -> None:
    """Check that the server waits *seconds* for the handler, and its response arrives."""
    assert wire.is_silent(seconds)
    scene.release()
    assert wire.answer().status == 200
    wire.leave()


def _is_answered(wire: Wire) -> None:
    """Read gunicorn's own 500, and close: gunicorn waits up to 2 s for its client."""
    assert wire.answer().status == 500
    wire.leave()


@situation("sigterm_with_queue", fresh={})
def _(scene: Scene) -> list[Event]:
    """Three failures with a slow backend, then SIGTERM."""
    scene.service.mailbox.delay = 0.2
    for _ in range(3):
        assert scene.service.call("/orders/17/unavailable", scene.id).status == 503
    _terminate(scene)
    return scene.service.mailbox.drain()


@situation("sigterm_with_dead_backend", fresh={})
def _(scene: Scene) -> list[Event]:
    """The backend accepts the event and never answers: the exit waits for the flush timeout."""
    box = scene.service.mailbox
    box.answers.clear()
    assert scene.service.call("/orders/17/unavailable", scene.id).status == 503
    box.wait_for(scene.id)
    _terminate(scene, given_up=1)
    box.answers.set()
    box.drain()
    return []


@situation("sigterm_while_working", fresh={"grace": str(GRACE)})
def _(scene: Scene) -> list[Event]:
    """The handler works longer than the grace period of the server."""
    wire = scene.asks("GET", "/orders/17/invoice")
    scene.reaches("working")
    scene.service.popen.terminate()
    if scene.cell == WAITED_FOR:
        _outlasts(scene, wire, 2 * GRACE)
    scene.service.wait()
    return scene.service.mailbox.drain()


@situation("sigquit_while_working", fresh={})
def _(scene: Scene) -> list[Event]:
    """The server exits at once."""
    wire = scene.asks("GET", "/orders/17/invoice")
    scene.reaches("working")
    scene.service.popen.send_signal(signal.SIGQUIT)
    scene.reaches("over")
    _is_answered(wire)
    scene.service.wait()
    return scene.service.mailbox.drain()


@situation("worker_timeout", fresh={"timeout": str(TIMEOUT), "PROCESS_BLOCKS": "1"})
def _(scene: Scene) -> list[Event]:
    """The handler blocks its thread, and the event loop if any, longer than the worker's timeout.

    The worker is killed and another one starts; a worker with threads continues.
    """
    service = scene.service
    wire = scene.asks("GET", "/orders/17/invoice")
    scene.reaches("working")
    if scene.cell == WAITED_FOR:
        _outlasts(scene, wire, 2 * TIMEOUT)
        return service.settle()
    if scene.cell.hides:
        assert wire.ends()
    else:
        scene.reaches("over")
        _is_answered(wire)
    # The next worker answers; the killed one has ended and sent its events.
    assert service.call("/orders/17", new_id("healthy")).status == 200
    poll(lambda: len(re.findall("Booting worker", service.output)) == 2, "no second worker")
    service.popen.terminate()
    service.wait()
    return service.mailbox.drain()


@situation("start_failed", fresh={"PROCESS_FAIL_AT_START": "1"}, ready=False)
def _(scene: Scene) -> list[Event]:
    """The lifespan of the application raises, and the server exits."""
    assert scene.service.wait() == scene.service.server.failed
    return scene.service.mailbox.drain()


@situation("import_failed", fresh={"PROCESS_FAIL_AT_IMPORT": "1"}, ready=False)
def _(scene: Scene) -> list[Event]:
    """The module of the application raises after init(), and the server exits."""
    scene.service.wait()
    return scene.service.mailbox.drain()
